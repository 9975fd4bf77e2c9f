//! The query string of a SCEP request (RFC 8894, section 4.1), read as clients write it.
//!
//! The simulator `mdmb` repeats the whole message in the query beside the body of a POST, Go clients use URL-safe
//! base64, and proxies escape twice or turn `+` into a space: none of that may fail an enrolment.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use crate::{Error, Result};

/// A message longer than this is not read, in bytes.
pub const MESSAGE_LIMIT: usize = 64 * 1024;
/// How often a message in a query may have been escaped.
const ESCAPED_AT_MOST: usize = 3;

/// What a client asks the server to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// What the server can do.
    GetCaCaps,
    /// The certificates of the authority; the name in `message` is ignored.
    GetCaCert,
    /// A certificate; the message is the body of a POST, or stands in the query of a GET.
    PkiOperation,
}

impl Operation {
    /// From the query without its `?`. Only `operation` is looked at; a long or undecodable `message` beside it does no
    /// harm.
    ///
    /// # Errors
    /// [`Error::UnknownOperation`].
    pub fn from_query(query: &str) -> Result<Self> {
        let name = parameter(query, "operation").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "getcacaps" => Ok(Self::GetCaCaps),
            "getcacert" => Ok(Self::GetCaCert),
            "pkioperation" => Ok(Self::PkiOperation),
            _ => Err(Error::UnknownOperation(
                name.chars().filter(|letter| !letter.is_control()).take(40).collect(),
            )),
        }
    }
}

/// The message of a PKIOperation by GET: base64, standard or URL-safe, padded or not, escaped up to three times.
///
/// # Errors
/// [`Error::Malformed`] if there is none or it is not base64, [`Error::TooLarge`].
pub fn message_from_query(query: &str) -> Result<Vec<u8>> {
    let raw = parameter(query, "message").ok_or(Error::Malformed("the query has no message"))?;
    // Base64 takes four characters for three bytes, and escaping makes at most three of one each time.
    let limit = MESSAGE_LIMIT.saturating_mul(12);
    if raw.len() > limit {
        return Err(Error::TooLarge { size: raw.len(), limit });
    }
    let mut text = raw.as_bytes().to_vec();
    for _ in 0..ESCAPED_AT_MOST {
        if !text.contains(&b'%') {
            break;
        }
        text = percent_encoding::percent_decode(&text).collect();
    }
    let standard: Vec<u8> = text.into_iter().filter_map(standard_digit).collect();
    let decoder = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let message =
        decoder.decode(standard).map_err(|_| Error::Malformed("the message in the query is not base64"))?;
    if message.len() > MESSAGE_LIMIT {
        return Err(Error::TooLarge { size: message.len(), limit: MESSAGE_LIMIT });
    }
    Ok(message)
}

/// The URL-safe alphabet made standard; a space was a `+` before a proxy decoded it; line ends are dropped.
fn standard_digit(byte: u8) -> Option<u8> {
    match byte {
        b'-' | b' ' => Some(b'+'),
        b'_' => Some(b'/'),
        b'\r' | b'\n' => None,
        other => Some(other),
    }
}

/// The undecoded value of the first parameter of this name. Names are compared without regard to case.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let pairs = query.trim_start_matches('?').split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find_map(|(key, value)| {
        let key = percent_decode_str(key).decode_utf8().ok()?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[cfg(test)]
mod tests;
