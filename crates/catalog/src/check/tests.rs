use plist::{Dictionary, Value};

use super::*;
use crate::{ChannelKind, EnrollmentType, Ownership, Platform, Version};

fn iphone() -> DeviceFacts {
    let mut facts = DeviceFacts::unknown(EnrollmentType::Device, Ownership::Corporate, ChannelKind::Device);
    facts.platform = Some(Platform::Ios);
    facts.os_version = Some(Version::new(17, 4, 0));
    facts.supervised = Some(false);
    facts
}

fn dictionary(json: &serde_json::Value) -> Dictionary {
    crate::json::plain(json).and_then(Value::into_dictionary).unwrap()
}

fn profile(contents: &serde_json::Value) -> Dictionary {
    dictionary(&serde_json::json!({
        "PayloadType": "Configuration", "PayloadIdentifier": "org.example.a", "PayloadVersion": 1,
        "PayloadUUID": "9C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D", "PayloadContent": contents
    }))
}

#[test]
fn a_profile_is_checked_payload_by_payload_with_the_place_of_each_fault() {
    let made = profile(&serde_json::json!([
        {"PayloadType": "com.apple.webClip.managed", "PayloadIdentifier": "a", "PayloadUUID": "b", "PayloadVersion": 1,
         "URL": "https://example.org", "Label": "Rota"},
        {"PayloadType": "com.apple.mobiledevice.passwordpolicy", "PayloadIdentifier": "a", "PayloadUUID": "b",
         "PayloadVersion": 1, "minLength": "six", "minLenght": 6}
    ]));
    let verdict = check(What::Profile(&made), &iphone());
    let places: Vec<_> = verdict.refusals.iter().map(|one| (one.key_path.as_str(), one.rule)).collect();
    assert_eq!(places, [("PayloadContent[1].minLength", Rule::WrongType)]);
    let typo = verdict.notes.iter().find(|note| note.rule == Rule::UnknownKey).unwrap();
    assert_eq!(typo.key_path, "PayloadContent[1].minLenght");
    assert!(typo.advice.contains("minLength"), "{}", typo.advice);
}

#[test]
fn an_encrypted_profile_needs_no_readable_content() {
    let mut made = profile(&serde_json::json!([]));
    made.remove("PayloadContent");
    assert!(!check(What::Profile(&made), &iphone()).is_accepted());
    made.insert("EncryptedPayloadContent".to_owned(), Value::Data(vec![1]));
    assert!(check(What::Profile(&made), &iphone()).is_accepted());
}

#[test]
fn keys_that_the_device_leaves_aside_are_noted_with_their_reason() {
    let payload = dictionary(&serde_json::json!({
        "PayloadType": "com.apple.applicationaccess", "PayloadIdentifier": "a", "PayloadUUID": "b", "PayloadVersion": 1,
        "allowAppInstallation": false, "allowCamera": false, "allowContentCaching": false
    }));
    let verdict = check(What::Payload(&payload), &iphone());
    assert!(verdict.is_accepted(), "{verdict:?}");
    let rules: Vec<_> = verdict.notes.iter().map(|note| (note.key_path.as_str(), note.rule)).collect();
    assert!(rules.contains(&("allowContentCaching", Rule::Platform)), "{rules:?}");
}

#[test]
fn a_payload_described_in_parts_may_carry_keys_of_several() {
    let mut mac = iphone();
    mac.platform = Some(Platform::MacOs);
    let payload = dictionary(&serde_json::json!({
        "PayloadType": "com.apple.MCX", "PayloadIdentifier": "a", "PayloadUUID": "b", "PayloadVersion": 1,
        "timeServer": "time.example.org", "EnableGuestAccount": false, "Invented": 1
    }));
    let verdict = check(What::Payload(&payload), &mac);
    let unknown: Vec<_> = verdict
        .notes
        .iter()
        .filter(|note| note.rule == Rule::UnknownKey)
        .map(|note| note.key_path.as_str())
        .collect();
    assert_eq!(unknown, ["Invented"], "{verdict:?}");
    let kerberos = dictionary(&serde_json::json!({
        "PayloadType": "com.apple.extensiblesso", "PayloadIdentifier": "a", "PayloadUUID": "b", "PayloadVersion": 1,
        "ExtensionIdentifier": "com.apple.AppSSOKerberos.KerberosExtension", "TeamIdentifier": "apple",
        "Type": "Credential", "Realm": "EXAMPLE.ORG", "Hosts": [".example.org"],
        "ExtensionData": {"allowPasswordChange": true}
    }));
    let verdict = check(What::Payload(&kerberos), &mac);
    assert!(verdict.is_accepted(), "{verdict:?}");
}

#[test]
fn advice_is_a_sentence_for_a_help_desk() {
    let command = dictionary(&serde_json::json!({"RequestType": "EnableLostMode", "Message": "Call 123"}));
    let refusals = check_command(&command, &iphone()).unwrap_err();
    assert_eq!(refusals.len(), 1);
    assert_eq!(
        refusals[0].advice,
        "EnableLostMode works on supervised devices only, and this one is not. A device becomes supervised by automated \
         enrolment, after it has been erased."
    );
    assert_eq!(refusals[0].to_string(), refusals[0].advice);
}

#[test]
fn long_names_of_strangers_are_cut_in_what_is_said() {
    let command = dictionary(&serde_json::json!({"RequestType": "x".repeat(100_000)}));
    let refusals = check_command(&command, &iphone()).unwrap_err();
    assert!(refusals[0].advice.len() < 200);
    let mut command = dictionary(&serde_json::json!({"RequestType": "ProfileList"}));
    command.insert("y".repeat(100_000), Value::Boolean(true));
    let refusals = check_command(&command, &iphone()).unwrap_err();
    assert!(refusals[0].key_path.len() < 200 && refusals[0].advice.len() < 200);
}
