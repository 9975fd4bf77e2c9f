//! How each kind of secret is changed on its device after a person has seen it.
//!
//! Apple: "RotateFileVaultKey", "SetRecoveryLock", "SetFirmwarePassword", "SetAutoAdminPassword". The other kinds cannot be changed, or
//! are used once.

use plist::{Dictionary, Value};
use serde_json::json;
use store::{
    Command, Connection, EnrollmentId, Incident, Reveal, RotationState, Secret, SecretId, SecretKind,
};

use crate::Error;
use crate::audit::{self, Act};
use crate::work::Work;

/// What is opened when a value that was shown is not changed in time.
pub(super) const INCIDENT: &str = "secret_not_rotated";

/// A way to change a value.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    /// The command, without what is filled in when it leaves.
    pub(super) dictionary: Dictionary,
    /// The secret that Ward makes for it.
    pub(super) makes: Option<SecretKind>,
}

/// How the value of `secret` can be changed. The inner error says, for people, why it is not.
pub(super) fn plan(
    connection: &mut Connection,
    secret: &Secret,
) -> Result<Result<Plan, &'static str>, Error> {
    let (epoch, kind) = (secret.enrollment_id, secret.kind);
    let (request_type, makes) = match kind {
        SecretKind::RecoveryKey => ("RotateFileVaultKey", None),
        SecretKind::RecoveryLock => ("SetRecoveryLock", Some(kind)),
        SecretKind::FirmwarePassword => ("SetFirmwarePassword", Some(kind)),
        SecretKind::AdminPassword => ("SetAutoAdminPassword", Some(kind)),
        SecretKind::LockPin | SecretKind::ErasePin => {
            return Ok(Err("a PIN opens its Mac once; the next lock gets another"));
        }
        SecretKind::ActivationLockBypassCode => {
            return Ok(Err("Apple gives no way to change this code while the device stays enrolled"));
        }
        _ => return Ok(Err("there is nothing to change")),
    };
    if let Some(newer) = Secret::latest_confirmed(connection, epoch, kind)?
        && newer.id != secret.id
        && newer.confirmed_at > secret.confirmed_at
    {
        return Ok(Err("the device has another value already"));
    }
    if kind == SecretKind::RecoveryKey && secret.confirmed_at.is_none() {
        return Ok(Err("it is encrypted to a certificate that is not Ward's: who can open it rotates it"));
    }
    let mut dictionary = Dictionary::new();
    dictionary.insert("RequestType".to_owned(), request_type.into());
    if kind == SecretKind::RecoveryKey {
        dictionary.insert("KeyType".to_owned(), "personal".into());
    }
    if kind == SecretKind::AdminPassword {
        let Some(guid) = account(connection, epoch)? else {
            return Ok(Err(
                "Ward does not know the GUID of the account: send DeviceInformation with AutoSetupAdminAccounts, then SetAutoAdminPassword",
            ));
        };
        dictionary.insert("GUID".to_owned(), guid.into());
    }
    Ok(Ok(Plan { dictionary, makes }))
}

/// The GUID of the account that the last SetAutoAdminPassword named, or that the Mac told.
fn account(connection: &mut Connection, epoch: EnrollmentId) -> Result<Option<String>, Error> {
    for secret in Secret::list_for_enrollment(connection, epoch)? {
        if secret.kind != SecretKind::AdminPassword {
            continue;
        }
        let Some(command) = Command::find_by_secret(connection, secret.id)? else { continue };
        let body = crate::deliveries::body(&command);
        let guid = body.as_ref().and_then(|body| body.get("GUID")).and_then(Value::as_string);
        if let Some(guid) = guid {
            return Ok(Some(guid.to_owned()));
        }
    }
    let device = store::Enrollment::find(connection, epoch)?.device_id;
    let facts = store::Report::current_facts(connection, device)?;
    let told = facts.get("DeviceInformation.AutoSetupAdminAccounts").and_then(|fact| fact.value.as_array());
    let guid = told.and_then(|accounts| accounts.first()).and_then(|account| account.get("GUID"));
    Ok(guid.and_then(serde_json::Value::as_str).map(ToOwned::to_owned))
}

/// The device has shown that it has a new value: what was shown of the old one is worth nothing any more.
///
/// # Errors
/// The database's.
pub(crate) fn note_new(
    work: &mut Work<'_, '_>,
    enrollment: EnrollmentId,
    (kind, new): (SecretKind, SecretId),
) -> Result<(), Error> {
    let now = work.now;
    for mut reveal in Reveal::unrotated(work.tx, enrollment, kind)? {
        if reveal.secret_id == new {
            continue;
        }
        (reveal.rotation, reveal.rotated_at, reveal.detail) = (RotationState::Done, Some(now), None);
        reveal.save(work.tx)?;
        if let Some(mut incident) = Incident::find_open(work.tx, INCIDENT, &reveal.id.to_string())? {
            (incident.closed_at, incident.closed_by) = (Some(now), Some("ward".to_owned()));
            incident.closed_reason = Some("the device has another value".to_owned());
            incident.save(work.tx)?;
        }
        let detail = json!({ "kind": kind, "enrollment": enrollment, "reveal": reveal.id, "in_time": reveal.rotate_by.is_none_or(|by| now <= by) });
        let act = Act::by_ward("secret.rotated").on(reveal.secret_id.to_string());
        audit::record(work.tx, now, &act.of_class(catalog::Class::D2).with(detail))?;
    }
    Ok(())
}
