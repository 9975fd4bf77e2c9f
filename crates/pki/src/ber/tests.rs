//! Tables of BER and the DER that it becomes.

use super::*;
use proptest::prelude::*;

fn small() -> Limits {
    Limits { bytes: 256, depth: 4, elements: 16 }
}

fn normalized(input: &[u8]) -> Result<Vec<u8>> {
    normalize("test", input, small()).map(Cow::into_owned)
}

#[test]
fn indefinite_lengths_and_pieces_become_definite_and_whole() {
    let table: [(&[u8], &[u8]); 6] = [
        // SEQUENCE { NULL }, already DER.
        (&[0x30, 2, 5, 0], &[0x30, 2, 5, 0]),
        // The same without a length.
        (&[0x30, 0x80, 5, 0, 0, 0], &[0x30, 2, 5, 0]),
        // [0] { OCTET STRING in two pieces }.
        (&[0xa0, 0x80, 0x24, 0x80, 4, 1, 0xaa, 4, 1, 0xbb, 0, 0, 0, 0], &[0xa0, 4, 4, 2, 0xaa, 0xbb]),
        // Pieces in pieces, of definite length.
        (&[0x24, 7, 0x24, 2, 4, 0, 4, 1, 9], &[4, 1, 9]),
        // A definite SEQUENCE around an indefinite one: the outer length shrinks.
        (&[0x30, 6, 0x30, 0x80, 5, 0, 0, 0], &[0x30, 4, 0x30, 2, 5, 0]),
        // A tag number above 30, without a length.
        (&[0xbf, 0x81, 1, 0x80, 5, 0, 0, 0], &[0xbf, 0x81, 1, 2, 5, 0]),
    ];
    for (ber, der) in table {
        assert_eq!(normalized(ber).as_deref(), Ok(der), "{ber:02x?}");
    }
}

#[test]
fn a_value_with_definite_lengths_keeps_every_byte() {
    // The inner length is longer than DER allows; a signature may be over it.
    let odd = [0x30, 0x80, 0x30, 0x81, 2, 5, 0, 0, 0];
    assert_eq!(normalized(&odd).as_deref(), Ok(&[0x30, 5, 0x30, 0x81, 2, 5, 0][..]));
}

#[test]
fn broken_messages_are_refused_with_the_place() {
    let table: [(&[u8], &str); 9] = [
        (&[], "too early (at byte 0)"),
        (&[0x30], "too early (at byte 1)"),
        (&[0x30, 3, 5, 0], "beyond the end (at byte 0)"),
        (&[0x30, 0x80, 5, 0], "without an end (at byte 4)"),
        (&[0x04, 0x80, 0, 0], "without a length (at byte 0)"),
        (&[0x30, 0, 0x0a], "bytes follow the message (at byte 2)"),
        (&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1], "beyond the end"),
        (&[0x24, 2, 5, 0], "piece of an octet string"),
        (&[0xbf, 0xff], "too early"),
    ];
    for (bytes, why) in table {
        let error = normalized(bytes).unwrap_err().to_string();
        assert!(error.contains(why), "{bytes:02x?}: {error}");
    }
}

#[test]
fn size_depth_and_number_of_values_are_limited() {
    assert!(matches!(normalized(&[0; 257]), Err(Error::TooLarge { size: 257, limit: 256, .. })));
    let deep = [0x30, 0x80].repeat(100);
    assert!(normalized(&deep).unwrap_err().to_string().contains("nested too deeply (at byte 8)"));
    let pieces = [0x24, 0x80].repeat(100);
    assert!(normalized(&pieces).unwrap_err().to_string().contains("nested too deeply"));
    let mut wide = vec![0x30, 40];
    wide.extend([5, 0].repeat(20));
    assert!(normalized(&wide).unwrap_err().to_string().contains("too many values"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_the_result_is_stable(input in proptest::collection::vec(any::<u8>(), 0..128)) {
        if let Ok(once) = normalized(&input) {
            prop_assert_eq!(normalized(&once).unwrap(), once);
        }
    }

    #[test]
    fn structured_bytes_make_it_no_more_panic(
        input in proptest::collection::vec(prop_oneof![Just(0x30_u8), Just(0x24), Just(0x80), Just(0), Just(4), Just(0xa0), any::<u8>()], 0..128),
    ) {
        if let Ok(once) = normalized(&input) {
            prop_assert_eq!(normalized(&once).unwrap(), once);
        }
    }
}
