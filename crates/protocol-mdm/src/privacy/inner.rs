//! What may stand inside the answers that are kept of a personal device: the keys that Apple lists and that say nothing of the person.

use plist::{Dictionary, Value};

use crate::results::inner_keys;

/// The keys of entries of lists that are kept.
const ENTRIES: [(&str, &[&str]); 6] = [
    (
        "ProfileList",
        &[
            "PayloadIdentifier",
            "PayloadUUID",
            "PayloadVersion",
            "PayloadDisplayName",
            "PayloadOrganization",
            "PayloadContent",
            "PayloadRemovalDisallowed",
            "HasRemovalPasscode",
            "IsEncrypted",
            "IsManaged",
            "Source",
        ],
    ),
    ("ProfileList.PayloadContent", &["PayloadType", "PayloadIdentifier", "PayloadUUID", "PayloadVersion"]),
    ("CertificateList", &["CommonName", "IsIdentity", "Data"]),
    (
        "InstalledApplicationList",
        &[
            "Identifier",
            "Name",
            "Version",
            "ShortVersion",
            "BundleSize",
            "DynamicSize",
            "ExternalVersionIdentifier",
            "Installing",
            "IsValidated",
            "HasUpdateAvailable",
            "AppStoreVendable",
            "DeviceBasedVPP",
            "BetaApp",
            "AdHocCodeSigned",
        ],
    ),
    (
        "ManagedApplicationList",
        &[
            "Status",
            "ManagementFlags",
            "HasConfiguration",
            "HasFeedback",
            "IsValidated",
            "ExternalVersionIdentifier",
        ],
    ),
    ("Settings", &["Item", "Status", "Identifier", "ErrorChain"]),
];

/// The keys of an error that are kept: its text in the user's language may hold what the user wrote.
const ERROR: [&str; 3] = ["ErrorCode", "ErrorDomain", "USEnglishDescription"];

/// Takes out what may not be kept inside one of the keys of a result, and names what was taken.
pub(super) fn strip(key: &str, value: &mut Value, dropped: &mut Vec<String>) {
    match (key, value) {
        ("QueryResponses", Value::Dictionary(inner)) => nested(key, "DeviceInformation", inner, dropped),
        ("SecurityInfo", Value::Dictionary(inner)) => {
            keep(key, inner, &inner_keys("SecurityInfo"), dropped);
            nested(key, "SecurityInfo", inner, dropped);
        }
        ("ErrorChain", Value::Array(items)) => entries(key, items, &ERROR, dropped),
        ("ManagedApplicationList", Value::Dictionary(apps)) => {
            for (app, value) in apps.iter_mut() {
                let path = format!("{key}.{app}");
                entries(&path, std::slice::from_mut(value), allowed(key), dropped);
            }
        }
        (key, Value::Array(items)) if !allowed(key).is_empty() => {
            if key == "ProfileList" {
                unmanaged(items, dropped);
            }
            entries(key, items, allowed(key), dropped);
        }
        (key, Value::Dictionary(inner)) if !allowed(key).is_empty() => {
            keep(key, inner, allowed(key), dropped);
            deeper(key, inner, dropped);
        }
        // These are words or lists, never more: a device that answers otherwise tells something else.
        ("QueryResponses" | "SecurityInfo" | "ErrorChain" | "ManagedApplicationList", other) => {
            clear(key, other, dropped)
        }
        (key, other @ (Value::Dictionary(_) | Value::Array(_))) => clear(key, other, dropped),
        (key, other) if !allowed(key).is_empty() => clear(key, other, dropped),
        _ => {}
    }
}

fn clear(key: &str, value: &mut Value, dropped: &mut Vec<String>) {
    dropped.push(key.to_owned());
    *value = Value::Boolean(false);
}

fn allowed(key: &str) -> &'static [&'static str] {
    ENTRIES.iter().find(|(name, _)| *name == key).map_or(&[], |(_, keys)| *keys)
}

/// What a user installed is not the hospital's business, even if it was asked for by mistake.
fn unmanaged(items: &mut Vec<Value>, dropped: &mut Vec<String>) {
    let before = items.len();
    items.retain(|item| {
        let managed = item.as_dictionary().and_then(|item| item.get("IsManaged")).and_then(Value::as_boolean);
        managed != Some(false)
    });
    if items.len() < before {
        dropped.push("ProfileList[unmanaged]".to_owned());
    }
}

fn entries(path: &str, items: &mut [Value], keys: &[&str], dropped: &mut Vec<String>) {
    for item in items {
        match item {
            Value::Dictionary(inner) => {
                keep(path, inner, keys, dropped);
                deeper(path, inner, dropped);
            }
            other => clear(path, other, dropped),
        }
    }
}

/// What stands inside an entry.
fn deeper(path: &str, inner: &mut Dictionary, dropped: &mut Vec<String>) {
    for (key, value) in inner.iter_mut() {
        match value {
            Value::Array(items) if key == "PayloadContent" => {
                entries("ProfileList.PayloadContent", items, allowed("ProfileList.PayloadContent"), dropped);
            }
            Value::Array(items) if key == "ErrorChain" => entries("ErrorChain", items, &ERROR, dropped),
            Value::Dictionary(_) | Value::Array(_) => clear(&format!("{path}.{key}"), value, dropped),
            _ => {}
        }
    }
}

/// Dictionaries inside a set of facts keep the keys that Apple lists. Lists (of applications behind a firewall) go.
fn nested(path: &str, prefix: &str, inner: &mut Dictionary, dropped: &mut Vec<String>) {
    inner.retain(|key, value| {
        let is_list = matches!(value, Value::Array(_));
        if is_list {
            dropped.push(format!("{path}.{key}"));
        }
        !is_list
    });
    for (key, value) in inner.iter_mut() {
        if let Value::Dictionary(deep) = value {
            let (here, set) = (format!("{path}.{key}"), format!("{prefix}.{key}"));
            keep(&here, deep, &inner_keys(&set), dropped);
            nested(&here, &set, deep, dropped);
        }
    }
}

fn keep(path: &str, inner: &mut Dictionary, keys: &[&str], dropped: &mut Vec<String>) {
    inner.retain(|key, _| {
        let kept = keys.contains(&key.as_str());
        if !kept {
            dropped.push(format!("{path}.{key}"));
        }
        kept
    });
}
