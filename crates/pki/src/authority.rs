//! The certificate authority: issues, and publishes what it revoked.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use clock::Timestamp;

use crate::{Certificate, Error, KeyKind, PrivateKey, Result};

pub(crate) mod build;
mod crl;

pub use crl::{RevocationReason, RevokedCertificate, list_to_pem};

/// The names of a subject: pairs of a short name (`CN`, `O`, `OU`, `C`, `serialNumber`, `UID`) or dotted object
/// identifier and a value, in order.
pub type Subject = Vec<(String, String)>;

/// How long before `now` an authority's own certificates begin, for devices whose clock is slow.
const BACK_DATED: Duration = Duration::from_secs(24 * 60 * 60);
const DAY: u64 = 24 * 60 * 60;

/// The key of a new authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AuthorityKind {
    /// RSA 2048: the authority answers SCEP by itself.
    #[default]
    Rsa2048,
    /// NIST P-256, with an RSA registration authority for SCEP, whose envelopes need RSA.
    P256,
}

/// What a certificate is for; decides its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// A device's identity: clientAuth.
    Client,
    /// A TLS server: serverAuth and the names it answers to.
    Server {
        /// DNS names.
        dns_names: Vec<String>,
        /// Addresses.
        ip: Vec<IpAddr>,
    },
    /// Signs configuration profiles: emailProtection, so that S/MIME verifiers accept it.
    ProfileSigning,
}

/// A certificate to be issued.
#[derive(Debug, Clone)]
pub struct NewCertificate {
    /// The SubjectPublicKeyInfo, DER.
    pub public_key_der: Vec<u8>,
    /// Never empty: macOS does not present a certificate without a subject.
    pub subject: Subject,
    /// The first moment of its validity; the caller back-dates it for slow clocks.
    pub not_before: Timestamp,
    /// The last moment; cut to the authority's own.
    pub not_after: Timestamp,
    /// What it is for.
    pub usage: Usage,
    /// The serial number, big-endian, 1 to 20 bytes; none for 127 random bits.
    pub serial: Option<Vec<u8>>,
}

/// A certificate authority with its key, and the registration authority that answers SCEP for it if it is not RSA.
#[derive(Clone)]
pub struct Authority {
    certificate: Certificate,
    key: PrivateKey,
    ra: Option<(Certificate, PrivateKey)>,
    list_url: Option<String>,
}

impl Authority {
    /// A new self-signed authority, and its registration authority if `kind` needs one.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a common name that no certificate can hold (1 to 64 characters), [`Error::Crypto`].
    pub fn create(kind: AuthorityKind, common_name: &str, now: Timestamp, valid_days: u32) -> Result<Self> {
        let key = match kind {
            AuthorityKind::Rsa2048 => PrivateKey::generate_rsa_2048()?,
            AuthorityKind::P256 => PrivateKey::generate_p256()?,
        };
        let not_after = now + Duration::from_secs(u64::from(valid_days) * DAY);
        let certificate = build::self_signed(&key, common_name, now - BACK_DATED, not_after)?;
        Self { certificate, key, ra: None, list_url: None }.with_ra_if_needed(now)
    }

    /// An authority that exists, as it was stored.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`]; [`Error::Refused`] if the certificate may not issue, if it is not RSA and `ra` is
    /// missing, or if `ra` was not issued by it.
    pub fn new(
        certificate: Certificate,
        key: PrivateKey,
        ra: Option<(Certificate, PrivateKey)>,
    ) -> Result<Self> {
        check_own(&certificate, &key)?;
        match &ra {
            Some((ra, ra_key)) => {
                if !ra.matches_key(ra_key) {
                    return Err(Error::KeyMismatch);
                }
                if !ra.is_issued_by(&certificate) || !matches!(ra_key.kind(), KeyKind::Rsa(_)) {
                    let why = "the registration authority needs an RSA certificate issued by the authority";
                    return Err(Error::Refused(why.to_owned()));
                }
            }
            None if matches!(key.kind(), KeyKind::Rsa(_)) => {}
            None => {
                return Err(Error::Refused(
                    "an authority without RSA needs a registration authority".to_owned(),
                ));
            }
        }
        Ok(Self { certificate, key, ra, list_url: None })
    }

    /// An authority given as PEM files; a registration authority is made if its key is not RSA.
    ///
    /// # Errors
    /// As [`Certificate::from_pem`], [`PrivateKey::from_pem`] and [`Authority::new`].
    pub fn from_pem(certificate: &[u8], key: &[u8], now: Timestamp) -> Result<Self> {
        let (certificate, key) = (Certificate::from_pem(certificate)?, PrivateKey::from_pem(key)?);
        check_own(&certificate, &key)?;
        Self { certificate, key, ra: None, list_url: None }.with_ra_if_needed(now)
    }

    fn with_ra_if_needed(mut self, now: Timestamp) -> Result<Self> {
        if matches!(self.key.kind(), KeyKind::Rsa(_)) {
            return Ok(self);
        }
        let key = PrivateKey::generate_rsa_2048()?;
        let not_after = self.certificate.not_after();
        let certificate = build::registration_authority(&self, &key, now - BACK_DATED, not_after)?;
        self.ra = Some((certificate, key));
        Ok(self)
    }

    /// The same authority, which from now on writes into the certificates of clients where its revocation list is to be had
    /// (RFC 5280, section 4.2.1.13).
    #[must_use]
    pub fn publishing_at(mut self, list_url: String) -> Self {
        self.list_url = Some(list_url);
        self
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The authority's own key, to be sealed and stored.
    #[must_use]
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The registration authority, if there is one.
    #[must_use]
    pub fn ra(&self) -> Option<(&Certificate, &PrivateKey)> {
        self.ra.as_ref().map(|(certificate, key)| (certificate, key))
    }

    /// Whom SCEP clients encrypt to and whose signature they expect: the registration authority if there is one.
    #[must_use]
    pub fn scep_recipient(&self) -> (&Certificate, &PrivateKey) {
        self.ra().unwrap_or((&self.certificate, &self.key))
    }

    /// Issues a certificate.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an empty or impossible subject, a bad serial, name, address of the list or public key, or for dates that
    /// leave no validity; [`Error::Crypto`].
    pub fn issue(&self, new: &NewCertificate) -> Result<Certificate> {
        build::issue(self, new)
    }

    /// The revocation list, DER (RFC 5280, section 5). `number` has to grow with every list.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a serial that is not hex or a date before 1970, [`Error::Crypto`].
    pub fn crl(
        &self,
        revoked: &[RevokedCertificate],
        number: u64,
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Result<Vec<u8>> {
        crl::build(self, revoked, number, (this_update, next_update))
    }
}

fn check_own(certificate: &Certificate, key: &PrivateKey) -> Result<()> {
    if !certificate.matches_key(key) {
        return Err(Error::KeyMismatch);
    }
    if !certificate.is_authority() {
        return Err(Error::Refused("the certificate is not one of a certificate authority".to_owned()));
    }
    Ok(())
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({}, {:?})", self.certificate.subject(), self.key.kind())
    }
}

#[cfg(test)]
mod tests;
