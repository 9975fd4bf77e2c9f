//! Property lists from devices: whatever the guard lets through can be parsed, taken apart, redacted and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plist_guard::{Limits, check, parse_dictionary_within, write_xml};
use protocol_mdm::{Message, parse_checkin, parse_report, privacy, results, secrets};

/// The result types whose contents are taken apart; the input chooses one.
const REQUEST_TYPES: [&str; 6] =
    ["DeviceInformation", "SecurityInfo", "ProfileList", "CertificateList", "InstalledApplicationList", "DeviceLocation"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let content_type = match choice % 3 {
        0 => None,
        1 => Some("application/x-apple-aspen-mdm-checkin"),
        _ => Some("application/x-apple-aspen-mdm; charset=UTF-8"),
    };
    let _ = (parse_checkin(body, &Limits::CHECK_IN).is_ok(), parse_report(body, &Limits::RESULT).is_ok());
    if let Ok(message) = Message::parse(content_type, body, &Limits::RESULT) {
        take_apart(&message, usize::from(choice / 3));
    }
    let Ok(dictionary) = parse_dictionary_within(body, &Limits::CHECK_IN) else { return };
    let census = check(body, &Limits::CHECK_IN).expect("what was parsed had passed the guard");
    assert!(census.depth <= Limits::CHECK_IN.max_depth && census.elements <= Limits::CHECK_IN.max_elements);
    let written = write_xml(&dictionary);
    let again = parse_dictionary_within(&written, &Limits::RESULT).expect("what is written can be read");
    // Keys that differ only by characters which XML cannot hold have become one by then.
    let settled = write_xml(&again);
    let last = parse_dictionary_within(&settled, &Limits::RESULT).expect("what is written again can be read");
    assert_eq!(write_xml(&last), settled, "writing what was read changes nothing");
});

fn take_apart(message: &Message, choice: usize) {
    let identifiers = match message {
        Message::Checkin(checkin) => checkin.identifiers(),
        Message::Report(report) => &report.identifiers,
    };
    if let Ok(key) = identifiers.resolve() {
        assert!(!key.to_string().is_empty(), "an enrolment has a name");
    }
    let Message::Report(report) = message else { return };
    let mut body = report.body.clone();
    let request_type = REQUEST_TYPES[choice % REQUEST_TYPES.len()];
    let _ = privacy::strip_personal(None, &mut body);
    let _ = secrets::redact(Some(request_type), &mut body);
    assert!(secrets::redact(Some(request_type), &mut body).is_empty(), "a redacted result has no secrets");
    let _ = results::facts(request_type, &body).to_json();
    let _ = (results::profiles(&body), results::certificates(&body), results::applications(&body));
}
