//! Secrets in results: taken out, to be sealed, before a result is kept, shown or told to anybody.

use plist::{Dictionary, Value};
use plist_guard::write_xml;

use crate::SecretBytes;

/// Stands in a redacted result where a secret was.
pub const MARKER: &str = "[sealed]";

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretKind {
    /// `ActivationLockBypassCode`.
    ActivationLockBypassCode,
    /// A FileVault recovery key, plain or as CMS for the escrow certificate.
    RecoveryKey,
    /// `UnlockToken`.
    UnlockToken,
    /// `BootstrapToken`.
    BootstrapToken,
    /// `PushToken` or `PushMagic`.
    PushToken,
    /// Where the device is: an XML dictionary of Apple's keys.
    Location,
    /// Passwords, PINs, tokens and codes of any other kind.
    Other,
}

impl SecretKind {
    /// A name for records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActivationLockBypassCode => "activation_lock_bypass_code",
            Self::RecoveryKey => "recovery_key",
            Self::UnlockToken => "unlock_token",
            Self::BootstrapToken => "bootstrap_token",
            Self::PushToken => "push_token",
            Self::Location => "location",
            Self::Other => "other",
        }
    }
}

/// The keys whose values are secret wherever they stand, in whatever result: a device may answer what it was not asked.
pub const SECRET_KEYS: [(&str, SecretKind); 23] = [
    ("ActivationLockBypassCode", SecretKind::ActivationLockBypassCode),
    ("BypassCode", SecretKind::ActivationLockBypassCode),
    ("FDE_PersonalRecoveryKeyCMS", SecretKind::RecoveryKey),
    ("EncryptedNewRecoveryKey", SecretKind::RecoveryKey),
    ("PersonalRecoveryKey", SecretKind::RecoveryKey),
    ("RecoveryKey", SecretKind::RecoveryKey),
    ("UnlockToken", SecretKind::UnlockToken),
    ("BootstrapToken", SecretKind::BootstrapToken),
    ("PushToken", SecretKind::PushToken),
    ("PushMagic", SecretKind::PushToken),
    ("AuthToken", SecretKind::Other),
    ("DigestResponse", SecretKind::Other),
    ("SecurityToken", SecretKind::Other),
    ("TokenData", SecretKind::Other),
    ("AppleCareToken", SecretKind::Other),
    ("OrganizationMagic", SecretKind::Other),
    ("UnusedRedemptionCode", SecretKind::Other),
    ("RedemptionCode", SecretKind::Other),
    ("Password", SecretKind::Other),
    ("NewPassword", SecretKind::Other),
    ("CurrentPassword", SecretKind::Other),
    ("passwordHash", SecretKind::Other),
    ("PIN", SecretKind::Other),
];

/// What a location consists of. The keys without "itude" are secret only beside one that has it.
const LOCATION_KEYS: [&str; 8] = [
    "Latitude",
    "Longitude",
    "Altitude",
    "HorizontalAccuracy",
    "VerticalAccuracy",
    "Speed",
    "Course",
    "Timestamp",
];

/// A secret that was taken out of a result.
#[derive(Debug, Clone)]
pub struct SecretValue {
    /// What it is.
    pub kind: SecretKind,
    /// Where it stood, such as `SecurityInfo.FDE_PersonalRecoveryKeyCMS`.
    pub key_path: String,
    /// The bytes of a data value, the UTF-8 of a string, else an XML property list.
    pub value: SecretBytes,
}

/// Whether the values of this key are secret.
#[must_use]
pub fn kind_of(key: &str) -> Option<SecretKind> {
    SECRET_KEYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, kind)| *kind)
}

/// Takes every secret out of a result and leaves [`MARKER`] in its place. `request_type` is the command's, if it is known: the
/// answer to `DeviceLocation` is a location whatever keys it has.
pub fn redact(request_type: Option<&str>, result: &mut Dictionary) -> Vec<SecretValue> {
    let mut taken = Vec::new();
    let is_location = request_type == Some("DeviceLocation");
    redact_dictionary(result, "", is_location, &mut taken);
    taken
}

fn redact_dictionary(from: &mut Dictionary, path: &str, is_location: bool, taken: &mut Vec<SecretValue>) {
    let is_location = is_location || from.keys().any(|key| key == "Latitude" || key == "Longitude");
    let mut location = Dictionary::new();
    for (key, value) in from.iter_mut() {
        let key_path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if is_location && LOCATION_KEYS.contains(&key.as_str()) {
            if !is_marker(value) {
                location.insert(key.clone(), std::mem::replace(value, MARKER.into()));
            }
        } else if let Some(kind) = kind_of(key).filter(|_| is_worth_sealing(value)) {
            let value = secret_bytes(std::mem::replace(value, MARKER.into()));
            taken.push(SecretValue { kind, key_path, value });
        } else {
            redact_value(value, &key_path, taken);
        }
    }
    if !location.is_empty() {
        let value = SecretBytes::new(write_xml(&location));
        taken.push(SecretValue { kind: SecretKind::Location, key_path: path.to_owned(), value });
    }
}

fn redact_value(value: &mut Value, path: &str, taken: &mut Vec<SecretValue>) {
    match value {
        Value::Dictionary(inner) => redact_dictionary(inner, path, false, taken),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                redact_value(item, &format!("{path}[{index}]"), taken);
            }
        }
        _ => {}
    }
}

/// A truth value says that something is there, not what it is; an empty value and a marker hold nothing.
fn is_worth_sealing(value: &Value) -> bool {
    match value {
        Value::Boolean(_) => false,
        Value::String(text) => !text.is_empty() && text != MARKER,
        Value::Data(bytes) => !bytes.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Dictionary(entries) => !entries.is_empty(),
        _ => true,
    }
}

/// Whether the value stands for one that was sealed.
#[must_use]
pub fn is_marker(value: &Value) -> bool {
    value.as_string() == Some(MARKER)
}

fn secret_bytes(value: Value) -> SecretBytes {
    match value {
        Value::Data(bytes) => SecretBytes::new(bytes),
        Value::String(text) => SecretBytes::new(text.into_bytes()),
        other => SecretBytes::new(plist_guard::write_xml_value(&other)),
    }
}

#[cfg(test)]
mod tests;
