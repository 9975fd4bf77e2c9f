use super::*;

const CHECK_IN: &str = "<plist><dict><key>MessageType</key><string>CheckOut</string><key>UDID</key><string>A</string></dict></plist>";
const REPORT: &str =
    "<plist><dict><key>Status</key><string>Idle</string><key>UDID</key><string>A</string></dict></plist>";
const BOTH: &str = "<plist><dict><key>Status</key><string>Idle</string><key>MessageType</key><string>CheckOut</string>\
                    <key>UDID</key><string>A</string></dict></plist>";

fn is_check_in(content_type: Option<&str>, body: &str) -> bool {
    matches!(Message::parse(content_type, body.as_bytes(), &Limits::RESULT).unwrap(), Message::Checkin(_))
}

#[test]
fn the_content_type_decides_by_its_prefix() {
    for content_type in [
        "application/x-apple-aspen-mdm-checkin",
        "application/x-apple-aspen-mdm-checkin; charset=UTF-8",
        "Application/X-Apple-Aspen-MDM-Checkin",
    ] {
        assert!(is_check_in(Some(content_type), CHECK_IN));
        assert!(is_check_in(Some(content_type), BOTH));
    }
    for content_type in ["application/x-apple-aspen-mdm", "application/x-apple-aspen-mdm; charset=UTF-8"] {
        assert!(!is_check_in(Some(content_type), REPORT));
        assert!(!is_check_in(Some(content_type), BOTH));
    }
}

#[test]
fn without_a_content_type_or_with_a_wrong_one_the_body_decides() {
    for content_type in [None, Some(""), Some("text/xml"), Some("é"), Some(CHECK_IN_TYPE), Some(COMMAND_TYPE)]
    {
        assert!(is_check_in(content_type, CHECK_IN), "{content_type:?}");
        assert!(!is_check_in(content_type, REPORT), "{content_type:?}");
    }
}

#[test]
fn a_body_that_is_neither_says_what_it_lacks() {
    let parse = |body: &str| Message::parse(None, body.as_bytes(), &Limits::RESULT).unwrap_err();
    assert_eq!(parse("<plist><dict/></plist>"), Error::Missing { message: "the report", key: "Status" });
    assert!(matches!(parse(""), Error::PropertyList(_)));
    assert!(matches!(parse("bplist00"), Error::PropertyList(plist_guard::Error::Binary)));
}
