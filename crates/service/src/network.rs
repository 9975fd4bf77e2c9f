//! Access to the hospital's network that can be withdrawn: identities for 802.1X from an authority of their own.
//!
//! They stand in a table of their own, so that the MDM door cannot find one, and withdrawing them never cuts a device off from Ward.
//! RADIUS learns of a withdrawal from the revocation list; there is no OCSP.

use std::time::Duration;

use catalog::Class;
use plist::Dictionary;
use protocol_profile::ScepPayload;
use serde_json::json;
use store::{
    Connection, DeviceId, Enrollment, EnrollmentId, EnrollmentState, Issuance, IssuanceId, IssuancePurpose,
    NetworkHold, NetworkIdentity, NetworkRevocation, RenewalDue, Tx,
};

use crate::audit::{self, Act};
use crate::authorities::Realm;
use crate::{Context, Error, enrollment, lifecycle};

pub(crate) mod grant;
mod operators;
mod renewal;

#[cfg(test)]
mod tests;

pub use operators::Network;
pub(crate) use renewal::{again, round, version};
pub use store::NetworkReason as Reason;

/// How long the challenge in a profile waits for its first use: the device may have to be unlocked first.
const WAITS: Duration = Duration::from_secs(7 * 86_400);
/// How soon a device that was to get a new identity and has not asked for it counts as due again.
const AGAIN_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// What stands in the `PayloadContent` of a `com.apple.security.scep` payload by which this enrolment gets an identity for the network,
/// with a new challenge. To be called when the profile is handed out, never before: the challenge is stored nowhere.
///
/// The inner error says, for people, why the device may not have one now.
///
/// # Errors
/// The database's.
pub fn scep_payload(
    tx: &mut Tx<'_>,
    context: &Context,
    enrollment: &Enrollment,
) -> Result<Result<Dictionary, String>, Error> {
    if let Some(why) = refusal(tx, enrollment)? {
        return Ok(Err(why));
    }
    let now = context.now();
    let challenge = enrollment::new_challenge();
    let issuance = Issuance {
        id: IssuanceId::new(&*context.clock),
        purpose: IssuancePurpose::Network,
        challenge_hash: enrollment::challenge_hash(&challenge).to_vec(),
        link_id: None,
        enrollment_id: Some(enrollment.id),
        delivery_seq: None,
        ownership: enrollment.ownership,
        owner: None,
        subject: common_name(),
        created_at: now,
        expires_at: now + WAITS,
        transaction_id: None,
        key_digest: None,
        first_used_at: None,
        identity_id: None,
        topic: None,
        profile_digest: None,
        revoked_at: None,
    };
    issuance.insert(tx)?;
    let url = scep_url(&context.settings.public_url);
    let subject = subject(&context.settings.organization, &issuance.subject);
    let mut content = ScepPayload::new(url, "Ward network".to_owned(), challenge, subject).to_content();
    content.insert("KeyIsExtractable".to_owned(), false.into());
    Ok(Ok(content))
}

/// Withdraws a device's access to the network: its identities go onto the revocation list, its unused challenges are taken back, and
/// until somebody restores it no new one is issued (a device found again is restored when its Lost Mode ends). The MDM identity is
/// untouched. Returns how many identities were revoked.
///
/// # Errors
/// The database's.
pub fn revoke_for_device(
    tx: &mut Tx<'_>,
    context: &Context,
    device: DeviceId,
    reason: Reason,
    actor: &str,
) -> Result<usize, Error> {
    withdraw(tx, context, device, &Withdrawal { reason, note: None, actor })
}

/// Why and by whom access is withdrawn.
pub(crate) struct Withdrawal<'a> {
    pub(crate) reason: Reason,
    pub(crate) note: Option<&'a str>,
    pub(crate) actor: &'a str,
}

/// As [`revoke_for_device`], with a person's words.
pub(crate) fn withdraw(
    tx: &mut Tx<'_>,
    context: &Context,
    device: DeviceId,
    why: &Withdrawal<'_>,
) -> Result<usize, Error> {
    let now = context.now();
    let revocation = NetworkRevocation { at: now, reason: why.reason, by: why.actor };
    let revoked = NetworkIdentity::revoke_for_device(tx, device, revocation)?;
    for epoch in Enrollment::list_for_device(tx, device)? {
        take_back_challenges(tx, context, epoch.id)?;
    }
    let held = hold(tx, context, device, why)?;
    if revoked > 0 || held {
        let detail = json!({ "reason": why.reason, "note": why.note, "identities": revoked });
        let act = Act::by(why.actor, "network.revoke").on(format!("device:{device}")).of_class(Class::D1);
        audit::record(tx, now, &act.with(detail))?;
    }
    Ok(revoked)
}

/// Keeps the device from getting a new identity. What was said first stays, unless it was only that the device is lost: that ends by
/// itself when it is found. `false`: nothing changed.
fn hold(tx: &mut Tx<'_>, context: &Context, device: DeviceId, why: &Withdrawal<'_>) -> Result<bool, Error> {
    if why.reason == Reason::Ended {
        return Ok(false);
    }
    let before = NetworkHold::of(tx, device)?;
    if before.is_some_and(|before| before.reason != Reason::Lost || why.reason == Reason::Lost) {
        return Ok(false);
    }
    let hold = NetworkHold {
        device_id: device,
        reason: why.reason,
        note: why.note.map(str::to_owned),
        since: context.now(),
        held_by: why.actor.to_owned(),
    };
    hold.place(tx)?;
    Ok(true)
}

/// An enrolment is over: what it had for the network is revoked, without a word about the device's next enrolment.
pub(crate) fn revoke_for_enrollment(
    tx: &mut Tx<'_>,
    context: &Context,
    enrollment: &Enrollment,
) -> Result<(), Error> {
    let now = context.now();
    let revocation = NetworkRevocation { at: now, reason: Reason::Ended, by: "ward" };
    let revoked = NetworkIdentity::revoke_for_enrollment(tx, enrollment.id, revocation)?;
    if revoked > 0 {
        let detail = json!({ "reason": Reason::Ended, "identities": revoked });
        let target = format!("enrollment:{}", enrollment.id);
        audit::record(tx, now, &Act::by_ward("network.revoke").on(target).of_class(Class::D1).with(detail))?;
    }
    Ok(())
}

/// A lost device was found: if that was the only reason, it may have an identity again, with a new key.
///
/// # Errors
/// The database's.
pub(crate) fn found(tx: &mut Tx<'_>, context: &Context, device: DeviceId) -> Result<(), Error> {
    if NetworkHold::of(tx, device)?.is_none_or(|hold| hold.reason != Reason::Lost) {
        return Ok(());
    }
    NetworkHold::lift(tx, device)?;
    again(tx, context, device)?;
    let act = Act::by_ward("network.restore").on(format!("device:{device}"));
    audit::record(tx, context.now(), &act.with(json!({ "reason": "the device was found" })))
}

/// The enrolments whose network identity is old, revoked (and access restored since) or of an older authority: their profile is to be
/// sent again, and with it [`scep_payload`]. One that was
/// asked within a week and has not come for it is not named.
///
/// # Errors
/// The database's.
pub fn due_for_renewal(
    connection: &mut Connection,
    context: &Context,
    limit: i64,
) -> Result<Vec<EnrollmentId>, Error> {
    let Some(active) = store::Authority::active(connection, Realm::Network.word())? else {
        return Ok(Vec::new());
    };
    let (now, settings) = (context.now(), &context.settings);
    let due = RenewalDue {
        now,
        percent: settings.renew_after_percent,
        new_end: (now + life(context)).min(active.not_after),
    };
    Ok(NetworkIdentity::list_due(connection, (due, active.id), now - AGAIN_AFTER, limit)?)
}

/// Why an enrolment may not have an identity for the network now, if so.
fn refusal(connection: &mut Connection, enrollment: &Enrollment) -> Result<Option<String>, Error> {
    if enrollment.state != EnrollmentState::Enrolled {
        return Ok(Some("only an enrolled device gets an identity for the network".to_owned()));
    }
    if lifecycle::is_disputed(connection, enrollment)? {
        return Ok(Some(
            "it is open whether this is the device: an earlier enrolment is still there".to_owned(),
        ));
    }
    let hold = NetworkHold::of(connection, enrollment.device_id)?;
    Ok(hold.map(|hold| {
        let why = match hold.reason {
            Reason::Lost => "the device is lost",
            Reason::Leaver => "its owner left",
            Reason::Operator | Reason::Ended => "an operator withdrew it",
        };
        format!("access to the network is withdrawn ({why}); `ward network restore` gives it back")
    }))
}

fn take_back_challenges(
    connection: &mut Connection,
    context: &Context,
    enrollment: EnrollmentId,
) -> Result<(), Error> {
    Issuance::revoke_unused_of(connection, enrollment, context.now(), IssuancePurpose::Network)?;
    Ok(())
}

/// How long an identity for the network is valid.
pub(crate) fn life(context: &Context) -> Duration {
    Duration::from_secs(u64::from(context.settings.network_identity_days) * 86_400)
}

/// The address of the network's SCEP server.
pub(crate) fn scep_url(public_url: &str) -> String {
    format!("{public_url}/scep/network")
}

/// The subject of an identity for the network. It names no device: EAP-TLS before TLS 1.3 shows it to everybody in range.
pub(crate) fn subject(organization: &str, common_name: &str) -> Vec<(String, String)> {
    let mut subject = enrollment::profile::subject(organization, common_name);
    subject.insert(1, ("OU".to_owned(), "Network access".to_owned()));
    subject
}

fn common_name() -> String {
    format!("Ward network {}", hex::encode(pki::random_bytes::<8>()))
}
