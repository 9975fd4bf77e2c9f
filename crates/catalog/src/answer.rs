//! Holds a device's answer against the keys that Apple lists for it.

use plist::Dictionary;

use crate::entry::Kind;
use crate::refusal::{Refusal, Rule};
use crate::table::Table;
use crate::walk::Walk;
use crate::{ChannelKind, DeviceFacts, EnrollmentType, Ownership};

/// The keys that every answer may have (Apple: "Handling MDM responses").
const COMMON_KEYS: [&str; 12] = [
    "Status",
    "CommandUUID",
    "RequestType",
    "UDID",
    "EnrollmentID",
    "EnrollmentUserID",
    "UserID",
    "UserShortName",
    "UserLongName",
    "NotOnConsole",
    "ErrorChain",
    "SoftwareUpdateDeviceID",
];

/// What is strange about an answer. Nothing of the answer is dropped for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct AnswerFindings {
    /// Values of another type or outside what Apple lists.
    pub malformed: Vec<Refusal>,
    /// Required keys that are absent.
    pub missing: Vec<String>,
    /// Keys that Apple does not list.
    pub unknown: Vec<String>,
}

/// Holds the answer to a command against the catalogue. An unknown command finds nothing.
///
/// Whole numbers and numbers with a fraction are interchangeable in answers, and `Settings` answers with a list where
/// Apple's schema says dictionary: devices do both.
#[must_use]
pub fn check_answer(request_type: &str, answer: &Dictionary) -> AnswerFindings {
    let Some(entry) = Table::get().find(Kind::Command, request_type).first() else {
        return AnswerFindings::default();
    };
    let facts = DeviceFacts::unknown(EnrollmentType::Device, Ownership::Corporate, ChannelKind::Device);
    let mut walk = Walk::new(&facts, false);
    walk.applicability = false;
    walk.tolerant = true;
    walk.dictionary(&entry.answer, answer, "", &COMMON_KEYS);
    let mut findings = AnswerFindings::default();
    for refusal in walk.refusals {
        match refusal.rule {
            Rule::MissingKey => findings.missing.push(refusal.key_path),
            _ => findings.malformed.push(refusal),
        }
    }
    findings.unknown = walk.notes.into_iter().map(|note| note.key_path).collect();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use plist::Value;

    fn dictionary(entries: Vec<(&str, Value)>) -> Dictionary {
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn unknown_keys_and_malformed_values_are_told_apart() {
        let inner = dictionary(vec![
            ("OSVersion", Value::String("17.4".into())),
            ("BatteryLevel", Value::Integer(1.into())),
            ("CellularTechnology", Value::Real(1.0)),
            ("IsSupervised", Value::String("yes".into())),
            ("Strange", Value::Boolean(true)),
        ]);
        let answer = dictionary(vec![
            ("Status", Value::String("Acknowledged".into())),
            ("QueryResponses", Value::Dictionary(inner)),
        ]);
        let findings = check_answer("DeviceInformation", &answer);
        assert_eq!(findings.unknown, ["QueryResponses.Strange"]);
        assert_eq!(findings.malformed.len(), 1, "{findings:?}");
        assert_eq!(findings.malformed[0].key_path, "QueryResponses.IsSupervised");
        assert!(findings.missing.is_empty());
    }

    #[test]
    fn settings_may_answer_with_a_list() {
        let item = Value::Dictionary(dictionary(vec![("Status", Value::String("Acknowledged".into()))]));
        let answer = dictionary(vec![("Settings", Value::Array(vec![item]))]);
        assert_eq!(check_answer("Settings", &answer), AnswerFindings::default());
    }
}
