use proptest::prelude::*;

use super::*;

fn limits() -> Limits {
    Limits { max_bytes: 1 << 20, max_depth: 64, max_elements: 1000 }
}

fn wrap(inside: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\"><dict><key>K</key>{inside}</dict></plist>\n"
    )
    .into_bytes()
}

fn refusal(body: &[u8]) -> Error {
    parse_dictionary_within(body, &limits()).unwrap_err()
}

fn nested(levels: usize) -> Vec<u8> {
    wrap(&format!("{}{}", "<array>".repeat(levels), "</array>".repeat(levels)))
}

#[test]
fn every_kind_of_value_is_read() {
    let body = wrap(
        "<array><string>a &amp; b &#x41;&#66;</string><integer>-5</integer><real>1.5</real><true/><false />\
         <date>2026-11-23T13:00:00Z</date><data>\n\tAQID\n\t</data><dict/><!-- > <dict> & --></array>",
    );
    let dictionary = parse_dictionary(&body).unwrap();
    let items = dictionary.get("K").and_then(Value::as_array).unwrap();
    assert_eq!(items.len(), 8);
    assert_eq!(items[0].as_string(), Some("a & b AB"));
    assert_eq!(items[1].as_signed_integer(), Some(-5));
    assert_eq!(items[6].as_data(), Some(&[1, 2, 3][..]));
}

#[test]
fn the_census_counts_values_keys_and_depth() {
    let census = check(&wrap("<array><dict><key>a</key><true/></dict><string/></array>"), &limits()).unwrap();
    assert_eq!(census, Census { elements: 7, depth: 3 });
}

#[test]
fn a_byte_order_mark_and_leading_white_space_are_tolerated() {
    let plain = wrap("<true/>");
    for before in [&b"\xEF\xBB\xBF"[..], b"\r\n \t", b"\xEF\xBB\xBF\n"] {
        let body = [before, &plain].concat();
        assert_eq!(parse_dictionary(&body), parse_dictionary(&plain), "{before:?}");
    }
}

#[test]
fn a_small_body_with_deep_nesting_is_refused_before_parsing() {
    // 130 KB of this overflow the stack of a server that parses it.
    assert!(matches!(refusal(&nested(10_000)), Error::TooDeep { max: 64, .. }));
    assert!(matches!(refusal(&nested(64)), Error::TooDeep { .. }));
    assert!(parse_dictionary_within(&nested(63), &limits()).is_ok());
}

#[test]
fn more_elements_or_bytes_than_the_limit_are_refused() {
    assert_eq!(
        refusal(&wrap(&format!("<array>{}</array>", "<true/>".repeat(998)))),
        Error::TooManyElements { max: 1000 }
    );
    assert!(
        parse_dictionary_within(&wrap(&format!("<array>{}</array>", "<true/>".repeat(997))), &limits())
            .is_ok()
    );
    let long = wrap(&format!("<string>{}</string>", "x".repeat(1 << 20)));
    assert_eq!(refusal(&long), Error::TooLarge { bytes: long.len(), max: 1 << 20 });
}

#[test]
fn what_parsers_read_in_different_ways_is_refused() {
    for inside in [
        "<string><![CDATA[hidden]]></string>",
        "<![CDATA[<dict>]]>",
        "<string>&custom;</string>",
        "<string>& </string>",
        "<string>&#0;</string>",
        "<string>&#xD800;</string>",
        "<string>&#x110000;</string>",
        "<string a=\"1\">x</string>",
        "<array a=\">\"><true/></array>",
        "<array a='><!--'><array></array><!-- -->'></array>",
        "<!--><dict>--><true/>",
        "<!---><dict>--><true/>",
        "<!- x -><true/>",
        "<?php echo ?><true/>",
        "<?xml version=\"1.0\" encoding=\"UTF-7\"?><true/>",
        "<?><true/>",
        "<!ENTITY a \"b\"><true/>",
        "<x:true/>",
        "<TRUE/>",
        "<html/>",
        "<plist/>",
        "<true/ >",
        "<true",
        "</array x>",
        "<uid>1</uid>",
    ] {
        let error = refusal(&wrap(inside));
        assert!(!matches!(error, Error::Malformed(_)), "{inside} was only refused by the parser: {error}");
    }
}

#[test]
fn an_internal_subset_is_refused() {
    for document_type in [
        "<!DOCTYPE plist [<!ENTITY a \"b\">]>",
        "<!DOCTYPE plist SYSTEM \"file:///etc/passwd\" [ ]>",
        "<!DOCTYPE plist \"a>b\">",
        "<!doctype plist>",
    ] {
        let body = format!("{document_type}<plist><dict/></plist>");
        assert!(matches!(refusal(body.as_bytes()), Error::DocumentType { at: 0 }), "{document_type}");
    }
}

#[test]
fn a_foreign_encoding_is_refused_even_if_the_bytes_would_do() {
    for encoding in ["UTF-16", "ISO-8859-1", "UTF-7", "EBCDIC-CP-US"] {
        let body = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><plist><dict/></plist>");
        assert_eq!(refusal(body.as_bytes()), Error::Encoding, "{encoding}");
    }
    for declaration in ["<?xml version='1.0' encoding='utf-8'?>", "<?xml version=\"1.0\"?>", ""] {
        let body = format!("{declaration}<plist><dict/></plist>");
        assert!(parse_dictionary(body.as_bytes()).is_ok(), "{declaration}");
    }
}

#[test]
fn a_date_with_a_zone_is_refused_because_its_conversion_can_panic() {
    for date in [
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00+23:59",
        "2026-11-23T13:00:00+01:00",
        "2026-11-23T13:00:00-01:00<!-- -->Z",
        "",
    ] {
        assert!(matches!(refusal(&wrap(&format!("<date>{date}</date>"))), Error::Date { .. }), "{date}");
    }
    let extremes = wrap("<array><date>0000-01-01T00:00:00Z</date><date>9999-12-31T23:59:59Z</date></array>");
    if let Ok(dictionary) = parse_dictionary(&extremes) {
        assert!(!crate::write_xml(&dictionary).is_empty());
    }
}

#[test]
fn other_formats_are_refused_in_words() {
    assert_eq!(refusal(b"bplist00\x00"), Error::Binary);
    for body in [&b""[..], b"  ", b"{ a = b; }", b"\"text\"", b"\xFE\xFF\x00<", b"0\x82"] {
        assert_eq!(refusal(body), Error::NotAPropertyList, "{body:?}");
    }
    assert_eq!(refusal(b"<plist><array/></plist>"), Error::NotADictionary);
    assert!(matches!(refusal(b"<html><body/></html>"), Error::UnknownElement { at: 0 }));
}

#[test]
fn of_equal_keys_a_device_may_send_both_and_an_operator_neither() {
    let body = wrap("<string>first</string><key>K</key><string>last</string>");
    let dictionary = parse_dictionary(&body).unwrap();
    assert_eq!(dictionary.get("K").and_then(Value::as_string), Some("last"));
    assert_eq!(parse_any_dictionary(&body, &limits()), Err(Error::DuplicateKey));
    let nested = wrap("<array><dict><key>a</key><true/><key>&#97;</key><false/></dict></array>");
    assert_eq!(parse_any_dictionary(&nested, &limits()), Err(Error::DuplicateKey));
}

#[test]
fn an_operator_may_send_binary_and_a_device_may_not() {
    let mut binary = Vec::new();
    let value = Value::Dictionary(
        parse_dictionary(&wrap("<array><real>1.5</real><string>ä</string></array>")).unwrap(),
    );
    value.to_writer_binary(&mut binary).unwrap();
    assert_eq!(parse_any_dictionary(&binary, &limits()).map(Value::Dictionary), Ok(value));
    assert_eq!(refusal(&binary), Error::Binary);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse_dictionary_within(&body, &limits());
        let _ = parse_any_dictionary(&body, &limits());
        let _ = parse_any_dictionary(&[b"bplist00", &body[..]].concat(), &limits());
    }

    #[test]
    fn arbitrary_markup_is_never_parsed_deeper_or_longer_than_it_was_counted(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "<dict>", "</dict>", "<array>", "</array>", "<key>", "</key>", "<string>", "</string>", "<true/>", "<dict/>", "a", "&amp;",
            "&x;", "<!--", "-->", "<![CDATA[", "]]>", "\"", "'", ">", "<", "<?xml ", "?>", "<!DOCTYPE ", "[", "<plist>", "</plist>", " ",
            "<date>", "</date>", "2026-11-23T13:00:00Z", "<data>", "</data>", "AQID", "/", "=",
        ]), 0..40),
    ) {
        let body = format!("<plist>{}</plist>", pieces.concat());
        if let Ok(census) = check(body.as_bytes(), &limits())
            && let Ok(value) = parse_xml(body.as_bytes())
        {
            prop_assert!(elements(&value) <= census.elements);
            prop_assert!(depth(&value) <= census.depth);
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Dictionary(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
