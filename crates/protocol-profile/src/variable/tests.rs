//! Variables: their names in a text, and values that do or do not fit.

use proptest::prelude::*;

use super::*;

fn literal(text: &str) -> Part {
    Part::Literal(text.to_owned())
}

fn variable(name: &str) -> Part {
    Part::Variable(name.to_owned())
}

#[test]
fn texts_are_split_at_variables() {
    for (text, parts) in [
        ("", vec![literal("")]),
        ("plain", vec![literal("plain")]),
        ("$$5", vec![literal("$5")]),
        ("$device.serial", vec![variable("device.serial")]),
        ("iPad $device.serial.", vec![literal("iPad "), variable("device.serial"), literal(".")]),
        ("${site.a-b}x", vec![variable("site.a-b"), literal("x")]),
        ("$a$b", vec![variable("a"), variable("b")]),
        ("$a.1", vec![variable("a"), literal(".1")]),
    ] {
        assert_eq!(split(text), Ok(parts), "{text}");
    }
    for text in ["$", "a $ b", "$1", "${", "${}", "${a b}", "${a"] {
        assert!(split(text).is_err(), "{text}");
    }
}

#[test]
fn a_value_has_to_fit_its_type_and_is_not_repeated_where_it_does_not() {
    use VariableKind::{Boolean, Data, Email, Integer, Text, Url};
    for (kind, good, bad) in [
        (Text, vec!["a", "Zürich <b> & co"], vec!["", "a\nb", "\u{7}"]),
        (Integer, vec!["5", "-1"], vec!["5.5", "five", ""]),
        (Boolean, vec!["true", "false"], vec!["yes", "1"]),
        (
            Email,
            vec!["ada@example.org"],
            vec!["ada", "@example.org", "a@b@c.d", "a b@c.d", "a@localhost", "a@.org"],
        ),
        (
            Url,
            vec!["https://example.org/a?b=c"],
            vec!["ward.local/x", "https://", "javascript:alert(1)", "https://a@b/", "https://a b"],
        ),
        (Data, vec!["AQID", "AQ\nID"], vec!["%%", "A"]),
    ] {
        for text in good {
            assert!(kind.read(text).is_ok(), "{kind:?} {text}");
        }
        for text in bad {
            let reason = kind.read(text).unwrap_err();
            assert!(text.len() < 9 || !reason.contains(text), "{reason}");
        }
    }
    assert!(Text.read(&"x".repeat(MAX_TEXT + 1)).is_err());
    assert!(Data.read(&"A".repeat(MAX_DATA * 2)).is_err());
    for (_, kind) in VariableKind::ALL {
        assert!(kind.read(kind.stand_in()).is_ok(), "{kind:?} has a stand-in");
    }
}

#[test]
fn sources_are_known_or_open() {
    for source in ["device.serial", "site.wifi_ssid", "device.attribute.cost-centre", "owner.email"] {
        assert!(is_source(source), "{source}");
    }
    for source in ["device.secret", "site.", "site.a.b", "site.a b", "moon", ""] {
        assert!(!is_source(source), "{source}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_whose_dollars_are_doubled_comes_back(text in "\\PC{0,40}") {
        prop_assert_eq!(split(&text.replace('$', "$$")), Ok(vec![literal(&text)]));
    }
}
