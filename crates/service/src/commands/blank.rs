//! Which parts of an operator's command are stored sealed and not shown again: whole profiles and other files, the settings of apps, and
//! every key that Apple's tables mark as secret.

use plist::{Dictionary, Value};
use protocol_mdm::secrets;

/// Stands in the place of what is blanked out.
const BLANK: &str = "sealed";
/// Dictionaries of other people's making: what an app is to be told may hold a password under any name.
const OPAQUE: &[&str] = &["Configuration", "ManagedAppConfiguration"];

/// The dictionary with its secret parts blanked out; `None` when it has none.
pub(crate) fn blanked(dictionary: &Dictionary) -> Option<Dictionary> {
    let mut shown = dictionary.clone();
    blank_dictionary(&mut shown).then_some(shown)
}

fn blank_dictionary(dictionary: &mut Dictionary) -> bool {
    let mut any = false;
    for (key, value) in dictionary.iter_mut() {
        let secret = catalog::is_secret_key(key) || secrets::kind_of(key).is_some();
        any |= blank_value(value, secret || OPAQUE.contains(&key.as_str()));
    }
    any
}

/// Blanks a value out, or what is secret inside it. Switches are never secret, and an empty text takes a lock away.
fn blank_value(value: &mut Value, secret: bool) -> bool {
    match value {
        Value::Boolean(_) => false,
        Value::String(text) if text.is_empty() => false,
        Value::Data(bytes) => {
            *value = format!("{BLANK}: {} bytes", bytes.len()).into();
            true
        }
        _ if secret => {
            *value = BLANK.into();
            true
        }
        Value::Dictionary(inner) => blank_dictionary(inner),
        Value::Array(items) => {
            let mut any = false;
            for item in items {
                any |= blank_value(item, false);
            }
            any
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(entries: Vec<(&str, Value)>) -> Dictionary {
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    #[test]
    fn a_command_without_secrets_is_stored_as_it_is() {
        let command = dictionary(vec![
            ("RequestType", "DeviceLock".into()),
            ("Message", "Return to ward 3".into()),
            ("NewPassword", "".into()),
        ]);
        assert_eq!(blanked(&command), None);
    }

    #[test]
    fn profiles_the_settings_of_apps_and_marked_keys_are_blanked_out_wherever_they_stand() {
        let settings = dictionary(vec![("api", "canary".into())]);
        let application = dictionary(vec![("Configuration", Value::Dictionary(settings))]);
        let marked = dictionary(vec![("SharedSecret", "canary".into()), ("Name", "ward".into())]);
        let command = dictionary(vec![
            ("RequestType", "InstallProfile".into()),
            ("Payload", Value::Data(b"canary".to_vec())),
            ("Application", Value::Dictionary(application)),
            ("List", Value::Array(vec![Value::Dictionary(marked), Value::Data(b"canary".to_vec())])),
        ]);
        let shown = format!("{:?}", blanked(&command).unwrap());
        assert!(!shown.contains("canary") && !shown.contains(&format!("{:?}", b"canary")), "{shown}");
        assert!(
            shown.contains("InstallProfile") && shown.contains("sealed: 6 bytes") && shown.contains("ward")
        );
    }
}
