use proptest::prelude::*;

use super::*;
use crate::{check_binary, parse_any_dictionary};

fn limits() -> Limits {
    Limits { max_bytes: 1 << 20, max_depth: 64, max_elements: 1000 }
}

/// A binary list of these objects, the first one as root, with one byte for offsets and references.
fn file(objects: &[&[u8]]) -> Vec<u8> {
    let mut file = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for object in objects {
        offsets.push(u8::try_from(file.len()).unwrap());
        file.extend_from_slice(object);
    }
    let table = u64::try_from(file.len()).unwrap();
    file.extend_from_slice(&offsets);
    file.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 1]);
    for number in [u64::try_from(objects.len()).unwrap(), 0, table] {
        file.extend_from_slice(&number.to_be_bytes());
    }
    file
}

/// Arrays that each hold the next one twice: 2 to the power of `levels` values in a few bytes.
fn bomb(levels: u8) -> Vec<u8> {
    let mut objects: Vec<Vec<u8>> = (1..=levels).map(|next| vec![0xA2, next, next]).collect();
    objects.push(vec![0x09]);
    file(&objects.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn shared_children_that_multiply_are_refused() {
    assert_eq!(check_binary(&bomb(60), &limits()), Err(Error::TooManyElements { max: 1000 }));
    assert_eq!(check_binary(&bomb(24), &limits()), Err(Error::TooManyElements { max: 1000 }));
    assert_eq!(check_binary(&bomb(3), &limits()), Ok(Census { elements: 15, depth: 3 }));
}

#[test]
fn a_shared_long_string_counts_as_often_as_it_is_used() {
    let text = [&[0x5F, 0x10, 200][..], &[b'x'; 200]].concat();
    let file = file(&[&[0xA4, 1, 1, 1, 1], &text]);
    let few = Limits { max_bytes: 799, ..limits() };
    assert_eq!(check_binary(&file, &few), Err(Error::TooLarge { bytes: 800, max: 799 }));
    assert!(check_binary(&file, &limits()).is_ok());
}

#[test]
fn an_object_that_holds_itself_ends_at_the_depth_limit() {
    assert!(matches!(check_binary(&file(&[&[0xA1, 0]]), &limits()), Err(Error::TooDeep { max: 64, .. })));
}

#[test]
fn dates_that_cannot_be_written_are_refused() {
    for seconds in [f64::NAN, f64::INFINITY, LAST_DATE + 1.0, FIRST_DATE - 1.0] {
        let date = [&[0x33][..], &seconds.to_be_bytes()].concat();
        assert!(matches!(check_binary(&file(&[&date]), &limits()), Err(Error::Date { .. })), "{seconds}");
    }
    for seconds in [FIRST_DATE, 0.0, LAST_DATE] {
        let date = [&[0x33][..], &seconds.to_be_bytes()].concat();
        let list = file(&[&[0xD1, 1, 2], &[0x51, b'd'], &date]);
        let dictionary = parse_any_dictionary(&list, &limits()).unwrap();
        assert!(crate::parse_dictionary(&crate::write_xml(&dictionary)).is_ok(), "{seconds}");
    }
}

#[test]
fn offsets_lengths_and_tables_outside_the_file_are_refused() {
    let good = file(&[&[0xA1, 1], &[0x09]]);
    assert!(check_binary(&good, &limits()).is_ok());
    for (at, byte) in [
        (9, 7),
        (6 + good.len() - 32, 9),
        (good.len() - 1, 255),
        (good.len() - 17, 9),
        (8, 0x5E),
        (8, 0x80),
        (8, 0),
    ] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert!(check_binary(&bad, &limits()).is_err(), "byte {at} as {byte}");
    }
    for length in 0..good.len() {
        assert!(check_binary(&good[..length], &limits()).is_err(), "{length} bytes");
    }
    let huge = file(&[&[0x5F, 0x13, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]]);
    assert!(matches!(check_binary(&huge, &limits()), Err(Error::MalformedBinary { .. })));
}

#[test]
fn a_binary_dictionary_with_a_key_twice_is_refused() {
    let list = file(&[&[0xD2, 1, 2, 3, 3], &[0x51, b'a'], &[0x51, b'a'], &[0x09]]);
    assert_eq!(parse_any_dictionary(&list, &limits()), Err(Error::DuplicateKey));
}

proptest! {
    #[test]
    fn a_changed_byte_never_panics_and_never_passes_the_limits(at in 0_usize..200, byte in any::<u8>()) {
        let mut list = Vec::new();
        let text = b"<plist><dict><key>a</key><array><string>x</string><real>1</real><integer>70000</integer></array><key>b</key>\
                     <date>2026-11-23T13:00:00Z</date></dict></plist>";
        let value = plist::Value::from_reader_xml(&text[..]).unwrap();
        value.to_writer_binary(&mut list).unwrap();
        let at = at % list.len();
        list[at] = byte;
        if let Ok(dictionary) = parse_any_dictionary(&list, &limits()) {
            prop_assert!(crate::parse_dictionary_within(&crate::write_xml(&dictionary), &Limits::OPERATOR).is_ok());
        }
    }
}
