//! SCEP by query and by message: as it comes, within a good signature, and within a good signature and a good envelope.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pki::cms::{self, Cipher};
use pki::{Any, Authority, AuthorityKind, Certificate, ObjectIdentifier, PrivateKey, Tag};
use protocol_scep::{FailInfo, Operation, Rejection, Request, failure, message_from_query};

struct Parties {
    authority: Authority,
    client: (Certificate, PrivateKey),
}

static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let now = clock::Timestamp::from_millis(1_800_000_000_000);
    let make = |name| Authority::create(AuthorityKind::P256, name, now, 10).expect("an authority");
    let client = make("Client");
    Parties { authority: make("Server"), client: (client.certificate().clone(), client.key().clone()) }
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    match choice % 4 {
        0 => query(bytes),
        1 => receive(bytes),
        2 => receive(&signed(bytes)),
        _ => {
            let (recipient, _) = PARTIES.authority.scep_recipient();
            let envelope = cms::encrypt(bytes, &[recipient], Cipher::Aes128).expect("an envelope");
            receive(&signed(&envelope));
        }
    }
});

fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = Operation::from_query(&text);
    if let Ok(message) = message_from_query(&text) {
        receive(&message);
    }
}

fn receive(message: &[u8]) {
    match Request::parse(message, &PARTIES.authority, true) {
        Ok(request) => drop(failure(&request.header, &PARTIES.authority, FailInfo::BadRequest)),
        Err(Rejection::Unreadable(error)) => assert!(!error.to_string().is_empty()),
        Err(rejection) => assert!(!rejection.to_string().is_empty()),
    }
}

/// The bytes as the content of a message with all attributes of a request.
fn signed(content: &[u8]) -> Vec<u8> {
    let attribute = |number: u32, tag, value: &[u8]| {
        let oid = ObjectIdentifier::new(&format!("2.16.840.1.113733.1.9.{number}")).expect("an identifier");
        (oid, Any::new(tag, value).expect("a value"))
    };
    let attributes = vec![
        attribute(2, Tag::PrintableString, b"19"),
        attribute(5, Tag::OctetString, &[7; 16]),
        attribute(7, Tag::PrintableString, b"0123456789ABCDEF"),
    ];
    let (certificate, key) = &PARTIES.client;
    cms::sign_with_attributes(certificate, key, content, attributes, cms::SignOptions::default(), &[]).expect("a message")
}
