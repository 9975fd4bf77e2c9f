//! Requests as clients send them.

use super::*;
use crate::testing::{EC_DEVICE, RSA_DEVICE, openssl, openssl_must, subject, write};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;

fn request(challenge: Option<&str>) -> Vec<u8> {
    CertificateRequest::create(&EC_DEVICE.1, &subject("device"), challenge).unwrap()
}

/// A request with this challenge attribute, properly signed.
fn with_attributes(attributes: &[u8]) -> Vec<u8> {
    let info = asn1::constructed(
        asn1::SEQUENCE,
        &[
            &asn1::value(asn1::INTEGER, &[0]),
            &asn1::value(asn1::SEQUENCE, &[]),
            &EC_DEVICE.1.public_key_der().unwrap(),
            &asn1::value(asn1::CONTEXT_0, attributes),
        ],
    );
    let signature = asn1::bit_string(&EC_DEVICE.1.sign(Digest::Sha256, &info).unwrap());
    let algorithm = crate::cms::signature_algorithm(KeyKind::P256, Digest::Sha256).unwrap();
    asn1::constructed(asn1::SEQUENCE, &[&info, &algorithm, &signature])
}

fn challenge_attribute(tag: u8, text: &[u8]) -> Vec<u8> {
    let values = asn1::value(asn1::SET, &asn1::value(tag, text));
    asn1::constructed(asn1::SEQUENCE, &[&asn1::oid(&CHALLENGE_PASSWORD), &values])
}

#[test]
fn a_request_gives_its_key_subject_and_challenge() {
    let read = CertificateRequest::from_der(&request(Some("geheim-é"))).unwrap();
    assert_eq!(read.public_key_der(), EC_DEVICE.1.public_key_der().unwrap());
    assert_eq!(read.key_digest(), crate::sha256(read.public_key_der()));
    assert_eq!(read.key_kind(), KeyKind::P256);
    assert_eq!(read.subject(), "CN=device");
    assert_eq!(read.challenge_password().unwrap().expose_secret(), "geheim-é");
    assert!(!format!("{read:?}").contains("geheim"));
    assert!(CertificateRequest::from_der(&request(None)).unwrap().challenge_password().is_none());
}

#[test]
fn a_challenge_may_be_any_kind_of_string() {
    let table: [(u8, &[u8], &str); 5] = [
        (0x0c, "é".as_bytes(), "é"),
        (0x13, b"abc", "abc"),
        (0x16, b"abc", "abc"),
        (0x14, &[0xe9], "é"),
        (0x1e, &[0, b'a', 0x20, 0xac], "a€"),
    ];
    for (tag, bytes, text) in table {
        let read = CertificateRequest::from_der(&with_attributes(&challenge_attribute(tag, bytes))).unwrap();
        assert_eq!(read.challenge_password().unwrap().expose_secret(), text, "tag {tag:#x}");
    }
}

#[test]
fn two_challenges_or_one_that_is_no_string_are_refused() {
    let one = challenge_attribute(0x0c, b"one");
    let twice = with_attributes(&[one.clone(), one].concat());
    assert!(matches!(CertificateRequest::from_der(&twice), Err(Error::Malformed { .. })));
    for (tag, bytes) in [(0x02, &b"\x01"[..]), (0x0c, &[0xff]), (0x1e, &[0xd8, 0])] {
        let bad = with_attributes(&challenge_attribute(tag, bytes));
        assert!(matches!(CertificateRequest::from_der(&bad), Err(Error::Malformed { .. })));
    }
    let long = with_attributes(&challenge_attribute(0x0c, &[b'x'; 1025]));
    assert!(matches!(CertificateRequest::from_der(&long), Err(Error::TooLarge { .. })));
}

#[test]
fn openssl_verifies_our_request_and_we_read_openssls() {
    let folder = tempfile::tempdir().unwrap();
    for (_, key) in [&*RSA_DEVICE, &*EC_DEVICE] {
        let der = CertificateRequest::create(key, &subject("device"), Some("secret")).unwrap();
        write(folder.path(), "csr", der);
        let Some(text) = openssl_must(folder.path(), "req -inform DER -in csr -noout -verify -text") else {
            return;
        };
        assert!(text.contains("challengePassword") && text.contains("secret"), "{text}");
        write(folder.path(), "key.pem", key.to_pkcs8_pem().unwrap());
        let make = "req -new -key key.pem -subj /CN=theirs/O=Clinic -sha512 -outform DER -out csr";
        openssl_must(folder.path(), make);
        let read = CertificateRequest::from_der(&std::fs::read(folder.path().join("csr")).unwrap()).unwrap();
        assert_eq!(read.subject(), "CN=theirs, O=Clinic");
    }
}

#[test]
fn weak_and_strange_keys_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let table = [
        ("rsa:1024", "an RSA key of 1024 bits is refused, use 2048 to 8192"),
        ("ec -pkeyopt ec_paramgen_curve:secp256k1", "this kind of key is refused, use RSA, P-256 or P-384"),
        ("ed25519", "this kind of key is refused, use RSA, P-256 or P-384"),
    ];
    for (kind, why) in table {
        let make =
            format!("req -new -newkey {kind} -noenc -keyout key.pem -subj /CN=x -outform DER -out csr");
        let Some((success, text)) = openssl(folder.path(), &make) else {
            return;
        };
        assert!(success, "{text}");
        let der = std::fs::read(folder.path().join("csr")).unwrap();
        assert_eq!(CertificateRequest::from_der(&der).unwrap_err(), Error::KeyPolicy(why.to_owned()));
    }
}

#[test]
fn a_request_for_somebody_elses_key_is_refused() {
    let mut der = request(None);
    let last = der.len() - 1;
    der[last] ^= 1;
    assert_eq!(CertificateRequest::from_der(&der).unwrap_err(), Error::WrongSignature(WHAT));
}

#[test]
fn a_request_signed_with_md5_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "key.pem", RSA_DEVICE.1.to_pkcs8_pem().unwrap());
    let make = "req -new -key key.pem -md5 -subj /CN=x -outform DER -out csr";
    if let Some((true, _)) = openssl(folder.path(), make) {
        let der = std::fs::read(folder.path().join("csr")).unwrap();
        assert!(matches!(CertificateRequest::from_der(&der), Err(Error::Unsupported(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_request_is_refused_without_a_panic(
        at in any::<prop::sample::Index>(), by in 1..=255_u8, cut in any::<bool>(),
    ) {
        let mut der = request(Some("challenge"));
        let at = at.index(der.len());
        if cut { der.truncate(at) } else { der[at] ^= by }
        prop_assert!(CertificateRequest::from_der(&der).is_err());
    }
}
