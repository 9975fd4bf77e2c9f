//! Cryptographic messages (CMS, RFC 5652): signed and enveloped data.
//!
//! Messages are read by hand from bounded BER, because a signature covers bytes that a decoder must not touch, and
//! because OpenSSL takes 0.2 ms to decode what is read here in a few microseconds; OpenSSL does the arithmetic.

use der::asn1::ObjectIdentifier;

use crate::asn1::{self, SEQUENCE};
use crate::{Digest, Error, KeyKind, Result};

mod envelope;
mod message;
mod sign;
mod skeleton;

pub use envelope::{Cipher, cipher_of, decrypt, encrypt};
pub use message::{SignedMessage, certificates_of, verify_detached, verify_detached_with};
pub use sign::{SignOptions, degenerate, sign_attached, sign_detached, sign_with_attributes};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The AlgorithmIdentifier of a signature in X.509, PKCS #10 and CRLs (RFC 3279, RFC 5758).
pub(crate) fn signature_algorithm(kind: KeyKind, digest: Digest) -> Result<Vec<u8>> {
    let (text, null) = match (kind, digest) {
        (KeyKind::Rsa(_), Digest::Sha1) => ("1.2.840.113549.1.1.5", true),
        (KeyKind::Rsa(_), Digest::Sha256) => ("1.2.840.113549.1.1.11", true),
        (KeyKind::Rsa(_), Digest::Sha384) => ("1.2.840.113549.1.1.12", true),
        (KeyKind::Rsa(_), Digest::Sha512) => ("1.2.840.113549.1.1.13", true),
        (KeyKind::P256 | KeyKind::P384, Digest::Sha1) => ("1.2.840.10045.4.1", false),
        (KeyKind::P256 | KeyKind::P384, Digest::Sha256) => ("1.2.840.10045.4.3.2", false),
        (KeyKind::P256 | KeyKind::P384, Digest::Sha384) => ("1.2.840.10045.4.3.3", false),
        (KeyKind::P256 | KeyKind::P384, Digest::Sha512) => ("1.2.840.10045.4.3.4", false),
        (KeyKind::Other, _) => return Err(Error::Unsupported("signing with this kind of key".to_owned())),
    };
    let oid = ObjectIdentifier::new(text).map_err(|error| Error::malformed("an algorithm", error))?;
    Ok(algorithm(&oid, null))
}

fn algorithm(oid: &ObjectIdentifier, null: bool) -> Vec<u8> {
    let parameters: &[u8] = if null { &[5, 0] } else { &[] };
    asn1::constructed(SEQUENCE, &[&asn1::oid(oid), parameters])
}

#[cfg(test)]
mod tests;
