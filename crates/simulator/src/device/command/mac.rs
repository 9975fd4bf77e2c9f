//! The passwords of a Mac: recovery lock, firmware, administrator, recovery key. Each command is obeyed only as a real Mac would, with
//! the present password where one is set.

use pki::Certificate;
use pki::cms::{Cipher, encrypt};
use plist::{Dictionary, Value};
use serde::Serialize;

use super::{Failure, Outcome};
use crate::device::Model;
use crate::device::messages::dictionary;
use crate::device::profile::text;
use crate::device::state::State;

/// Letters of a recovery key.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The passwords that a Mac has. They outlive its enrolment; erasing it takes them all but the firmware's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MacPasswords {
    /// What the recovery system of a Mac with Apple silicon asks for.
    pub recovery_lock: Option<String>,
    /// What the firmware of a Mac with an Intel processor asks for.
    pub firmware: Option<String>,
    /// The hash of the managed administrator's password, as it came.
    pub administrator: Option<Vec<u8>>,
    /// The recovery key of the disk since it was rotated.
    pub recovery_key: Option<String>,
    /// Users whose account was unlocked.
    pub unlocked: Vec<String>,
}

/// The commands of this module.
pub(super) fn obey(state: &mut State, request_type: &str, keys: &Dictionary) -> Option<Outcome> {
    Some(match request_type {
        "SetRecoveryLock" => set_recovery_lock(state, keys),
        "VerifyRecoveryLock" => {
            let fits = state.mac.recovery_lock.is_some() && state.mac.recovery_lock == text(keys, "Password");
            Outcome::Acknowledged(dictionary([("PasswordVerified", fits.into())]))
        }
        "SetFirmwarePassword" => set_firmware(state, keys),
        "VerifyFirmwarePassword" => {
            let fits = state.mac.firmware.is_some() && state.mac.firmware == text(keys, "Password");
            nested("VerifyFirmwarePassword", "PasswordVerified", fits)
        }
        "SetAutoAdminPassword" => {
            let hash = keys.get("passwordHash").and_then(Value::as_data);
            administrator(state, text(keys, "GUID").and(hash))
        }
        "AccountConfiguration" => accounts(state, keys),
        "RotateFileVaultKey" => rotate(state, keys),
        "UnlockUserAccount" => match text(keys, "UserName") {
            Some(name) => {
                state.mac.unlocked.push(name);
                Outcome::done()
            }
            None => missing("UserName"),
        },
        _ => return None,
    })
}

fn missing(key: &str) -> Outcome {
    Outcome::FormatError(Failure::mdm(12008, format!("{key} is missing.")))
}

fn wrong(why: &str) -> Outcome {
    Outcome::Failed(Failure::mdm(12021, why))
}

fn nested(outer: &str, inner: &str, value: bool) -> Outcome {
    let answer = dictionary([(inner, value.into())]);
    Outcome::Acknowledged(dictionary([(outer, Value::Dictionary(answer))]))
}

/// Whether the present password, if there is one, was given.
fn may_change(present: Option<&String>, keys: &Dictionary) -> bool {
    present.is_none_or(|present| text(keys, "CurrentPassword").as_ref() == Some(present))
}

fn set_recovery_lock(state: &mut State, keys: &Dictionary) -> Outcome {
    if state.hardware.model != Model::MacAppleSilicon {
        return wrong("Recovery lock needs Apple silicon.");
    }
    let Some(new) = text(keys, "NewPassword") else { return missing("NewPassword") };
    if !may_change(state.mac.recovery_lock.as_ref(), keys) {
        return wrong("The current password is wrong.");
    }
    state.mac.recovery_lock = (!new.is_empty()).then_some(new);
    Outcome::done()
}

fn set_firmware(state: &mut State, keys: &Dictionary) -> Outcome {
    if state.hardware.model != Model::MacIntel {
        return wrong("A firmware password needs an Intel processor.");
    }
    let Some(new) = text(keys, "NewPassword") else { return missing("NewPassword") };
    if !may_change(state.mac.firmware.as_ref(), keys) {
        return nested("SetFirmwarePassword", "PasswordChanged", false);
    }
    state.mac.firmware = (!new.is_empty()).then_some(new);
    nested("SetFirmwarePassword", "PasswordChanged", true)
}

/// Takes the hash if it is a property list of the form that a Mac knows.
fn administrator(state: &mut State, hash: Option<&[u8]>) -> Outcome {
    let Some(bytes) = hash else { return missing("passwordHash") };
    let parsed = Value::from_reader(std::io::Cursor::new(bytes)).ok().and_then(Value::into_dictionary);
    let parts =
        parsed.as_ref().and_then(|whole| whole.get("SALTED-SHA512-PBKDF2")).and_then(Value::as_dictionary);
    let length = |key: &str| parts.and_then(|parts| parts.get(key)).and_then(Value::as_data).map(<[u8]>::len);
    let rounds = parts.and_then(|parts| parts.get("iterations")).and_then(Value::as_unsigned_integer);
    if (length("entropy"), length("salt")) != (Some(128), Some(32)) || rounds.is_none_or(|rounds| rounds == 0)
    {
        return wrong("The password hash is not of the expected form.");
    }
    state.mac.administrator = Some(bytes.to_vec());
    Outcome::done()
}

fn accounts(state: &mut State, keys: &Dictionary) -> Outcome {
    if !state.enrolment.as_ref().is_some_and(|enrolment| enrolment.awaiting_configuration) {
        return wrong("The Mac does not await its configuration.");
    }
    let accounts = keys.get("AutoSetupAdminAccounts").and_then(Value::as_array);
    match accounts.and_then(|accounts| accounts.first()).and_then(Value::as_dictionary) {
        Some(first) => {
            let hash = first.get("passwordHash").and_then(Value::as_data).map(<[u8]>::to_vec);
            administrator(state, hash.as_deref())
        }
        None => Outcome::done(),
    }
}

/// `RotateFileVaultKey`: the present key unlocks, the new one goes back encrypted to the certificate that came.
fn rotate(state: &mut State, keys: &Dictionary) -> Outcome {
    let unlock = keys.get("FileVaultUnlock").and_then(Value::as_dictionary);
    let given = unlock.and_then(|unlock| text(unlock, "Password"));
    if !state.file_vault || given.as_deref() != Some(state.recovery_key().as_str()) {
        return wrong("The disk cannot be unlocked with this.");
    }
    let der = keys.get("ReplyEncryptionCertificate").and_then(Value::as_data);
    let Some(certificate) = der.and_then(|der| Certificate::from_der(der).ok()) else {
        return missing("ReplyEncryptionCertificate");
    };
    let groups: Vec<String> = (0..6).map(|_| state.dice.text(LETTERS, 4)).collect();
    let key = groups.join("-");
    let Ok(sealed) = encrypt(key.as_bytes(), &[&certificate], Cipher::Aes256) else {
        return wrong("The new key cannot be encrypted.");
    };
    state.mac.recovery_key = Some(key);
    let result = dictionary([("EncryptedNewRecoveryKey", Value::Data(sealed))]);
    Outcome::Acknowledged(dictionary([("RotateResult", Value::Dictionary(result))]))
}
