//! Rules that Apple's schema says in prose only: which keys go together, and what is pointless or unsafe.
//!
//! Sources: Apple's page of each command; healthcare.md WB-5, AP-2 and BY-3 of the product's own requirements.

use plist::{Dictionary, Value};

use crate::refusal::{Refusal, Rule};
use crate::{DeviceFacts, EnrollmentType, Ownership, Platform};

/// Adds what speaks against the command as a whole.
pub(crate) fn check(
    request_type: &str,
    command: &Dictionary,
    facts: &DeviceFacts,
    refusals: &mut Vec<Refusal>,
) {
    let found = match request_type {
        "EnableLostMode" => lost_mode(command),
        "InstallApplication" => exactly_one(command, &["iTunesStoreID", "Identifier", "ManifestURL"]),
        "InstallEnterpriseApplication" => exactly_one(command, &["Manifest", "ManifestURL"]),
        "RequestMirroring" => at_least_one(command, &["DestinationName", "DestinationDeviceID"]),
        "DeleteUser" => delete_user(command),
        "DeviceLock" => device_lock(facts),
        "EraseDevice" => erase(command, facts),
        "InstalledApplicationList" => application_list(command, facts),
        "DeviceLocation" => location(facts),
        _ => None,
    };
    refusals.extend(found);
    if matches!(request_type, "DeviceLock" | "EraseDevice") {
        refusals.extend(pin(command));
        refusals.extend(unknown_platform(facts));
    }
}

fn has(command: &Dictionary, key: &str) -> bool {
    command.contains_key(key)
}

fn is_true(command: &Dictionary, key: &str) -> bool {
    command.get(key).and_then(Value::as_boolean) == Some(true)
}

fn has_text(command: &Dictionary, key: &str) -> bool {
    command.get(key).and_then(Value::as_string).is_some_and(|text| !text.trim().is_empty())
}

fn lost_mode(command: &Dictionary) -> Option<Refusal> {
    (!has_text(command, "Message") && !has_text(command, "PhoneNumber")).then(|| {
        let advice = "Lost Mode needs a Message or a PhoneNumber, so that a finder knows what to do. Give one of them.";
        Refusal::new("Message", Rule::Combination, advice)
    })
}

fn exactly_one(command: &Dictionary, keys: &[&str]) -> Option<Refusal> {
    let count = keys.iter().filter(|key| has(command, key)).count();
    (count != 1).then(|| {
        let advice = format!("Give exactly one of {}: this has {count} of them.", keys.join(", "));
        Refusal::new("", Rule::Combination, advice)
    })
}

fn at_least_one(command: &Dictionary, keys: &[&str]) -> Option<Refusal> {
    (!keys.iter().any(|key| has(command, key)))
        .then(|| Refusal::new("", Rule::Combination, format!("Give one of {}.", keys.join(", "))))
}

fn delete_user(command: &Dictionary) -> Option<Refusal> {
    let all = is_true(command, "DeleteAllUsers");
    if all == has(command, "UserName") {
        let advice = "Give either a UserName or DeleteAllUsers = true, and not both.";
        return Some(Refusal::new("UserName", Rule::Combination, advice));
    }
    None
}

fn device_lock(facts: &DeviceFacts) -> Option<Refusal> {
    let mac = facts.platform == Some(Platform::MacOs);
    (facts.has_passcode == Some(false) && !mac).then(|| {
        let advice = "No passcode is set on this device, so a lock would only darken its screen: anyone can swipe it open. \
                      Use Lost Mode (EnableLostMode), which holds without a passcode on supervised devices.";
        Refusal::new("", Rule::DeviceState, advice)
    })
}

fn erase(command: &Dictionary, facts: &DeviceFacts) -> Option<Refusal> {
    let service = command.get("ReturnToService").and_then(Value::as_dictionary)?;
    if !is_true(service, "Enabled") {
        return None;
    }
    if facts.platform.is_some() && facts.os_version.is_none() {
        let advice = "The OS version of this device is not known yet. One that does not know Return to Service would simply \
                      be erased and stay away. Ask for DeviceInformation first, or erase without ReturnToService.";
        return Some(Refusal::new("ReturnToService", Rule::DeviceState, advice));
    }
    (facts.enrollment == EnrollmentType::User).then(|| {
        let advice =
            "A device under User Enrollment cannot return to service: erasing it is its owner's to do.";
        Refusal::new("ReturnToService", Rule::EnrollmentKind, advice)
    })
}

fn pin(command: &Dictionary) -> Option<Refusal> {
    let pin = command.get("PIN")?.as_string()?;
    (pin.len() != 6 || !pin.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| Refusal::new("PIN", Rule::BadFormat, "The PIN must be six digits."))
}

fn unknown_platform(facts: &DeviceFacts) -> Option<Refusal> {
    facts.platform.is_none().then(|| {
        let advice = "It is not known yet what kind of device this is, and a Mac would need a PIN that Ward has kept. \
                      Wait for its first DeviceInformation, then try again.";
        Refusal::new("", Rule::DeviceState, advice)
    })
}

fn application_list(command: &Dictionary, facts: &DeviceFacts) -> Option<Refusal> {
    let personal = facts.ownership == Ownership::Personal;
    (personal && !is_true(command, "ManagedAppsOnly")).then(|| {
        let advice =
            "This is a personal device: Ward asks for managed apps only. Set ManagedAppsOnly = true.";
        Refusal::new("ManagedAppsOnly", Rule::Ownership, advice)
    })
}

fn location(facts: &DeviceFacts) -> Option<Refusal> {
    (facts.ownership == Ownership::Personal).then(|| {
        let advice = "This is a personal device: Ward never asks where it is.";
        Refusal::new("", Rule::Ownership, advice)
    })
}
