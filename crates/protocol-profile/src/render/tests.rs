//! Rendering: the same bytes for the same values, other UUIDs for others, and nothing that does not fit.

use std::sync::LazyLock;

use pki::{Authority, AuthorityKind, PrivateKey};
use plist_guard::parse_dictionary;
use proptest::prelude::*;

use super::*;
use crate::{Description, Error, encrypt, inspect, sign};

const TEXT: &str = r#"
[profile]
name = "vpn"
[variables]
host = { type = "text", from = "$site.vpn_host" }
days = { type = "integer", from = "$site.days", default = 5 }
[[payload]]
type = "com.apple.wifi.managed"
name = "wifi"
SSID_STR = "Guest of $device.name"
EncryptionType = "WPA2"
Password = { secret = "guest" }
[[payload]]
type = "com.apple.webClip.managed"
name = "clip"
Label = "Handbook"
URL = "https://$host/for?name=$device.name"
[[payload]]
type = "com.apple.mobiledevice.passwordpolicy"
name = "policy"
maxInactivity = "$days"
"#;

static TEMPLATE: LazyLock<Template> =
    LazyLock::new(|| Description::parse(TEXT, "vpn.toml").unwrap().to_template());

fn values(name: &str, secret: (i64, Option<&str>)) -> Values {
    let variables = [("$site.vpn_host", "vpn.example.org"), ("$device.name", name)];
    let value = SecretValue { version: secret.0, value: secret.1.map(SecretString::from) };
    Values {
        variables: variables.map(|(source, value)| (source.to_owned(), value.to_owned())).into(),
        secrets: [("guest".to_owned(), value)].into(),
        network_identity: None,
    }
}

fn text_at(rendered: &Rendered, index: usize, key: &str) -> String {
    let payloads = rendered.dictionary["PayloadContent"].as_array().unwrap();
    payloads[index].as_dictionary().unwrap()[key].as_string().unwrap().to_owned()
}

#[test]
fn values_stand_where_they_belong_and_are_encoded_within_addresses() {
    let rendered = render(&TEMPLATE, &values("Ward 3 & <lab>?x=1", (1, Some("hunter22")))).unwrap();
    assert_eq!(text_at(&rendered, 0, "SSID_STR"), "Guest of Ward 3 & <lab>?x=1");
    assert_eq!(text_at(&rendered, 0, "Password"), "hunter22");
    assert_eq!(
        text_at(&rendered, 1, "URL"),
        "https://vpn.example.org/for?name=Ward%203%20%26%20%3Clab%3E%3Fx%3D1"
    );
    let policy = rendered.dictionary["PayloadContent"].as_array().unwrap()[2].as_dictionary().unwrap();
    assert_eq!(policy["maxInactivity"], Value::from(5_i64), "the default, as a number");
    assert_eq!(parse_dictionary(&rendered.to_xml()).unwrap(), rendered.dictionary);
    assert!(!format!("{rendered:?}").contains("hunter22"));
}

#[test]
fn the_uuid_follows_the_content_and_the_versions_of_secrets_but_not_their_values() {
    let first = render(&TEMPLATE, &values("a", (1, Some("one")))).unwrap();
    let again = render(&TEMPLATE, &values("a", (1, Some("one")))).unwrap();
    assert_eq!(first.to_xml(), again.to_xml());
    assert_eq!(first.uuid.get_version_num(), 5);
    assert_eq!(first.dictionary["PayloadUUID"].as_string(), Some(first.uuid_text().as_str()));
    let hidden = render(&TEMPLATE, &values("a", (1, None))).unwrap();
    assert_eq!((hidden.uuid, hidden.digest), (first.uuid, first.digest));
    assert_eq!(text_at(&hidden, 0, "Password"), HIDDEN);
    let newer = render(&TEMPLATE, &values("a", (2, Some("two")))).unwrap();
    let other = render(&TEMPLATE, &values("b", (1, Some("one")))).unwrap();
    assert!(newer.uuid != first.uuid && other.uuid != first.uuid && newer.digest != first.digest);
    for index in 0..3 {
        let uuid = |rendered: &Rendered| text_at(rendered, index, "PayloadUUID");
        assert_eq!(uuid(&newer), uuid(&first), "the UUIDs of payloads stay");
    }
}

#[test]
fn everything_that_is_not_set_or_does_not_fit_is_named() {
    let unset = render(&TEMPLATE, &Values::default()).unwrap_err();
    let names: Vec<&str> = unset.iter().map(|one| one.variable.as_str()).collect();
    assert_eq!(names, ["$device.name", "$site.vpn_host", "secret(guest)"]);
    assert!(unset.iter().all(|one| !one.reason.is_empty()));

    let mut wrong = values("a\u{7}b", (1, None));
    wrong.variables.insert("$site.days".to_owned(), "soon".to_owned());
    let unset = render(&TEMPLATE, &wrong).unwrap_err();
    let names: Vec<&str> = unset.iter().map(|one| one.variable.as_str()).collect();
    assert_eq!(names, ["$device.name", "$site.days"]);

    let mut beyond = values("a", (1, None));
    beyond.variables.insert("$site.days".to_owned(), "99".to_owned());
    let unset = render(&TEMPLATE, &beyond).unwrap_err();
    assert_eq!(unset.len(), 1, "the catalogue takes at most 15 minutes: {unset:?}");
    assert_eq!(unset[0].variable, "$site.days");
}

#[test]
fn the_identity_comes_with_the_hand_out_and_its_challenge_changes_nothing() {
    let text = "[profile]\nname = \"w\"\n[[payload]]\ntype = \"com.apple.wifi.managed\"\nSSID_STR = \"c\"\n\
                EncryptionType = \"WPA2\"\nPayloadCertificateUUID = { network_identity = true }\n";
    let template = Description::parse(text, "w.toml").unwrap().to_template();
    let with = |version: &str, challenge: Option<&str>| {
        let payload = challenge.map(|challenge| {
            let mut content = Dictionary::new();
            content.insert("URL".to_owned(), "https://ward.example.org/scep/network".into());
            content.insert("Challenge".to_owned(), challenge.into());
            content
        });
        let identity = NetworkIdentity { version: version.to_owned(), payload };
        render(&template, &Values { network_identity: Some(identity), ..Values::default() }).unwrap()
    };
    let (planned, sent, renewed) = (with("1", None), with("1", Some("c1")), with("2", Some("c2")));
    assert_eq!(planned.uuid, sent.uuid);
    assert_ne!(renewed.uuid, sent.uuid);
    let payload = sent.dictionary["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(payload["PayloadType"].as_string(), Some("com.apple.security.scep"));
    assert_eq!(payload["PayloadContent"].as_dictionary().unwrap()["Challenge"].as_string(), Some("c1"));
    assert_eq!(render(&template, &Values::default()).unwrap_err()[0].variable, "network identity");
}

#[test]
fn a_template_survives_its_storage() {
    let json = serde_json::to_vec(&*TEMPLATE).unwrap();
    let again: Template = serde_json::from_slice(&json).unwrap();
    assert!(again == *TEMPLATE);
    let values = values("a", (1, Some("s")));
    assert_eq!(render(&again, &values).unwrap(), render(&TEMPLATE, &values).unwrap());
}

#[test]
fn a_profile_is_signed_and_encrypted_to_the_device_alone() {
    let now = clock::Timestamp::from_millis(1_800_000_000_000);
    let authority = Authority::create(AuthorityKind::Rsa2048, "Test", now, 10).unwrap();
    let (certificate, key): (_, &PrivateKey) = (authority.certificate(), authority.key());
    let rendered = render(&TEMPLATE, &values("a", (1, Some("hunter22")))).unwrap();
    let sealed = encrypt(&rendered, &[certificate]).unwrap();
    assert!(!sealed.contains_key("PayloadContent"));
    assert_eq!(sealed["PayloadUUID"].as_string(), Some(rendered.uuid_text().as_str()));
    let xml = write_xml(&sealed);
    assert!(!String::from_utf8_lossy(&xml).contains("hunter22"));
    let message = sealed["EncryptedPayloadContent"].as_data().unwrap();
    let (content, cipher) = pki::cms::decrypt(message, certificate, key, false).unwrap();
    assert_eq!(cipher, pki::cms::Cipher::Aes256);
    let opened = Value::from_reader_xml(content.as_slice()).unwrap();
    assert_eq!(opened, rendered.dictionary["PayloadContent"]);

    let signed = sign(&xml, certificate, key, &[]).unwrap();
    let summary = inspect(&signed).unwrap();
    assert!(summary.signed && summary.encrypted);
    assert!(matches!(encrypt(&rendered, &[]), Err(Error::Encryption(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_of_a_device_changes_the_form_of_the_profile(name in "\\PC{1,60}") {
        let rendered = render(&TEMPLATE, &values(&name, (1, Some("s")))).unwrap();
        let again = parse_dictionary(&rendered.to_xml()).unwrap();
        prop_assert_eq!(&again, &rendered.dictionary);
        let url = text_at(&rendered, 1, "URL");
        prop_assert!(url.starts_with("https://vpn.example.org/for?name="));
        let tail = url.split_once("name=").unwrap().1;
        prop_assert!(tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-._~".contains(&byte)));
    }
}
