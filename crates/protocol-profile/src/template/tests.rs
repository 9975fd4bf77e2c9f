//! Uploaded profiles as templates.

use std::sync::LazyLock;

use pki::{Authority, AuthorityKind};
use plist::Value;
use plist_guard::write_xml;

use crate::{Error, Origin, Template, Values, Variable, VariableKind, render, sign};

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let now = clock::Timestamp::from_millis(1_800_000_000_000);
    Authority::create(AuthorityKind::P256, "Test", now, 10).unwrap()
});

fn profile(payload: &[(&str, Value)]) -> plist::Dictionary {
    let texts = |pairs: &[(&str, &str)]| -> plist::Dictionary {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
    };
    let mut inner = texts(&[("PayloadType", "com.apple.dock")]);
    inner.extend(payload.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    let mut outer = texts(&[
        ("PayloadType", "Configuration"),
        ("PayloadIdentifier", "org.example.a"),
        ("PayloadUUID", "U"),
    ]);
    outer.insert("PayloadVersion".to_owned(), 1.into());
    outer.insert("PayloadContent".to_owned(), Value::Array(vec![inner.into()]));
    outer
}

fn rendered(template: &Template) -> crate::Rendered {
    render(template, &Values::stand_ins(template)).unwrap()
}

#[test]
fn xml_binary_and_signed_files_give_the_same_template() {
    let profile = profile(&[("orientation", "left".into()), ("tilesize", 5.5.into())]);
    let xml = write_xml(&profile);
    let mut binary = Vec::new();
    Value::Dictionary(profile).to_writer_binary(&mut binary).unwrap();
    let signed = sign(&xml, AUTHORITY.certificate(), AUTHORITY.key(), &[]).unwrap();
    let template = Template::from_mobileconfig(&xml).unwrap();
    assert_eq!(template.origin(), Origin::Mobileconfig);
    for file in [binary, signed] {
        assert!(Template::from_mobileconfig(&file).unwrap() == template);
    }
}

#[test]
fn an_upload_keeps_its_payloads_and_gets_what_is_missing_and_a_uuid_of_its_content() {
    let first = rendered(&Template::from_mobileconfig(&write_xml(&profile(&[]))).unwrap());
    let uuid = [("PayloadUUID", Value::from("11111111-2222-3333-4444-555555555555"))];
    let second = rendered(&Template::from_mobileconfig(&write_xml(&profile(&uuid))).unwrap());
    assert_ne!(first.uuid_text(), "U");
    assert_ne!(first.uuid, second.uuid);
    let payload = |one: &crate::Rendered| {
        one.dictionary["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap().clone()
    };
    assert_eq!(payload(&first)["PayloadIdentifier"].as_string(), Some("org.example.a.0"));
    assert_eq!(payload(&first)["PayloadVersion"], Value::from(1_i64));
    assert_eq!(payload(&first)["PayloadUUID"].as_string().unwrap().len(), 36);
    assert_eq!(payload(&second)["PayloadUUID"].as_string(), Some("11111111-2222-3333-4444-555555555555"));
}

#[test]
fn a_dollar_in_an_upload_stays_unless_the_variable_is_declared() {
    let file = write_xml(&profile(&[("a", "$5 for $device.serial".into()), ("b", "$device.serial".into())]));
    let plain = Template::from_mobileconfig(&file).unwrap();
    assert_eq!(plain.variables().count(), 0);
    let variable = Variable {
        name: "device.serial".to_owned(),
        source: "$device.serial".to_owned(),
        kind: VariableKind::Text,
        default: None,
    };
    let expanded = Template::from_mobileconfig_with(&file, &[variable]).unwrap();
    let mut values = Values::default();
    values.variables.insert("$device.serial".to_owned(), "C02X".to_owned());
    let made = render(&expanded, &values).unwrap();
    let payload = made.dictionary["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(payload["b"].as_string(), Some("C02X"));
    assert_eq!(
        payload["a"].as_string(),
        Some("$5 for $device.serial"),
        "a text that is not all variables stays"
    );
}

#[test]
fn management_encryption_and_depth_are_refused_and_debug_tells_no_values() {
    let mdm = write_xml(&profile(&[("PayloadType", "com.apple.mdm".into())]));
    assert!(matches!(Template::from_mobileconfig(&mdm), Err(Error::ContainsMdm)));
    let sealed = write_xml(&profile(&[("EncryptedPayloadContent", Value::Data(vec![1]))]));
    assert!(matches!(Template::from_mobileconfig(&sealed), Err(Error::Encrypted)));
    let deep = (0..55).fold(Value::from("x"), |value, _| Value::Array(vec![value]));
    let deep = write_xml(&profile(&[("a", deep)]));
    assert!(matches!(Template::from_mobileconfig(&deep), Err(Error::NotAProfile(_))));
    let secret = write_xml(&profile(&[("Password", "hunter22".into())]));
    let template = Template::from_mobileconfig(&secret).unwrap();
    assert!(!format!("{template:?}").contains("hunter22"));
}

#[test]
fn an_identifier_that_xml_cannot_hold_is_refused() {
    let mut odd = profile(&[]);
    odd.insert("PayloadIdentifier".to_owned(), "org.example.\u{1}a".into());
    let mut binary = Vec::new();
    Value::Dictionary(odd).to_writer_binary(&mut binary).unwrap();
    assert!(matches!(Template::from_mobileconfig(&binary), Err(Error::NotAProfile(_))));
}

#[test]
fn the_deepest_template_survives_its_storage() {
    let deep = (0..44).fold(Value::from("x"), |value, _| Value::Array(vec![value]));
    let template = Template::from_mobileconfig(&write_xml(&profile(&[("a", deep)]))).unwrap();
    let json = serde_json::to_vec(&template).unwrap();
    assert!(serde_json::from_slice::<Template>(&json).unwrap() == template);
}
