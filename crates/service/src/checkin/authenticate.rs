//! Authenticate: a device begins an enrolment, or begins again within one. Apple: "Authenticate".

use protocol_mdm::{Authenticate, ChannelKind, EnrollmentKey};
use serde_json::json;
use store::{Enrollment, EnrollmentLink, Identity, Issuance, IssuancePurpose};

use super::inherit::{self, Epoch};
use crate::identity::Caller;
use crate::lifecycle::{self, Admission};
use crate::work::{Settled, Work};
use crate::{Error, IdentityRefusal, Reply, quarantine};

/// Answers the message. What decides is not the UDID, which anybody can write, but what the certificate was issued for.
pub(super) fn receive(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    key: &EnrollmentKey,
    message: &Authenticate,
) -> Result<Settled<Reply>, Error> {
    if key.kind.is_user() {
        return Ok(Err(Error::Malformed("Authenticate belongs to the device channel".to_owned())));
    }
    match lifecycle::admit(work, caller, key, false)? {
        Err(refusal) => Ok(Err(refusal)),
        Ok(Admission::Over) => Ok(Err(IdentityRefusal::Revoked.into())),
        Ok(Admission::Speaker(speaker)) if speaker.retired => Ok(Err(IdentityRefusal::Revoked.into())),
        Ok(Admission::Speaker(speaker)) if is_of_other_topic(message, &speaker.enrollment.topic) => {
            Ok(Err(wrong_topic()))
        }
        // The certificate is pinned already: a renewal, or the device tries again. The enrolment goes on.
        Ok(Admission::Speaker(speaker)) => inherit::resume(work, *speaker, message).map(Ok),
        Ok(Admission::Stranger(reason)) => {
            match Identity::find_by_fingerprint(work.tx, caller.fingerprint().as_bytes())? {
                Some(identity) => begin(work, identity, key, message),
                None => {
                    quarantine::note(work, caller, key, reason)?;
                    Ok(Err(IdentityRefusal::Untrusted.into()))
                }
            }
        }
    }
}

/// A certificate that no epoch has used yet. What it was issued for decides.
fn begin(
    work: &mut Work<'_, '_>,
    identity: Identity,
    key: &EnrollmentKey,
    message: &Authenticate,
) -> Result<Settled<Reply>, Error> {
    let issuance = Issuance::find(work.tx, identity.issuance_id)?;
    if issuance.revoked_at.is_some() {
        return Ok(Err(IdentityRefusal::Revoked.into()));
    }
    if issuance.topic.as_ref().is_some_and(|topic| is_of_other_topic(message, topic)) {
        return Ok(Err(wrong_topic()));
    }
    match issuance.purpose {
        IssuancePurpose::Enroll => enroll(work, identity, &issuance, key, message),
        IssuancePurpose::ReturnToService => come_back(work, identity, &issuance, key, message),
        // A renewed certificate is pinned when it is issued, so this one's enrolment is gone.
        IssuancePurpose::Renew => Ok(Err(IdentityRefusal::Revoked.into())),
        // No certificate for the network is ever looked up here; this arm keeps it so.
        IssuancePurpose::Network => Ok(Err(IdentityRefusal::Untrusted.into())),
    }
}

/// Whether the message names another topic than the profile. The profile decides: a device does not choose who may push it.
fn is_of_other_topic(message: &Authenticate, topic: &str) -> bool {
    !topic.is_empty() && message.topic.as_ref().is_some_and(|told| told != topic)
}

fn wrong_topic() -> Error {
    Error::Malformed("the Topic is not the one of the enrolment profile".to_owned())
}

/// An enrolment by a link.
fn enroll(
    work: &mut Work<'_, '_>,
    identity: Identity,
    issuance: &Issuance,
    key: &EnrollmentKey,
    message: &Authenticate,
) -> Result<Settled<Reply>, Error> {
    let link = issuance.link_id.map(|id| EnrollmentLink::find(work.tx, id)).transpose()?;
    if let Some(refusal) = link.as_ref().and_then(refuse_by_link) {
        return Ok(Err(refusal));
    }
    let before = inherit::epochs_of(work, &key.device)?;
    let disputed = inherit::is_disputed(work, &before)?;
    let claimed = match message.serial_number.as_deref().filter(|serial| !serial.is_empty()) {
        _ if disputed => Some(key.device.as_str()),
        // A list of serial numbers is easier to have than one of UDIDs, and as good to somebody who wants to be taken for them.
        Some(serial) if inherit::claims_serial_of_another(work, &key.device, serial)? => Some(serial),
        _ => None,
    };
    if let (Some(claimed), Some(link)) = (claimed, &link)
        && let Some(refusal) = count_collision(work, link, claimed)?
    {
        return Ok(Err(refusal));
    }
    if let Some(link) = &link
        && !EnrollmentLink::count_use(work.tx, link.id)?
    {
        return Ok(Err(Error::Forbidden("the enrolment link has been used up".to_owned())));
    }
    let kind = match key.kind {
        ChannelKind::Device => catalog::EnrollmentType::Device,
        _ => catalog::EnrollmentType::User,
    };
    let epoch = Epoch { identity, issuance, before, disputed, kind };
    inherit::open(work, &epoch, key, message)?;
    Ok(Ok(Reply::Nothing))
}

fn refuse_by_link(link: &EnrollmentLink) -> Option<Error> {
    if link.revoked_at.is_some() {
        return Some(Error::Forbidden("the enrolment link has been revoked".to_owned()));
    }
    if link.stopped_at.is_some() {
        return Some(Error::Forbidden("the enrolment link has been stopped".to_owned()));
    }
    None
}

/// Somebody enrols a device by this link that is enrolled already. That happens; a series of it is somebody with a list of UDIDs.
fn count_collision(
    work: &mut Work<'_, '_>,
    link: &EnrollmentLink,
    claimed: &str,
) -> Result<Option<Error>, Error> {
    let target = format!("link:{}", link.id);
    let since = work.now - std::time::Duration::from_secs(60 * 60);
    let filter = store::AuditFilter {
        action: Some("enrollment.collision".to_owned()),
        target: Some(target.clone()),
        since: Some(since),
        ..store::AuditFilter::default()
    };
    let limit = work.context.settings.collision_limit;
    let page = store::Page { after: None, limit: i64::from(limit) + 1 };
    let earlier = store::AuditEvent::list(work.tx, &filter, page)?.len();
    work.audit_as("device", "enrollment.collision", &target, &json!({ "claimed": claimed }))?;
    if u32::try_from(earlier).unwrap_or(u32::MAX) < limit {
        return Ok(None);
    }
    let reason = "too many devices that are enrolled already were enrolled again by this link within an hour";
    EnrollmentLink::stop(work.tx, link.id, work.now, reason)?;
    work.audit_as("ward", "link.stopped", &target, &json!({ "reason": reason }))?;
    let event = crate::events::Event::new("link.stopped", work.now);
    work.events.push(event.with(json!({ "link": link.id, "reason": reason })));
    Ok(Some(Error::Forbidden("the enrolment link has been stopped".to_owned())))
}

/// A device that an erase with Return to Service brings back. Its challenge was in that one command and nowhere else, so the erase is
/// verified, and the old epoch is over.
fn come_back(
    work: &mut Work<'_, '_>,
    identity: Identity,
    issuance: &Issuance,
    key: &EnrollmentKey,
    message: &Authenticate,
) -> Result<Settled<Reply>, Error> {
    let (Some(erased), Some(seq)) = (issuance.enrollment_id, issuance.delivery_seq) else {
        return Err(Error::Internal("a Return to Service without its erase".to_owned()));
    };
    let mut erased = Enrollment::find(work.tx, erased)?;
    if erased.apple_id != key.device {
        return lifecycle::mismatch(work, &identity, &erased, key).map(Err);
    }
    lifecycle::verify_erase(work, &erased, seq, "the device came back with the challenge of this command")?;
    if lifecycle::is_live(erased.state) {
        lifecycle::close(
            work,
            &mut erased,
            store::EnrollmentState::Ended,
            "erased, and returned to service",
        )?;
    }
    let before = inherit::epochs_of(work, &key.device)?;
    let epoch = Epoch { identity, issuance, before, disputed: false, kind: erased.kind };
    inherit::open(work, &epoch, key, message)?;
    Ok(Ok(Reply::Nothing))
}
