//! Epochs: who may speak for one, what a newer one does to an older one, and how one ends.
//!
//! The table of what each event clears, keeps or marks stands in the README. Two rules decide everything here: a new enrolment inherits
//! no secret and evicts nobody, and an old enrolment that still speaks is believed before a newer one under the same UDID.

use std::time::Duration;

use protocol_mdm::EnrollmentKey;
use serde_json::json;
use store::{
    AuditEvent, AuditFilter, Channel, Connection, DeliverySeq, DeliveryState, Enrollment, EnrollmentState,
    Identity, Issuance, IssuancePurpose, NewEvent, Page,
};

use crate::identity::Caller;
use crate::work::{Settled, Work};
use crate::{Error, IdentityRefusal, network};

/// How often the use of a retired identity is reported at most.
const ALERT_EVERY: Duration = Duration::from_secs(60 * 60);

/// How long an enrolment that was begun and not completed has a say against a newer one.
const UNFINISHED: Duration = Duration::from_secs(60 * 60);
/// Why an earlier epoch ended that did not speak up.
pub(crate) const SILENT: &str = "silent since a newer enrolment of the device";

/// Who speaks, looked up in the transaction that acts on it.
#[derive(Debug)]
pub(crate) struct Speaker {
    /// The certificate.
    pub(crate) identity: Identity,
    /// The epoch that it is pinned to.
    pub(crate) enrollment: Enrollment,
    /// Whether a newer certificate of the same epoch is in use already.
    pub(crate) retired: bool,
    /// Whether the certificate is past its end: repair only.
    pub(crate) expired: bool,
}

/// Whether a caller speaks for an epoch.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It does.
    Speaker(Box<Speaker>),
    /// Our authority signed the certificate, but no enrolment is known for it, and why.
    Stranger(&'static str),
    /// Its epoch is over.
    Over,
}

impl Speaker {
    /// Whether this speaker may be given commands and declarations.
    pub(crate) fn is_served(&self) -> bool {
        !self.retired && matches!(self.enrollment.state, EnrollmentState::Enrolled | EnrollmentState::Pending)
    }
}

/// Whether an epoch of this state can still be spoken for.
pub(crate) fn is_live(state: EnrollmentState) -> bool {
    matches!(state, EnrollmentState::Pending | EnrollmentState::Enrolled | EnrollmentState::Quarantined)
}

/// Finds out for which epoch the caller speaks. One that only takes its leave does not object to a newer epoch.
pub(crate) fn admit(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    key: &EnrollmentKey,
    is_leaving: bool,
) -> Result<Settled<Admission>, Error> {
    let Some(identity) = Identity::find_by_fingerprint(work.tx, caller.fingerprint().as_bytes())? else {
        return Ok(Ok(Admission::Stranger("the server has no record of issuing the certificate")));
    };
    if identity.revoked_at.is_some() {
        return Ok(Err(IdentityRefusal::Revoked.into()));
    }
    let Some(enrollment) = identity.enrollment_id else {
        return Ok(Ok(Admission::Stranger("no device has enrolled with the certificate yet")));
    };
    let mut enrollment = Enrollment::find(work.tx, enrollment)?;
    if enrollment.apple_id != key.device {
        return mismatch(work, &identity, &enrollment, key).map(Err);
    }
    if !is_live(enrollment.state) {
        return Ok(Ok(Admission::Over));
    }
    if enrollment.superseded_by.is_some() && !is_leaving && !object(work, &mut enrollment)? {
        return Ok(Ok(Admission::Over));
    }
    let retired = !settle_identity(work, &mut enrollment, &identity)?;
    let expired = identity.not_after < work.now;
    Ok(Ok(Admission::Speaker(Box::new(Speaker { identity, enrollment, retired, expired }))))
}

/// Somebody speaks in the name of another device. It is refused, and it is remembered.
pub(crate) fn mismatch(
    work: &mut Work<'_, '_>,
    identity: &Identity,
    enrollment: &Enrollment,
    key: &EnrollmentKey,
) -> Result<Error, Error> {
    let detail = json!({ "claimed": key.to_string(), "serial": identity.serial_hex });
    record_hourly(work, "identity.mismatch", enrollment, ("serial", detail))?;
    Ok(IdentityRefusal::Mismatch.into())
}

/// Decides whether the certificate is the one in use. The first use of a renewed one makes it so. `false`: it was replaced before,
/// and two holders of one identity seem to be about.
fn settle_identity(
    work: &mut Work<'_, '_>,
    enrollment: &mut Enrollment,
    identity: &Identity,
) -> Result<bool, Error> {
    if enrollment.identity_id == Some(identity.id) {
        if identity.first_seen_at.is_none() {
            Identity::set_seen(work.tx, identity.id, work.now)?;
            work.stale.push(enrollment.id);
        }
        return Ok(true);
    }
    let current = enrollment.identity_id.map(|id| Identity::find(work.tx, id)).transpose()?;
    let is_newer = current.as_ref().is_none_or(|current| current.issued_at <= identity.issued_at);
    if is_newer && identity.first_seen_at.is_none() {
        Identity::set_seen(work.tx, identity.id, work.now)?;
        enrollment.identity_id = Some(identity.id);
        // A RenewalReq brings no profile: the device keeps the one that it has.
        if let Some(digest) = Issuance::find(work.tx, identity.issuance_id)?.profile_digest {
            enrollment.profile_digest = Some(digest);
        }
        work.save(enrollment)?;
        let detail = json!({ "serial": identity.serial_hex, "not_after": identity.not_after });
        work.audit("identity.renewed", enrollment, &detail)?;
        work.tell("identity.renewed", enrollment, detail);
        return Ok(true);
    }
    let switched = current.and_then(|current| current.first_seen_at);
    let reported = identity.last_seen_at.is_some_and(|seen| {
        switched.is_some_and(|switched| switched <= seen) && work.now.since(seen) < ALERT_EVERY
    });
    if !reported {
        Identity::set_seen(work.tx, identity.id, work.now)?;
        let detail = json!({ "serial": identity.serial_hex, "replaced_at": switched });
        work.audit("identity.clone_suspected", enrollment, &detail)?;
        work.tell("identity.clone_suspected", enrollment, detail);
    }
    Ok(false)
}

/// An older epoch speaks although a newer one has the same UDID: the newer one is set apart. `false`: the older one was silent for so
/// long that it no longer counts, and it is closed.
fn object(work: &mut Work<'_, '_>, enrollment: &mut Enrollment) -> Result<bool, Error> {
    let newer = newer_epochs(work, enrollment)?;
    let Some(newest) = newer.iter().map(|other| other.authenticated_at).max() else {
        enrollment.superseded_by = None;
        work.save(enrollment)?;
        return Ok(true);
    };
    match enrollment.state {
        // What is set apart itself has no say.
        EnrollmentState::Quarantined => return Ok(true),
        EnrollmentState::Pending if work.now.since(enrollment.authenticated_at) >= UNFINISHED => {
            close(work, enrollment, EnrollmentState::Superseded, "never completed, and begun again")?;
            return Ok(false);
        }
        _ => {}
    }
    let heard = last_contact(work, enrollment)?.max(newest);
    if work.now.since(heard) >= work.context.settings.collision_silence {
        close(work, enrollment, EnrollmentState::Superseded, SILENT)?;
        return Ok(false);
    }
    for mut other in newer {
        if other.state != EnrollmentState::Quarantined {
            set_apart(work, &mut other, "an earlier enrolment of the same device is still in contact")?;
        }
    }
    enrollment.superseded_by = None;
    work.save(enrollment)?;
    Ok(true)
}

/// The living epochs of the same device that began later.
pub(crate) fn newer_epochs(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
) -> Result<Vec<Enrollment>, Error> {
    let mut epochs = Enrollment::list_for_device(work.tx, enrollment.device_id)?;
    epochs.retain(|other| other.epoch > enrollment.epoch && is_live(other.state));
    Ok(epochs)
}

/// Whether it is open if the device of this epoch is the one of the record: an earlier one lives, or this one was set apart.
pub(crate) fn is_disputed(connection: &mut Connection, enrollment: &Enrollment) -> Result<bool, Error> {
    if enrollment.state == EnrollmentState::Quarantined {
        return Ok(true);
    }
    if enrollment.previous_id.is_none() {
        return Ok(false);
    }
    let epochs = Enrollment::list_for_device(connection, enrollment.device_id)?;
    Ok(epochs.iter().any(|other| {
        let has_say = matches!(other.state, EnrollmentState::Enrolled | EnrollmentState::Pending);
        other.epoch < enrollment.epoch && has_say
    }))
}

/// Whether `action` was recorded about `target` within the last hour with `value` under `key` of its detail.
fn is_recent(
    work: &mut Work<'_, '_>,
    (action, target): (&str, String),
    (key, value): (&str, &str),
) -> Result<bool, Error> {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        target: Some(target),
        since: Some(work.now - ALERT_EVERY + Duration::from_millis(1)),
        ..AuditFilter::default()
    };
    let lately = AuditEvent::list(work.tx, &filter, Page::first(20))?;
    Ok(lately.iter().any(|act| {
        let detail: serde_json::Value = serde_json::from_str(&act.detail).unwrap_or_default();
        detail.get(key).and_then(serde_json::Value::as_str) == Some(value)
    }))
}

/// Records what a device goes on doing, once an hour for each `value` under `key` of the detail.
pub(crate) fn record_hourly(
    work: &mut Work<'_, '_>,
    action: &'static str,
    about: &Enrollment,
    (key, detail): (&str, serde_json::Value),
) -> Result<(), Error> {
    let value = detail.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    if is_recent(work, (action, format!("enrollment:{}", about.id)), (key, value))? {
        return Ok(());
    }
    work.audit(action, about, &detail)?;
    work.tell(action, about, detail);
    Ok(())
}

/// Sets an epoch apart until a person decides.
pub(crate) fn set_apart(
    work: &mut Work<'_, '_>,
    enrollment: &mut Enrollment,
    reason: &str,
) -> Result<(), Error> {
    enrollment.state = EnrollmentState::Quarantined;
    enrollment.quarantine_reason = Some(reason.to_owned());
    work.save(enrollment)?;
    let detail = json!({ "reason": reason, "epoch": enrollment.epoch });
    work.audit("enrollment.quarantined", enrollment, &detail)?;
    work.tell("enrollment.quarantined", enrollment, detail);
    Ok(())
}

/// When the device of an epoch was last heard.
pub(crate) fn last_contact(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
) -> Result<clock::Timestamp, Error> {
    let mut last =
        enrollment.enrolled_at.unwrap_or(enrollment.authenticated_at).max(enrollment.authenticated_at);
    for channel in Channel::list_for_enrollment(work.tx, enrollment.id)? {
        let lately = work.context.store.seen_lately(channel.id);
        last = [channel.last_seen_at, lately].into_iter().flatten().fold(last, Ord::max);
    }
    Ok(last)
}

/// Ends an epoch: its queues are closed, its channels disabled, its unused challenges taken back. Its secrets and its history stay.
pub(crate) fn close(
    work: &mut Work<'_, '_>,
    enrollment: &mut Enrollment,
    state: EnrollmentState,
    reason: &str,
) -> Result<(), Error> {
    for channel in Channel::list_for_enrollment(work.tx, enrollment.id)? {
        let closing = if state == EnrollmentState::CheckedOut {
            DeliveryState::Cancelled
        } else {
            DeliveryState::Superseded
        };
        work.tx.end_all(channel.id, closing, work.now, reason)?;
    }
    Channel::disable_all(work.tx, enrollment.id)?;
    // The challenge of a return has left in its erase: an erased device has no other way back.
    let except = Some(IssuancePurpose::ReturnToService);
    Issuance::revoke_unused(work.tx, enrollment.id, work.now, except)?;
    network::revoke_for_enrollment(work.tx, work.context, enrollment)?;
    enrollment.state = state;
    enrollment.ended_at = Some(work.now);
    enrollment.end_reason = Some(reason.to_owned());
    enrollment.awaiting_configuration = false;
    work.save(enrollment)?;
    let detail = json!({ "state": state.as_str(), "reason": reason, "epoch": enrollment.epoch });
    work.audit("enrollment.ended", enrollment, &detail)?;
    work.tell("enrollment.ended", enrollment, detail);
    Ok(())
}

/// There is proof that an erase was carried out: the delivery counts as acknowledged even if its answer was lost.
pub(crate) fn verify_erase(
    work: &mut Work<'_, '_>,
    erased: &Enrollment,
    seq: DeliverySeq,
    proof: &str,
) -> Result<(), Error> {
    let event = NewEvent {
        detail: Some(format!("verified: {proof}")),
        ..NewEvent::new(DeliveryState::Acknowledged, work.now)
    };
    work.tx.record(seq, event)?;
    let detail = json!({ "delivery": seq.0, "proof": proof });
    work.audit("device.erase_verified", erased, &detail)?;
    work.tell("device.erase_verified", erased, detail);
    Ok(())
}
