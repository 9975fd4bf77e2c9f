//! The certificate revocation list (RFC 5280, section 5).

use std::time::Duration;

use clock::Timestamp;
use der::asn1::GeneralizedTime;
use der::asn1::{BitString, OctetString, Uint, UtcTime};
use der::oid::AssociatedOid;
use der::{Decode as _, Encode};
use openssl::x509::X509Crl;
use x509_cert::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::Authority;
use crate::{Digest, Error, Result, cms};

const WHAT: &str = "the revocation list";

/// One entry of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// As [`Certificate::serial_hex`](crate::Certificate::serial_hex) gives it.
    pub serial_hex: String,
    /// Since when it is not to be trusted.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a certificate was revoked (RFC 5280, section 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RevocationReason {
    /// Not said.
    #[default]
    Unspecified,
    /// The key is in other hands: a lost or cloned device.
    KeyCompromise,
    /// The device belongs to somebody else now.
    AffiliationChanged,
    /// A newer identity took its place.
    Superseded,
    /// The device left the fleet.
    CessationOfOperation,
    /// The device may no longer have what the certificate gave it.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    fn code(self) -> Option<CrlReason> {
        match self {
            // RFC 5280 wants the extension to be absent instead.
            Self::Unspecified => None,
            Self::KeyCompromise => Some(CrlReason::KeyCompromise),
            Self::AffiliationChanged => Some(CrlReason::AffiliationChanged),
            Self::Superseded => Some(CrlReason::Superseded),
            Self::CessationOfOperation => Some(CrlReason::CessationOfOperation),
            Self::PrivilegeWithdrawn => Some(CrlReason::PrivilegeWithdrawn),
        }
    }
}

/// A revocation list as PEM, as RADIUS servers read it.
///
/// # Errors
/// [`Error::Crypto`] for bytes that are no list.
pub fn list_to_pem(der: &[u8]) -> Result<String> {
    let pem = X509Crl::from_der(der)?.to_pem()?;
    Ok(String::from_utf8_lossy(&pem).into_owned())
}

pub(super) fn build(
    authority: &Authority,
    revoked: &[RevokedCertificate],
    number: u64,
    (this_update, next_update): (Timestamp, Timestamp),
) -> Result<Vec<u8>> {
    let algorithm = cms::signature_algorithm(authority.key.kind(), Digest::Sha256)?;
    let algorithm = AlgorithmIdentifierOwned::from_der(&algorithm).map_err(encoding)?;
    let entries = revoked.iter().map(entry).collect::<Result<Vec<_>>>()?;
    let list = TbsCertList {
        version: Version::V2,
        signature: algorithm.clone(),
        issuer: Name::from_der(authority.certificate.subject_der()).map_err(encoding)?,
        this_update: time(this_update)?,
        next_update: Some(time(next_update)?),
        revoked_certificates: (!entries.is_empty()).then_some(entries),
        crl_extensions: Some(extensions(authority, number)?),
    };
    let signed = list.to_der().map_err(encoding)?;
    let signature = BitString::from_bytes(&authority.key.sign(Digest::Sha256, &signed)?).map_err(encoding)?;
    let list: CertificateList =
        CertificateList { tbs_cert_list: list, signature_algorithm: algorithm, signature };
    list.to_der().map_err(encoding)
}

fn entry(revoked: &RevokedCertificate) -> Result<RevokedCert> {
    let serial =
        hex::decode(&revoked.serial_hex).map_err(|_| Error::malformed(WHAT, "a serial that is not hex"))?;
    let extensions = match revoked.reason.code() {
        Some(code) => Some(vec![extension(&code)?]),
        None => None,
    };
    Ok(RevokedCert {
        serial_number: SerialNumber::new(&serial).map_err(encoding)?,
        revocation_date: time(revoked.revoked_at)?,
        crl_entry_extensions: extensions,
    })
}

fn extensions(authority: &Authority, number: u64) -> Result<Vec<Extension>> {
    let mut extensions = Vec::new();
    if let Some(id) = authority.certificate.subject_key_id() {
        extensions.push(extension(&AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(id).map_err(encoding)?),
            authority_cert_issuer: None,
            authority_cert_serial_number: None,
        })?);
    }
    extensions.push(extension(&CrlNumber(Uint::new(&number.to_be_bytes()).map_err(encoding)?))?);
    Ok(extensions)
}

fn extension<T: AssociatedOid + Encode>(value: &T) -> Result<Extension> {
    let value = OctetString::new(value.to_der().map_err(encoding)?).map_err(encoding)?;
    Ok(Extension { extn_id: T::OID, critical: false, extn_value: value })
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5280, section 5.1.2.4).
fn time(at: Timestamp) -> Result<Time> {
    let seconds = u64::try_from(at.as_seconds()).map_err(|_| Error::malformed(WHAT, "a date before 1970"))?;
    let since = Duration::from_secs(seconds);
    match UtcTime::from_unix_duration(since) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since).map_err(encoding)?)),
    }
}

fn encoding(error: der::Error) -> Error {
    Error::malformed(WHAT, error)
}
