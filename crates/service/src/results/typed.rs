//! Answers of every command, typed by the catalogue: unknown keys are kept, malformed ones reported.

use catalog::Rule;
use plist::{Dictionary, Value};
use protocol_mdm::results::Facts;
use protocol_mdm::secrets;
use serde_json::Value as Json;
use store::{DeviceFact, Tx};

use super::Answer;
use crate::Error;

/// The facts that say what of a device's answers could not be read begin so; the command's name follows.
pub(crate) const ODDITIES: &str = "Ward.Malformed.";

/// Complaints about one answer that are kept.
const MOST: usize = 50;
/// Longest complaint.
const LONGEST: usize = 300;

/// Commands that ask a device for what it is. The answers to others tell what became of the command.
const QUESTIONS: [&str; 19] = [
    "ActiveNSExtensions",
    "AvailableOSUpdates",
    "CertificateList",
    "ContentCachingInformation",
    "DeviceInformation",
    "InstalledApplicationList",
    "ManagedApplicationAttributes",
    "ManagedApplicationFeedback",
    "ManagedApplicationList",
    "ManagedMediaList",
    "NSExtensionMappings",
    "OSUpdateStatus",
    "ProfileList",
    "ProvisioningProfileList",
    "Restrictions",
    "ScheduleOSUpdateScan",
    "SecurityInfo",
    "UserList",
    "ValidateApplications",
];

/// Keys that every answer has and that tell nothing of the device.
const COMMON: [&str; 13] = [
    "Status",
    "CommandUUID",
    "RequestType",
    "ErrorChain",
    "UDID",
    "EnrollmentID",
    "EnrollmentUserID",
    "UserID",
    "UserShortName",
    "UserLongName",
    "NotOnConsole",
    "NeedSyncResponse",
    "SoftwareUpdateDeviceID",
];

/// What is strange about an answer: one sentence or key path each, never a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Values that are not what Apple lists.
    pub(crate) malformed: Vec<String>,
    /// Required keys that are absent.
    pub(crate) missing: Vec<String>,
    /// Keys that Apple does not list. They are kept.
    pub(crate) unknown: Vec<String>,
}

/// Holds an answer against the catalogue. What was sealed is not held against anything.
pub(crate) fn findings(request_type: &str, body: &Dictionary) -> Findings {
    let found = catalog::check_answer(request_type, body);
    let malformed = found.malformed.iter().filter(|refusal| {
        let value = value_at(body, &refusal.key_path);
        let is_sealed = value.is_some_and(secrets::is_marker);
        let is_wrong_type = refusal.rule == Rule::WrongType;
        let passes = is_wrong_type && value.is_some_and(|value| is_tolerable(value, &refusal.advice));
        !(is_sealed || passes)
    });
    let short = |text: String| text.chars().take(LONGEST).collect::<String>();
    Findings {
        malformed: malformed.take(MOST).map(|refusal| short(refusal.to_string())).collect(),
        missing: found.missing.into_iter().take(MOST).collect(),
        unknown: found.unknown.into_iter().take(MOST).map(short).collect(),
    }
}

/// Devices write 0 and 1 for truth values.
fn is_tolerable(value: &Value, advice: &str) -> bool {
    matches!(value.as_unsigned_integer(), Some(0 | 1)) && advice.contains("true or false")
}

/// The value at a path such as `Settings[0].Item`.
fn value_at<'a>(body: &'a Dictionary, path: &str) -> Option<&'a Value> {
    let mut here: Option<&Value> = None;
    for step in path.split('.') {
        let (name, indices) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest));
        here = match here {
            None => body.get(name),
            Some(value) => value.as_dictionary()?.get(name),
        };
        for index in indices.split('[').filter_map(|index| index.trim_end_matches(']').parse::<usize>().ok())
        {
            here = here?.as_array()?.get(index);
        }
        here?;
    }
    here
}

/// The facts of an answer, whatever the command, and what is wrong with it.
pub(super) fn facts(request_type: &str, body: &Dictionary) -> Facts {
    let mut facts = protocol_mdm::results::facts(request_type, body);
    let malformed = findings(request_type, body).malformed;
    if facts.facts.is_empty() && facts.malformed.is_empty() && malformed.is_empty() {
        let told = body.iter().filter(|(key, _)| !COMMON.contains(&key.as_str()));
        for (key, value) in told.filter(|(key, value)| !is_secret(key, value)) {
            flatten(&mut facts, &format!("{request_type}.{key}"), value);
        }
    }
    for complaint in malformed {
        let (path, _) = complaint.split_once(": ").unwrap_or((&complaint, ""));
        let last = path.rsplit('.').next().unwrap_or(path);
        let is_told = facts
            .malformed
            .iter()
            .any(|told| told.split_once(": ").is_some_and(|(told, _)| told.rsplit('.').next() == Some(last)));
        if !is_told {
            facts.malformed.push(complaint);
        }
    }
    facts.malformed.truncate(MOST);
    facts
}

fn is_secret(key: &str, value: &Value) -> bool {
    secrets::is_marker(value) || (secrets::kind_of(key).is_some() && value.as_boolean().is_none())
}

fn flatten(facts: &mut Facts, path: &str, value: &Value) {
    match value {
        Value::Dictionary(inner) if !inner.is_empty() => {
            for (key, value) in inner.iter().filter(|(key, value)| !is_secret(key, value)) {
                flatten(facts, &format!("{path}.{key}"), value);
            }
        }
        other => {
            facts.facts.insert(path.to_owned(), other.clone());
        }
    }
}

/// Whether the answers to a command say what the device is.
pub(super) fn tells_of_device(request_type: &str) -> bool {
    QUESTIONS.contains(&request_type)
}

/// What is to be kept of the complaints: nothing while there have been none, an empty list when they have gone.
pub(super) fn oddities(
    tx: &mut Tx<'_>,
    answer: &Answer<'_>,
    malformed: &[String],
) -> Result<Option<(String, Json)>, Error> {
    let key = format!("{ODDITIES}{}", answer.request_type);
    if malformed.is_empty() {
        let before = DeviceFact::value(tx, answer.enrollment.device_id, &key)?;
        let had = before.as_ref().and_then(Json::as_array).is_some_and(|list| !list.is_empty());
        return Ok(had.then(|| (key, Json::Array(Vec::new()))));
    }
    tracing::warn!(command.uuid = answer.command_uuid, enrollment.id = %answer.enrollment.id, "A device answered {} oddly; the evidence of the command and the notes of the device say how", answer.request_type);
    Ok(Some((key, Json::Array(malformed.iter().cloned().map(Json::String).collect()))))
}

/// The facts with the complaints; nothing if there is neither.
pub(super) fn with_oddities(facts: Json, oddities: Option<(String, Json)>) -> Option<Json> {
    let Json::Object(mut facts) = facts else { return None };
    facts.extend(oddities);
    (!facts.is_empty()).then_some(Json::Object(facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(inside: &str) -> Dictionary {
        let text = format!("<plist><dict>{inside}</dict></plist>");
        protocol_mdm::guard::parse_dictionary(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_command_that_has_no_table_of_its_own_is_typed_all_the_same() {
        let body = dictionary(
            "<key>Status</key><string>Acknowledged</string><key>UDID</key><string>U</string>\
             <key>Users</key><array><dict><key>UserName</key><string>a</string></dict></array>\
             <key>Later</key><dict><key>New</key><integer>7</integer></dict>",
        );
        let facts = facts("UserList", &body).facts;
        assert_eq!(facts.keys().collect::<Vec<_>>(), ["UserList.Later.New", "UserList.Users"]);
    }

    #[test]
    fn what_is_malformed_is_said_once_and_without_the_value() {
        let body = dictionary(
            "<key>QueryResponses</key><dict><key>IsSupervised</key><string>canary</string>\
             <key>OSVersion</key><string>26.1</string><key>Strange</key><true/></dict>",
        );
        let facts = facts("DeviceInformation", &body);
        assert_eq!(facts.malformed.len(), 1, "{:?}", facts.malformed);
        assert!(facts.malformed[0].contains("IsSupervised") && !facts.malformed[0].contains("canary"));
        assert!(facts.facts.contains_key("DeviceInformation.Strange"), "unknown keys are kept");
        assert_eq!(findings("DeviceInformation", &body).unknown, ["QueryResponses.Strange"]);
    }

    #[test]
    fn what_was_sealed_is_not_called_malformed() {
        let body = dictionary(&format!(
            "<key>SecurityInfo</key><dict><key>FDE_PersonalRecoveryKeyCMS</key><string>{}</string>\
             <key>PasscodePresent</key><integer>1</integer></dict>",
            secrets::MARKER
        ));
        assert!(facts("SecurityInfo", &body).malformed.is_empty(), "{:?}", facts("SecurityInfo", &body));
    }

    #[test]
    fn values_are_found_inside_lists() {
        let body = dictionary("<key>A</key><array><dict><key>B</key><integer>5</integer></dict></array>");
        assert_eq!(value_at(&body, "A[0].B").and_then(Value::as_unsigned_integer), Some(5));
        assert_eq!(value_at(&body, "A[1].B"), None);
        assert_eq!(value_at(&body, ""), None);
    }
}
