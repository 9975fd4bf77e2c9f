use super::*;

const ORIGIN: &str = "ward.hospital.example/ledger/1";

fn signer() -> CheckpointSigner {
    CheckpointSigner::new(ORIGIN, Ed25519Key::generate().unwrap()).unwrap()
}

fn head() -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: 42, root: Hash([3; 32]) }
}

#[test]
fn a_signed_head_reads_as_the_specification_shows_it() {
    let signer = signer();
    let note = signer.sign(&head()).unwrap();
    let lines: Vec<_> = note.as_str().split('\n').collect();
    let [origin, size, root, blank, signature, end] = lines[..] else { panic!("{lines:?}") };
    assert_eq!((origin, size, blank, end), (ORIGIN, "42", "", ""));
    assert_eq!(root, STANDARD.encode([3; 32]));
    assert!(signature.starts_with(&format!("\u{2014} {ORIGIN} ")), "{signature}");
    let key: CheckpointKey = signer.verifier().unwrap().to_string().parse().unwrap();
    assert_eq!(note.as_str().parse::<SignedCheckpoint>().unwrap().verify(&key).unwrap(), head());
}

#[test]
fn every_change_of_a_single_bit_is_noticed() {
    let signer = signer();
    let (note, key) = (signer.sign(&head()).unwrap(), signer.verifier().unwrap());
    for place in 0..note.as_str().len() {
        for bit in 0..8 {
            let mut bytes = note.as_str().as_bytes().to_vec();
            bytes[place] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let believed = text.parse::<SignedCheckpoint>().and_then(|changed| changed.verify(&key));
            assert!(believed.is_err(), "bit {bit} of byte {place}: {text:?}");
        }
    }
}

#[test]
fn another_key_of_the_same_name_is_not_believed_and_a_second_signature_does_no_harm() {
    let (signer, other) = (signer(), signer());
    let note = signer.sign(&head()).unwrap();
    let key = other.verifier().unwrap();
    assert_eq!(note.verify(&key), Err(Error::NotSigned(ORIGIN.to_owned())));
    let witness = CheckpointSigner::new("witness.example", Ed25519Key::generate().unwrap()).unwrap();
    let line = witness.sign(&head()).unwrap();
    let line = line.as_str().split('\n').nth(4).unwrap();
    let both: SignedCheckpoint = format!("{}{line}\n", note.as_str()).parse().unwrap();
    assert!(both.verify(&signer.verifier().unwrap()).is_ok());
}

#[test]
fn nonsense_is_refused_in_words() {
    let many = "\u{2014} a AAAAAAA=\n".repeat(33);
    let long = "x".repeat(20_000);
    for text in
        ["", "\n\n", "a\n1\n", "a\n01\nAA==\n\n\u{2014} a AAAAAAA=\n", &many, &long, "a\n-1\nAA\n\n- a b\n"]
    {
        assert!(text.parse::<SignedCheckpoint>().is_err(), "{text:?}");
    }
    for text in ["", "a", "a+b", "a+00000000+AQ==", "a b+00000000+AQ==", "a+zz+!!"] {
        assert!(text.parse::<CheckpointKey>().is_err(), "{text:?}");
    }
    assert!(CheckpointSigner::new("with space", Ed25519Key::generate().unwrap()).is_err());
}

#[test]
fn debug_output_hides_the_signing_key() {
    let signer = signer();
    let bytes = hex::encode(signer.key.to_bytes().unwrap());
    assert!(!format!("{signer:?}").contains(&bytes));
}
