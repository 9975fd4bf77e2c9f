//! What is to be done next about one item of one device. Pure: nothing is sent twice because everything that is known comes in here.

use std::time::Duration;

use clock::Timestamp;
use store::{DeviceItem, ItemState, ItemVersionId};

use super::resolve::Reason;

/// How long to wait after the first, second, … failure or loss.
const BACK_OFF: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(600),
    Duration::from_secs(3600),
    Duration::from_secs(6 * 3600),
];
/// So many losses are an incident.
pub(super) const LOSSES: i32 = 3;
/// So many failures are an incident.
pub(super) const FAILURES: i32 = 5;
/// A loss after so long a time is the first again.
const FORGIVEN: Duration = Duration::from_secs(7 * 86_400);

/// What is to become of the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// It should be there.
    Want {
        /// In this version.
        version: ItemVersionId,
        /// With this `PayloadUUID`.
        uuid: String,
        /// The `PayloadIdentifier`.
        identifier: String,
        /// Why it must wait, if it must.
        hold: Option<Reason>,
    },
    /// It cannot be sent; what is there stays.
    Blocked,
    /// It should not be there.
    Gone,
}

/// The command that is on its way for the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnItsWay {
    /// None.
    Nothing,
    /// It was never handed out and can be taken back.
    Waiting,
    /// The device has it.
    HandedOut,
}

/// The device's newest list of profiles, as far as it says something of the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// When the device told it.
    pub(super) at: Timestamp,
    /// The `PayloadUUID` that it shows; none: the profile is not there.
    pub(super) uuid: Option<String>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Rest,
    /// Queue an InstallProfile.
    Install,
    /// Queue a RemoveProfile.
    Remove,
    /// Take back the command that waits, and look again.
    TakeBack,
    /// Open an incident with these words.
    Report(&'static str, String),
}

/// Brings `row` up to what is known and says what to do next. `row.why` is the caller's to set but for what is said here.
pub(super) fn plan(
    row: &mut DeviceItem,
    target: &Target,
    on_its_way: OnItsWay,
    seen: Option<&Seen>,
    now: Timestamp,
) -> (Step, Option<Reason>) {
    observe(row, target, on_its_way, seen, now);
    match target {
        Target::Want { version, uuid, identifier, hold } => {
            let is_new = row.desired_uuid.as_ref() != Some(uuid);
            if is_new {
                // What was wrong with another version says nothing of this one.
                (row.attempts, row.losses, row.next_try_at, row.last_error) = (0, 0, None, None);
            }
            row.desired_version_id = Some(*version);
            row.desired_uuid = Some(uuid.clone());
            row.profile_identifier.clone_from(identifier);
            row.left_at = None;
            want(row, is_new, hold.as_ref(), on_its_way, now)
        }
        Target::Blocked => {
            row.desired_version_id = None;
            row.desired_uuid = None;
            row.left_at = None;
            row.state = ItemState::Blocked;
            (if on_its_way == OnItsWay::Waiting { Step::TakeBack } else { Step::Rest }, None)
        }
        Target::Gone => {
            row.desired_version_id = None;
            row.desired_uuid = None;
            gone(row, on_its_way, now)
        }
    }
}

/// Takes in what the device's list says, once.
fn observe(row: &mut DeviceItem, target: &Target, on_its_way: OnItsWay, seen: Option<&Seen>, now: Timestamp) {
    let Some(seen) = seen.filter(|seen| row.observed_at.is_none_or(|before| before <= seen.at)) else {
        return;
    };
    row.observed_at = Some(seen.at);
    row.observed_uuid.clone_from(&seen.uuid);
    // The list shows the effect of an answered command, or what happened without one.
    if on_its_way != OnItsWay::Nothing || row.answered_at.is_some_and(|answered| seen.at <= answered) {
        return;
    }
    let as_sent = row.sent_uuid.is_some() && row.observed_uuid == row.sent_uuid;
    match row.state {
        ItemState::Observed
            if !as_sent && row.observed_uuid != row.desired_uuid && row.desired_uuid.is_some() =>
        {
            lose(row, matches!(target, Target::Want { .. }), now);
        }
        ItemState::Answered if !as_sent => fail(row, "the device acknowledged it and does not list it", now),
        _ => {}
    }
}

fn lose(row: &mut DeviceItem, is_wanted: bool, now: Timestamp) {
    if !is_wanted {
        return;
    }
    if row.next_try_at.is_some_and(|last| now.since(last) > FORGIVEN) {
        row.losses = 0;
    }
    row.losses = row.losses.saturating_add(1);
    row.state = ItemState::Lost;
    row.next_try_at = Some(now + back_off(row.losses));
    row.last_error = Some("it was there and is gone".to_owned());
}

/// Writes down that an attempt has failed.
pub(super) fn fail(row: &mut DeviceItem, error: &str, now: Timestamp) {
    row.attempts = row.attempts.saturating_add(1);
    row.state = ItemState::Failed;
    row.last_error = Some(error.to_owned());
    row.next_try_at = Some(now + back_off(row.attempts));
}

fn back_off(count: i32) -> Duration {
    let index = usize::try_from(count.saturating_sub(1)).unwrap_or_default();
    BACK_OFF.get(index).or(BACK_OFF.last()).copied().unwrap_or_default()
}

fn want(
    row: &mut DeviceItem,
    is_new: bool,
    hold: Option<&Reason>,
    on_its_way: OnItsWay,
    now: Timestamp,
) -> (Step, Option<Reason>) {
    match on_its_way {
        OnItsWay::HandedOut => return (Step::Rest, None),
        // A removal that nobody wants any more. An install is filled with the newest version when it leaves.
        OnItsWay::Waiting if row.state == ItemState::Removing || hold.is_some() => {
            return (Step::TakeBack, None);
        }
        OnItsWay::Waiting => {
            row.state = ItemState::Queued;
            return (Step::Rest, None);
        }
        OnItsWay::Nothing => {}
    }
    if row.observed_uuid.is_some() && row.observed_uuid == row.desired_uuid {
        row.state = ItemState::Observed;
        (row.attempts, row.last_error) = (0, None);
        return (Step::Rest, None);
    }
    if matches!(row.state, ItemState::Queued | ItemState::Sent) {
        fail(row, "the command ended without an answer", now);
    }
    if row.state == ItemState::Incident && !is_new {
        return (
            Step::Rest,
            Some(Reason::new("incident", "an incident is open; nothing is sent until somebody closes it")),
        );
    }
    if row.state == ItemState::Lost && row.losses >= LOSSES {
        row.state = ItemState::Incident;
        return (
            Step::Report("item_keeps_leaving", format!("gone {} times after it was installed", row.losses)),
            None,
        );
    }
    if row.state == ItemState::Failed && row.attempts >= FAILURES {
        row.state = ItemState::Incident;
        let error = row.last_error.clone().unwrap_or_default();
        return (
            Step::Report("item_keeps_failing", format!("tried {} times; last: {error}", row.attempts)),
            None,
        );
    }
    if row.state == ItemState::Answered && row.sent_uuid == row.desired_uuid {
        // The list that shows it has been asked for.
        return (Step::Rest, None);
    }
    if let Some(next) = row.next_try_at.filter(|next| *next > now) {
        if !matches!(row.state, ItemState::Failed | ItemState::Lost) {
            row.state = ItemState::Waiting;
        }
        return (Step::Rest, Some(Reason::new("back_off", format!("tried again at {next}"))));
    }
    if let Some(hold) = hold {
        row.state = ItemState::Waiting;
        return (Step::Rest, Some(hold.clone()));
    }
    (Step::Install, None)
}

fn gone(row: &mut DeviceItem, on_its_way: OnItsWay, now: Timestamp) -> (Step, Option<Reason>) {
    if row.state == ItemState::Removed {
        return (Step::Rest, None);
    }
    if row.left_at.is_none() {
        // What was wrong with installing it says nothing of removing it.
        (row.attempts, row.losses, row.next_try_at) = (0, 0, None);
    }
    match on_its_way {
        OnItsWay::HandedOut => return (Step::Rest, None),
        OnItsWay::Waiting if row.state == ItemState::Removing => return (Step::Rest, None),
        OnItsWay::Waiting => return (Step::TakeBack, None),
        OnItsWay::Nothing => {}
    }
    let last = row.answered_at.max(row.sent_at);
    let is_absent =
        row.observed_at.is_some_and(|at| last.is_none_or(|last| at >= last)) && row.observed_uuid.is_none();
    let was_never_there = row.sent_at.is_none() && row.observed_uuid.is_none();
    if is_absent || was_never_there {
        row.state = ItemState::Removed;
        (row.attempts, row.losses, row.next_try_at, row.last_error) = (0, 0, None, None);
        return (Step::Rest, None);
    }
    if row.state == ItemState::Removing {
        let is_answered =
            row.answered_at.is_some_and(|answered| row.left_at.is_none_or(|left| answered >= left));
        let looked_since = row.observed_at > row.answered_at;
        if is_answered && !looked_since {
            return (Step::Rest, None);
        }
        let error = if is_answered {
            "the device acknowledged the removal and still lists it"
        } else {
            "the command ended without an answer"
        };
        fail(row, error, now);
    }
    if row.state == ItemState::Failed && row.attempts >= FAILURES {
        row.state = ItemState::Incident;
        let error = row.last_error.clone().unwrap_or_default();
        return (
            Step::Report(
                "item_stays",
                format!("its removal was tried {} times; last: {error}", row.attempts),
            ),
            None,
        );
    }
    if row.state == ItemState::Incident && row.attempts >= FAILURES {
        return (
            Step::Rest,
            Some(Reason::new("incident", "an incident is open; nothing is sent until somebody closes it")),
        );
    }
    if let Some(next) = row.next_try_at.filter(|next| row.state == ItemState::Failed && *next > now) {
        return (Step::Rest, Some(Reason::new("back_off", format!("tried again at {next}"))));
    }
    (Step::Remove, None)
}

#[cfg(test)]
mod tests;
