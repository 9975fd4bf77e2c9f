//! The guard of every change that is not one of an assignment: of a label, a place, a variable, a membership, a secret. What it does to
//! devices is found by doing it; if that is only to be shown, or is more than may be done at once, it is undone with its transaction.

use store::{
    Allowance, AllowanceId, Assignment, DeviceId, Enrollment, EnrollmentFilter, EnrollmentState, Page, Tx,
};

use super::Desired;
use super::change::AT_ONCE;
use super::preview::{Desires, compare};
use crate::events::Event;
use crate::groups::Rules;
use crate::operators::Operator;
use crate::views::Consent;
use crate::{Context, Error, lifecycle};

/// Enrolments that are read at a time.
const PAGE: i64 = 1000;

/// What a change may touch, as it was before.
pub(crate) struct Guard<'a> {
    desired: &'a Desired,
    consent: Consent,
    seen: Option<(Vec<Enrollment>, Vec<Desires>)>,
}

impl Guard<'_> {
    /// To be called before the first row is written, with every device that the change can touch.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn before(&mut self, tx: &mut Tx<'_>, devices: &[DeviceId]) -> Result<(), Error> {
        let is_small = i64::try_from(devices.len()).is_ok_and(|count| count <= AT_ONCE);
        if (is_small && !self.consent.dry_run) || !Assignment::any_active(tx)? {
            return Ok(());
        }
        let mut enrollments = Vec::new();
        for device in devices {
            enrollments.extend(Enrollment::list_for_device(tx, *device)?);
        }
        self.remember(tx, enrollments)
    }

    /// The same for a change that can touch any device.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn before_all(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if !Assignment::any_active(tx)? {
            return Ok(());
        }
        let enrollments = every_enrolled(tx)?;
        self.remember(tx, enrollments)
    }

    fn remember(&mut self, tx: &mut Tx<'_>, enrollments: Vec<Enrollment>) -> Result<(), Error> {
        let enrollments = live(tx, enrollments)?;
        let desires = self.desired.desires(tx, &enrollments)?;
        self.seen = Some((enrollments, desires));
        Ok(())
    }

    /// After the last row: compares, and undoes the change by an error where it may not stand. Returns what those who watch are told
    /// of groups.
    fn decide(self, tx: &mut Tx<'_>, operator: &Operator, rules: &Rules) -> Result<Vec<Event>, Error> {
        let Some((enrollments, before)) = self.seen else {
            return if self.consent.dry_run { Err(Error::Shown(Box::default())) } else { Ok(Vec::new()) };
        };
        let context = &self.desired.context;
        let devices: Vec<DeviceId> = enrollments.iter().map(|enrollment| enrollment.device_id).collect();
        let events = rules.ask_again(tx, context, &devices)?;
        let after = self.desired.desires(tx, &enrollments)?;
        let preview = compare(tx, &enrollments, before, after)?;
        if self.consent.dry_run {
            return Err(Error::Shown(Box::new(preview.view)));
        }
        if preview.view.devices > AT_ONCE {
            if self.consent.confirm_devices != Some(preview.view.devices) {
                return Err(Error::Unconfirmed(Box::new(preview.view)));
            }
            for (item, devices) in preview.removed {
                allow(tx, context, operator, item, devices)?;
            }
        }
        Ok(events)
    }
}

/// What was confirmed does not pull the brake on removals.
pub(super) fn allow(
    tx: &mut Tx<'_>,
    context: &Context,
    operator: &Operator,
    item_id: store::ItemId,
    devices: i64,
) -> Result<(), Error> {
    let allowance = Allowance {
        id: AllowanceId::new(&*context.clock),
        item_id,
        devices,
        granted_at: context.now(),
        granted_by: operator.name.clone(),
    };
    Ok(allowance.insert(tx)?)
}

impl Desired {
    /// Runs a change in one transaction, as [`store::Store::tx`] does, under the guard. `work` tells the guard which devices it can
    /// touch before it writes.
    ///
    /// # Errors
    /// What `work` returns; [`Error::Shown`] for a change that was only to be shown; [`Error::Unconfirmed`] for one that touches more
    /// than ten devices and whose number of devices was not repeated. Nothing was done then.
    pub(crate) async fn guarded<T, F>(
        &self,
        name: &'static str,
        operator: &Operator,
        consent: Consent,
        mut work: F,
    ) -> Result<T, Error>
    where
        F: FnMut(&mut Tx<'_>, &mut Guard<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (desired, operator) = (self.clone(), operator.clone());
        let (value, events) = self
            .context
            .store
            .tx(name, move |tx| {
                let mut guard = Guard { desired: &desired, consent, seen: None };
                let value = work(tx, &mut guard)?;
                let events = guard.decide(tx, &operator, &desired.rules)?;
                Ok::<_, Error>((value, events))
            })
            .await?;
        for event in events {
            self.context.events.publish(event);
        }
        Ok(value)
    }
}

/// Every enrolment under management.
pub(super) fn every_enrolled(tx: &mut Tx<'_>) -> Result<Vec<Enrollment>, Error> {
    let filter = EnrollmentFilter { state: Some(EnrollmentState::Enrolled), ..EnrollmentFilter::default() };
    let mut enrollments = Vec::new();
    let mut page = Page::first(PAGE);
    loop {
        let some = Enrollment::list(tx, &filter, page)?;
        page.after = some.last().map(|last| last.id);
        enrollments.extend(some);
        if page.after.is_none() {
            return Ok(enrollments);
        }
    }
}

/// Those that are enrolled and that nobody disputes: the others are left alone.
pub(super) fn live(tx: &mut Tx<'_>, enrollments: Vec<Enrollment>) -> Result<Vec<Enrollment>, Error> {
    let mut live = Vec::with_capacity(enrollments.len());
    for enrollment in enrollments {
        if enrollment.state == EnrollmentState::Enrolled && !lifecycle::is_disputed(tx, &enrollment)? {
            live.push(enrollment);
        }
    }
    Ok(live)
}
