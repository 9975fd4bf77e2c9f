//! Where the certificate of a device comes from: the TLS handshake, a header of a trusted proxy, or the signature of the body.
//!
//! Only one source counts for a request. From a trusted proxy it is the header, then the signature: the certificate of the
//! handshake is then the proxy's own. From everybody else it is the handshake, then the signature, and a certificate header is
//! ignored: anybody can write one.

use http::HeaderMap;
use http::request::Parts;
use http_layers::{PeerAddress, PeerCertificate};
use pki::{Certificate, cms};
use service::IdentityRefusal;

use crate::DoorSettings;

mod header;
mod network;

pub use header::{CertificateHeader, HeaderError, HeaderFormat};
pub use network::{Network, ParseNetworkError};

/// The header in which a device signs its message. Apple: `SignMessage` of the MDM payload.
const SIGNATURE: &str = "mdm-signature";

/// The certificate that the connection proves, from the handshake or a trusted proxy's header; `None` when there is neither.
///
/// # Errors
/// [`IdentityRefusal::Unreadable`] for one that cannot be read.
pub(crate) fn connected(
    parts: &Parts,
    settings: &DoorSettings,
) -> Result<Option<Certificate>, IdentityRefusal> {
    if from_trusted_proxy(parts, settings) { forwarded(&parts.headers, settings) } else { presented(parts) }
}

/// The certificate whose key signed `body`, which is what was received, byte for byte; `None` without a signature.
///
/// # Errors
/// [`IdentityRefusal::Unreadable`] for a signature that cannot be read or does not fit.
pub(crate) fn signed(headers: &HeaderMap, body: &[u8]) -> Result<Option<Certificate>, IdentityRefusal> {
    let Some(value) = header::single(headers, SIGNATURE).map_err(|_| IdentityRefusal::Unreadable)? else {
        return Ok(None);
    };
    let signature = header::base64(value).map_err(|_| IdentityRefusal::Unreadable)?;
    cms::verify_detached(&signature, body).map(Some).map_err(|_| IdentityRefusal::Unreadable)
}

/// Whether the request brings a signature, which only its body can confirm.
#[must_use]
pub(crate) fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(SIGNATURE)
}

/// Whether the request came straight from one of the configured proxies.
fn from_trusted_proxy(parts: &Parts, settings: &DoorSettings) -> bool {
    let Some(PeerAddress(address)) = parts.extensions.get::<PeerAddress>() else { return false };
    settings.trusted_proxies.iter().any(|network| network.contains(address.ip()))
}

fn presented(parts: &Parts) -> Result<Option<Certificate>, IdentityRefusal> {
    let Some(PeerCertificate(Some(der))) = parts.extensions.get::<PeerCertificate>() else { return Ok(None) };
    Certificate::from_der(der).map(Some).map_err(|_| IdentityRefusal::Unreadable)
}

fn forwarded(headers: &HeaderMap, settings: &DoorSettings) -> Result<Option<Certificate>, IdentityRefusal> {
    let Some(header) = &settings.certificate_header else { return Ok(None) };
    header.read(headers).map_err(|_| IdentityRefusal::Unreadable)
}

#[cfg(test)]
mod tests;
