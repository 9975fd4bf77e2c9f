//! Descriptions: what they become, and what is said about those that are wrong.

use plist::Value;
use proptest::prelude::*;

use super::*;
use crate::{Values, render};

const WIFI: &str = r#"
[profile]
name = "clinical-wifi"
title = "Clinical Wi-Fi"
platforms = ["iOS", "iPadOS"]

[variables]
ssid = { type = "text", from = "$site.wifi_ssid" }
radius_ca = { type = "data", from = "$site.radius_ca" }

[[payload]]
type = "com.apple.security.root"
name = "radius-ca"
PayloadContent = "$radius_ca"

[[payload]]
type = "com.apple.wifi.managed"
SSID_STR = "$ssid"
EncryptionType = "WPA3"
PayloadCertificateUUID = { network_identity = true }
[payload.EAPClientConfiguration]
AcceptEAPTypes = [13]
TLSTrustedServerNames = ["radius.example.org"]
PayloadCertificateAnchorUUID = [{ payload = "radius-ca" }]
"#;

/// A description with one payload, beginning on line 3.
fn one(payload: &str) -> String {
    format!("[profile]\nname = \"a\"\n[[payload]]\n{payload}\n")
}

/// The line, the key path and the message of everything that is wrong.
fn problems(text: &str) -> Vec<(usize, String, String)> {
    let problems = Description::parse(text, "a.toml").unwrap_err();
    assert!(problems.iter().all(|problem| problem.file == "a.toml" && !problem.message.is_empty()));
    problems.into_iter().map(|problem| (problem.line, problem.key_path, problem.message)).collect()
}

/// The only thing that is wrong with a payload.
fn only_problem(payload: &str) -> (usize, String, String) {
    let found = problems(&one(payload));
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn payload_of(payload: &str) -> plist::Dictionary {
    let description = Description::parse(&one(payload), "a.toml").unwrap();
    let profile = description.template().as_dictionary();
    profile["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap().clone()
}

#[test]
fn a_description_becomes_a_profile_whose_payloads_refer_to_each_other() {
    let template = Description::parse(WIFI, "wifi.toml").unwrap().to_template();
    assert_eq!(template.identifier(), "org.ward.clinical-wifi");
    let types = ["com.apple.security.root", "com.apple.wifi.managed", "com.apple.security.scep"];
    assert_eq!(template.payload_types(), types);
    assert!(template.carries_network() && template.needs_network_identity());
    let rendered = render(&template, &Values::stand_ins(&template)).unwrap();
    let content = rendered.dictionary["PayloadContent"].as_array().unwrap();
    let [identity, root, wifi] = content.as_slice() else { panic!("three payloads") };
    let uuid = |payload: &Value| payload.as_dictionary().unwrap()["PayloadUUID"].clone();
    let wifi = wifi.as_dictionary().unwrap();
    assert_eq!(wifi["PayloadCertificateUUID"], uuid(identity));
    let eap = wifi["EAPClientConfiguration"].as_dictionary().unwrap();
    assert_eq!(eap["PayloadCertificateAnchorUUID"].as_array().unwrap(), &[uuid(root)]);
    assert_eq!(wifi["SSID_STR"].as_string(), Some("stand-in"));
}

#[test]
fn values_take_the_types_of_the_catalogue() {
    let payload = payload_of(
        "type = \".GlobalPreferences\"\n\"com.apple.autologout.AutoLogOutDelay\" = 1800\nMultipleSessionEnabled = false",
    );
    assert_eq!(payload["com.apple.autologout.AutoLogOutDelay"], Value::Real(1800.0));
    assert_eq!(payload["MultipleSessionEnabled"], Value::Boolean(false));
    let payload = payload_of("type = \"com.apple.font\"\nFont = { base64 = \"AQID\" }");
    assert_eq!(payload["Font"], Value::Data(vec![1, 2, 3]));
    let payload =
        payload_of("type = \"com.apple.wifi.managed\"\nSSID_STR = \"costs $$5\"\nEncryptionType = \"WPA2\"");
    assert_eq!(payload["SSID_STR"].as_string(), Some("costs $5"));
}

#[test]
fn what_the_catalogue_refuses_is_told_with_line_and_key_path() {
    let policy = "type = \"com.apple.mobiledevice.passwordpolicy\"\n";
    for (payload, line, path, says) in [
        (format!("{policy}maxInactivity = 20"), 5, "payload.passwordpolicy.maxInactivity", "15"),
        (format!("{policy}forcePIN = \"yes\""), 5, "payload.passwordpolicy.forcePIN", "true or false"),
        (
            format!("{policy}\n\nmaxInactiviti = 2"),
            7,
            "payload.passwordpolicy.maxInactiviti",
            "maxInactivity",
        ),
        (
            "type = \"com.apple.app.lock\"\nApp = { Identifer = \"x\" }".to_owned(),
            5,
            "payload.lock.App.Identifier",
            "required",
        ),
        ("type = \"com.apple.coffee\"".to_owned(), 4, "payload.coffee.type", "com.apple.coffee"),
    ] {
        let found = problems(&one(&payload));
        let hit = found.iter().find(|(_, key_path, _)| key_path == path);
        let (at, _, message) = hit.unwrap_or_else(|| panic!("{path} is not among {found:?}"));
        assert_eq!(*at, line, "{payload}");
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn a_payload_that_none_of_the_platforms_has_is_refused() {
    let text = "[profile]\nname = \"a\"\nplatforms = [\"iOS\"]\n[[payload]]\ntype = \"com.apple.dock\"\n";
    let found = problems(text);
    assert_eq!((found[0].0, found[0].1.as_str()), (5, "payload.dock.type"));
    assert!(found[0].2.contains("macOS"), "{}", found[0].2);
}

#[test]
fn secrets_stand_only_as_references_and_only_at_secret_keys() {
    let wifi = "type = \"com.apple.wifi.managed\"\nname = \"w\"\nEncryptionType = \"WPA2\"\n";
    let good = format!("{wifi}SSID_STR = \"guest\"\nPassword = {{ secret = \"guest-wifi\" }}");
    let template = Description::parse(&one(&good), "a.toml").unwrap().to_template();
    assert_eq!(template.secrets().into_iter().collect::<Vec<_>>(), ["guest-wifi"]);

    let literal = only_problem(&format!("{wifi}SSID_STR = \"guest\"\nPassword = \"hunter22\""));
    assert_eq!((literal.0, literal.1.as_str()), (8, "payload.w.Password"));
    assert!(!literal.2.contains("hunter22"), "the secret is not repeated");
    let variable = only_problem(&format!("{wifi}SSID_STR = \"guest\"\nPassword = \"$device.serial\""));
    assert_eq!(variable.1, "payload.w.Password");
    for (key, payload) in [
        ("SSID_STR", format!("{wifi}SSID_STR = {{ secret = \"x\" }}")),
        ("ProxyPACURL", format!("{wifi}SSID_STR = \"g\"\nProxyPACURL = {{ secret = \"x\" }}")),
    ] {
        assert_eq!(only_problem(&payload).1, format!("payload.w.{key}"));
    }
    let clip = "type = \"com.apple.webClip.managed\"\nname = \"w\"\nLabel = \"x\"\n";
    for key in ["URL", "Password"] {
        let found = problems(&one(&format!("{clip}{key} = {{ secret = \"x\" }}")));
        assert!(found.iter().any(|(_, path, _)| *path == format!("payload.w.{key}")), "{found:?}");
    }
}

#[test]
fn variables_are_declared_and_typed() {
    let head = "[profile]\nname = \"a\"\n[variables]\n";
    let wifi = "[[payload]]\ntype = \"com.apple.wifi.managed\"\nname = \"w\"\nEncryptionType = \"WPA2\"\n";
    let direct = format!("{head}{wifi}SSID_STR = \"$site.ssid\"\n");
    let said = Description::parse(&direct, "a.toml").unwrap_err();
    assert!(said[0].advice.contains("[variables]"), "{said:?}");
    for (variables, payload, path) in [
        ("", "SSID_STR = \"$nobody\"", "payload.w.SSID_STR"),
        ("", "SSID_STR = \"5 $ a day\"", "payload.w.SSID_STR"),
        ("n = { type = \"integer\", from = \"$site.n\" }\n", "SSID_STR = \"$n\"", "payload.w.SSID_STR"),
        ("n = { type = \"text\", from = \"$site.n\" }\n", "SSID_STR = \"x\"", "variables.n"),
        ("n = { type = \"text\", from = \"$moon.n\" }\n", "SSID_STR = \"x\"", "variables.n.from"),
        ("n = { type = \"colour\", from = \"$site.n\" }\n", "SSID_STR = \"x\"", "variables.n.type"),
        (
            "n = { type = \"email\", from = \"$site.n\", default = \"x\" }\n",
            "SSID_STR = \"x\"",
            "variables.n.default",
        ),
        ("d = { type = \"data\", from = \"$site.n\" }\n", "SSID_STR = \"a $d\"", "payload.w.SSID_STR"),
    ] {
        let found = problems(&format!("{head}{variables}{wifi}{payload}\n"));
        assert!(found.iter().any(|(_, at, _)| at == path), "{path}: {found:?}");
    }
    let known = format!("[profile]\nname = \"a\"\n{wifi}SSID_STR = \"${{device.serial}}-$owner.email.\"\n");
    let template = Description::parse(&known, "a.toml").unwrap().to_template();
    let sources: Vec<&str> = template.variables().map(|variable| variable.source.as_str()).collect();
    assert_eq!(sources, ["$device.serial", "$owner.email"], "a full stop at the end is no part of a name");
}

#[test]
fn management_private_keys_and_what_ward_makes_do_not_come_from_a_file() {
    assert_eq!(only_problem("type = \"com.apple.mdm\"\nTopic = \"x\"").1, "payload.mdm.type");
    let uuid = only_problem("type = \"com.apple.dock\"\nPayloadUUID = \"x\"");
    assert_eq!((uuid.0, uuid.1.as_str()), (5, "payload.dock.PayloadUUID"));
    let key = pki::PrivateKey::generate_p256().unwrap().to_pkcs8_pem().unwrap();
    let text = one("type = \"com.apple.font\"\nFont = { file = \"key.pem\" }");
    let loaded = Description::parse_with_files(&text, "a.toml", &|name| {
        assert_eq!(name, "key.pem");
        Ok(key.to_vec())
    });
    assert_eq!(loaded.unwrap_err()[0].key_path, "payload.font.Font");
    let unread = Description::parse(&text, "a.toml").unwrap_err();
    assert!(unread[0].advice.contains("base64"), "{unread:?}");
}

#[test]
fn a_certificate_in_pem_becomes_der() {
    let key = pki::PrivateKey::generate_p256().unwrap();
    let now = clock::Timestamp::from_millis(1_800_000_000_000);
    let subject = vec![("CN".to_owned(), "RADIUS".to_owned())];
    let until = clock::Timestamp::from_millis(1_900_000_000_000);
    let certificate = pki::Certificate::self_signed(&key, &subject, now, until).unwrap();
    let text = one("type = \"com.apple.security.root\"\nPayloadContent = { file = \"ca.pem\" }");
    let load = |_: &str| Ok(certificate.to_pem().into_bytes());
    let template = Description::parse_with_files(&text, "a.toml", &load).unwrap().to_template();
    let profile = template.as_dictionary();
    let payload = profile["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(payload["PayloadContent"], Value::Data(certificate.der().to_vec()));

    let packed = inline_files(&text, "a.toml", &load).unwrap();
    assert!(!packed.contains("file =") && packed.lines().count() == text.lines().count());
    assert_eq!(Description::parse(&packed, "a.toml").unwrap().to_template(), template);
    let missing = inline_files(&text, "a.toml", &|_| Err("no such file".to_owned())).unwrap_err();
    assert_eq!((missing[0].line, missing[0].advice.as_str()), (5, "no such file"));
}

#[test]
fn the_head_is_checked() {
    let payload = "[[payload]]\ntype = \"com.apple.dock\"\n";
    for (head, path) in [
        ("", "profile"),
        ("[profile]\n", "profile.name"),
        ("[profile]\nname = \"No Slug\"\n", "profile.name"),
        ("[profile]\nname = \"a\"\nidentifier = \"a b\"\n", "profile.identifier"),
        ("[profile]\nname = \"a\"\nscope = \"user\"\n", "profile.scope"),
        ("[profile]\nname = \"a\"\nplatforms = [\"Android\"]\n", "profile.platforms"),
        ("[profile]\nname = \"a\"\nenrollment = \"gentle\"\n", "profile.enrollment"),
        ("[profile]\nname = \"a\"\ncolour = 1\n", "profile.colour"),
        ("[profile]\nname = \"a\"\n[colours]\n", "colours"),
        ("[profile]\nname = \"a\"\n[[exception]]\nrule = \"no-such\"\n", "exception[0].rule"),
    ] {
        let found = problems(&format!("{head}{payload}"));
        assert!(found.iter().any(|(_, at, _)| at == path), "{path}: {found:?}");
    }
    assert!(problems("[profile]\nname = \"a\"\n").iter().any(|(_, path, _)| path == "payload"));
    let broken = problems("[profile]\nname = \n");
    assert_eq!(broken[0].0, 2, "{broken:?}");
    assert_eq!(problems(&"#".repeat(MAX_DESCRIPTION + 1)).len(), 1);
}

#[test]
fn title_description_and_removal_reach_the_profile() {
    let text = "[profile]\nname = \"a\"\nidentifier = \"org.example.a\"\ntitle = \"T\"\ndescription = \"D\"\n\
                organization = \"O\"\nremoval_disallowed = true\nencrypt = true\n\
                [[payload]]\ntype = \"com.apple.dock\"\ntitle = \"Dock\"\n";
    let template = Description::parse(text, "a.toml").unwrap().to_template();
    assert!(template.is_encrypted());
    let profile = template.as_dictionary();
    let texts = [
        "PayloadDisplayName",
        "PayloadDescription",
        "PayloadOrganization",
        "PayloadIdentifier",
        "PayloadScope",
    ];
    let found: Vec<_> = texts.iter().filter_map(|key| profile[key].as_string()).collect();
    assert_eq!(found, ["T", "D", "O", "org.example.a", "System"]);
    assert_eq!(profile["PayloadRemovalDisallowed"], Value::Boolean(true));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_in_the_order_of_the_lines() {
    let found = problems(&one(
        "type = \"com.apple.wifi.managed\"\nname = \"w\"\nEncryptionType = \"WPA9\"\nPassword = \"hunter22\"\n\
         SSID_STR = \"$nobody\"\nHIDDEN_NETWORK = 1\nAutojoin = true",
    ));
    let places: Vec<(usize, &str)> = found.iter().map(|(line, path, _)| (*line, path.as_str())).collect();
    let path = |key| format!("payload.w.{key}");
    let keys = ["EncryptionType", "Password", "SSID_STR", "HIDDEN_NETWORK", "Autojoin"].map(path);
    assert_eq!(places, (6..).zip(keys.iter().map(String::as_str)).collect::<Vec<_>>());
}

#[test]
fn a_variable_at_a_key_with_listed_values_has_a_form_and_is_judged_when_it_is_rendered() {
    let text = "[profile]\nname = \"a\"\n[variables]\nkind = { type = \"text\", from = \"$site.kind\" }\n[[payload]]\n\
                type = \"com.apple.wifi.managed\"\nSSID_STR = \"c\"\nEncryptionType = \"$kind\"\n";
    let template = Description::parse(text, "a.toml").unwrap().to_template();
    assert!(template.carries_network(), "its form is known without its values");
    let with = |kind: &str| {
        let variables = [("$site.kind".to_owned(), kind.to_owned())].into();
        render(&template, &Values { variables, ..Values::default() })
    };
    assert!(with("WPA3").is_ok());
    assert_eq!(with("WPA9").unwrap_err()[0].variable, "$site.kind");
}

#[test]
fn deep_and_large_things_end_in_problems() {
    let deep = format!("type = \"com.apple.dock\"\nx = {}{}", "[".repeat(70), "]".repeat(70));
    assert!(Description::parse(&one(&deep), "a.toml").is_err());
    let large = "type = \"com.apple.dock\"\ntilesize = 99999999999999999999";
    assert!(!problems(&one(large)).is_empty());
    assert!(!problems(&one("type = \"com.apple.dock\"\ntilesize = nan")).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_description_ends_in_problems_with_lines(at in any::<prop::sample::Index>(), with in "[\\PC\n]{0,8}") {
        let mut text = WIFI.to_owned();
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        text.insert_str(places[at.index(places.len())], &with);
        if let Err(problems) = Description::parse(&text, "a.toml") {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|p| p.line >= 1 && p.line <= text.lines().count() + 1));
        }
    }
}
