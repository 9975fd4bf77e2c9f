use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::secrets::redact;

fn dictionary(inside: &str) -> Dictionary {
    plist_guard::parse_dictionary(format!("<plist><dict>{inside}</dict></plist>").as_bytes()).unwrap()
}

fn answers(inside: &str) -> Facts {
    facts("DeviceInformation", &dictionary(&format!("<key>QueryResponses</key><dict>{inside}</dict>")))
}

#[test]
fn device_information_becomes_typed_facts() {
    let facts = answers(
        "<key>OSVersion</key><string>27.0</string><key>IsSupervised</key><true/><key>DeviceCapacity</key><integer>256</integer>\
         <key>BatteryLevel</key><real>0.5</real><key>CellularTechnology</key><real>3</real><key>LastCloudBackupDate</key>\
         <date>2026-11-23T13:00:00Z</date><key>OrganizationInfo</key><dict><key>OrganizationName</key><string>H</string></dict>\
         <key>IsMDMLostModeEnabled</key><integer>1</integer><key>UndocumentedThing</key><dict><key>a</key><integer>18446744073709551615</integer></dict>\
         <key>ServiceSubscriptions</key><array><dict><key>Slot</key><string>1</string></dict></array>",
    );
    assert_eq!(facts.malformed, Vec::<String>::new());
    assert_eq!(
        facts.to_json(),
        json!({
            "DeviceInformation.OSVersion": "27.0",
            "DeviceInformation.IsSupervised": true,
            "DeviceInformation.DeviceCapacity": 256.0,
            "DeviceInformation.BatteryLevel": 0.5,
            "DeviceInformation.CellularTechnology": 3,
            "DeviceInformation.LastCloudBackupDate": "2026-11-23T13:00:00Z",
            "DeviceInformation.OrganizationInfo.OrganizationName": "H",
            "DeviceInformation.IsMDMLostModeEnabled": true,
            "DeviceInformation.UndocumentedThing.a": 18_446_744_073_709_551_615_u64,
            "DeviceInformation.ServiceSubscriptions": [{"Slot": "1"}],
        })
    );
}

#[test]
fn a_value_of_another_kind_is_named_and_becomes_no_fact() {
    let facts = answers(
        "<key>OSVersion</key><integer>27</integer><key>BatteryLevel</key><string>hidden</string><key>CellularTechnology</key><real>1.5</real>\
         <key>IsSupervised</key><integer>2</integer><key>MDMOptions</key><array/><key>DeviceCapacity</key><real>nan</real>\
         <key>MaximumResidentUsers</key><real>1e300</real><key>ModelName</key><string>iPad</string>",
    );
    assert_eq!(facts.facts.keys().collect::<Vec<_>>(), ["DeviceInformation.ModelName"]);
    assert_eq!(
        facts.malformed,
        [
            "DeviceInformation.OSVersion: expected a string, found an integer",
            "DeviceInformation.BatteryLevel: expected a number, found a string",
            "DeviceInformation.CellularTechnology: expected an integer, found a real",
            "DeviceInformation.IsSupervised: expected a truth value, found an integer",
            "DeviceInformation.MDMOptions: expected a dictionary, found an array",
            "DeviceInformation.DeviceCapacity: expected a number, found a real",
            "DeviceInformation.MaximumResidentUsers: expected an integer, found a real",
        ]
    );
    let missing = facts_of("DeviceInformation", "<key>QueryResponses</key><string>none</string>");
    assert_eq!(missing.malformed, ["DeviceInformation: expected a dictionary, found a string"]);
    assert_eq!(facts_of("DeviceInformation", ""), Facts::default());
}

fn facts_of(request_type: &str, inside: &str) -> Facts {
    facts(request_type, &dictionary(inside))
}

#[test]
fn security_information_is_flattened() {
    let facts = facts_of(
        "SecurityInfo",
        "<key>SecurityInfo</key><dict><key>PasscodePresent</key><true/><key>PasscodeLockGracePeriod</key><integer>0</integer>\
         <key>FirewallSettings</key><dict><key>FirewallEnabled</key><true/><key>Applications</key><array/></dict>\
         <key>SecureBoot</key><dict><key>SecureBootLevel</key><string>full</string></dict>\
         <key>ManagementStatus</key><dict><key>IsUserEnrollment</key><string>no</string></dict></dict>",
    );
    assert_eq!(facts.facts.get("SecurityInfo.PasscodePresent"), Some(&true.into()));
    assert_eq!(facts.facts.get("SecurityInfo.FirewallSettings.FirewallEnabled"), Some(&true.into()));
    assert_eq!(facts.facts.get("SecurityInfo.SecureBoot.SecureBootLevel"), Some(&"full".into()));
    assert_eq!(
        facts.malformed,
        ["SecurityInfo.ManagementStatus.IsUserEnrollment: expected a truth value, found a string"]
    );
}

#[test]
fn no_secret_becomes_a_fact_redacted_or_not() {
    let security = "<key>SecurityInfo</key><dict><key>FDE_PersonalRecoveryKeyCMS</key><data>aGlkZGVu</data>\
                    <key>FDE_Enabled</key><true/><key>Odd</key><dict><key>Password</key><string>hidden</string></dict>\
                    <key>OddList</key><array><dict><key>PIN</key><string>hidden</string></dict></array></dict>";
    let location = "<key>Latitude</key><real>51</real><key>Longitude</key><real>0</real><key>Timestamp</key><string>t</string>";
    for (request_type, inside) in [("SecurityInfo", security), ("DeviceLocation", location)] {
        let mut result = dictionary(inside);
        let before = facts(request_type, &result);
        redact(Some(request_type), &mut result);
        let after = facts(request_type, &result);
        assert_eq!(before, after);
        assert_eq!(after.malformed, Vec::<String>::new());
        let json = after.to_json().to_string();
        assert!(!json.contains("hidden") && !json.contains("aGlkZGVu") && !json.contains("51"), "{json}");
    }
}

#[test]
fn profiles_are_read_with_their_payloads() {
    let result = dictionary(
        "<key>ProfileList</key><array><dict><key>PayloadIdentifier</key><string>org.example</string><key>PayloadUUID</key><string>U</string>\
         <key>IsManaged</key><true/><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.wifi.managed</string></dict>\
         <dict/><string>odd</string></array></dict><dict><key>PayloadUUID</key><string>V</string></dict><true/></array>",
    );
    let listing = profiles(&result);
    assert_eq!(listing.items.len(), 1);
    let profile = &listing.items[0];
    assert_eq!((profile.identifier.as_str(), profile.uuid.as_deref()), ("org.example", Some("U")));
    assert_eq!(profile.is_managed, Some(true));
    assert_eq!(profile.payloads.len(), 1);
    assert_eq!(profile.payloads[0].payload_type, "com.apple.wifi.managed");
    let expected = [
        "ProfileList[0].PayloadContent[1].PayloadType: missing",
        "ProfileList[0].PayloadContent[2]: expected a dictionary, found a string",
        "ProfileList[1].PayloadIdentifier: missing",
        "ProfileList[2]: expected a dictionary, found a truth value",
    ];
    assert_eq!(listing.malformed, expected);
    let facts = facts("ProfileList", &result);
    assert_eq!(facts.malformed, expected);
    assert!(facts.facts.contains_key("ProfileList"));
}

#[test]
fn certificates_and_applications_are_read() {
    let listing = certificates(&dictionary(
        "<key>CertificateList</key><array><dict><key>CommonName</key><string>CA</string><key>IsIdentity</key><false/>\
         <key>Data</key><data>AQID</data></dict><dict><key>Data</key><string>AQID</string></dict></array>",
    ));
    assert_eq!(listing.items.len(), 1);
    assert_eq!(listing.items[0].data, [1, 2, 3]);
    assert_eq!(listing.malformed, ["CertificateList[1].Data: expected data, found a string"]);

    let listing = applications(&dictionary(
        "<key>InstalledApplicationList</key><array><dict><key>Identifier</key><string>a.b</string><key>BundleSize</key><real>4096</real>\
         <key>Installing</key><false/></dict><dict><key>Name</key><string>Tool</string><key>BundleSize</key><integer>-1</integer></dict></array>",
    ));
    assert_eq!(listing.items.len(), 2);
    assert_eq!(listing.items[0].bundle_size, Some(4096));
    assert_eq!((&listing.items[1].identifier, listing.items[1].bundle_size), (&None, None));
    assert_eq!(listing.malformed, ["InstalledApplicationList[1].BundleSize: negative"]);
}

#[test]
fn a_list_of_another_kind_is_malformed_and_a_missing_one_is_empty() {
    let odd = dictionary("<key>ProfileList</key><dict/>");
    assert_eq!(profiles(&odd).malformed, ["ProfileList: expected an array, found a dictionary"]);
    assert_eq!(facts("ProfileList", &odd).malformed, ["ProfileList: expected an array, found a dictionary"]);
    assert_eq!(profiles(&Dictionary::new()), Listing { items: vec![], malformed: vec![] });
}

#[test]
fn commands_without_an_answer_and_unknown_ones_give_no_facts() {
    for request_type in ["EraseDevice", "RestartDevice", "EnableLostMode", "SomethingElse"] {
        let facts =
            facts_of(request_type, "<key>Status</key><string>Acknowledged</string><key>X</key><true/>");
        assert_eq!(facts, Facts::default());
    }
    let facts = facts_of(
        "DeviceLock",
        "<key>MessageResult</key><string>Success</string><key>Status</key><string>Acknowledged</string>",
    );
    assert_eq!(facts.to_json(), json!({"DeviceLock.MessageResult": "Success"}));
}

proptest! {
    #[test]
    fn every_integer_stands_for_a_real_and_every_whole_real_for_an_integer(number in -9_007_199_254_740_992_i64..=9_007_199_254_740_992) {
        let real = Kind::Number.coerce(&Value::Integer(number.into())).unwrap();
        prop_assert_eq!(Kind::Whole.coerce(&real), Some(Value::Integer(number.into())));
    }

    #[test]
    fn nothing_that_was_answered_disappears(key in "[A-Za-z]{1,20}", truth in any::<bool>()) {
        let facts = answers(&format!("<key>{key}</key><{truth}/>"));
        let known = facts.facts.len() + facts.malformed.len();
        prop_assert_eq!(known, 1, "{}", key);
    }
}
