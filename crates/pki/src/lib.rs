//! X.509, CSR, CMS, the certificate authority and the sealing of secrets.
//!
//! The only crate that touches OpenSSL's primitives. It is pure: no clock, no files, no network; the time comes in
//! as a [`clock::Timestamp`] and keys come in as arguments. What strangers send (CMS, CSR, certificates, PEM) is
//! measured before it is parsed, see `README.md`.

pub mod cms;
pub mod seal;
pub mod trust;

mod asn1;
mod authority;
mod ber;
mod certificate;
mod digest;
mod ed25519;
mod error;
mod fingerprint;
mod key;
mod name;
mod password;
mod pem;
mod provider;
mod push;
mod random;
mod request;
#[cfg(test)]
mod testing;

pub use authority::{
    Authority, AuthorityKind, NewCertificate, RevocationReason, RevokedCertificate, Subject, Usage,
    list_to_pem,
};
pub use certificate::Certificate;
pub use der::Tag;
pub use der::asn1::{Any, ObjectIdentifier};
pub use digest::{Digest, constant_time_eq, hmac_sha256, sha256};
pub use ed25519::{Ed25519Key, Ed25519PublicKey};
pub use error::{Error, Result};
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use key::{KeyKind, PrivateKey, PublicKey};
pub use password::{SaltedHash, random_password};
pub use push::PushCertificate;
pub use random::{random_bytes, random_pin, random_token};
pub use request::CertificateRequest;
