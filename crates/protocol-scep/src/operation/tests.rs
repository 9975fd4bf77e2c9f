//! Queries as clients and proxies write them.

use super::*;
use proptest::prelude::*;

#[test]
fn operations_are_found_whatever_stands_beside_them() {
    let long = format!("message=%30%82%ff{}&operation=PKIOperation", "%f0".repeat(5_000));
    let table = [
        ("operation=GetCACaps", Operation::GetCaCaps),
        ("operation=GetCACert&message=Ward%20CA", Operation::GetCaCert),
        ("?operation=GetCACert&message=MDM", Operation::GetCaCert),
        ("a=b&operation=PKIOperation&operation=GetCACert", Operation::PkiOperation),
        ("Operation=getcacaps", Operation::GetCaCaps),
        (long.as_str(), Operation::PkiOperation),
    ];
    for (query, operation) in table {
        assert_eq!(Operation::from_query(query), Ok(operation), "{query}");
    }
}

#[test]
fn an_unknown_operation_is_named_without_its_tail() {
    for query in ["", "operation", "operation=", "operation=GetNextCACert", "message=GetCACaps"] {
        assert!(matches!(Operation::from_query(query), Err(Error::UnknownOperation(_))), "{query}");
    }
    let error = Operation::from_query(&format!("operation={}", "x\u{7}".repeat(500))).unwrap_err();
    assert_eq!(error, Error::UnknownOperation("x".repeat(40)));
}

#[test]
fn a_message_in_the_query_is_read_in_every_escaping() {
    // 0xfb 0xef 0xff is "++//" in standard and "--__" in URL-safe base64.
    let bytes = [0xfb, 0xef, 0xff, 0x00];
    let table = [
        "++//AA==",
        "++//AA",
        "--__AA==",
        "  //AA==",
        "%2B%2B%2F%2FAA%3D%3D",
        "%2b%2b%2f%2fAA%3d%3d",
        "%252B%252B%252F%252FAA%253D%253D",
        "%25252B%25252B//AA==",
        "%2B+%2F/AA==",
        "++//%0D%0AAA==",
    ];
    for text in table {
        let query = format!("operation=PKIOperation&message={text}");
        assert_eq!(message_from_query(&query).as_deref(), Ok(&bytes[..]), "{text}");
    }
}

#[test]
fn a_message_that_is_absent_wrong_or_too_long_is_refused() {
    for query in ["", "message", "message=%ff", "message=a", "message=a*bc"] {
        assert!(matches!(message_from_query(query), Err(Error::Malformed(_))), "{query}");
    }
    let long = format!("message={}", "AAAA".repeat(MESSAGE_LIMIT / 3 + 1));
    assert!(matches!(message_from_query(&long), Err(Error::TooLarge { .. })));
    let longer = format!("message={}", "%41".repeat(MESSAGE_LIMIT * 4 + 1));
    assert!(matches!(message_from_query(&longer), Err(Error::TooLarge { .. })));
}

proptest! {
    #[test]
    fn no_query_makes_it_panic(query in "[a-zA-Z0-9%&=+/_ -]{0,80}") {
        let _ = Operation::from_query(&query);
        let _ = message_from_query(&query);
    }
}
