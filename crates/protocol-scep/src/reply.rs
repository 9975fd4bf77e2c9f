//! What the server answers.

use pki::cms::{self, SignOptions};
use pki::{Authority, Certificate, random_bytes};

use crate::attributes::{
    self, CERT_REP, FAIL_INFO, MESSAGE_TYPE, PKI_STATUS, RECIPIENT_NONCE, SENDER_NONCE, TRANSACTION_ID,
};
use crate::{FailInfo, Header, Request, Result};

/// The content type of a PKIOperation and its reply.
pub const CONTENT_TYPE_MESSAGE: &str = "application/x-pki-message";
/// The content type of the capabilities.
pub const CONTENT_TYPE_TEXT: &str = "text/plain";
const CONTENT_TYPE_CA: &str = "application/x-x509-ca-cert";
const CONTENT_TYPE_CA_RA: &str = "application/x-x509-ca-ra-cert";

/// What the server can do, one word a line (RFC 8894, section 3.5.2). SHA-1 and DES3 are for clients that know no
/// better.
#[must_use]
pub fn capabilities() -> &'static str {
    "POSTPKIOperation\nSHA-256\nSHA-512\nAES\nSCEPStandard\nRenewal\nSHA-1\nDES3\n"
}

/// The content type and body of GetCACert: the authority alone, or the registration authority and the authority behind
/// it. Devices look for separate certificates in the second form and fail when they find one, so it is only used then.
#[must_use]
pub fn ca_certificates(authority: &Authority) -> (&'static str, Vec<u8>) {
    match authority.ra() {
        None => (CONTENT_TYPE_CA, authority.certificate().der().to_vec()),
        Some((ra, _)) => (CONTENT_TYPE_CA_RA, cms::degenerate(&[ra, authority.certificate()])),
    }
}

/// The reply that carries the issued certificate and its issuer, encrypted to the certificate that signed the request,
/// with the cipher and digest that the client used.
///
/// # Errors
/// [`Error::Pki`](crate::Error::Pki).
pub fn success(request: &Request, authority: &Authority, issued: &Certificate) -> Result<Vec<u8>> {
    // The issued one first: there are clients that take the first without looking.
    let certificates = cms::degenerate(&[issued, authority.certificate()]);
    let envelope = cms::encrypt(&certificates, &[&request.header.signer], request.cipher)?;
    reply(&request.header, authority, &envelope, None)
}

/// The reply that says no. Sent with HTTP status 200.
///
/// # Errors
/// [`Error::Pki`](crate::Error::Pki).
pub fn failure(header: &Header, authority: &Authority, fail_info: FailInfo) -> Result<Vec<u8>> {
    // The content is an empty octet string: two Python clients crash if there is none.
    reply(header, authority, &[], Some(fail_info))
}

fn reply(
    header: &Header,
    authority: &Authority,
    content: &[u8],
    fail_info: Option<FailInfo>,
) -> Result<Vec<u8>> {
    let status = if fail_info.is_some() { "2" } else { "0" };
    let mut signed = vec![
        (MESSAGE_TYPE, attributes::printable(CERT_REP)?),
        (PKI_STATUS, attributes::printable(status)?),
        (TRANSACTION_ID, header.transaction_id.clone()),
        (SENDER_NONCE, attributes::octets(&random_bytes::<16>())?),
    ];
    if let Some(nonce) = &header.sender_nonce {
        signed.push((RECIPIENT_NONCE, nonce.clone()));
    }
    if let Some(fail_info) = fail_info {
        signed.push((FAIL_INFO, attributes::printable(fail_info.number())?));
    }
    let options = SignOptions { digest: header.digest, ..SignOptions::default() };
    let (signer, key) = authority.scep_recipient();
    let chain = [authority.certificate().clone()];
    Ok(cms::sign_with_attributes(signer, key, content, signed, options, &chain)?)
}
