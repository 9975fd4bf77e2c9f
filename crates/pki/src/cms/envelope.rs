//! Enveloped messages: encrypted to the holders of certificates, RSA or EC.

use der::Tag;
use der::asn1::ObjectIdentifier;
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::stack::Stack;
use openssl::symm;

use super::ENVELOPED_DATA;
use crate::asn1::{Fields, context};
use crate::ber::{Limits, normalize};
use crate::{Certificate, Error, PrivateKey, Result, provider};

/// A message longer than this is not read.
const LIMIT: usize = 8 * 1024 * 1024;
const WHAT: &str = "the enveloped message";

/// How the content of an enveloped message is encrypted, always in CBC mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cipher {
    /// Single DES: what Debian's `scepclient` uses whatever the server can do. Broken; only where it is allowed.
    Des,
    /// Triple DES.
    DesEde3,
    /// AES with 128 bits.
    Aes128,
    /// AES with 192 bits.
    Aes192,
    /// AES with 256 bits.
    #[default]
    Aes256,
}

impl Cipher {
    fn from_oid(oid: &ObjectIdentifier) -> Result<Self> {
        match oid.to_string().as_str() {
            "1.3.14.3.2.7" => Ok(Self::Des),
            "1.2.840.113549.3.7" => Ok(Self::DesEde3),
            "2.16.840.1.101.3.4.1.2" => Ok(Self::Aes128),
            "2.16.840.1.101.3.4.1.22" => Ok(Self::Aes192),
            "2.16.840.1.101.3.4.1.42" => Ok(Self::Aes256),
            other => Err(Error::Unsupported(format!("the cipher {other}"))),
        }
    }

    fn prepared(self) -> Result<symm::Cipher> {
        Ok(match self {
            Self::Des => {
                provider::load_legacy()?;
                symm::Cipher::des_cbc()
            }
            Self::DesEde3 => symm::Cipher::des_ede3_cbc(),
            Self::Aes128 => symm::Cipher::aes_128_cbc(),
            Self::Aes192 => symm::Cipher::aes_192_cbc(),
            Self::Aes256 => symm::Cipher::aes_256_cbc(),
        })
    }
}

/// Encrypts `content` to the holders of these certificates. DER.
///
/// # Errors
/// [`Error::Missing`] without a recipient, [`Error::Unsupported`] for single DES without the legacy provider,
/// [`Error::Crypto`].
pub fn encrypt(content: &[u8], recipients: &[&Certificate], cipher: Cipher) -> Result<Vec<u8>> {
    if recipients.is_empty() {
        return Err(Error::Missing("the recipient of the message"));
    }
    let mut stack = Stack::new()?;
    for recipient in recipients {
        stack.push(recipient.to_openssl()?)?;
    }
    let message = CmsContentInfo::encrypt(&stack, content, cipher.prepared()?, CMSOptions::BINARY)?;
    Ok(message.to_der()?)
}

/// Decrypts a message of at most 8 MiB, BER or DER, and says how it was encrypted, so that the reply can do the same.
///
/// # Errors
/// [`Error::Unsupported`] for another cipher, or single DES unless it is allowed; [`Error::Undecryptable`];
/// [`Error::TooLarge`], [`Error::Malformed`].
pub fn decrypt(
    message: &[u8],
    certificate: &Certificate,
    key: &PrivateKey,
    allow_single_des: bool,
) -> Result<(Vec<u8>, Cipher)> {
    let cipher = cipher_of(message)?;
    if cipher == Cipher::Des && !allow_single_des {
        return Err(Error::Unsupported("single DES, unless the configuration allows it,".to_owned()));
    }
    cipher.prepared()?;
    // OpenSSL reads BER itself; the limits were checked just now.
    let message = CmsContentInfo::from_der(message).map_err(|error| Error::malformed(WHAT, error))?;
    let content = message.decrypt(key.as_openssl(), &certificate.to_openssl()?);
    Ok((content.map_err(|_| Error::Undecryptable)?, cipher))
}

/// How a message is encrypted, without decrypting it.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Malformed`], [`Error::Unsupported`].
pub fn cipher_of(message: &[u8]) -> Result<Cipher> {
    let bytes = normalize(WHAT, message, Limits::bytes(LIMIT))?;
    let mut info = Fields::of_sequence(WHAT, &bytes)?;
    if info.oid()? != ENVELOPED_DATA {
        return Err(Error::malformed(WHAT, "its content type is not envelopedData"));
    }
    let mut data = Fields::of_sequence(WHAT, info.expect(context(0, true))?)?;
    data.expect(Tag::Integer)?;
    data.optional(context(0, true))?;
    data.expect(Tag::Set)?;
    let mut encrypted = data.sequence()?;
    encrypted.oid()?;
    Cipher::from_oid(&encrypted.algorithm()?)
}
