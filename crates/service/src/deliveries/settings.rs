//! What became of each item of a `Settings` command. The command as a whole is acknowledged even when items fail (Apple: "Settings
//! command response"), so that alone says little.

use plist::{Dictionary, Value};

use crate::views::SettingResultView;

/// The longest text about an error that is shown, in characters.
const LONGEST: usize = 600;

/// The items in the order in which they were sent, each with what the device says of it. Devices answer with a list; Apple's schema says
/// dictionary, and both are read. An item without an answer has no status.
pub(super) fn results(command: &Dictionary, result: &Dictionary) -> Vec<SettingResultView> {
    let sent = command.get("Settings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let told = match result.get("Settings") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one @ Value::Dictionary(_)) => std::slice::from_ref(one),
        _ => &[],
    };
    let text = |from: Option<&Dictionary>, key: &str| {
        from.and_then(|from| from.get(key)).and_then(Value::as_string).map(str::to_owned)
    };
    let view = |(place, item): (usize, &Value)| {
        let (item, told) = (item.as_dictionary(), told.get(place).and_then(Value::as_dictionary));
        SettingResultView {
            item: text(item, "Item").unwrap_or_default(),
            identifier: text(told, "Identifier").or_else(|| text(item, "Identifier")),
            status: text(told, "Status"),
            error: told.and_then(error),
        }
    };
    sent.iter().enumerate().map(view).collect()
}

/// The outermost error with its domain and number.
fn error(told: &Dictionary) -> Option<String> {
    let first = told.get("ErrorChain")?.as_array()?.first()?.as_dictionary()?;
    let text = |key: &str| first.get(key).and_then(Value::as_string);
    let said = text("USEnglishDescription").or_else(|| text("LocalizedDescription")).unwrap_or("no text");
    let domain = text("ErrorDomain").unwrap_or("unknown domain");
    let code = first.get("ErrorCode").and_then(Value::as_signed_integer);
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    Some(format!("{said} ({domain}{code})").chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(xml: &str) -> Dictionary {
        let whole = format!("<plist version=\"1.0\"><dict>{xml}</dict></plist>");
        Value::from_reader_xml(whole.as_bytes()).unwrap().into_dictionary().unwrap()
    }

    fn sent() -> Dictionary {
        dictionary(
            "<key>Settings</key><array>\
             <dict><key>Item</key><string>DeviceName</string></dict>\
             <dict><key>Item</key><string>ApplicationAttributes</string><key>Identifier</key><string>org.a</string></dict>\
             <dict><key>Item</key><string>Bluetooth</string></dict></array>",
        )
    }

    #[test]
    fn each_item_has_its_own_outcome_though_the_command_is_acknowledged() {
        let told = dictionary(
            "<key>Settings</key><array><dict><key>Status</key><string>Acknowledged</string></dict>\
             <dict><key>Status</key><string>Error</string><key>Identifier</key><string>org.a</string><key>ErrorChain</key><array>\
             <dict><key>ErrorCode</key><integer>12026</integer><key>ErrorDomain</key><string>MCMDMErrorDomain</string>\
             <key>USEnglishDescription</key><string>The app is not managed.</string></dict></array></dict></array>",
        );
        let all = results(&sent(), &told);
        let short: Vec<_> = all.iter().map(|one| (one.item.as_str(), one.status.as_deref())).collect();
        assert_eq!(
            short,
            [
                ("DeviceName", Some("Acknowledged")),
                ("ApplicationAttributes", Some("Error")),
                ("Bluetooth", None)
            ]
        );
        let [_, failed, _] = all.as_slice() else { panic!("three items") };
        assert_eq!(failed.identifier.as_deref(), Some("org.a"));
        assert_eq!(failed.error.as_deref(), Some("The app is not managed. (MCMDMErrorDomain 12026)"));
    }

    #[test]
    fn a_single_dictionary_answers_for_the_first_item_and_nonsense_for_none() {
        let one =
            dictionary("<key>Settings</key><dict><key>Status</key><string>Acknowledged</string></dict>");
        assert_eq!(results(&sent(), &one).iter().filter(|item| item.status.is_some()).count(), 1);
        let odd = dictionary("<key>Settings</key><string>yes</string>");
        assert!(results(&sent(), &odd).iter().all(|item| item.status.is_none()));
        assert!(results(&Dictionary::new(), &one).is_empty());
    }
}
