//! The secrets that Ward makes or keeps for a command, so that no operator has to know one: which command of which target needs what.
//!
//! Apple: "SetRecoveryLock", "SetFirmwarePassword", "SetAutoAdminPassword", "AccountConfiguration", "RotateFileVaultKey".

use catalog::Platform;
use plist::{Dictionary, Value};
use store::{Connection, EnrollmentId, Secret, SecretId, SecretKind};

use super::prepare::{Known, flag};
use super::request::Wanted;
use crate::Error;
use crate::targets::Target;

/// What is put into a command when it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OwnSecret {
    /// Nothing of the command's own.
    #[default]
    None,
    /// One that is made, sealed and stored before the command is.
    Make(SecretKind),
    /// One that was made for an earlier command.
    Kept(SecretId),
}

/// What the command needs for this target. The inner error says, for people, why it cannot be had.
pub(super) fn needed(
    connection: &mut Connection,
    wanted: &Wanted,
    target: &Target,
    facts: &Known,
) -> Result<Result<OwnSecret, String>, Error> {
    let epoch = target.enrollment.id;
    let silicon = flag(facts, "DeviceInformation.IsAppleSilicon");
    match wanted.request_type.as_str() {
        "DeviceLock" | "EraseDevice" => Ok(Ok(pin(&wanted.request_type, target, facts))),
        "ClearPasscode" => Ok(match Secret::latest(connection, epoch, SecretKind::UnlockToken)? {
            Some(_) => Ok(OwnSecret::None),
            None => Err("the device has given no unlock token in this enrolment, so its passcode cannot be cleared: only erasing it helps"
                .to_owned()),
        }),
        "SetRecoveryLock" | "VerifyRecoveryLock" if silicon == Some(false) => {
            Ok(Err("this Mac has an Intel processor, which knows no recovery lock: use SetFirmwarePassword".to_owned()))
        }
        "SetFirmwarePassword" | "VerifyFirmwarePassword" if silicon == Some(true) => {
            Ok(Err("this Mac has Apple silicon, which knows no firmware password: use SetRecoveryLock".to_owned()))
        }
        "SetRecoveryLock" => change(connection, wanted, epoch, SecretKind::RecoveryLock),
        "SetFirmwarePassword" => change(connection, wanted, epoch, SecretKind::FirmwarePassword),
        "VerifyRecoveryLock" => verify(connection, epoch, SecretKind::RecoveryLock),
        "VerifyFirmwarePassword" => verify(connection, epoch, SecretKind::FirmwarePassword),
        "SetAutoAdminPassword" => Ok(Ok(OwnSecret::Make(SecretKind::AdminPassword))),
        "AccountConfiguration" => {
            let accounts = wanted.dictionary.get("AutoSetupAdminAccounts").and_then(Value::as_array);
            let any = accounts.is_some_and(|accounts| !accounts.is_empty());
            Ok(Ok(if any { OwnSecret::Make(SecretKind::AdminPassword) } else { OwnSecret::None }))
        }
        "RotateFileVaultKey" => rotation(connection, &wanted.dictionary, epoch),
        _ => Ok(Ok(OwnSecret::None)),
    }
}

/// Setting a password makes one; an empty one takes the lock away, for which the present one has to be known.
fn change(
    connection: &mut Connection,
    wanted: &Wanted,
    epoch: EnrollmentId,
    kind: SecretKind,
) -> Result<Result<OwnSecret, String>, Error> {
    let clears = wanted.dictionary.get("NewPassword").and_then(Value::as_string) == Some("");
    if !clears {
        return Ok(Ok(OwnSecret::Make(kind)));
    }
    Ok(match Secret::latest_confirmed(connection, epoch, kind)? {
        Some(_) => Ok(OwnSecret::None),
        None => Err("Ward knows of no password that it has set on this Mac in this enrolment, so it cannot take one away".to_owned()),
    })
}

/// The newest one is tested, whether or not the Mac has said that it took it: that settles it.
fn verify(
    connection: &mut Connection,
    epoch: EnrollmentId,
    kind: SecretKind,
) -> Result<Result<OwnSecret, String>, Error> {
    Ok(match Secret::latest(connection, epoch, kind)? {
        Some(secret) => Ok(OwnSecret::Kept(secret.id)),
        None => {
            Err("Ward has set no such password on this Mac in this enrolment: there is nothing to verify"
                .to_owned())
        }
    })
}

fn rotation(
    connection: &mut Connection,
    command: &Dictionary,
    epoch: EnrollmentId,
) -> Result<Result<OwnSecret, String>, Error> {
    if command.get("KeyType").and_then(Value::as_string) == Some("institutional") {
        let why = "Ward keeps a recovery key for each Mac, none for all of them: use KeyType personal";
        return Ok(Err(why.to_owned()));
    }
    Ok(match Secret::latest_confirmed(connection, epoch, SecretKind::RecoveryKey)? {
        Some(_) => Ok(OwnSecret::None),
        None => Err("Ward has no recovery key of this Mac, which the rotation needs: install a profile that escrows it to Ward \
                     (com.apple.security.FDERecoveryKeyEscrow), then send SecurityInfo"
            .to_owned()),
    })
}

/// A Mac is locked by a PIN, and one with an Intel processor erased by a PIN. Where it is not known whether a PIN is needed one is
/// made: a device that needs none ignores it.
fn pin(request_type: &str, target: &Target, facts: &Known) -> OwnSecret {
    if target.device.platform != Some(Platform::MacOs) {
        return OwnSecret::None;
    }
    let needless = flag(facts, "DeviceInformation.IsAppleSilicon") == Some(true)
        || flag(facts, "DeviceInformation.PINRequiredForEraseDevice") == Some(false);
    match request_type {
        "DeviceLock" => OwnSecret::Make(SecretKind::LockPin),
        "EraseDevice" if !needless => OwnSecret::Make(SecretKind::ErasePin),
        _ => OwnSecret::None,
    }
}
