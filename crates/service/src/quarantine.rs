//! Devices that nobody can place. Those with a certificate of ours and a name that no enrolment has are recorded and shown, and changed
//! in nothing; epochs that were set apart wait here for a person.

use std::sync::Arc;

use protocol_mdm::EnrollmentKey;
use serde_json::json;
use store::{Channel, Enrollment, EnrollmentId, EnrollmentState, Issuance, Quarantined};

use crate::events::Event;
use crate::identity::{Caller, Identities};
use crate::lifecycle;
use crate::work::{self, Settled, Work};
use crate::{Context, Error, push, schedule};

#[cfg(test)]
mod tests;

/// How many epochs in doubt one round looks at.
const LOOKED_AT: i64 = 1_000;

/// Decides about epochs that were set apart.
pub struct Quarantine {
    context: Context,
    identities: Arc<Identities>,
}

impl Quarantine {
    /// Over these.
    #[must_use]
    pub const fn new(context: Context, identities: Arc<Identities>) -> Self {
        Self { context, identities }
    }

    /// A person has found that the device of this epoch is the real one: it is served from now on, and the earlier epochs of the same
    /// device end.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when the epoch is not set apart.
    pub async fn release(&self, actor: &str, id: EnrollmentId) -> Result<(), Error> {
        let actor = actor.to_owned();
        work::run(&self.context, &self.identities, "release_enrollment", move |work| {
            release(work, &actor, id)
        })
        .await
    }

    /// A person has found that the device of this epoch is not what it claims to be: the epoch ends, and its certificate is refused.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when the epoch is not set apart.
    pub async fn reject(&self, actor: &str, id: EnrollmentId) -> Result<(), Error> {
        let actor = actor.to_owned();
        work::run(&self.context, &self.identities, "reject_enrollment", move |work| {
            let mut enrollment = match find(work, id)? {
                Ok(enrollment) => enrollment,
                Err(refusal) => return Ok(Err(refusal)),
            };
            lifecycle::close(work, &mut enrollment, EnrollmentState::Ended, "rejected by an operator")?;
            Issuance::revoke_unused(work.tx, id, work.now, None)?;
            work.audit_as(
                &actor,
                "enrollment.rejected",
                &format!("enrollment:{id}"),
                &serde_json::Value::Null,
            )?;
            Ok(Ok(()))
        })
        .await
    }

    /// Ends earlier epochs that have been silent for so long since a newer one began that they no longer count. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn close_silent(&self) -> Result<usize, Error> {
        let read = |connection: &mut store::Connection| Ok(Enrollment::list_in_doubt(connection, LOOKED_AT)?);
        let doubtful: Vec<Enrollment> =
            self.context.store.read::<_, Error, _>("epochs_in_doubt", read).await?;
        let mut closed = 0;
        for id in doubtful.into_iter().map(|enrollment| enrollment.id) {
            closed += usize::from(
                work::run(&self.context, &self.identities, "close_silent", move |work| {
                    close_if_silent(work, id)
                })
                .await?,
            );
        }
        Ok(closed)
    }
}

fn find(work: &mut Work<'_, '_>, id: EnrollmentId) -> Result<Settled<Enrollment>, Error> {
    let enrollment = match Enrollment::find(work.tx, id) {
        Err(store::Error::NotFound) => return Ok(Err(Error::not_found("enrolment", id))),
        found => found?,
    };
    if enrollment.state != EnrollmentState::Quarantined {
        return Ok(Err(Error::Conflict("the enrolment is not in quarantine".to_owned())));
    }
    Ok(Ok(enrollment))
}

fn release(work: &mut Work<'_, '_>, actor: &str, id: EnrollmentId) -> Result<Settled<()>, Error> {
    let mut enrollment = match find(work, id)? {
        Ok(enrollment) => enrollment,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for mut earlier in Enrollment::list_for_device(work.tx, enrollment.device_id)? {
        if earlier.epoch < enrollment.epoch && lifecycle::is_live(earlier.state) {
            earlier.superseded_by = Some(id);
            lifecycle::close(
                work,
                &mut earlier,
                EnrollmentState::Superseded,
                "an operator decided for a newer enrolment",
            )?;
        }
    }
    let mut device_channel = None;
    for mut channel in Channel::list_for_enrollment(work.tx, id)? {
        channel.enabled = channel.push_token.is_some();
        channel.save(work.tx)?;
        if channel.kind == catalog::ChannelKind::Device {
            device_channel = Some(channel);
        }
    }
    enrollment.quarantine_reason = None;
    let reachable = device_channel.filter(|channel| channel.enabled);
    enrollment.state = if reachable.is_some() { EnrollmentState::Enrolled } else { EnrollmentState::Pending };
    if let Some(channel) = reachable {
        enrollment.enrolled_at = enrollment.enrolled_at.or(Some(work.now));
        schedule::after_enrollment(work.tx, work.context, &enrollment, &channel)?;
        push::request(work.tx, channel.id, work.now)?;
    }
    work.save(&enrollment)?;
    let detail = json!({ "epoch": enrollment.epoch });
    work.audit_as(actor, "enrollment.released", &format!("enrollment:{id}"), &detail)?;
    work.tell("enrollment.released", &enrollment, detail);
    Ok(Ok(()))
}

/// The decision that [`lifecycle`] takes when an old epoch speaks, taken without it: it has been silent for too long.
fn close_if_silent(work: &mut Work<'_, '_>, id: EnrollmentId) -> Result<Settled<bool>, Error> {
    let mut enrollment = Enrollment::find(work.tx, id)?;
    if enrollment.superseded_by.is_none() || !lifecycle::is_live(enrollment.state) {
        return Ok(Ok(false));
    }
    let newer = lifecycle::newer_epochs(work, &enrollment)?;
    let Some(newest) = newer.iter().map(|newer| newer.authenticated_at).max() else { return Ok(Ok(false)) };
    let heard = lifecycle::last_contact(work, &enrollment)?.max(newest);
    if work.now.since(heard) < work.context.settings.collision_silence {
        return Ok(Ok(false));
    }
    lifecycle::close(work, &mut enrollment, EnrollmentState::Superseded, lifecycle::SILENT)?;
    Ok(Ok(true))
}

/// Records the visit of an unknown device.
pub(crate) fn note(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    key: &EnrollmentKey,
    reason: &str,
) -> Result<(), Error> {
    let fingerprint = caller.fingerprint();
    let named = (key.device.as_str(), fingerprint.as_bytes());
    if let Some((_, true)) = Quarantined::note(work.tx, &*work.context.clock, named, reason)? {
        let detail =
            json!({ "apple_id": key.device, "fingerprint": fingerprint.to_string(), "reason": reason });
        work.audit_as("device", "device.unknown", &format!("fingerprint:{fingerprint}"), &detail)?;
        work.events.push(Event::new("device.unknown", work.now).with(detail));
    }
    Ok(())
}
