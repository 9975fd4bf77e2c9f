//! Which commands a device takes: by platform, supervision, channel, access right, lock state and Lost Mode.
//!
//! Written down here a second time on purpose: a simulator that asked the server's catalogue could not find its errors.

use super::{Command, Failure, Outcome};
use crate::device::Model;
use crate::device::state::{State, User};

/// Access rights (Apple: MDM payload, `AccessRights`).
mod right {
    pub(super) const INSPECT: u64 = 1;
    pub(super) const PROFILES: u64 = 2;
    pub(super) const LOCK: u64 = 4;
    pub(super) const ERASE: u64 = 8;
    pub(super) const APPS: u64 = 256;
    pub(super) const SECURITY: u64 = 1024;
    pub(super) const SETTINGS: u64 = 2048;
}

/// The line of the availability matrix for one command.
struct Rule {
    /// Right that the enrolment needs, 0 for none.
    right: u64,
    /// Not on a Mac.
    ios_only: bool,
    /// Only on a Mac.
    mac_only: bool,
    /// iPhone and iPad must be supervised.
    supervised: bool,
    /// Also on the user channel of a Mac.
    mac_user: bool,
    /// Also on the user channel of a Shared iPad.
    shared_user: bool,
    /// Not on a Shared iPad.
    not_shared: bool,
    /// Not in a User Enrollment.
    not_personal: bool,
}

const PLAIN: Rule = Rule {
    right: 0,
    ios_only: false,
    mac_only: false,
    supervised: false,
    mac_user: false,
    shared_user: false,
    not_shared: false,
    not_personal: false,
};

fn rule(request_type: &str) -> Option<Rule> {
    Some(match request_type {
        "DeviceInformation" | "DeclarativeManagement" => Rule { mac_user: true, shared_user: true, ..PLAIN },
        "ProfileList" => Rule { right: right::INSPECT, mac_user: true, shared_user: true, ..PLAIN },
        "CertificateList" => Rule { right: right::INSPECT, mac_user: true, ..PLAIN },
        "InstallProfile" | "RemoveProfile" => {
            Rule { right: right::PROFILES, mac_user: true, shared_user: true, ..PLAIN }
        }
        "InstalledApplicationList" => Rule { right: right::APPS, mac_user: true, ..PLAIN },
        "SecurityInfo" => Rule { right: right::SECURITY, mac_user: true, ..PLAIN },
        "Settings" => Rule { right: right::SETTINGS, mac_user: true, shared_user: true, ..PLAIN },
        "DeviceLock" => Rule { right: right::LOCK, ..PLAIN },
        "RestartDevice" | "ShutDownDevice" => {
            Rule { right: right::LOCK, supervised: true, not_personal: true, ..PLAIN }
        }
        "ClearPasscode" => {
            Rule { right: right::LOCK, ios_only: true, not_shared: true, not_personal: true, ..PLAIN }
        }
        "EraseDevice" => Rule { right: right::ERASE, not_personal: true, ..PLAIN },
        "EnableLostMode" | "DisableLostMode" | "DeviceLocation" | "PlayLostModeSound" => {
            Rule { ios_only: true, supervised: true, not_personal: true, ..PLAIN }
        }
        "DeviceConfigured" => Rule { supervised: true, ..PLAIN },
        "UserList" => PLAIN,
        "SetRecoveryLock"
        | "VerifyRecoveryLock"
        | "SetFirmwarePassword"
        | "RotateFileVaultKey"
        | "UnlockUserAccount" => Rule { right: right::LOCK, mac_only: true, not_personal: true, ..PLAIN },
        "VerifyFirmwarePassword" | "SetAutoAdminPassword" | "AccountConfiguration" => {
            Rule { mac_only: true, not_personal: true, ..PLAIN }
        }
        _ => return None,
    })
}

/// Why the device refuses `command`, if it does. Unknown commands are refused elsewhere.
pub(super) fn refusal(state: &State, command: &Command, user: Option<&User>) -> Option<Outcome> {
    let name = command.request_type.as_str();
    let rule = rule(name)?;
    let model = state.hardware.model;
    let invalid = |why: &str| Some(Outcome::Failed(Failure::mdm(12021, format!("{name}: {why}"))));
    if user.is_some() {
        let allowed = if model.is_mac() { rule.mac_user } else { rule.shared_user };
        if !allowed {
            return Some(Outcome::FormatError(Failure::mdm(
                12021,
                format!("{name} is not for the user channel"),
            )));
        }
    }
    let personal = state.enrollment_id.is_some();
    if personal && (rule.not_personal || (name == "DeviceLock" && model.is_mac())) {
        return invalid("not in a User Enrollment");
    }
    if rule.ios_only && model.is_mac() {
        return invalid("a Mac does not know this command");
    }
    if rule.mac_only && !model.is_mac() {
        return invalid("only a Mac knows this command");
    }
    if (rule.not_shared && model == Model::SharedIPad) || (name == "UserList" && !shared_or_mac(model)) {
        return invalid("this kind of device does not know this command");
    }
    if rule.supervised && !model.is_mac() && !state.supervised {
        return invalid("the device is not supervised");
    }
    let rights = state.enrolment.as_ref().and_then(|enrolment| enrolment.mdm.access_rights);
    if rights.is_some_and(|rights| rights & rule.right != rule.right) {
        return Some(Outcome::Failed(Failure::mdm(
            12007,
            format!("{name}: the MDM profile does not grant this right"),
        )));
    }
    if state.lost_mode.is_some() && name == "ClearPasscode" {
        return Some(Outcome::Failed(Failure::mdm(12078, "The command is not valid while in Lost Mode.")));
    }
    None
}

const fn shared_or_mac(model: Model) -> bool {
    model.is_mac() || matches!(model, Model::SharedIPad)
}

/// Whether the device answers `NotNow`.
pub(super) fn puts_off(state: &State, command: &Command, user: Option<&User>) -> bool {
    /// What a locked iPhone or iPad does all the same.
    const WHILE_LOCKED: [&str; 15] = [
        "ClearPasscode",
        "DeviceConfigured",
        "DeviceInformation",
        "DeviceLocation",
        "DeviceLock",
        "DisableLostMode",
        "EnableLostMode",
        "EraseDevice",
        "InstalledApplicationList",
        "PlayLostModeSound",
        "ProfileList",
        "ProvisioningProfileList",
        "RestartDevice",
        "Restrictions",
        "ShutDownDevice",
    ];
    /// What a Mac does in Power Nap.
    const IN_POWER_NAP: [&str; 9] = [
        "ActivationLockBypassCode",
        "ClearActivationLockBypassCode",
        "DeleteUser",
        "DeviceLock",
        "EraseDevice",
        "RestartDevice",
        "ShutDownDevice",
        "UnlockUserAccount",
        "UserList",
    ];
    let name = command.request_type.as_str();
    if state.hardware.model.is_mac() {
        let keychain =
            user.is_some() && state.screen_locked && matches!(name, "InstallProfile" | "RemoveProfile");
        return keychain || (state.power_nap && !IN_POWER_NAP.contains(&name));
    }
    state.screen_locked && state.passcode_set && !WHILE_LOCKED.contains(&name)
}
