//! Whole exchanges with our own client, in every form, and with clients that do wrong.

use std::sync::LazyLock;
use std::time::Duration;

use super::*;
use crate::client::{ClientOptions, ClientRequest, Reply, offers, parse_ca_certificates};
use crate::{ca_certificates, capabilities, failure, success};
use clock::Timestamp;
use pki::cms::SignOptions;
use pki::{AuthorityKind, KeyKind, NewCertificate, ObjectIdentifier, PrivateKey, Subject, Tag, Usage};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;

static RSA: LazyLock<Authority> = LazyLock::new(|| authority(AuthorityKind::Rsa2048));
static EC: LazyLock<Authority> = LazyLock::new(|| authority(AuthorityKind::P256));
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate_rsa_2048().unwrap());
const CHALLENGE: &str = "one-time";

fn authority(kind: AuthorityKind) -> Authority {
    Authority::create(kind, "Ward", now(), 3650).unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn subject() -> Subject {
    vec![("CN".to_owned(), "device".to_owned())]
}

fn csr(key: &PrivateKey) -> Vec<u8> {
    CertificateRequest::create(key, &subject(), Some(CHALLENGE)).unwrap()
}

fn options() -> ClientOptions {
    ClientOptions { cipher: Cipher::Aes128, digest: Digest::Sha256, ber: false, renew: None, now: now() }
}

fn build(authority: &Authority, options: &ClientOptions) -> ClientRequest {
    let (content_type, body) = ca_certificates(authority);
    let certificates = parse_ca_certificates(content_type, &body).unwrap();
    ClientRequest::build(&certificates, &KEY, &csr(&KEY), options).unwrap()
}

fn issue(authority: &Authority, request: &CertificateRequest) -> Certificate {
    let new = NewCertificate {
        public_key_der: request.public_key_der().to_vec(),
        subject: subject(),
        not_before: now(),
        not_after: now() + Duration::from_secs(365 * 86_400),
        usage: Usage::Client,
        serial: None,
    };
    authority.issue(&new).unwrap()
}

/// Takes a request that the server refuses, and what the client reads in the reply.
fn refused(message: &[u8], client: &ClientRequest) -> (FailInfo, Error) {
    match Request::parse(message, &RSA, false) {
        Err(Rejection::Failed { header, fail_info, error }) => {
            let reply = failure(&header, &RSA, fail_info).unwrap();
            assert_eq!(client.parse_reply(&reply), Ok(Reply::Failure(fail_info)));
            (fail_info, error)
        }
        other => panic!("not refused with a reply: {other:?}"),
    }
}

#[test]
fn every_cipher_digest_and_encoding_gets_a_certificate_in_kind() {
    for authority in [&*RSA, &*EC] {
        for cipher in [Cipher::DesEde3, Cipher::Aes128, Cipher::Aes192, Cipher::Aes256] {
            for (digest, ber) in [(Digest::Sha1, true), (Digest::Sha256, false), (Digest::Sha512, true)] {
                let client = build(authority, &ClientOptions { cipher, digest, ber, ..options() });
                let request = Request::parse(&client.message, authority, false).unwrap();
                assert_eq!(request.header.message_type, MessageType::PkcsReq);
                assert_eq!(request.header.transaction(), client.transaction_id.as_bytes());
                assert_eq!((request.cipher, request.header.digest), (cipher, digest));
                assert_eq!(request.csr.challenge_password().unwrap().expose_secret(), CHALLENGE);

                let issued = issue(authority, &request.csr);
                let reply = success(&request, authority, &issued).unwrap();
                assert_eq!(client.parse_reply(&reply), Ok(Reply::Success(issued)));
                let outside = SignedMessage::parse(&reply).unwrap();
                assert_eq!(outside.digest(), digest);
                assert_eq!(cms::cipher_of(outside.content().unwrap()), Ok(cipher));
                assert_eq!(outside.signer(), authority.scep_recipient().0);
            }
        }
    }
}

#[test]
fn single_des_is_served_only_where_it_is_allowed() {
    let options = ClientOptions { cipher: Cipher::Des, digest: Digest::Sha1, ..options() };
    let (_, body) = ca_certificates(&RSA);
    let certificates = [Certificate::from_der(&body).unwrap()];
    let client = match ClientRequest::build(&certificates, &KEY, &csr(&KEY), &options) {
        Ok(client) => client,
        Err(error) => return println!("skipped: {error}"),
    };
    assert_eq!(refused(&client.message, &client).0, FailInfo::BadAlg);
    let request = Request::parse(&client.message, &RSA, true).unwrap();
    let issued = issue(&RSA, &request.csr);
    let reply = success(&request, &RSA, &issued).unwrap();
    assert_eq!(client.parse_reply(&reply), Ok(Reply::Success(issued)));
}

#[test]
fn a_renewal_shows_the_identity_that_signed_it() {
    let old_key = PrivateKey::generate_rsa_2048().unwrap();
    let old = issue(&RSA, &CertificateRequest::from_der(&csr(&old_key)).unwrap());
    let client = build(&RSA, &ClientOptions { renew: Some((old.clone(), old_key)), ..options() });
    let request = Request::parse(&client.message, &RSA, false).unwrap();
    assert_eq!(request.header.message_type, MessageType::RenewalReq);
    assert_eq!(request.header.signer, old);
    assert!(request.header.signer.is_issued_by(RSA.certificate()));
    let issued = issue(&RSA, &request.csr);
    let reply = success(&request, &RSA, &issued).unwrap();
    assert_eq!(client.parse_reply(&reply), Ok(Reply::Success(issued)));
}

#[test]
fn a_wrong_request_inside_gets_a_reply_that_says_so() {
    let rsa_ca = [RSA.certificate().clone()];
    let build = |csr: &[u8]| ClientRequest::build(&rsa_ca, &KEY, csr, &options()).unwrap();

    let nonsense = build(b"nonsense");
    assert_eq!(refused(&nonsense.message, &nonsense).0, FailInfo::BadRequest);

    let mut forged = csr(&KEY);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let forged = build(&forged);
    assert_eq!(refused(&forged.message, &forged).0, FailInfo::BadMessageCheck);

    let other = self::build(&EC, &options());
    match Request::parse(&other.message, &RSA, false) {
        Err(Rejection::Failed { fail_info: FailInfo::BadRequest, error, .. }) => {
            assert_eq!(error, Error::Pki(pki::Error::Undecryptable));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_carries_an_empty_content_because_python_clients_crash_without_one() {
    let client = build(&RSA, &options());
    let request = Request::parse(&client.message, &RSA, false).unwrap();
    let reply = SignedMessage::parse(&failure(&request.header, &RSA, FailInfo::BadRequest).unwrap()).unwrap();
    assert_eq!(reply.content(), Some(&[][..]));
    assert_eq!(reply.verify(), Ok(()));
    let value = |last: u8| {
        let oid: ObjectIdentifier = format!("2.16.840.1.113733.1.9.{last}").parse().unwrap();
        reply.attributes().get(&oid).cloned().unwrap()
    };
    assert_eq!((value(2).value(), value(3).value(), value(4).value()), (&b"3"[..], &b"2"[..], &b"2"[..]));
    assert_eq!(Some(value(6)), request.header.sender_nonce);
    assert_ne!(Some(value(5)), request.header.sender_nonce, "the server's nonce is its own");
}

/// A message with these attributes, signed by a throw-away certificate like those of Go clients.
fn message(attributes: &[(u8, Tag, &[u8])], content: &[u8]) -> Vec<u8> {
    let key = PrivateKey::generate_p256().unwrap();
    let name = vec![("CN".to_owned(), "SCEP SIGNER".to_owned())];
    let signer = Certificate::self_signed(&key, &name, now(), now() + Duration::from_secs(60)).unwrap();
    let attributes = attributes.iter().map(|(last, tag, value)| {
        let oid = format!("2.16.840.1.113733.1.9.{last}").parse().unwrap();
        (oid, Any::new(*tag, *value).unwrap())
    });
    cms::sign_with_attributes(&signer, &key, content, attributes.collect(), SignOptions::default(), &[])
        .unwrap()
}

#[test]
fn the_transaction_id_is_repeated_as_it_came_even_with_characters_its_type_forbids() {
    let envelope = cms::encrypt(&csr(&KEY), &[RSA.certificate()], Cipher::Aes128).unwrap();
    let message = message(
        &[
            (2, Tag::PrintableString, b"19"),
            (7, Tag::PrintableString, b"q/+=_*"),
            (5, Tag::OctetString, b"n"),
        ],
        &envelope,
    );
    let request = Request::parse(&message, &RSA, false).unwrap();
    // The request's key and the signer's differ, which Go clients do.
    assert!(!request.header.signer.matches_key(&KEY));
    let issued = issue(&RSA, &request.csr);
    let reply = SignedMessage::parse(&success(&request, &RSA, &issued).unwrap()).unwrap();
    let transaction = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.7");
    assert_eq!(reply.attributes().get(&transaction), Some(&request.header.transaction_id));
    assert_eq!(request.header.transaction(), b"q/+=_*");
}

#[test]
fn a_message_without_what_a_reply_needs_is_unreadable() {
    let long = [b'x'; 1025];
    let table: [&[(u8, Tag, &[u8])]; 4] = [
        &[(2, Tag::PrintableString, b"19")],
        &[(7, Tag::PrintableString, b"id")],
        &[(2, Tag::PrintableString, &[0xff]), (7, Tag::PrintableString, b"id")],
        &[(2, Tag::PrintableString, b"19"), (7, Tag::PrintableString, &long)],
    ];
    for attributes in table {
        let parsed = Request::parse(&message(attributes, b""), &RSA, false);
        assert!(matches!(parsed, Err(Rejection::Unreadable(_))), "{parsed:?}");
    }
    for bytes in [&b""[..], b"\r\n", b"<html>", &vec![0x30; MESSAGE_LIMIT + 1]] {
        assert!(matches!(Request::parse(bytes, &RSA, false), Err(Rejection::Unreadable(_))));
    }
}

#[test]
fn a_message_type_that_is_not_served_is_refused_with_a_reply() {
    for number in ["3", "20", "21", "22", "x"] {
        let message =
            message(&[(2, Tag::PrintableString, number.as_bytes()), (7, Tag::Utf8String, b"id")], b"");
        match Request::parse(&message, &RSA, false) {
            Err(Rejection::Failed { header, fail_info: FailInfo::BadRequest, error }) => {
                assert_eq!(error, Error::UnsupportedMessageType(number.to_owned()));
                assert!(failure(&header, &RSA, FailInfo::BadRequest).is_ok(), "no nonce is needed");
            }
            other => panic!("{other:?}"),
        }
    }
    let update = message(&[(2, Tag::PrintableString, b"18"), (7, Tag::Utf8String, b"id")], b"");
    match Request::parse(&update, &RSA, false) {
        Err(Rejection::Failed { header, .. }) => assert_eq!(header.message_type, MessageType::RenewalReq),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_authority_is_given_alone_or_behind_its_registration_authority() {
    let (content_type, body) = ca_certificates(&RSA);
    assert_eq!(content_type, "application/x-x509-ca-cert");
    assert_eq!(body, RSA.certificate().der());
    let (content_type, body) = ca_certificates(&EC);
    assert_eq!(content_type, "application/x-x509-ca-ra-cert");
    let both = cms::certificates_of(&body).unwrap();
    assert_eq!(both, [EC.scep_recipient().0.clone(), EC.certificate().clone()]);
    assert!(matches!(EC.scep_recipient().1.kind(), KeyKind::Rsa(2048)));
    assert!(parse_ca_certificates("text/html", &body).is_err());
}

#[test]
fn the_capabilities_are_those_that_apple_devices_ask_for() {
    for word in ["POSTPKIOperation", "SHA-256", "AES", "SCEPStandard", "Renewal", "SHA-1", "SHA-512", "DES3"]
    {
        assert!(offers(capabilities(), word), "{word}");
    }
    assert!(!offers(capabilities(), "GetNextCACert"));
}

#[test]
fn a_reply_to_another_request_is_not_taken() {
    let (one, two) = (build(&RSA, &options()), build(&RSA, &options()));
    let request = Request::parse(&one.message, &RSA, false).unwrap();
    let reply = success(&request, &RSA, &issue(&RSA, &request.csr)).unwrap();
    assert_eq!(two.parse_reply(&reply), Err(Error::WrongReply("does not repeat the nonce")));
    let foreign = success(&request, &authority(AuthorityKind::Rsa2048), &issue(&RSA, &request.csr)).unwrap();
    assert_eq!(one.parse_reply(&foreign), Err(Error::WrongReply("is not signed by the authority")));
}

#[test]
fn a_request_by_get_is_the_same_request() {
    let client = build(&RSA, &options());
    assert_eq!(crate::Operation::from_query(&client.query()), Ok(crate::Operation::PkiOperation));
    assert_eq!(crate::message_from_query(&client.query()).unwrap(), client.message);
}

#[test]
fn neither_debug_nor_an_error_shows_the_challenge() {
    let client = build(&RSA, &options());
    let request = Request::parse(&client.message, &RSA, false).unwrap();
    assert!(!format!("{request:?}").contains(CHALLENGE));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_message_is_refused_without_a_panic(
        at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<bool>(), ber in any::<bool>(),
    ) {
        static MESSAGES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
            [false, true].map(|ber| build(&RSA, &ClientOptions { ber, ..options() }).message)
        });
        let mut message = MESSAGES[usize::from(ber)].clone();
        let at = at.index(message.len());
        if cut { message.truncate(at) } else { message[at] = to }
        if let Ok(request) = Request::parse(&message, &RSA, false) {
            prop_assert_eq!(request.csr.public_key_der(), KEY.public_key_der().unwrap());
        }
    }
}
