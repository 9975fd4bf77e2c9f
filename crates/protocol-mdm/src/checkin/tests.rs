use plist::Value;
use proptest::option;
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::{Limits, SecretBytes, parse_checkin};

/// A check-in as devices write it: Apple's prologue, tabs, wrapped data.
fn body(inside: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n{inside}\n</dict>\n</plist>\n"
    )
    .into_bytes()
}

fn read(inside: &str) -> Checkin {
    parse_checkin(&body(inside), &Limits::CHECK_IN).unwrap()
}

#[test]
fn an_iphone_authenticates() {
    let message = read(
        "\t<key>BuildVersion</key>\n\t<string>24A335</string>\n\t<key>IMEI</key>\n\t<string>35 000000 000000 0</string>\n\
         \t<key>MessageType</key>\n\t<string>Authenticate</string>\n\t<key>OSVersion</key>\n\t<string>27.0</string>\n\
         \t<key>ProductName</key>\n\t<string>iPhone17,1</string>\n\t<key>SerialNumber</key>\n\t<string>W0000000AA</string>\n\
         \t<key>Topic</key>\n\t<string>com.apple.mgmt.External.0000</string>\n\t<key>UDID</key>\n\t<string>00008030-000000000000001A</string>\n\
         \t<key>SomethingNew</key>\n\t<array><dict/></array>",
    );
    let Checkin::Authenticate(message) = message else { panic!("{message:?}") };
    assert_eq!(message.identifiers.udid.as_deref(), Some("00008030-000000000000001A"));
    assert_eq!(message.topic.as_deref(), Some("com.apple.mgmt.External.0000"));
    assert_eq!(message.os_version.as_deref(), Some("27.0"));
    assert_eq!(message.build_version.as_deref(), Some("24A335"));
    assert_eq!(message.product_name.as_deref(), Some("iPhone17,1"));
    assert_eq!(message.serial_number.as_deref(), Some("W0000000AA"));
    assert_eq!(message.imei.as_deref(), Some("35 000000 000000 0"));
    assert_eq!((message.meid, message.device_name), (None, None));
}

#[test]
fn a_user_enrolment_authenticates_without_serial_number_and_udid() {
    let message = read(
        "<key>MessageType</key><string>Authenticate</string><key>EnrollmentID</key><string>E-1</string>\
         <key>Topic</key><string>com.apple.mgmt.x</string>",
    );
    let Checkin::Authenticate(message) = message else { panic!("{message:?}") };
    assert_eq!(message.identifiers.resolve().unwrap().to_string(), "E-1");
    assert_eq!(message.serial_number, None);
}

#[test]
fn a_token_update_gives_tokens_that_debug_hides() {
    let message = read(
        "<key>MessageType</key><string>TokenUpdate</string><key>UDID</key><string>A</string><key>Token</key>\n\t<data>\n\tc2VjcmV0\n\tLXRva2Vu\n\t</data>\
         <key>PushMagic</key><string>secret-magic</string><key>UnlockToken</key><data>c2VjcmV0LXVubG9jaw==</data>\
         <key>AwaitingConfiguration</key><true/><key>NotOnConsole</key><false/>",
    );
    assert!(!format!("{message:?}").contains("secret-"), "{message:?}");
    assert!(!format!("{message:?}").contains("115, 101"), "{message:?}");
    let Checkin::TokenUpdate(message) = message else { panic!("{message:?}") };
    assert_eq!(message.token.unwrap().expose_secret(), b"secret-token");
    assert_eq!(message.push_magic.unwrap().expose_secret(), "secret-magic");
    assert_eq!(message.unlock_token.unwrap().expose_secret(), b"secret-unlock");
    assert_eq!(message.awaiting_configuration, Some(true));
    assert_eq!(message.identifiers.not_on_console, Some(false));
}

#[test]
fn what_a_token_update_does_not_say_is_not_taken_for_no() {
    let message = read(
        "<key>MessageType</key><string>TokenUpdate</string><key>UDID</key><string>A</string><key>UnlockToken</key><data></data>",
    );
    let Checkin::TokenUpdate(message) = message else { panic!("{message:?}") };
    assert!(message.unlock_token.is_none(), "an empty unlock token is absent");
    assert_eq!(message.awaiting_configuration, None);
    assert!(message.token.is_none() && message.push_magic.is_none() && message.topic.is_none());
}

#[test]
fn a_bootstrap_token_that_is_missing_or_empty_is_a_removal() {
    for token in ["", "<key>BootstrapToken</key><data></data>", "<key>BootstrapToken</key><data>\n\t</data>"]
    {
        let message = read(&format!(
            "<key>MessageType</key><string>SetBootstrapToken</string><key>UDID</key><string>A</string>{token}\
             <key>AwaitingConfiguration</key><integer>1</integer>"
        ));
        let Checkin::SetBootstrapToken(message) = message else { panic!("{message:?}") };
        assert!(message.bootstrap_token.is_none(), "{token}");
        assert_eq!(message.awaiting_configuration, Some(true));
    }
}

#[test]
fn declarative_management_is_tunnelled_as_it_came() {
    let message = read(
        "<key>MessageType</key><string>DeclarativeManagement</string><key>UDID</key><string>A</string>\
         <key>Endpoint</key><string>status</string><key>Data</key><data>e30=</data>",
    );
    let Checkin::DeclarativeManagement(message) = message else { panic!("{message:?}") };
    assert_eq!((message.endpoint.as_str(), message.data.as_deref()), ("status", Some(&b"{}"[..])));
}

#[test]
fn the_rest_of_the_nine_are_understood() {
    let token = "<key>TokenServiceType</key><string>com.apple.watch.pairing</string><key>TokenParameters</key><dict>\
                 <key>SecurityToken</key><string>s</string><key>PhoneUDID</key><string>p</string><key>WatchUDID</key><string>w</string></dict>";
    for (name, more) in [
        ("CheckOut", "<key>Topic</key><string>t</string>"),
        ("GetBootstrapToken", ""),
        (
            "UserAuthenticate",
            "<key>UserID</key><string>u</string><key>DigestResponse</key><string>d</string>",
        ),
        ("GetToken", token),
        ("ReturnToService", ""),
    ] {
        let inside =
            format!("<key>MessageType</key><string>{name}</string><key>UDID</key><string>A</string>{more}");
        let message = read(&inside);
        assert_eq!(message.message_type(), name);
        assert_eq!(message.to_dictionary(), plist_guard::parse_dictionary(&body(&inside)).unwrap());
    }
}

#[test]
fn values_of_another_kind_are_no_values_except_where_they_decide() {
    let message = read(
        "<key>MessageType</key><string>Authenticate</string><key>UDID</key><string>A</string><key>OSVersion</key><real>27</real>\
         <key>SerialNumber</key><array/>",
    );
    let Checkin::Authenticate(message) = message else { panic!("{message:?}") };
    assert_eq!((message.os_version, message.serial_number), (None, None));

    let parse = |inside: &str| parse_checkin(&body(inside), &Limits::CHECK_IN).unwrap_err();
    let error = parse("<key>MessageType</key><integer>1</integer><key>UDID</key><string>A</string>");
    assert!(matches!(error, Error::WrongType { key: "MessageType", .. }));
    let error = parse("<key>MessageType</key><string>CheckOut</string><key>UDID</key><data>AA==</data>");
    assert!(matches!(error, Error::WrongType { key: "UDID", .. }));
    assert!(matches!(parse("<key>UDID</key><string>A</string>"), Error::Missing { key: "MessageType", .. }));
    assert_eq!(parse("<key>MessageType</key><string>CheckOut</string>"), Error::NoIdentity);
    let error = parse("<key>MessageType</key><string>Greet</string><key>UDID</key><string>A</string>");
    assert_eq!(error.unknown_message_type(), Some("Greet"));
}

fn text() -> impl Strategy<Value = Option<String>> {
    option::of("[^\\x00-\\x1f\u{fffe}\u{ffff}]{1,12}")
}

fn secret() -> impl Strategy<Value = Option<SecretBytes>> {
    option::of(prop::collection::vec(any::<u8>(), 1..40).prop_map(SecretBytes::new))
}

fn identifiers() -> impl Strategy<Value = Identifiers> {
    ("[A-F0-9-]{1,40}", text(), text(), text(), text(), option::of(any::<bool>())).prop_map(
        |(id, user_id, short, long, enrollment_user_id, not_on_console)| Identifiers {
            enrollment_id: enrollment_user_id.is_some().then(|| id.clone()),
            udid: enrollment_user_id.is_none().then_some(id),
            enrollment_user_id,
            user_id,
            user_short_name: short,
            user_long_name: long,
            not_on_console,
        },
    )
}

fn messages() -> impl Strategy<Value = Checkin> {
    let token_update = (identifiers(), text(), secret(), text(), secret(), option::of(any::<bool>()))
        .prop_map(|(identifiers, topic, token, magic, unlock_token, awaiting_configuration)| {
            Checkin::TokenUpdate(TokenUpdate {
                identifiers,
                topic,
                token,
                push_magic: magic.map(SecretString::from),
                unlock_token,
                awaiting_configuration,
            })
        });
    let authenticate = (identifiers(), text(), text(), text(), text()).prop_map(
        |(identifiers, topic, os_version, serial_number, device_name)| {
            Checkin::Authenticate(Authenticate {
                identifiers,
                topic,
                os_version,
                serial_number,
                device_name,
                ..Authenticate::default()
            })
        },
    );
    let set_token = (identifiers(), secret(), option::of(any::<bool>())).prop_map(
        |(identifiers, bootstrap_token, awaiting_configuration)| {
            Checkin::SetBootstrapToken(SetBootstrapToken {
                identifiers,
                bootstrap_token,
                awaiting_configuration,
            })
        },
    );
    let declarative =
        (identifiers(), "[a-z/.-]{0,30}", option::of(prop::collection::vec(any::<u8>(), 1..60))).prop_map(
            |(identifiers, endpoint, data)| {
                Checkin::DeclarativeManagement(DeclarativeManagement { identifiers, endpoint, data })
            },
        );
    prop_oneof![token_update, authenticate, set_token, declarative]
}

proptest! {
    #[test]
    fn a_check_in_survives_the_wire(message in messages()) {
        let sent = message.to_dictionary();
        let received = parse_checkin(&plist_guard::write_xml(&sent), &Limits::CHECK_IN).unwrap();
        prop_assert_eq!(received.to_dictionary(), sent);
        prop_assert_eq!(received.identifiers(), message.identifiers());
    }

    #[test]
    fn a_check_in_with_a_key_of_any_kind_never_panics(
        name in prop::sample::select(vec!["Authenticate", "TokenUpdate", "GetToken", "SetBootstrapToken", "UserAuthenticate"]),
        key in prop::sample::select(vec!["Token", "TokenParameters", "Topic", "AwaitingConfiguration", "BootstrapToken", "UserID"]),
        value in prop::sample::select(vec![Value::from(1), Value::from(true), Value::from("x"), Value::Array(vec![]), Value::Data(vec![1])]),
    ) {
        let mut dictionary = Dictionary::new();
        dictionary.insert("MessageType".into(), name.into());
        dictionary.insert("UDID".into(), "A".into());
        dictionary.insert(key.into(), value);
        if let Ok(message) = Checkin::from_dictionary(dictionary) {
            prop_assert_eq!(message.message_type(), name);
        }
    }
}
