//! Certificate requests (PKCS #10, RFC 2986).

use std::fmt;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Tag, Tagged as _};
use secrecy::SecretString;
use x509_parser::prelude::{FromDer as _, X509Name};

use crate::asn1::{self, Fields, context};
use crate::authority::Subject;
use crate::ber::{Limits, normalize};
use crate::{Digest, Error, KeyKind, PrivateKey, PublicKey, Result, name};

/// A request longer than this is not read.
const LIMIT: usize = 64 * 1024;
const WHAT: &str = "the certificate request";
/// challengePassword (RFC 2985, section 5.4.1).
const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
/// The longest challenge that is kept, in bytes.
const CHALLENGE_LIMIT: usize = 1024;

/// A request whose own signature was verified and whose key is one that Ward certifies.
#[derive(Clone)]
pub struct CertificateRequest {
    subject: String,
    public_key_der: Vec<u8>,
    key_kind: KeyKind,
    challenge_password: Option<SecretString>,
}

impl CertificateRequest {
    /// Reads a request, verifies that it is signed with the requested key, and applies the key policy: RSA of 2048 to
    /// 8192 bits, P-256 or P-384.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Malformed`], [`Error::KeyPolicy`], [`Error::WrongSignature`],
    /// [`Error::Unsupported`] for a signature algorithm such as MD5.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let der = normalize(WHAT, der, Limits::bytes(LIMIT))?;
        let mut request = Fields::of_sequence(WHAT, &der)?;
        let info = request.raw()?;
        let algorithm = request.algorithm()?;
        let signature = request.expect(Tag::BitString)?;
        request.finish()?;
        let Some((0, signature)) = signature.split_first().map(|(unused, bits)| (*unused, bits)) else {
            return Err(Error::malformed(WHAT, "its signature is not a whole number of bytes"));
        };

        let mut fields = Fields::of_sequence(WHAT, info)?;
        fields.expect(Tag::Integer)?;
        let subject = fields.raw()?;
        let public_key_der = fields.raw()?;
        let attributes = fields.optional(context(0, true))?.unwrap_or_default();

        let key = PublicKey::from_der(public_key_der)?;
        check_key(key.kind())?;
        if !key.verifies(Digest::of_signature_algorithm(&algorithm)?, signature, info) {
            return Err(Error::WrongSignature(WHAT));
        }
        let (_, subject) = X509Name::from_der(subject).map_err(|error| Error::malformed(WHAT, error))?;
        Ok(Self {
            subject: subject.to_string(),
            public_key_der: public_key_der.to_vec(),
            key_kind: key.kind(),
            challenge_password: challenge(attributes)?,
        })
    }

    /// Makes a request, for simulated devices and for push certificates. `subject` as in
    /// [`NewCertificate`](crate::NewCertificate); may be empty.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a bad subject, [`Error::Crypto`].
    pub fn create(key: &PrivateKey, subject: &Subject, challenge: Option<&str>) -> Result<Vec<u8>> {
        let mut attributes = Vec::new();
        if let Some(challenge) = challenge {
            let text = asn1::value(asn1::UTF8_STRING, challenge.as_bytes());
            let values = asn1::value(asn1::SET, &text);
            attributes = asn1::constructed(asn1::SEQUENCE, &[&asn1::oid(&CHALLENGE_PASSWORD), &values]);
        }
        let info = asn1::constructed(
            asn1::SEQUENCE,
            &[
                &asn1::value(asn1::INTEGER, &[0]),
                &name::build(subject)?.to_der()?,
                &key.public_key_der()?,
                &asn1::value(asn1::CONTEXT_0, &attributes),
            ],
        );
        let signature = asn1::bit_string(&key.sign(Digest::Sha256, &info)?);
        let algorithm = crate::cms::signature_algorithm(key.kind(), Digest::Sha256)?;
        Ok(asn1::constructed(asn1::SEQUENCE, &[&info, &algorithm, &signature]))
    }

    /// The SubjectPublicKeyInfo to be certified, DER.
    #[must_use]
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key_der
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the same for every retry with the same key.
    #[must_use]
    pub fn key_digest(&self) -> [u8; 32] {
        crate::sha256(&self.public_key_der)
    }

    /// What the requested key is.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.key_kind
    }

    /// The challenge, if the request carries one.
    #[must_use]
    pub fn challenge_password(&self) -> Option<SecretString> {
        self.challenge_password.clone()
    }

    /// The requested subject in words. Ward issues its own subject instead.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

fn check_key(kind: KeyKind) -> Result<()> {
    match kind {
        KeyKind::Rsa(2048..=8192) | KeyKind::P256 | KeyKind::P384 => Ok(()),
        KeyKind::Rsa(bits) => {
            Err(Error::KeyPolicy(format!("an RSA key of {bits} bits is refused, use 2048 to 8192")))
        }
        KeyKind::Other => {
            Err(Error::KeyPolicy("this kind of key is refused, use RSA, P-256 or P-384".to_owned()))
        }
    }
}

fn challenge(attributes: &[u8]) -> Result<Option<SecretString>> {
    let mut attributes = Fields::new(WHAT, attributes)?;
    let mut found = None;
    while !attributes.is_empty() {
        let mut attribute = attributes.sequence()?;
        if attribute.oid()? != CHALLENGE_PASSWORD {
            continue;
        }
        let value = attribute.set()?.any()?;
        if found.replace(SecretString::from(text(value)?)).is_some() {
            return Err(Error::malformed(WHAT, "it has two challenges"));
        }
    }
    Ok(found)
}

/// Any of the string types that RFC 5280 calls a DirectoryString, and IA5String.
fn text(value: AnyRef<'_>) -> Result<String> {
    let bytes = value.value();
    if bytes.len() > CHALLENGE_LIMIT {
        return Err(Error::TooLarge { what: "the challenge", size: bytes.len(), limit: CHALLENGE_LIMIT });
    }
    let text = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => String::from_utf8(bytes.to_vec()).ok(),
        Tag::TeletexString => Some(bytes.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units =
                bytes.chunks(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)));
            String::from_utf16(&units.collect::<Vec<u16>>()).ok()
        }
        _ => None,
    };
    text.ok_or_else(|| Error::malformed(WHAT, "its challenge is not a string"))
}

impl fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateRequest({:?}, subject '{}')", self.key_kind, self.subject)
    }
}

#[cfg(test)]
mod tests;
