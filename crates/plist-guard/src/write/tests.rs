use std::time::{Duration, UNIX_EPOCH};

use plist::Date;
use proptest::prelude::*;

use super::*;
use crate::parse_dictionary;

#[test]
fn the_bytes_of_every_kind_are_these() {
    let mut inner = Dictionary::new();
    inner.insert("a".into(), true.into());
    let mut dictionary = Dictionary::new();
    let table: [(&str, Value, &str); 11] = [
        ("string", "a<b>&\r\n\"'".into(), "<string>a&lt;b&gt;&amp;&#13;\n\"'</string>"),
        ("forbidden", "\u{0}\u{1b}\u{fffe}".into(), "<string>\u{fffd}\u{fffd}\u{fffd}</string>"),
        ("integer", u64::MAX.into(), "<integer>18446744073709551615</integer>"),
        ("negative", Value::Integer(i64::MIN.into()), "<integer>-9223372036854775808</integer>"),
        ("real", 0.5.into(), "<real>0.5</real>"),
        ("false", false.into(), "<false/>"),
        ("data", Value::Data(vec![1, 2, 3]), "<data>AQID</data>"),
        ("date", Date::from(UNIX_EPOCH + Duration::from_secs(1)).into(), "<date>1970-01-01T00:00:01Z</date>"),
        ("empty array", Value::Array(vec![]), "<array/>"),
        ("array", Value::Array(vec![1.into()]), "<array>\n\t\t<integer>1</integer>\n\t</array>"),
        ("dict", inner.into(), "<dict>\n\t\t<key>a</key>\n\t\t<true/>\n\t</dict>"),
    ];
    let mut expected = format!("{HEAD}<dict>\n");
    for (key, value, text) in table {
        dictionary.insert(key.into(), value);
        expected.push_str(&format!("\t<key>{key}</key>\n\t{text}\n"));
    }
    expected.push_str("</dict>\n</plist>\n");
    assert_eq!(String::from_utf8(write_xml(&dictionary)).unwrap(), expected);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\u{fffe}\u{ffff}]{0,20}".prop_map(Value::String),
        any::<i64>().prop_map(|number| Value::Integer(number.into())),
        any::<u64>().prop_map(|number| Value::Integer(number.into())),
        prop::num::f64::NORMAL.prop_map(Value::Real),
        any::<bool>().prop_map(Value::Boolean),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Data),
        (0_u64..4_102_444_800).prop_map(|s| Value::Date(Date::from(UNIX_EPOCH + Duration::from_secs(s)))),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec(("[a-zA-Z <&]{1,8}", inner), 0..6)
                .prop_map(|entries| Value::Dictionary(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(entries in prop::collection::vec(("\\PC{0,12}", values()), 0..6)) {
        let dictionary: Dictionary = entries.into_iter().collect();
        let bytes = write_xml(&dictionary);
        prop_assert_eq!(parse_dictionary(&bytes), Ok(dictionary.clone()));
        prop_assert_eq!(write_xml(&dictionary), bytes);
        prop_assert_eq!(crate::parse_any_dictionary(&write_xml(&dictionary), &crate::Limits::OPERATOR), Ok(dictionary));
    }
}
