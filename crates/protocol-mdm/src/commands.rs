//! The inner dictionaries of the commands that Ward sends by itself, `RequestType` included.
//! Apple: "Commands and queries", one page a command.

use plist::{Dictionary, Value};
use secrecy::{ExposeSecret, SecretString};

use crate::SecretBytes;
use crate::fields::put;

/// A command that has no parameters.
fn plain(request_type: &str) -> Dictionary {
    let mut command = Dictionary::new();
    command.insert("RequestType".into(), request_type.into());
    command
}

/// Asks for the named properties. Unknown names are ignored by devices, absent answers mean "not available".
#[must_use]
pub fn device_information<S: AsRef<str>>(queries: &[S]) -> Dictionary {
    let mut command = plain("DeviceInformation");
    let queries = queries.iter().map(|query| Value::from(query.as_ref())).collect();
    command.insert("Queries".into(), Value::Array(queries));
    command
}

/// Asks for passcode, encryption and boot security.
#[must_use]
pub fn security_info() -> Dictionary {
    plain("SecurityInfo")
}

/// Locks the screen; a Mac locks its firmware with the six-digit `pin`, which must be kept before this is sent.
#[must_use]
pub fn device_lock(
    pin: Option<&SecretString>,
    message: Option<&str>,
    phone_number: Option<&str>,
) -> Dictionary {
    let mut command = plain("DeviceLock");
    put(&mut command, "PIN", pin.map(ExposeSecret::expose_secret));
    put(&mut command, "Message", message);
    put(&mut command, "PhoneNumber", phone_number);
    command
}

/// What a Mac does where it cannot erase its user data alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObliterationBehavior {
    /// Answers `Error` and erases everything.
    Default,
    /// Answers `Error` and erases nothing.
    DoNotObliterate,
    /// Answers `Acknowledged` and erases everything.
    ObliterateWithWarning,
    /// Erases everything from the start.
    Always,
}

impl ObliterationBehavior {
    /// Apple's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "Default",
            Self::DoNotObliterate => "DoNotObliterate",
            Self::ObliterateWithWarning => "ObliterateWithWarning",
            Self::Always => "Always",
        }
    }
}

/// What an erased device is given to come back by itself.
#[derive(Debug, Clone, Default)]
pub struct ReturnToService {
    /// A profile with Wi-Fi to join.
    pub wifi_profile_data: Option<Vec<u8>>,
    /// An enrolment profile; needed where Automated Device Enrollment does not give one. It holds a challenge, so it is a secret.
    pub mdm_profile_data: Option<SecretBytes>,
    /// The bootstrap token, to keep apps (iOS 26).
    pub bootstrap_token: Option<SecretBytes>,
    /// Whether the device goes on trying where enrolment fails (iOS 27).
    pub should_retry_enrollment: Option<bool>,
}

/// The parameters of [`erase_device`].
#[derive(Debug, Clone, Default)]
pub struct EraseDevice {
    /// Keep the eSIM.
    pub preserve_data_plan: Option<bool>,
    /// No proximity setup afterwards.
    pub disallow_proximity_setup: Option<bool>,
    /// Six digits, on a Mac without a T2 chip; must be kept before this is sent.
    pub pin: Option<SecretString>,
    /// On a Mac.
    pub obliteration_behavior: Option<ObliterationBehavior>,
    /// Come back without a person (iOS 17).
    pub return_to_service: Option<ReturnToService>,
}

/// Erases the device.
#[must_use]
pub fn erase_device(parameters: &EraseDevice) -> Dictionary {
    let mut command = plain("EraseDevice");
    put(&mut command, "PreserveDataPlan", parameters.preserve_data_plan);
    put(&mut command, "DisallowProximitySetup", parameters.disallow_proximity_setup);
    put(&mut command, "PIN", parameters.pin.as_ref().map(ExposeSecret::expose_secret));
    put(
        &mut command,
        "ObliterationBehavior",
        parameters.obliteration_behavior.map(ObliterationBehavior::as_str),
    );
    put(&mut command, "ReturnToService", parameters.return_to_service.as_ref().map(return_to_service));
    command
}

fn return_to_service(parameters: &ReturnToService) -> Dictionary {
    let secret = |secret: &SecretBytes| Value::Data(secret.expose_secret().to_vec());
    let mut inner = Dictionary::new();
    inner.insert("Enabled".into(), true.into());
    put(&mut inner, "WiFiProfileData", parameters.wifi_profile_data.clone().map(Value::Data));
    put(&mut inner, "MDMProfileData", parameters.mdm_profile_data.as_ref().map(secret));
    put(&mut inner, "BootstrapToken", parameters.bootstrap_token.as_ref().map(secret));
    put(&mut inner, "ShouldRetryEnrollment", parameters.should_retry_enrollment);
    inner
}

/// Restarts the device; with `notify_user` a Mac's user may put it off.
#[must_use]
pub fn restart_device(notify_user: Option<bool>) -> Dictionary {
    let mut command = plain("RestartDevice");
    put(&mut command, "NotifyUser", notify_user);
    command
}

/// Shuts the device down.
#[must_use]
pub fn shut_down_device() -> Dictionary {
    plain("ShutDownDevice")
}

/// Removes the passcode, by the unlock token of the last `TokenUpdate` that had one.
#[must_use]
pub fn clear_passcode(unlock_token: &SecretBytes) -> Dictionary {
    let mut command = plain("ClearPasscode");
    command.insert("UnlockToken".into(), Value::Data(unlock_token.expose_secret().to_vec()));
    command
}

/// Installs a profile, or replaces the one with the same `PayloadIdentifier`; `payload` is the file, signed or not.
#[must_use]
pub fn install_profile(payload: Vec<u8>) -> Dictionary {
    let mut command = plain("InstallProfile");
    command.insert("Payload".into(), Value::Data(payload));
    command
}

/// Removes the profile with this `PayloadIdentifier`; the enrolment profile's one ends the enrolment.
#[must_use]
pub fn remove_profile(identifier: &str) -> Dictionary {
    let mut command = plain("RemoveProfile");
    command.insert("Identifier".into(), identifier.into());
    command
}

/// Asks for the installed profiles.
#[must_use]
pub fn profile_list(managed_only: bool) -> Dictionary {
    let mut command = plain("ProfileList");
    put(&mut command, "ManagedOnly", managed_only.then_some(true));
    command
}

/// Asks for the installed certificates.
#[must_use]
pub fn certificate_list(managed_only: bool) -> Dictionary {
    let mut command = plain("CertificateList");
    put(&mut command, "ManagedOnly", managed_only.then_some(true));
    command
}

/// Asks for the installed applications. `identifiers` and `items` narrow the answer; empty means all.
#[must_use]
pub fn installed_application_list<S: AsRef<str>>(
    managed_apps_only: bool,
    identifiers: &[S],
    items: &[S],
) -> Dictionary {
    let mut command = plain("InstalledApplicationList");
    put(&mut command, "ManagedAppsOnly", managed_apps_only.then_some(true));
    for (key, names) in [("Identifiers", identifiers), ("Items", items)] {
        let names: Vec<Value> = names.iter().map(|name| Value::from(name.as_ref())).collect();
        put(&mut command, key, (!names.is_empty()).then_some(Value::Array(names)));
    }
    command
}

/// Takes a supervised device out of use and shows a text on it. Apple wants a message or a phone number; the footnote is extra.
#[must_use]
pub fn enable_lost_mode(
    message: Option<&str>,
    phone_number: Option<&str>,
    footnote: Option<&str>,
) -> Dictionary {
    let mut command = plain("EnableLostMode");
    put(&mut command, "Message", message);
    put(&mut command, "PhoneNumber", phone_number);
    put(&mut command, "Footnote", footnote);
    command
}

/// Gives the device back to use; its user is told that it was located, if it was.
#[must_use]
pub fn disable_lost_mode() -> Dictionary {
    plain("DisableLostMode")
}

/// Asks where the device is; answered in Lost Mode only.
#[must_use]
pub fn device_location() -> Dictionary {
    plain("DeviceLocation")
}

/// Lets a device in Lost Mode ring.
#[must_use]
pub fn play_lost_mode_sound() -> Dictionary {
    plain("PlayLostModeSound")
}

#[cfg(test)]
mod tests;
