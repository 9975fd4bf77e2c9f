//! What may be asked of a personal device and kept about it. An allow-list: a key that is not named here is dropped before
//! storage, even if the device volunteers it.

mod inner;

use plist::{Dictionary, Value};

/// The `DeviceInformation` queries that are sent to a personal device: what management needs, nothing that identifies the hardware
/// (an attestation names its serial number), the line, the place or the person.
pub const PERSONAL_QUERIES: [&str; 13] = [
    "OSVersion",
    "SupplementalOSVersionExtra",
    "BuildVersion",
    "SupplementalBuildVersion",
    "ModelName",
    "Model",
    "ModelNumber",
    "IsAppleSilicon",
    "ProductName",
    "IsSupervised",
    "AwaitingConfiguration",
    "OrganizationInfo",
    "MDMOptions",
];

/// Keys of an `Authenticate` that are not kept of a personal device.
pub const PERSONAL_AUTHENTICATE_FORBIDDEN: [&str; 4] = ["SerialNumber", "IMEI", "MEID", "DeviceName"];

/// The keys that every report has and that are kept.
const COMMON_KEYS: [&str; 10] = [
    "Status",
    "CommandUUID",
    "RequestType",
    "ErrorChain",
    "UDID",
    "EnrollmentID",
    "EnrollmentUserID",
    "UserID",
    "NotOnConsole",
    "NeedSyncResponse",
];

/// The keys of results that are kept besides, each with the key of the command that makes the answer a managed one.
const RESULT_KEYS: [(&str, Option<&str>); 12] = [
    ("QueryResponses", None),
    ("SecurityInfo", None),
    ("MessageResult", None),
    ("ProfileList", Some("ManagedOnly")),
    ("CertificateList", Some("ManagedOnly")),
    ("InstalledApplicationList", Some("ManagedAppsOnly")),
    ("ManagedApplicationList", None),
    ("State", None),
    ("Identifier", None),
    ("RejectionReason", None),
    ("Settings", None),
    ("ScreenSharingResult", None),
];

/// Takes out of a result what may not be kept of a personal device, and names what was taken (never its value). Lists of profiles,
/// certificates and applications stay only where `command`, the inner dictionary that was answered, asked for managed ones; inside of
/// what stays, keys that Apple does not list go as well.
pub fn strip_personal(command: Option<&Dictionary>, result: &mut Dictionary) -> Vec<String> {
    let mut dropped = Vec::new();
    let managed =
        |key: &str| command.and_then(|command| command.get(key)).and_then(Value::as_boolean) == Some(true);
    result.retain(|key, _| {
        let rule = RESULT_KEYS.iter().find(|(name, _)| *name == key);
        let kept = COMMON_KEYS.contains(&key.as_str())
            || rule.is_some_and(|(_, condition)| condition.is_none_or(managed));
        if !kept {
            dropped.push(key.to_owned());
        }
        kept
    });
    if let Some(Value::Dictionary(answers)) = result.get_mut("QueryResponses") {
        answers.retain(|key, _| {
            let kept = PERSONAL_QUERIES.contains(&key.as_str());
            if !kept {
                dropped.push(format!("QueryResponses.{key}"));
            }
            kept
        });
    }
    for (key, value) in result.iter_mut() {
        inner::strip(key, value, &mut dropped);
    }
    dropped
}

#[cfg(test)]
mod tests;
