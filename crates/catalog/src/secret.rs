//! Which keys hold secrets, and which of them are Ward's to make.

use plist::{Dictionary, Value};

use crate::refusal::{Refusal, Rule};

/// Keys whose value is a secret, wherever they stand.
const SECRET_KEYS: &[&str] = &[
    "PIN",
    "Password",
    "password",
    "passwordHash",
    "NewPassword",
    "CurrentPassword",
    "UserPassword",
    "AuthPassword",
    "ProxyPassword",
    "HTTPProxyPassword",
    "XAuthPassword",
    "IncomingPassword",
    "OutgoingPassword",
    "RemovalPassword",
    "LDAPAccountPassword",
    "JabberPassword",
    "CertificatePassword",
    "CardDAVPassword",
    "CalDAVPassword",
    "SubCalAccountPassword",
    "AutologinPassword",
    "AIMPassword",
    "PrivateKeyExport",
    "PrivateKeyExportPassword",
    "SharedSecret",
    "sharedSecret",
    "Challenge",
    "UnlockToken",
    "BootstrapToken",
    "RegistrationToken",
    "AuthToken",
    "AppleCareToken",
    "PIRAuthenticationToken",
    "IdentityToken",
    "TokenData",
    "ActivationLockBypassCode",
    "EncryptedNewRecoveryKey",
    "FDE_PersonalRecoveryKeyCMS",
    "SecurityToken",
    "PAIRING_TOKEN",
];

/// Where Ward makes the secret itself: command, key path, and what to do instead.
const WARDS_OWN: &[(&str, &str, &str)] = &[
    (
        "DeviceLock",
        "PIN",
        "Ward makes the PIN, keeps it sealed and shows it to who may see it. Leave it out.",
    ),
    (
        "EraseDevice",
        "PIN",
        "Ward makes the PIN, keeps it sealed and shows it to who may see it. Leave it out.",
    ),
    (
        "EraseDevice",
        "ReturnToService.BootstrapToken",
        "Ward adds the token that it keeps for the device. Leave it out.",
    ),
    (
        "EraseDevice",
        "ReturnToService.MDMProfileData",
        "Ward makes the enrolment profile for exactly this erase. Leave it out.",
    ),
    ("ClearPasscode", "UnlockToken", "Ward adds the token that the device left with it. Leave it out."),
    ("SetFirmwarePassword", "NewPassword", "Ward makes the password and keeps it sealed. Leave it out."),
    ("SetFirmwarePassword", "CurrentPassword", "Ward adds the password that it keeps. Leave it out."),
    ("VerifyFirmwarePassword", "Password", "Ward adds the password that it keeps. Leave it out."),
    ("SetRecoveryLock", "NewPassword", "Ward makes the password and keeps it sealed. Leave it out."),
    ("SetRecoveryLock", "CurrentPassword", "Ward adds the password that it keeps. Leave it out."),
    ("VerifyRecoveryLock", "Password", "Ward adds the password that it keeps. Leave it out."),
    (
        "SetAutoAdminPassword",
        "passwordHash",
        "Ward makes the administrator's password and keeps it sealed. Leave it out.",
    ),
    (
        "AccountConfiguration",
        "AutoSetupAdminAccounts[].passwordHash",
        "Ward makes the administrator's password. Leave it out.",
    ),
    ("RotateFileVaultKey", "FileVaultUnlock", "Ward adds the recovery key that it keeps. Leave it out."),
    (
        "RotateFileVaultKey",
        "ReplyEncryptionCertificate",
        "Ward makes the certificate, so that only it can read the key. Leave it out.",
    ),
    (
        "RotateFileVaultKey",
        "NewCertificate",
        "Ward makes the certificate, so that only it can use it. Leave it out.",
    ),
];

/// Whether a key's value is a secret: it is sealed, never shown, and a reference to a secret may stand there.
#[must_use]
pub fn is_secret_key(name: &str) -> bool {
    SECRET_KEYS.contains(&name)
}

/// The key paths of a command that Ward fills in itself: `PIN`, `ReturnToService.BootstrapToken`.
pub fn filled_by_ward(request_type: &str) -> impl Iterator<Item = &'static str> {
    WARDS_OWN.iter().filter(move |(command, _, _)| *command == request_type).map(|(_, path, _)| *path)
}

/// Turns the refusals of a complete command into those of a request: what Ward fills in may be absent, and must be.
pub(crate) fn hold_request(request_type: &str, command: &Dictionary, refusals: &mut Vec<Refusal>) {
    for (_, path, advice) in WARDS_OWN.iter().filter(|(owner, _, _)| *owner == request_type) {
        let is_here = |found: &str| without_indices(found) == *path;
        refusals.retain(|refusal| refusal.rule != Rule::MissingKey || !is_here(&refusal.key_path));
        if is_present(command, path) {
            refusals.push(Refusal::new(*path, Rule::SecretInRequest, *advice));
        }
    }
}

/// `a[3].b` as `a[].b`.
fn without_indices(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn is_present(dictionary: &Dictionary, path: &str) -> bool {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, in_list) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
    let Some(value) = dictionary.get(name) else { return false };
    if rest.is_empty() {
        // An empty password takes a lock away: nothing that could be kept from anybody.
        return value.as_string() != Some("");
    }
    let inside = |value: &Value| value.as_dictionary().is_some_and(|inner| is_present(inner, rest));
    if in_list { value.as_array().is_some_and(|list| list.iter().any(inside)) } else { inside(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Key, ValueType};
    use crate::table::Table;

    /// Names that sound like secrets and are none.
    const HARMLESS: &[&str] = &[
        "Hash-SHA-256",
        "ServerToken",
        "iTunesStoreAccountHash",
        "Hash",
        "CDHash",
        "passwordContentRegex",
        "XAuthPasswordEncryption",
        "PasswordEncryption",
        "TokenServiceType",
        "TokenRequestURL",
        "OAuthTokenRequestURL",
        "SafariPasswordAutoFillDomainsItem",
        "AuthenticationTokenAssetReference",
        "PushToken",
        "BootstrapTokenAllowedForAuthentication",
        "DigestChallenge",
        "Token",
        "DeclarationsToken",
        "FDE_PersonalRecoveryKeyDeviceKey",
        "server-token",
        "asset-server-token",
        "security-token",
        "mdm.push-token",
        "enhanced-logging.applecare-token",
    ];

    fn visit(keys: &[Key], unmarked: &mut Vec<&'static str>) {
        for key in keys {
            let sounds = [
                "password",
                "passphrase",
                "secret",
                "token",
                "challenge",
                "hash",
                "bypass",
                "recoverykey",
                "privatekey",
            ];
            let lower = key.name.to_lowercase();
            let holds_value =
                matches!(key.value_type, ValueType::String | ValueType::Data) && key.keys.is_empty();
            let is_secret = sounds.iter().any(|sound| lower.contains(sound)) && holds_value;
            if is_secret && !is_secret_key(key.name) && !HARMLESS.contains(&key.name) {
                unmarked.push(key.name);
            }
            visit(&key.keys, unmarked);
        }
    }

    #[test]
    fn every_key_that_sounds_like_a_secret_is_marked_or_known_to_be_harmless() {
        let mut unmarked = Vec::new();
        for entry in Table::get().entries() {
            visit(&entry.keys, &mut unmarked);
            visit(&entry.answer, &mut unmarked);
        }
        unmarked.retain(|name| *name != "RequestRequiresNetworkTether");
        assert_eq!(unmarked, Vec::<&str>::new(), "decide in secret.rs what these are");
    }

    #[test]
    fn every_path_that_ward_fills_in_exists_in_the_table() {
        for (command, path, _) in WARDS_OWN {
            let entry = Table::get().find(crate::Kind::Command, command).first().expect(command);
            let mut keys = &entry.keys;
            for name in path.replace("[]", "").split('.') {
                let key =
                    keys.iter().find(|key| key.name == name).unwrap_or_else(|| panic!("{command} {path}"));
                keys = if key.value_type == ValueType::Array { &key.keys[0].keys } else { &key.keys };
            }
        }
    }
}
