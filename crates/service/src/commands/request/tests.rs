use serde_json::json;

use super::*;

fn request(command: serde_json::Value) -> CommandRequest {
    let serde_json::Value::Object(map) = command else { panic!("an object is wanted") };
    CommandRequest {
        targets: vec!["one".to_owned()],
        command: Some(map),
        push: true,
        ..CommandRequest::default()
    }
}

fn raw(xml: &str) -> CommandRequest {
    let text = STANDARD.encode(xml);
    CommandRequest {
        targets: vec!["one".to_owned()],
        raw_plist: Some(text),
        push: true,
        ..CommandRequest::default()
    }
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><plist version="1.0">"#;

fn rules(error: &Error) -> Vec<(String, Rule)> {
    let Error::Refused(refusals) = error else { panic!("not a refusal: {error}") };
    refusals.iter().map(|refusal| (refusal.key_path.clone(), refusal.rule)).collect()
}

#[test]
fn a_request_that_brings_its_own_secret_is_refused_in_json_and_in_raw_xml() {
    let table = [
        (json!({"RequestType": "DeviceLock", "PIN": "123456"}), "PIN"),
        (json!({"RequestType": "EraseDevice", "PIN": "123456"}), "PIN"),
        (json!({"RequestType": "ClearPasscode", "UnlockToken": "AAEC"}), "UnlockToken"),
        (
            json!({"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true, "MDMProfileData": "AAEC"}}),
            "ReturnToService.MDMProfileData",
        ),
        (
            json!({"RequestType": "AccountConfiguration", "AutoSetupAdminAccounts": [{"shortName": "a", "passwordHash": "AAEC"}]}),
            "AutoSetupAdminAccounts[0].passwordHash",
        ),
    ];
    for (command, path) in table {
        assert_eq!(rules(&read(&request(command)).unwrap_err()), [(path.to_owned(), Rule::SecretInRequest)]);
    }
    let xml = format!(
        "{HEAD}<dict><key>CommandUUID</key><string>u</string><key>Command</key><dict><key>RequestType</key>\
         <string>DeviceLock</string><key>PIN</key><string>000000</string></dict></dict></plist>"
    );
    assert_eq!(rules(&read(&raw(&xml)).unwrap_err()), [("PIN".to_owned(), Rule::SecretInRequest)]);
}

#[test]
fn marks_of_wards_own_cannot_be_sent() {
    for mark in [handout::FILL_KEY, handout::PLAIN_RETURN] {
        let error =
            read(&request(json!({"RequestType": "InstallProfile", "Payload": "AAEC", mark: "renewal"})))
                .unwrap_err();
        assert_eq!(rules(&error), [(mark.to_owned(), Rule::UnknownKey)]);
        let inside = json!({"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true, mark: true}});
        assert_eq!(
            rules(&read(&request(inside)).unwrap_err()),
            [(format!("ReturnToService.{mark}"), Rule::UnknownKey)]
        );
    }
}

#[test]
fn a_profile_with_an_mdm_payload_is_refused_wherever_it_is_carried() {
    let profile = format!(
        "{HEAD}<dict><key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>\
         <key>PayloadIdentifier</key><string>a</string><key>PayloadUUID</key><string>b</string><key>PayloadContent</key><array><dict>\
         <key>PayloadType</key><string>com.apple.mdm</string><key>PayloadVersion</key><integer>1</integer>\
         <key>PayloadIdentifier</key><string>a.mdm</string><key>PayloadUUID</key><string>c</string></dict></array></dict></plist>"
    );
    let data = STANDARD.encode(profile);
    let install = read(&request(json!({"RequestType": "InstallProfile", "Payload": data}))).unwrap_err();
    assert!(matches!(&install, Error::Invalid { field, .. } if field == "command.Payload"), "{install}");
    let mut erase = request(json!({"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true}}));
    erase.wifi_profile = Some(data);
    let error = read(&erase).unwrap_err();
    assert!(matches!(&error, Error::Invalid { field, .. } if field.ends_with("WiFiProfileData")), "{error}");
}

#[test]
fn raw_property_lists_are_taken_with_and_without_the_outer_dictionary_and_with_a_byte_order_mark() {
    let inner = "<dict><key>RequestType</key><string>ProfileList</string></dict>";
    let bare = read(&raw(&format!("{HEAD}{inner}</plist>"))).unwrap();
    assert_eq!((bare.request_type.as_str(), bare.uuid), ("ProfileList", None));
    let outer = format!(
        "\u{feff}\n{HEAD}<dict><key>CommandUUID</key><string>abc</string><key>Command</key>{inner}</dict></plist>"
    );
    let whole = read(&raw(&outer)).unwrap();
    assert_eq!((whole.request_type.as_str(), whole.uuid.as_deref()), ("ProfileList", Some("abc")));
    let mut other = raw(&outer);
    other.command_uuid = Some("def".to_owned());
    assert!(matches!(read(&other), Err(Error::Invalid { field, .. }) if field == "command_uuid"));
}

#[test]
fn without_the_option_a_return_to_service_carries_the_mark_that_no_profile_is_wanted() {
    let command = json!({"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true}});
    let marked = |wanted: Wanted| {
        let service = wanted.dictionary.get("ReturnToService").and_then(Value::as_dictionary).unwrap();
        service.contains_key(handout::PLAIN_RETURN)
    };
    assert!(marked(read(&request(command.clone())).unwrap()));
    let mut with = request(command);
    with.with_enrollment_profile = true;
    assert!(!marked(read(&with).unwrap()));
    let mut lonely = request(json!({"RequestType": "EraseDevice"}));
    lonely.with_enrollment_profile = true;
    assert!(matches!(read(&lonely), Err(Error::Invalid { .. })));
}

#[test]
fn a_request_must_name_targets_a_type_and_one_form_of_the_command() {
    let good = request(json!({"RequestType": "ProfileList"}));
    let table = [
        CommandRequest { targets: Vec::new(), ..good.clone() },
        CommandRequest { command: None, ..good.clone() },
        CommandRequest { raw_plist: Some("AAEC".to_owned()), ..good.clone() },
        CommandRequest { command: None, raw_plist: Some("AAEC".to_owned()), ..good.clone() },
        CommandRequest { reason: Some("x".repeat(1001)), ..good.clone() },
        CommandRequest { command_uuid: Some(String::new()), ..good.clone() },
        request(json!({"Message": "no type"})),
    ];
    assert!(read(&good).is_ok());
    for wrong in table {
        assert!(matches!(read(&wrong), Err(Error::Invalid { .. })), "{wrong:?}");
    }
}
