//! The signed attributes of a SCEP message (RFC 8894, section 3.2.1).

use std::collections::BTreeMap;

use pki::{Any, ObjectIdentifier, Tag};

use crate::{Error, Result};

pub(crate) const MESSAGE_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.2");
pub(crate) const PKI_STATUS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.3");
pub(crate) const FAIL_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.4");
pub(crate) const SENDER_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.5");
pub(crate) const RECIPIENT_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.6");
pub(crate) const TRANSACTION_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.7");

/// The message type of a reply.
pub(crate) const CERT_REP: &str = "3";

/// What a client asks for (RFC 8894, section 3.2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// A first certificate, 19. Apple devices send this for a renewal too.
    PkcsReq,
    /// Another certificate, 17, signed with the one that is to be replaced. 18, the UpdateReq of old drafts, means the
    /// same.
    RenewalReq,
}

impl MessageType {
    pub(crate) fn from_number(number: &str) -> Option<Self> {
        match number {
            "19" => Some(Self::PkcsReq),
            "17" | "18" => Some(Self::RenewalReq),
            _ => None,
        }
    }

    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::PkcsReq => "19",
            Self::RenewalReq => "17",
        }
    }
}

/// Why a request failed (RFC 8894, section 3.2.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailInfo {
    /// An algorithm or key that is not accepted.
    BadAlg,
    /// A signature that does not fit.
    BadMessageCheck,
    /// Everything else: a wrong challenge, a request that is not served.
    BadRequest,
    /// The message is too old or too new.
    BadTime,
    /// No certificate fits the request.
    BadCertId,
}

impl FailInfo {
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::BadAlg => "0",
            Self::BadMessageCheck => "1",
            Self::BadRequest => "2",
            Self::BadTime => "3",
            Self::BadCertId => "4",
        }
    }

    pub(crate) fn from_number(number: &str) -> Option<Self> {
        match number {
            "0" => Some(Self::BadAlg),
            "1" => Some(Self::BadMessageCheck),
            "2" => Some(Self::BadRequest),
            "3" => Some(Self::BadTime),
            "4" => Some(Self::BadCertId),
            _ => None,
        }
    }
}

/// A PrintableString, the type of every number in SCEP.
pub(crate) fn printable(text: &str) -> Result<Any> {
    any(Tag::PrintableString, text.as_bytes())
}

/// An OCTET STRING, the type of nonces.
pub(crate) fn octets(bytes: &[u8]) -> Result<Any> {
    any(Tag::OctetString, bytes)
}

fn any(tag: Tag, bytes: &[u8]) -> Result<Any> {
    Any::new(tag, bytes).map_err(|_| Error::Malformed("an attribute is too long"))
}

/// The text of an attribute, whatever kind of string it is.
pub(crate) fn text<'a>(
    attributes: &'a BTreeMap<ObjectIdentifier, Any>,
    oid: &ObjectIdentifier,
    name: &'static str,
) -> Result<&'a str> {
    let value = attributes.get(oid).ok_or(Error::MissingAttribute(name))?;
    std::str::from_utf8(value.value()).map_err(|_| Error::Malformed("an attribute is not text"))
}
