use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(report: &Value) -> StatusReport {
    StatusReport::parse(report.to_string().as_bytes(), &StatusLimits::default()).unwrap()
}

#[test]
fn a_report_of_a_device_is_read() {
    let report = read(&json!({
        "StatusItems": {
            "device": {"operating-system": {"version": "27.0", "supplemental": null}},
            "management": {"declarations": {
                "activations": [{"identifier": "a", "server-token": "1", "active": true, "valid": "valid"}],
                "configurations": [
                    {"identifier": "c", "server-token": "old", "active": true, "valid": "valid"},
                    {"identifier": "c", "server-token": "new", "active": false, "valid": "invalid",
                     "reasons": [{"code": "Error.UnknownPayloadKeys", "description": "d", "details": {"k": 1}}]},
                ],
                "assets": [{"identifier": "s", "server-token": "1", "valid": "surprising"}, {"identifier": "x"}, 5],
            }},
        },
        "Errors": [{"StatusItem": "no.such.item", "Reasons": [{"Code": "Error.Unknown", "Description": "no"}]}],
        "FullReport": true,
        "Novelty": 1,
    }));
    assert!(report.full_report);
    assert_eq!(report.malformed, Vec::<String>::new());
    assert_eq!(report.item("device.operating-system.version"), Some(&json!("27.0")));
    assert_eq!(report.item("device.operating-system.supplemental"), Some(&Value::Null));
    assert_eq!(report.item("device.model"), None);
    assert_eq!(report.errors[0].status_item, "no.such.item");
    assert_eq!(report.errors[0].reasons[0].code, "Error.Unknown");

    let declarations = report.declarations().unwrap();
    let seen: Vec<_> = declarations
        .iter()
        .map(|status| (status.identifier.as_str(), status.server_token.as_str(), status.active))
        .collect();
    assert_eq!(seen, [("a", "1", true), ("s", "1", false), ("c", "old", true), ("c", "new", false)]);
    assert_eq!(declarations[1].valid, Validity::Unknown);
    assert_eq!(declarations[3].valid, Validity::Invalid);
    assert_eq!(declarations[3].reasons[0].code, "Error.UnknownPayloadKeys");
    assert_eq!(declarations[3].reasons[0].details, Some(json!({"k": 1})));
}

#[test]
fn a_report_that_does_not_speak_of_declarations_says_nothing_of_them() {
    assert_eq!(read(&json!({"StatusItems": {"device": {}}})).declarations(), None);
    assert_eq!(read(&json!({})).declarations(), None);
    let empty = read(&json!({"StatusItems": {"management": {"declarations": {}}}}));
    assert_eq!(empty.declarations(), Some(vec![]));
}

#[test]
fn content_of_another_shape_is_named_and_the_rest_is_read() {
    let report = read(&json!({"StatusItems": [], "Errors": {"x": 1}, "FullReport": "yes"}));
    assert_eq!(report.malformed, ["StatusItems: not an object", "Errors: not an array"]);
    assert!(!report.full_report);
    let report = read(&json!({"Errors": [1, {"StatusItem": "a"}, {}]}));
    assert_eq!(
        report.malformed,
        ["Errors: an entry is not an object", "Errors: an entry without StatusItem"]
    );
    assert_eq!(report.errors.len(), 1);
}

#[test]
fn what_is_too_large_too_deep_or_no_object_is_refused() {
    let small = StatusLimits { max_bytes: 100, max_parts: 10 };
    let parse = |data: &str| StatusReport::parse(data.as_bytes(), &small);
    assert_eq!(parse(&format!("{{\"a\":\"{}\"}}", "x".repeat(100))), Err(Error::TooLarge));
    assert_eq!(parse("[[[[[[[[[[[]]]]]]]]]]]"), Err(Error::TooLarge));
    assert!(matches!(parse("[]"), Err(Error::NotJson(_))));
    assert!(matches!(parse(""), Err(Error::NotJson(_))));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(StatusReport::parse(deep.as_bytes(), &StatusLimits::default()), Err(Error::NotJson(_))));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = StatusReport::parse(&data, &StatusLimits::default());
    }

    #[test]
    fn a_leaf_is_found_by_its_dotted_name(parts in prop::collection::vec("[a-z-]{1,8}", 1..6), leaf in any::<i64>()) {
        let mut value = json!(leaf);
        for part in parts.iter().rev() {
            value = json!({ part.as_str(): value });
        }
        let report = read(&json!({"StatusItems": value}));
        prop_assert_eq!(report.item(&parts.join(".")), Some(&json!(leaf)));
    }
}
