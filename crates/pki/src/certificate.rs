//! X.509 certificates, decoded once and shared.

use std::fmt;
use std::sync::{Arc, OnceLock};

use clock::Timestamp;
use openssl::x509::X509;
use x509_parser::oid_registry::{OID_USERID, OID_X509_COMMON_NAME};
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate, X509Name};

use crate::authority::{Subject, build};
use crate::ber::{Limits, normalize};
use crate::{Error, Fingerprint, PrivateKey, PublicKey, Result, pem};

/// A certificate longer than this is not read.
const LIMIT: usize = 64 * 1024;
/// A chain longer than this is not read.
const CHAIN_LIMIT: usize = 32;
const WHAT: &str = "the certificate";

/// A certificate. Clones share the parsed form and the decoded public key.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    fingerprint: Fingerprint,
    serial: Vec<u8>,
    issuer_der: Vec<u8>,
    subject_der: Vec<u8>,
    public_key_der: Vec<u8>,
    subject: String,
    issuer: String,
    common_name: Option<String>,
    uid: Option<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    client_auth: bool,
    authority: bool,
    subject_key_id: Option<Vec<u8>>,
    // Decoding a key costs OpenSSL 3.0 about 0.1 ms, as much as three verifications.
    public_key: OnceLock<PublicKey>,
}

impl Certificate {
    /// From DER, nothing before or after it.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self> {
        normalize(WHAT, der, Limits::bytes(LIMIT))?;
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| Error::malformed(WHAT, error))?;
        if !rest.is_empty() {
            return Err(Error::malformed(WHAT, "bytes follow it"));
        }
        Ok(Self(Arc::new(Inner::new(der, &parsed))))
    }

    /// The first certificate of a PEM text.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none, else as [`Certificate::from_der`].
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        Self::chain_from_pem(text)?.into_iter().next().ok_or(Error::Missing("the certificate"))
    }

    /// Every certificate of a PEM text, in order; other blocks are passed over. May be empty.
    ///
    /// # Errors
    /// As [`Certificate::from_der`].
    pub fn chain_from_pem(text: &[u8]) -> Result<Vec<Self>> {
        let blocks = pem::blocks(text)?;
        let certificates: Vec<_> = blocks.iter().filter(|block| block.is_certificate()).collect();
        if certificates.len() > CHAIN_LIMIT {
            return Err(Error::malformed(
                "the certificate chain",
                format!("more than {CHAIN_LIMIT} certificates"),
            ));
        }
        certificates.into_iter().map(|block| Self::from_der(&block.der)).collect()
    }

    /// A certificate that vouches for its own key, with which a SCEP client without an identity signs (RFC 8894,
    /// section 2.4). `subject` may be empty.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a bad subject, [`Error::Crypto`].
    pub fn self_signed(
        key: &PrivateKey,
        subject: &Subject,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Self> {
        build::self_signed_client(key, subject, not_before, not_after)
    }

    /// The bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// One PEM block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.0.der)
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// The serial number in lower-case hex, without a leading zero byte.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        let serial = match self.0.serial.as_slice() {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        hex::encode(serial)
    }

    /// The subject in words, for people.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The issuer in words, for people.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The first common name of the subject.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        self.0.common_name.clone()
    }

    /// The first user id (0.9.2342.19200300.100.1.1) of the subject: the topic, in an APNs certificate.
    #[must_use]
    pub fn uid(&self) -> Option<String> {
        self.0.uid.clone()
    }

    /// The moment from which it is valid.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// The last moment at which it is valid.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Whether `at` lies within its validity.
    #[must_use]
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.0.not_before <= at && at <= self.0.not_after
    }

    /// The SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn public_key_der(&self) -> &[u8] {
        &self.0.public_key_der
    }

    /// The decoded public key, kept after the first call.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a key that OpenSSL cannot read.
    pub fn public_key(&self) -> Result<PublicKey> {
        if let Some(key) = self.0.public_key.get() {
            return Ok(key.clone());
        }
        let key = PublicKey::from_der(&self.0.public_key_der)?;
        Ok(self.0.public_key.get_or_init(|| key).clone())
    }

    /// Whether `key` is the private half of the certified key.
    #[must_use]
    pub fn matches_key(&self, key: &PrivateKey) -> bool {
        self.public_key().is_ok_and(|public| public.belongs_to(key))
    }

    /// Whether `issuer`'s name and signature are on it. Dates and constraints are not looked at.
    #[must_use]
    pub fn is_issued_by(&self, issuer: &Self) -> bool {
        if self.0.issuer_der != issuer.0.subject_der {
            return false;
        }
        let verify = || {
            let certificate = self.to_openssl().ok()?;
            certificate.verify(issuer.public_key().ok()?.as_openssl()).ok()
        };
        verify().unwrap_or(false)
    }

    /// Whether it signed itself.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.is_issued_by(self)
    }

    /// Whether the extended key usage names clientAuth (or any).
    #[must_use]
    pub fn has_client_auth(&self) -> bool {
        self.0.client_auth
    }

    /// Whether the basic constraints say that it may issue certificates.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.0.authority
    }

    /// For those who build TLS contexts.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot read what the parser could.
    pub fn to_openssl(&self) -> Result<X509> {
        Ok(X509::from_der(&self.0.der)?)
    }

    pub(crate) fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    pub(crate) fn issuer_der(&self) -> &[u8] {
        &self.0.issuer_der
    }

    pub(crate) fn subject_der(&self) -> &[u8] {
        &self.0.subject_der
    }

    pub(crate) fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.subject_key_id.as_deref()
    }
}

impl Inner {
    fn new(der: &[u8], parsed: &X509Certificate<'_>) -> Self {
        let validity = parsed.validity();
        let mut inner = Self {
            der: der.to_vec(),
            fingerprint: Fingerprint::of(der),
            serial: parsed.raw_serial().to_vec(),
            issuer_der: parsed.issuer().as_raw().to_vec(),
            subject_der: parsed.subject().as_raw().to_vec(),
            public_key_der: parsed.public_key().raw.to_vec(),
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            common_name: first(parsed.subject(), &OID_X509_COMMON_NAME),
            uid: first(parsed.subject(), &OID_USERID),
            not_before: seconds(validity.not_before.timestamp()),
            not_after: seconds(validity.not_after.timestamp()),
            client_auth: false,
            authority: false,
            subject_key_id: None,
            public_key: OnceLock::new(),
        };
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    inner.client_auth = usage.client_auth || usage.any
                }
                ParsedExtension::BasicConstraints(constraints) => inner.authority = constraints.ca,
                ParsedExtension::SubjectKeyIdentifier(id) => inner.subject_key_id = Some(id.0.to_vec()),
                _ => {}
            }
        }
        inner
    }
}

fn first(name: &X509Name<'_>, kind: &x509_parser::der_parser::Oid<'static>) -> Option<String> {
    name.iter_by_oid(kind).find_map(|entry| entry.as_str().ok()).map(ToOwned::to_owned)
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.0.subject, self.0.fingerprint)
    }
}

#[cfg(test)]
mod tests;
