//! Brings one enrolment to its desired state, item by item.

use std::sync::Arc;

use clock::Timestamp;
use plist::Dictionary;
use serde_json::{Value as Json, json};
use store::{
    Channel, DeviceItem, Enrollment, EnrollmentId, EnrollmentState, ItemId, ItemState, Job, NewJob, Report,
    Tx,
};

use super::known::{Assigned, Known, Version};
use super::plan::{OnItsWay, Seen, Step, Target, plan};
use super::resolve::{Outcome, Reason, Resolved, resolve};
use super::trigger::{EVALUATE_GROUPS, RECONCILE};
use super::{handout, incidents};
use crate::own_commands::{self, OwnCommand};
use crate::{Context, Error, lifecycle, push};

/// The lane of installs and removals: after what people wait for, before questions.
const LANE: i16 = 200;

/// When the device told its profiles, and the identifier and UUID of each.
type Listed = (Timestamp, Vec<(String, String)>);

/// What is the same for all items of one enrolment.
struct Device<'a> {
    context: &'a Context,
    enrollment: Enrollment,
    channel: Channel,
    known: Known,
    list: Option<Listed>,
    assigned: &'a Assigned,
    now: Timestamp,
}

/// Brings one enrolment forward. One that is over, set apart or in doubt is left alone.
pub(super) fn reconcile(
    tx: &mut Tx<'_>,
    context: &Context,
    assigned: &Assigned,
    id: EnrollmentId,
) -> Result<(), Error> {
    let Some(enrollment) = super::optional(Enrollment::find(tx, id))? else { return Ok(()) };
    if enrollment.state != EnrollmentState::Enrolled || lifecycle::is_disputed(tx, &enrollment)? {
        return Ok(());
    }
    // Its groups are about to be told by their rules: what they exclude must not be sent first and taken back then. The evaluation
    // asks for this enrolment again, whatever it finds.
    if Job::is_open(tx, EVALUATE_GROUPS, &enrollment.device_id.to_string())? {
        return Ok(());
    }
    let known = Known::of(tx, &enrollment)?;
    let mut rows = DeviceItem::list_of(tx, id)?;
    let resolved = resolve(&known.subject, &assigned.views);
    let channel = Channel::find_device_channel(tx, id)?;
    let list = newest_list(tx, &enrollment)?;
    let device = Device { context, enrollment, channel, known, list, assigned, now: context.now() };
    let mut sends = false;
    let mut next: Option<Timestamp> = None;
    for answer in &resolved {
        let before = rows.iter().position(|row| row.item_id == answer.item).map(|at| rows.swap_remove(at));
        if before.is_none() && answer.outcome == Outcome::Excluded {
            continue;
        }
        let (row, sent) = device.bring(tx, before.as_ref(), answer)?;
        sends |= sent;
        next = earliest(next, &row);
    }
    for row in rows.into_iter().filter(|row| row.state != ItemState::Removed) {
        let why = vec![Reason::new("not_assigned", "no assignment gives it to this device any more")];
        let gone = Resolved { item: row.item_id, outcome: Outcome::Excluded, assignment: None, why };
        let (row, sent) = device.bring(tx, Some(&row), &gone)?;
        sends |= sent;
        next = earliest(next, &row);
    }
    if sends {
        push::request(tx, device.channel.id, device.now)?;
    }
    if let Some(run_at) = next.filter(|next| *next > device.now) {
        let job = NewJob { kind: RECONCILE, key: id.to_string(), payload: "{}".to_owned(), run_at };
        Job::enqueue(tx, &*context.clock, &job)?;
    }
    Ok(())
}

/// When a row that waits for its time is to be looked at again.
fn earliest(next: Option<Timestamp>, row: &DeviceItem) -> Option<Timestamp> {
    let waits = matches!(row.state, ItemState::Failed | ItemState::Lost | ItemState::Waiting);
    let at = row.next_try_at.filter(|_| waits);
    match (next, at) {
        (Some(next), Some(at)) => Some(next.min(at)),
        (next, at) => next.or(at),
    }
}

/// Identifier and UUID of the profiles that the device listed last in this enrolment.
fn newest_list(tx: &mut Tx<'_>, enrollment: &Enrollment) -> Result<Option<Listed>, Error> {
    let end = Timestamp::from_millis(i64::MAX);
    let newest = Report::newest(tx, enrollment.device_id, "ProfileList", end, 1)?.pop();
    let Some(report) = newest.filter(|report| report.enrollment_id == enrollment.id) else { return Ok(None) };
    let facts: Json = serde_json::from_str(&report.facts).unwrap_or_default();
    let Some(profiles) = facts.get("ProfileList").and_then(Json::as_array) else { return Ok(None) };
    let read = |profile: &Json| {
        let text = |key| profile.get(key).and_then(Json::as_str).map(str::to_owned);
        Some((text("PayloadIdentifier")?, text("PayloadUUID").unwrap_or_default().to_ascii_uppercase()))
    };
    Ok(Some((report.observed_at, profiles.iter().filter_map(read).collect())))
}

impl Device<'_> {
    /// Brings one item forward. Returns its row, and whether something was queued.
    fn bring(
        &self,
        tx: &mut Tx<'_>,
        before: Option<&DeviceItem>,
        resolved: &Resolved,
    ) -> Result<(DeviceItem, bool), Error> {
        let mut why = resolved.why.clone();
        let target = self.target(tx, resolved, &mut why)?;
        let mut row = before.cloned().unwrap_or_else(|| self.new_row(resolved.item));
        let on_its_way = self.on_its_way(tx, &mut row);
        let identifier = match &target {
            Target::Want { identifier, .. } => identifier.clone(),
            _ => row.profile_identifier.clone(),
        };
        let seen = self.seen(&identifier);
        let (mut step, mut said) = plan(&mut row, &target, on_its_way, seen.as_ref(), self.now);
        if step == Step::TakeBack {
            self.take_back(tx, &mut row)?;
            (step, said) = plan(&mut row, &target, OnItsWay::Nothing, seen.as_ref(), self.now);
        }
        let sent = self.carry_out(tx, &mut row, step, &mut said)?;
        why.splice(0..0, said);
        row.why = serde_json::to_string(&why).unwrap_or_else(|_| "[]".to_owned());
        if before != Some(&row) {
            row.changed_at = self.now;
            row.save(tx)?;
        }
        Ok((row, sent))
    }

    /// What is to become of the item on this device, with what only this device can say: its variables, and what it can take.
    fn target(&self, tx: &mut Tx<'_>, resolved: &Resolved, why: &mut Vec<Reason>) -> Result<Target, Error> {
        let version = match resolved.outcome {
            Outcome::Want(version) => self.assigned.versions.get(&version),
            Outcome::Blocked => return Ok(Target::Blocked),
            Outcome::Excluded => return Ok(Target::Gone),
        };
        let Some(version) = version else { return Ok(Target::Blocked) };
        match self.wanted_uuid(tx, version)? {
            Ok(uuid) => {
                let hold = super::release::hold(tx, self.context, resolved, version, &self.enrollment)?;
                let identifier = version.row.identifier.clone();
                Ok(Target::Want { version: version.row.id, uuid, identifier, hold })
            }
            Err(reasons) => {
                why.splice(0..0, reasons);
                Ok(Target::Blocked)
            }
        }
    }

    /// The UUID of this device's own profile, or why there is none.
    fn wanted_uuid(
        &self,
        tx: &mut Tx<'_>,
        version: &Arc<Version>,
    ) -> Result<Result<String, Vec<Reason>>, Error> {
        let values = self.known.values(tx, self.context, &version.template)?;
        Ok(super::fitting(&version.template, &values, &self.known.subject.facts).map(|made| made.uuid_text()))
    }

    fn new_row(&self, item: ItemId) -> DeviceItem {
        DeviceItem {
            enrollment_id: self.enrollment.id,
            item_id: item,
            device_id: self.enrollment.device_id,
            state: ItemState::Waiting,
            why: "[]".to_owned(),
            desired_version_id: None,
            desired_uuid: None,
            profile_identifier: String::new(),
            sent_version_id: None,
            sent_uuid: None,
            sent_at: None,
            command_id: None,
            answered_at: None,
            observed_uuid: None,
            observed_at: None,
            losses: 0,
            attempts: 0,
            next_try_at: None,
            last_error: None,
            left_at: None,
            changed_at: self.now,
        }
    }

    /// Where the item's command stands in the queue. One that is no longer there is forgotten.
    fn on_its_way(&self, tx: &Tx<'_>, row: &mut DeviceItem) -> OnItsWay {
        let Some(command) = row.command_id else { return OnItsWay::Nothing };
        let pending = tx.pending(self.channel.id).into_iter().find(|pending| pending.command_id == command);
        match pending {
            Some(pending) if pending.hand_outs == 0 => OnItsWay::Waiting,
            Some(_) => OnItsWay::HandedOut,
            None => {
                row.command_id = None;
                OnItsWay::Nothing
            }
        }
    }

    fn seen(&self, identifier: &str) -> Option<Seen> {
        let (at, profiles) = self.list.as_ref()?;
        let uuid = profiles.iter().find(|(listed, _)| listed == identifier).map(|(_, uuid)| uuid.clone());
        Some(Seen { at: *at, uuid })
    }

    fn take_back(&self, tx: &mut Tx<'_>, row: &mut DeviceItem) -> Result<(), Error> {
        let Some(command) = row.command_id.take() else { return Ok(()) };
        let pending = tx.pending(self.channel.id).into_iter().find(|pending| pending.command_id == command);
        if let Some(pending) = pending {
            tx.cancel(pending.seq, self.now, Some("the desired state has changed"))?;
        }
        if matches!(row.state, ItemState::Queued | ItemState::Removing) {
            row.state = ItemState::Waiting;
        }
        Ok(())
    }

    fn carry_out(
        &self,
        tx: &mut Tx<'_>,
        row: &mut DeviceItem,
        step: Step,
        said: &mut Option<Reason>,
    ) -> Result<bool, Error> {
        match step {
            Step::Rest | Step::TakeBack => Ok(false),
            Step::Report(kind, words) => {
                let about =
                    incidents::About { kind, item: row.item_id, device: Some(row.device_id), words: &words };
                incidents::open(tx, self.context, &about)?;
                *said = Some(Reason::new("incident", words));
                Ok(false)
            }
            Step::Install => {
                self.send(tx, row, "InstallProfile", "the device is to have this profile")?;
                row.state = ItemState::Queued;
                Ok(true)
            }
            Step::Remove => {
                if row.left_at.is_none()
                    && let Some(brake) = incidents::brake(tx, self.context, row.item_id)?
                {
                    row.state = ItemState::Waiting;
                    *said = Some(brake);
                    return Ok(false);
                }
                self.send(tx, row, "RemoveProfile", "the device is not to have this profile any more")?;
                row.state = ItemState::Removing;
                row.left_at = row.left_at.or(Some(self.now));
                Ok(true)
            }
        }
    }

    fn send(
        &self,
        tx: &mut Tx<'_>,
        row: &mut DeviceItem,
        request_type: &str,
        reason: &str,
    ) -> Result<(), Error> {
        let mut dictionary = Dictionary::new();
        dictionary.insert("RequestType".to_owned(), request_type.into());
        if request_type == "RemoveProfile" {
            dictionary.insert("Identifier".to_owned(), row.profile_identifier.as_str().into());
        }
        handout::mark(&mut dictionary, row.item_id);
        let own = OwnCommand {
            enrollment: &self.enrollment,
            channel: self.channel.id,
            dictionary,
            lane: LANE,
            expires_at: None,
            reason,
        };
        let seq = own_commands::enqueue(tx, self.context, own)?;
        row.command_id = tx.pending_by_seq(seq).map(|pending| pending.command_id);
        tracing::debug!(enrollment.id = %self.enrollment.id, item.id = %row.item_id, "{request_type} is queued: {}", json!(reason));
        Ok(())
    }
}
