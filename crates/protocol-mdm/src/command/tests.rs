use plist::Value;

use super::*;

fn xml(inside: &str) -> Vec<u8> {
    format!("<plist version=\"1.0\"><dict>{inside}</dict></plist>").into_bytes()
}

const GOOD: &str = "<key>Command</key><dict><key>RequestType</key><string>ProfileList</string></dict>\
                    <key>CommandUUID</key><string>c-1</string>";

#[test]
fn a_command_is_read_as_xml_binary_and_with_a_byte_order_mark() {
    let plain = Command::parse(&xml(GOOD)).unwrap();
    assert_eq!((plain.uuid.as_str(), plain.request_type.as_str()), ("c-1", "ProfileList"));
    let mut binary = Vec::new();
    Value::from_reader_xml(&xml(GOOD)[..]).unwrap().to_writer_binary(&mut binary).unwrap();
    assert_eq!(Command::parse(&binary), Ok(plain.clone()));
    assert_eq!(Command::parse(&[b"\xEF\xBB\xBF\n", &xml(GOOD)[..]].concat()), Ok(plain));
}

#[test]
fn a_command_goes_out_as_these_bytes() {
    let command = Command::parse(&xml(GOOD)).unwrap();
    let text = String::from_utf8(command.to_xml()).unwrap();
    let expected = "<plist version=\"1.0\">\n<dict>\n\t<key>Command</key>\n\t<dict>\n\t\t<key>RequestType</key>\n\
                    \t\t<string>ProfileList</string>\n\t</dict>\n\t<key>CommandUUID</key>\n\t<string>c-1</string>\n</dict>\n</plist>\n";
    assert!(text.ends_with(expected), "{text}");
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist "));
    assert_eq!(Command::parse(text.as_bytes()), Ok(command));
}

#[test]
fn a_command_without_a_uuid_gets_one_where_that_is_wanted() {
    let bare = xml("<key>Command</key><dict><key>RequestType</key><string>ProfileList</string></dict>");
    assert_eq!(Command::parse(&bare), Err(Error::Missing { message: "the command", key: "CommandUUID" }));
    let command = Command::parse_or(&bare, &Limits::OPERATOR, || Ok("made".into())).unwrap();
    assert_eq!(command.uuid, "made");
}

#[test]
fn a_command_that_cannot_be_sent_is_refused_in_words() {
    let type_only = "<key>Command</key><dict><key>RequestType</key><string>X</string></dict>";
    for inside in [
        "<key>CommandUUID</key><string>c</string>".to_owned(),
        "<key>CommandUUID</key><string>c</string><key>Command</key><dict/>".to_owned(),
        "<key>CommandUUID</key><string>c</string><key>Command</key><array/>".to_owned(),
        "<key>CommandUUID</key><string>c</string><key>Command</key><dict><key>RequestType</key><true/></dict>".to_owned(),
        format!("{type_only}<key>CommandUUID</key><string></string>"),
        format!("{type_only}<key>CommandUUID</key><integer>5</integer>"),
        format!("{type_only}<key>CommandUUID</key><string>{}</string>", "x".repeat(256)),
        format!("{type_only}<key>CommandUUID</key><string>a\nb</string>"),
        format!("{type_only}{type_only}<key>CommandUUID</key><string>c</string>"),
    ] {
        let error = Command::parse(&xml(&inside)).unwrap_err();
        assert!(error.to_string().len() > 10, "{inside}");
    }
}

#[test]
fn a_small_binary_command_that_unfolds_without_end_is_refused() {
    // Sixty arrays that hold the next one twice, after the head and before the trailer of a binary list.
    let mut file = b"bplist00".to_vec();
    for next in 1..=60 {
        file.extend_from_slice(&[0xA2, next, next]);
    }
    file.push(0x09);
    let table = u64::try_from(file.len()).unwrap();
    file.extend((0..=60).map(|object: u8| 8 + object * 3));
    file.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 1]);
    for number in [61, 0, table] {
        file.extend_from_slice(&number.to_be_bytes());
    }
    let refused = Command::parse(&file).unwrap_err();
    assert!(
        matches!(refused, Error::PropertyList(plist_guard::Error::TooManyElements { .. })),
        "{refused:?}"
    );
}

#[test]
fn debug_hides_the_parameters() {
    let inside = "<key>Command</key><dict><key>RequestType</key><string>DeviceLock</string><key>PIN</key><string>483920</string></dict>\
                  <key>CommandUUID</key><string>c</string>";
    let command = Command::parse(&xml(inside)).unwrap();
    assert!(!format!("{command:?}").contains("483920"), "{command:?}");
}
