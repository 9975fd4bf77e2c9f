//! The forms in which proxies hand over the certificate of the client, each read strictly.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;
use pki::Certificate;

/// Longest header value that is read, in bytes: a chain of RSA certificates, URL-escaped, fits.
const LONGEST: usize = 32 * 1024;

/// Why a header is not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There are two, and nobody can say which one the proxy wrote.
    #[error("the header occurs more than once")]
    Repeated,
    /// It is longer than any certificate.
    #[error("the header is too long")]
    TooLong,
    /// It is not of the configured form.
    #[error("the header is not of the configured form")]
    Form,
}

/// How a proxy writes the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFormat {
    /// `:base64 of DER:`, a byte sequence of structured fields. RFC 9440, section 2.
    Rfc9440,
    /// PEM, every special character percent-escaped: nginx's `$ssl_client_escaped_cert`.
    Nginx,
    /// Base64 of DER without armour, more certificates after commas, possibly percent-escaped: Traefik's `passTLSClientCert`.
    Traefik,
    /// PEM, percent-escaped but for `+`, `=` and `/`: the `X-Amzn-Mtls-Clientcert` headers of an Application Load Balancer.
    Alb,
    /// Base64 of DER: HAProxy's `%[ssl_c_der,base64]`.
    HaProxy,
}

/// Which header carries the certificate, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateHeader {
    /// The name of the header.
    pub name: HeaderName,
    /// The form of its value.
    pub format: HeaderFormat,
}

impl CertificateHeader {
    /// Reads the certificate of the client; `None` when the header is absent or empty, as proxies send it for clients without one.
    ///
    /// # Errors
    /// When the header is repeated, too long, or not of the configured form.
    pub fn read(&self, headers: &HeaderMap) -> Result<Option<Certificate>, HeaderError> {
        let Some(value) = single(headers, self.name.as_str())?.filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        self.format.parse(value).map(Some)
    }
}

impl HeaderFormat {
    /// Reads one value. Of a chain the first certificate counts: the client's own.
    ///
    /// # Errors
    /// [`HeaderError::Form`] and [`HeaderError::TooLong`].
    pub fn parse(self, value: &str) -> Result<Certificate, HeaderError> {
        if value.len() > LONGEST {
            return Err(HeaderError::TooLong);
        }
        match self {
            Self::Rfc9440 => {
                let inner = value
                    .strip_prefix(':')
                    .and_then(|rest| rest.strip_suffix(':'))
                    .ok_or(HeaderError::Form)?;
                der(inner)
            }
            Self::HaProxy => der(value),
            Self::Nginx | Self::Alb => pem(&unescape(value)?),
            Self::Traefik => {
                let plain = unescape(value)?;
                der(plain.split(',').next().unwrap_or_default())
            }
        }
    }
}

impl FromStr for HeaderFormat {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rfc9440" => Ok(Self::Rfc9440),
            "nginx" => Ok(Self::Nginx),
            "traefik" => Ok(Self::Traefik),
            "alb" => Ok(Self::Alb),
            "haproxy" => Ok(Self::HaProxy),
            _ => Err(HeaderError::Form),
        }
    }
}

/// The one value of a header as text, without the white space around it.
///
/// # Errors
/// When it is repeated or not ASCII.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, HeaderError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(HeaderError::Repeated);
    }
    value.to_str().map(|text| Some(text.trim())).map_err(|_| HeaderError::Form)
}

/// Standard base64 with its padding, nothing in between (RFC 4648, section 4).
///
/// # Errors
/// [`HeaderError::Form`] and [`HeaderError::TooLong`].
pub(super) fn base64(text: &str) -> Result<Vec<u8>, HeaderError> {
    if text.len() > 2 * LONGEST {
        return Err(HeaderError::TooLong);
    }
    STANDARD.decode(text).map_err(|_| HeaderError::Form)
}

fn der(text: &str) -> Result<Certificate, HeaderError> {
    Certificate::from_der(&base64(text)?).map_err(|_| HeaderError::Form)
}

fn pem(text: &str) -> Result<Certificate, HeaderError> {
    if !text.starts_with("-----BEGIN CERTIFICATE-----") {
        return Err(HeaderError::Form);
    }
    Certificate::from_pem(text.as_bytes()).map_err(|_| HeaderError::Form)
}

/// Percent-decoding as RFC 3986 has it. A `+` stays a `+`: it is a digit of base64 here, and reading it as a space, as forms do,
/// breaks about every second certificate.
fn unescape(text: &str) -> Result<String, HeaderError> {
    let bytes = text.as_bytes();
    let escapes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    for (at, _) in escapes {
        let digits = bytes.get(at + 1..at + 3).ok_or(HeaderError::Form)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(HeaderError::Form);
        }
    }
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| HeaderError::Form)
}

#[cfg(test)]
mod tests;
