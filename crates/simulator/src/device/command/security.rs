//! Locking, passcodes, and what `SecurityInfo` says about them.

use plist::{Dictionary, Value};

use super::{After, Failure, Outcome};
use crate::device::messages::dictionary;
use crate::device::profile::text;
use crate::device::state::{LockMessage, State};

/// `SecurityInfo`.
pub(super) fn security_info(state: &State) -> Outcome {
    let mac = state.hardware.model.is_mac();
    let automated = state.supervised;
    let mut info = if mac { of_mac(state) } else { of_ios(state) };
    let mut management = dictionary([("IsUserEnrollment", state.enrollment_id.is_some().into())]);
    if mac {
        management.insert("EnrolledViaDEP".to_owned(), automated.into());
        management.insert("UserApprovedEnrollment".to_owned(), true.into());
        management.insert("IsActivationLockManageable".to_owned(), automated.into());
    }
    info.insert("ManagementStatus".to_owned(), Value::Dictionary(management));
    Outcome::Acknowledged(dictionary([("SecurityInfo", Value::Dictionary(info))]))
}

fn of_ios(state: &State) -> Dictionary {
    let rules = state.passcode_rules();
    let seconds = |minutes: Option<u64>, usual: u64| minutes.map_or(usual, |minutes| minutes * 60);
    dictionary([
        ("HardwareEncryptionCaps", 3.into()),
        ("PasscodePresent", state.passcode_set.into()),
        ("PasscodeCompliant", state.passcode_complies().into()),
        ("PasscodeCompliantWithProfiles", state.passcode_complies().into()),
        ("PasscodeLockGracePeriod", 0.into()),
        ("PasscodeLockGracePeriodEnforced", seconds(rules.grace, 0).into()),
        ("AutoLockTime", seconds(rules.inactivity, 120).min(120).into()),
    ])
}

fn of_mac(state: &State) -> Dictionary {
    let firewall = dictionary([
        ("FirewallEnabled", state.firewall("EnableFirewall").unwrap_or(true).into()),
        ("BlockAllIncoming", state.firewall("BlockAllIncoming").unwrap_or(false).into()),
        ("StealthMode", state.firewall("EnableStealthMode").unwrap_or(true).into()),
    ]);
    let boot = dictionary([("SecureBootLevel", "full".into()), ("ExternalBootLevel", "disallowed".into())]);
    let mut info = dictionary([
        ("FDE_Enabled", state.file_vault.into()),
        ("FDE_HasPersonalRecoveryKey", state.file_vault.into()),
        ("FDE_HasInstitutionalRecoveryKey", false.into()),
        ("SystemIntegrityProtectionEnabled", true.into()),
        ("FirewallSettings", Value::Dictionary(firewall)),
        ("SecureBoot", Value::Dictionary(boot)),
        ("RemoteDesktopEnabled", false.into()),
        ("AuthenticatedRootVolumeEnabled", true.into()),
        ("BootstrapTokenAllowedForAuthentication", "allowed".into()),
        ("IsRecoveryLockEnabled", state.mac.recovery_lock.is_some().into()),
    ]);
    if state.file_vault {
        info.insert("FDE_PersonalRecoveryKeyDeviceKey".to_owned(), "SIMULATEDKEY".into());
    }
    if let Some(sealed) = state.escrowed_recovery_key() {
        info.insert("FDE_PersonalRecoveryKeyCMS".to_owned(), Value::Data(sealed));
    }
    info
}

/// `DeviceLock`: a Mac with a PIN stops until somebody enters it; an iPhone or iPad locks its screen and shows the
/// message if a passcode is set.
pub(super) fn device_lock(state: &mut State, keys: &Dictionary) -> (Outcome, After) {
    let message = LockMessage { message: text(keys, "Message"), phone_number: text(keys, "PhoneNumber") };
    if state.hardware.model.is_mac() {
        let Some(pin) = text(keys, "PIN") else {
            state.screen_locked = true;
            return (Outcome::done(), After::Nothing);
        };
        if !is_pin(&pin) {
            return (Outcome::Failed(Failure::mdm(12008, "The PIN must have six digits.")), After::Nothing);
        }
        state.lock_message = Some(message);
        return (Outcome::done(), After::LockWithPin(pin));
    }
    state.screen_locked = true;
    let result = if state.lost_mode.is_some() {
        "DeviceInLostMode"
    } else if !state.passcode_set {
        "NoPasscodeSet"
    } else {
        state.lock_message = Some(message.clone());
        "Success"
    };
    let asked = message.message.is_some() || message.phone_number.is_some();
    let answer = if asked { dictionary([("MessageResult", result.into())]) } else { Dictionary::new() };
    (Outcome::Acknowledged(answer), After::Nothing)
}

/// Whether `pin` is six digits.
pub(super) fn is_pin(pin: &str) -> bool {
    pin.len() == 6 && pin.bytes().all(|byte| byte.is_ascii_digit())
}

/// `ClearPasscode`: only with the unlock token of this enrolment.
pub(super) fn clear_passcode(state: &mut State, keys: &Dictionary) -> Outcome {
    let Some(given) = keys.get("UnlockToken").and_then(Value::as_data) else {
        return Outcome::FormatError(Failure::mdm(12008, "UnlockToken is missing."));
    };
    let own = state.enrolment.as_ref().and_then(|enrolment| enrolment.unlock_token.as_deref());
    if own != Some(given) {
        return Outcome::Failed(Failure::mdm(12043, "The unlock token is not valid."));
    }
    state.passcode_set = false;
    state.screen_locked = false;
    state.lock_message = None;
    state.counts.passcodes_cleared += 1;
    Outcome::done()
}
