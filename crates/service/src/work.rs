//! One transaction on behalf of a device: what it changes, what it tells, and what it answers.

use catalog::Class;
use clock::Timestamp;
use gate::Permit;
use serde_json::Value;
use store::{Enrollment, EnrollmentId, Tx};

use crate::audit::{self, Act};
use crate::authorities::Loaded;
use crate::events::Event;
use crate::identity::Identities;
use crate::{Context, Error, streams};

/// What a device is told, decided inside a transaction that is kept either way: a refusal leaves its trace in the audit trail.
/// An error outside of this one undoes the transaction.
pub(crate) type Settled<T> = Result<T, Error>;

/// A transaction in progress.
pub(crate) struct Work<'a, 'tx> {
    /// The transaction.
    pub(crate) tx: &'a mut Tx<'tx>,
    /// The ground.
    pub(crate) context: &'a Context,
    /// The authorities, as they were when the work began.
    pub(crate) authorities: &'a Loaded,
    /// The moment that counts for everything in this transaction.
    pub(crate) now: Timestamp,
    /// Published after the commit.
    pub(crate) events: Vec<Event>,
    /// The enrolments of which what is remembered no longer holds.
    pub(crate) stale: Vec<EnrollmentId>,
}

impl Work<'_, '_> {
    /// Writes a line of the audit trail about an enrolment.
    pub(crate) fn audit(
        &mut self,
        action: &'static str,
        about: &Enrollment,
        detail: &Value,
    ) -> Result<(), Error> {
        let actor = format!("device:{}", about.device_id);
        self.audit_as(&actor, action, &format!("enrollment:{}", about.id), detail)
    }

    /// Writes a line of the audit trail about anything.
    pub(crate) fn audit_as(
        &mut self,
        actor: &str,
        action: &'static str,
        target: &str,
        detail: &Value,
    ) -> Result<(), Error> {
        audit::record(self.tx, self.now, &Act::by(actor, action).on(target).with(detail.clone()))
    }

    /// Records something rare that the gate let out and that is no delivery, with its class. Lists of declarations, which every device
    /// fetches often, are only counted.
    pub(crate) fn audit_exit(
        &mut self,
        permit: &Permit,
        about: &Enrollment,
        detail: &Value,
    ) -> Result<(), Error> {
        if permit.class() == Class::None {
            return Ok(());
        }
        let act = Act::by_ward(permit.kind().action()).of_class(permit.class());
        let act = act.on(format!("enrollment:{}", about.id)).with(detail.clone());
        audit::record(self.tx, self.now, &act)
    }

    /// Tells those who watch, once this is committed.
    pub(crate) fn tell(&mut self, kind: &'static str, about: &Enrollment, detail: Value) {
        self.events.push(Event::new(kind, self.now).about(about.device_id, about.id).with(detail));
    }

    /// Saves a changed enrolment and sees to it that nothing older is remembered.
    pub(crate) fn save(&mut self, enrollment: &Enrollment) -> Result<(), Error> {
        enrollment.save(self.tx)?;
        self.stale.push(enrollment.id);
        Ok(())
    }
}

/// Runs `work` in one transaction named `name`, then drops what the memory held if it changed, then publishes the events.
pub(crate) async fn run<T, F>(
    context: &Context,
    identities: &Identities,
    name: &'static str,
    mut work: F,
) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnMut(&mut Work<'_, '_>) -> Result<Settled<T>, Error> + Send + 'static,
{
    let (ground, authorities) = (context.clone(), identities.authorities());
    let (settled, events, stale) = context
        .store
        .tx(name, move |tx| {
            let now = ground.now();
            let mut unit = Work {
                tx,
                context: &ground,
                authorities: &authorities,
                now,
                events: Vec::new(),
                stale: Vec::new(),
            };
            let settled = work(&mut unit)?;
            for event in &unit.events {
                streams::told(unit.tx, event)?;
            }
            Ok::<_, Error>((settled, unit.events, unit.stale))
        })
        .await?;
    if !stale.is_empty() {
        identities.forget(&stale);
    }
    for event in events {
        context.events.publish(event);
    }
    settled
}
