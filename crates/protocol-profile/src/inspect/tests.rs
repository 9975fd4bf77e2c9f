use std::sync::LazyLock;

use clock::Timestamp;
use pki::cms::{SignOptions, sign_attached, sign_detached};
use pki::{Authority, AuthorityKind};
use proptest::prelude::*;

use super::*;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    Authority::create(AuthorityKind::P256, "Signer", Timestamp::from_millis(1_795_438_800_000), 30).unwrap()
});

const HEAD: &str = "<key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>\
                    <key>PayloadIdentifier</key><string>org.example.wifi</string><key>PayloadUUID</key><string>U-1</string>";

fn xml(inside: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>{inside}</dict></plist>"
    )
    .into_bytes()
}

fn with_content(payloads: &str) -> Vec<u8> {
    xml(&format!("{HEAD}<key>PayloadContent</key><array>{payloads}</array>"))
}

fn wifi() -> Vec<u8> {
    with_content(
        "<dict><key>PayloadType</key><string>com.apple.wifi.managed</string><key>PayloadIdentifier</key><string>i</string>\
         <key>PayloadUUID</key><string>U-2</string></dict>",
    )
}

fn binary(xml: &[u8]) -> Vec<u8> {
    let mut binary = Vec::new();
    Value::from_reader_xml(xml).unwrap().to_writer_binary(&mut binary).unwrap();
    binary
}

fn signed(content: &[u8]) -> Vec<u8> {
    sign_attached(AUTHORITY.certificate(), AUTHORITY.key(), &[], content).unwrap()
}

#[test]
fn a_profile_is_read_as_xml_as_binary_and_signed() {
    for (file, is_signed) in
        [(wifi(), false), (binary(&wifi()), false), (signed(&wifi()), true), (signed(&binary(&wifi())), true)]
    {
        let summary = check_uploadable(&file).unwrap();
        assert_eq!((summary.identifier.as_str(), summary.uuid.as_str()), ("org.example.wifi", "U-1"));
        assert_eq!(summary.display_name, None);
        assert_eq!(summary.signed, is_signed);
        assert_eq!(summary.payloads.len(), 1);
        assert_eq!(summary.payloads[0].payload_type, "com.apple.wifi.managed");
        assert_eq!(summary.payloads[0].uuid.as_deref(), Some("U-2"));
    }
}

#[test]
fn mdm_is_found_wherever_it_hides() {
    let mdm = "<dict><key>PayloadType</key><string>com.apple.mdm</string></dict>";
    let encoded = "<dict><key>Payload&#84;ype</key><string>com&#x2e;apple.mdm</string></dict>";
    let data = |text: &str| {
        let value = Value::Data(text.as_bytes().to_vec());
        let list = String::from_utf8(plist_guard::write_xml_value(&value)).unwrap();
        list.split_once("<data>")
            .map(|(_, rest)| format!("<data>{}", rest.split_once('\n').unwrap().0))
            .unwrap()
    };
    let hidden = data("<plist><dict><key>PayloadType</key><string>com.apple.mdm</string></dict></plist>");
    for file in [
        with_content(mdm),
        with_content(encoded),
        with_content("<dict><key>PayloadType</key><string> COM.Apple.MDM\n</string></dict>"),
        with_content(&format!(
            "<dict><key>PayloadType</key><string>x</string><key>PayloadContent</key><array>{mdm}</array></dict>"
        )),
        with_content(&format!(
            "<dict><key>PayloadType</key><string>x</string><key>Deep</key><array><array>{mdm}</array></array></dict>"
        )),
        with_content(&format!(
            "<dict><key>PayloadType</key><string>x</string><key>Blob</key>{hidden}</dict>"
        )),
        xml(&format!("{HEAD}<key>ConsentText</key><dict><key>x</key>{mdm}</dict>")),
    ] {
        for form in [file.clone(), signed(&file), binary(&file), signed(&binary(&file))] {
            assert!(
                matches!(check_uploadable(&form), Err(Error::ContainsMdm)),
                "{}",
                String::from_utf8_lossy(&file)
            );
        }
    }
}

#[test]
fn a_key_twice_is_refused_because_the_device_may_read_the_other_one() {
    let file = with_content(
        "<dict><key>PayloadType</key><string>com.apple.mdm</string><key>PayloadType</key><string>com.apple.wifi.managed</string></dict>",
    );
    let refused = check_uploadable(&file).unwrap_err();
    assert!(matches!(refused, Error::PropertyList(plist_guard::Error::DuplicateKey)), "{refused}");
}

#[test]
fn what_cannot_be_looked_into_is_refused() {
    let whole = xml(&format!("{HEAD}<key>EncryptedPayloadContent</key><data>MIIB</data>"));
    let part = with_content(
        "<dict><key>PayloadType</key><string>x</string><key>EncryptedPayloadContent</key><data>MIIB</data></dict>",
    );
    for file in [whole, part] {
        assert!(matches!(check_uploadable(&file), Err(Error::Encrypted)));
        assert!(inspect(&file).unwrap().encrypted);
    }
}

#[test]
fn a_profile_that_would_fetch_another_one_is_refused() {
    let service = String::from_utf8(wifi()).unwrap().replacen("Configuration", "Profile Service", 1);
    assert!(matches!(check_uploadable(service.as_bytes()), Err(Error::NotAProfile(_))));
}

#[test]
fn what_is_no_profile_is_refused_in_words() {
    let content_as_data = xml(&format!("{HEAD}<key>PayloadContent</key><data>AAAA</data>"));
    for (file, words) in [
        (xml(""), "PayloadType"),
        (xml("<key>PayloadType</key><string>Configuration</string>"), "PayloadIdentifier"),
        (content_as_data, "not an array"),
        (b"{ PayloadType = \"com.apple.mdm\"; }".to_vec(), "not a property list"),
        (Vec::new(), "not a property list"),
        (b"<html></html>".to_vec(), "do not have"),
    ] {
        let refused = inspect(&file).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn a_signature_that_does_not_fit_is_refused() {
    let mut changed = signed(&wifi());
    let at = changed.windows(3).position(|window| window == b"U-2").unwrap();
    changed[at] = b'V';
    assert!(matches!(inspect(&changed), Err(Error::Signature(_))));
    assert!(matches!(inspect(&signed(&signed(&wifi()))), Err(Error::NothingSigned)));
    let detached =
        sign_detached(AUTHORITY.certificate(), AUTHORITY.key(), &wifi(), SignOptions::default()).unwrap();
    assert!(inspect(&detached).is_err());
    assert!(matches!(inspect(&[0x30, 0x80]), Err(Error::Signature(_))));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(mut file in prop::collection::vec(any::<u8>(), 0..300), first in prop::sample::select(vec![0x30_u8, b'<', b'b'])) {
        let _ = inspect(&file);
        file.insert(0, first);
        let _ = inspect(&file);
    }
}
