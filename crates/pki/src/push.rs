//! The certificate with which a server wakes devices through APNs.

use std::fmt;

use clock::Timestamp;
use openssl::pkcs12::Pkcs12;

use crate::authority::Subject;
use crate::ber::{Limits, normalize};
use crate::{Certificate, CertificateRequest, Error, PrivateKey, Result, pem, provider};

/// What every MDM push topic begins with.
const TOPIC_PREFIX: &str = "com.apple.mgmt.";
/// A PKCS#12 file longer than this is not read.
const PKCS12_LIMIT: usize = 256 * 1024;

/// An MDM push certificate with its key, checked: the key fits, the topic is one of MDM.
#[derive(Clone)]
pub struct PushCertificate {
    certificate: Certificate,
    key: PrivateKey,
    topic: String,
}

impl PushCertificate {
    /// From a PEM text with the certificate and its unencrypted key, in any order, even glued together.
    ///
    /// # Errors
    /// [`Error::EncryptedKey`], [`Error::Missing`], [`Error::KeyMismatch`], [`Error::Refused`] if the subject has no
    /// MDM topic, [`Error::Malformed`].
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        let blocks = pem::blocks(text)?;
        let key = blocks.iter().find(|block| block.is_private_key());
        let key = PrivateKey::from_block(key.ok_or(Error::Missing("the private key"))?)?;
        let certificates: Vec<_> = blocks.iter().filter(|block| block.is_certificate()).collect();
        if certificates.is_empty() {
            return Err(Error::Missing("the certificate"));
        }
        let mut decoded = Vec::with_capacity(certificates.len());
        for block in certificates {
            decoded.push(Certificate::from_der(&block.der)?);
        }
        let own = decoded.into_iter().find(|certificate| certificate.matches_key(&key));
        Self::new(own.ok_or(Error::KeyMismatch)?, key)
    }

    /// From a PKCS#12 file (RFC 7292), also one that the macOS keychain wrote.
    ///
    /// # Errors
    /// [`Error::Refused`] for a wrong password or no MDM topic, else as [`PushCertificate::from_pem`].
    pub fn from_pkcs12(der: &[u8], password: &str) -> Result<Self> {
        normalize("the PKCS#12 file", der, Limits::bytes(PKCS12_LIMIT))?;
        if password.contains('\0') {
            return Err(Error::Refused("the password of the PKCS#12 file contains a zero byte".to_owned()));
        }
        // The keychain protects certificates with RC2; without the legacy provider modern files still open.
        let _ = provider::load_legacy();
        let file =
            Pkcs12::from_der(der).map_err(|_| Error::malformed("the PKCS#12 file", "it is not PKCS#12"))?;
        let parsed = file.parse2(password).map_err(|_| {
            Error::Refused(
                "the PKCS#12 file cannot be opened: the password is wrong or it is damaged".to_owned(),
            )
        })?;
        let key = PrivateKey::from_openssl(parsed.pkey.ok_or(Error::Missing("the private key"))?);
        let certificate = parsed.cert.ok_or(Error::Missing("the certificate"))?;
        Self::new(Certificate::from_der(&certificate.to_der()?)?, key)
    }

    /// From the parts as they were stored.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`]; [`Error::Refused`] if the subject has no MDM topic.
    pub fn new(certificate: Certificate, key: PrivateKey) -> Result<Self> {
        if !certificate.matches_key(&key) {
            return Err(Error::KeyMismatch);
        }
        let topic = certificate.uid().ok_or_else(|| {
            Error::Refused(
                "the certificate has no topic (UID) in its subject: it is not a push certificate".to_owned(),
            )
        })?;
        if !topic.starts_with(TOPIC_PREFIX) {
            let why = format!("the topic '{topic}' does not begin with {TOPIC_PREFIX}: it is not for MDM");
            return Err(Error::Refused(why));
        }
        Ok(Self { certificate, key, topic })
    }

    /// A key and a request for the vendor to sign; the portal replaces the subject.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an organization that no subject can hold, [`Error::Crypto`].
    pub fn request(organization: &str) -> Result<(PrivateKey, Vec<u8>)> {
        let key = PrivateKey::generate_rsa_2048()?;
        let pair = |kind: &str, value: &str| (kind.to_owned(), value.to_owned());
        let subject: Subject = vec![pair("CN", "MDM push"), pair("O", organization)];
        let request = CertificateRequest::create(&key, &subject, None)?;
        Ok((key, request))
    }

    /// The topic: what devices are told to listen to, and what every push names.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// When pushes stop unless it is renewed.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.certificate.not_after()
    }
}

impl fmt::Debug for PushCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushCertificate({})", self.topic)
    }
}

#[cfg(test)]
mod tests;
