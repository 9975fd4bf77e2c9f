//! Signed messages as they come: detached (`Mdm-Signature`), with content (SCEP, profiles), BER or DER.

use std::collections::BTreeMap;

use der::asn1::{Any, ObjectIdentifier};
use der::{Decode as _, Tag};

use super::skeleton::Skeleton;
use super::{CONTENT_TYPE, MESSAGE_DIGEST, RSA_ENCRYPTION, SIGNED_DATA};
use crate::asn1::{self, Fields, SET, context};
use crate::ber::{Limits, normalize};
use crate::{Certificate, Digest, Error, Fingerprint, PublicKey, Result};

/// A detached signature longer than this is not read.
const DETACHED_LIMIT: usize = 64 * 1024;
/// A message with content longer than this is not read.
const MESSAGE_LIMIT: usize = 8 * 1024 * 1024;
/// More certificates or attributes than this are refused.
const COUNT_LIMIT: usize = 32;
const WHAT: &str = "the signed message";
/// id-ecPublicKey (RFC 5480, section 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// A signed message, parsed. Its signature is not verified until [`SignedMessage::verify`] says so.
#[derive(Debug, Clone)]
pub struct SignedMessage {
    content: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    signer: Certificate,
    attributes: BTreeMap<ObjectIdentifier, Any>,
    digest: Digest,
    signed_attributes: Option<Vec<u8>>,
    algorithm: ObjectIdentifier,
    signature: Vec<u8>,
    content_type: ObjectIdentifier,
}

impl SignedMessage {
    /// Reads a message of at most 8 MiB with exactly one signer whose certificate is inside.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Malformed`], [`Error::Missing`] without a signer or its certificate,
    /// [`Error::Unsupported`] for other digests.
    pub fn parse(ber: &[u8]) -> Result<Self> {
        let bytes = normalize(WHAT, ber, Limits::bytes(MESSAGE_LIMIT))?;
        let parsed = Parsed::of(&bytes)?;
        let signer = parsed.signer()?;
        let own = parsed.certificate_of(&signer.id)?;
        let proof = signer.proof;
        let mut certificates = Vec::with_capacity(parsed.certificates.len());
        for der in &parsed.certificates {
            certificates.push(Certificate::from_der(der)?);
        }
        Ok(Self {
            content: parsed.content.map(<[u8]>::to_vec),
            certificates,
            signer: Certificate::from_der(own)?,
            attributes: proof.attributes.map_or_else(|| Ok(BTreeMap::new()), attributes)?,
            digest: proof.digest,
            signed_attributes: proof.attributes.map(<[u8]>::to_vec),
            algorithm: proof.algorithm,
            signature: proof.signature.to_vec(),
            content_type: parsed.content_type,
        })
    }

    /// Verifies the signature over the content inside. Neither chain nor dates are looked at.
    ///
    /// # Errors
    /// [`Error::Missing`] if the content is detached, [`Error::WrongSignature`], [`Error::Malformed`],
    /// [`Error::Unsupported`] for another signature algorithm such as RSASSA-PSS.
    pub fn verify(&self) -> Result<()> {
        self.verify_over(self.content.as_deref().ok_or(Error::Missing("the content of the signed message"))?)
    }

    /// Verifies the signature over content that came apart from the message.
    ///
    /// # Errors
    /// As [`SignedMessage::verify`].
    pub fn verify_over(&self, content: &[u8]) -> Result<()> {
        let proof = Proof {
            digest: self.digest,
            attributes: self.signed_attributes.as_deref(),
            algorithm: self.algorithm,
            signature: &self.signature,
        };
        proof.verify(&self.signer.public_key()?, &self.content_type, content)
    }

    /// The content, unless it is detached.
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// Every certificate inside, in the order of the message.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The certificate of the signer.
    #[must_use]
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// The first value of every signed attribute.
    #[must_use]
    pub fn attributes(&self) -> &BTreeMap<ObjectIdentifier, Any> {
        &self.attributes
    }

    /// The digest that the signer used.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Verifies a detached signature over the exact bytes of `content` and gives the signer's certificate, which is
/// inside. SHA-1 to SHA-512, RSA and EC, with and without signed attributes. Neither chain nor dates are looked at.
///
/// # Errors
/// [`Error::TooLarge`] above 64 KiB, [`Error::Malformed`], [`Error::Missing`], [`Error::Unsupported`],
/// [`Error::WrongSignature`].
pub fn verify_detached(signature: &[u8], content: &[u8]) -> Result<Certificate> {
    verify_detached_with(signature, content, |_| None)
}

/// As [`verify_detached`], but asks `known` for the certificate first: one that was kept has its key decoded, which
/// otherwise costs OpenSSL 3.0 more than the verification.
///
/// # Errors
/// As [`verify_detached`].
pub fn verify_detached_with(
    signature: &[u8],
    content: &[u8],
    known: impl FnOnce(&Fingerprint) -> Option<Certificate>,
) -> Result<Certificate> {
    let bytes = normalize(WHAT, signature, Limits::bytes(DETACHED_LIMIT))?;
    let parsed = Parsed::of(&bytes)?;
    if parsed.content.is_some_and(|inside| inside != content) {
        return Err(Error::malformed(WHAT, "it carries other content than it came with"));
    }
    let signer = parsed.signer()?;
    let own = parsed.certificate_of(&signer.id)?;
    let certificate = match known(&Fingerprint::of(own)) {
        Some(certificate) if certificate.der() == own => certificate,
        _ => Certificate::from_der(own)?,
    };
    signer.proof.verify(&certificate.public_key()?, &parsed.content_type, content)?;
    Ok(certificate)
}

/// The certificates of a signed message, which may have no signer at all (a "degenerate" one, RFC 8894, section 3.4).
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Malformed`].
pub fn certificates_of(ber: &[u8]) -> Result<Vec<Certificate>> {
    let bytes = normalize(WHAT, ber, Limits::bytes(MESSAGE_LIMIT))?;
    Parsed::of(&bytes)?.certificates.iter().map(|der| Certificate::from_der(der)).collect()
}

/// The parts of a SignedData, borrowed from its DER.
struct Parsed<'a> {
    content_type: ObjectIdentifier,
    content: Option<&'a [u8]>,
    certificates: Vec<&'a [u8]>,
    signers: Fields<'a>,
}

/// A SignerInfo.
struct Signer<'a> {
    id: SignerId<'a>,
    proof: Proof<'a>,
}

/// What shows that a signer signed.
struct Proof<'a> {
    digest: Digest,
    /// The content octets of the signed attributes.
    attributes: Option<&'a [u8]>,
    algorithm: ObjectIdentifier,
    signature: &'a [u8],
}

enum SignerId<'a> {
    IssuerAndSerial { issuer: &'a [u8], serial: &'a [u8] },
    KeyId(&'a [u8]),
}

impl<'a> Parsed<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self> {
        let mut info = Fields::of_sequence(WHAT, bytes)?;
        if info.oid()? != SIGNED_DATA {
            return Err(Error::malformed(WHAT, "its content type is not signedData"));
        }
        let mut data = Fields::of_sequence(WHAT, info.expect(context(0, true))?)?;
        data.expect(Tag::Integer)?;
        data.expect(Tag::Set)?;
        let mut encapsulated = data.sequence()?;
        let content_type = encapsulated.oid()?;
        let content = match encapsulated.optional(context(0, true))? {
            // PKCS #7 allows content that is no OCTET STRING; its content octets are what is signed.
            Some(explicit) => Some(Fields::new(WHAT, explicit)?.any()?.value()),
            None => None,
        };
        let mut certificates = Vec::new();
        if let Some(set) = data.optional(context(0, true))? {
            let mut set = Fields::new(WHAT, set)?;
            while !set.is_empty() {
                certificates.push(set.raw()?);
            }
        }
        if certificates.len() > COUNT_LIMIT {
            return Err(Error::malformed(WHAT, "too many certificates"));
        }
        data.optional(context(1, true))?;
        let signers = data.set()?;
        data.finish()?;
        // Obsolete kinds of certificates have context tags.
        certificates.retain(|der| der.first() == Some(&asn1::SEQUENCE));
        Ok(Self { content_type, content, certificates, signers })
    }

    fn signer(&self) -> Result<Signer<'a>> {
        let mut signers = self.signers.clone();
        if signers.is_empty() {
            return Err(Error::Missing("the signer of the message"));
        }
        let signer = Signer::of(&mut signers.sequence()?)?;
        if !signers.is_empty() {
            return Err(Error::Unsupported("a message with several signers".to_owned()));
        }
        Ok(signer)
    }

    fn certificate_of(&self, id: &SignerId<'_>) -> Result<&'a [u8]> {
        for der in &self.certificates {
            if id.names(&Skeleton::of(der)?) {
                return Ok(der);
            }
        }
        Err(Error::Missing("the certificate of the signer"))
    }
}

impl<'a> Signer<'a> {
    fn of(fields: &mut Fields<'a>) -> Result<Self> {
        fields.expect(Tag::Integer)?;
        let id = match fields.optional(context(0, false))? {
            Some(key_id) => SignerId::KeyId(key_id),
            None => {
                let mut id = fields.sequence()?;
                SignerId::IssuerAndSerial { issuer: id.raw()?, serial: id.expect(Tag::Integer)? }
            }
        };
        let digest = fields.algorithm()?;
        let digest =
            Digest::from_oid(&digest).ok_or_else(|| Error::Unsupported(format!("the digest {digest}")))?;
        let attributes = fields.optional(context(0, true))?;
        let algorithm = fields.algorithm()?;
        let signature = fields.expect(Tag::OctetString)?;
        Ok(Self { id, proof: Proof { digest, attributes, algorithm, signature } })
    }
}

impl Proof<'_> {
    /// RFC 5652, section 5.4: with signed attributes the signature is over their DER as a SET, and the content's digest
    /// is one of them.
    fn verify(&self, key: &PublicKey, content_type: &ObjectIdentifier, content: &[u8]) -> Result<()> {
        // Some signers name the kind of key where the signature algorithm belongs. RSASSA-PSS is not served.
        if self.algorithm != RSA_ENCRYPTION && self.algorithm != EC_PUBLIC_KEY {
            Digest::of_signature_algorithm(&self.algorithm)?;
        }
        let Some(signed) = self.attributes else {
            return self.check(key, content);
        };
        let attributes = attributes(signed)?;
        let stated = attributes.get(&MESSAGE_DIGEST).ok_or(Error::Missing("the messageDigest attribute"))?;
        if !crate::constant_time_eq(stated.value(), &self.digest.of(content)?) {
            return Err(Error::WrongSignature("the message"));
        }
        let stated = attributes.get(&CONTENT_TYPE).ok_or(Error::Missing("the contentType attribute"))?;
        if stated.value() != content_type.as_bytes() {
            return Err(Error::malformed(WHAT, "its contentType attribute names another type"));
        }
        self.check(key, &asn1::value(SET, signed))
    }

    fn check(&self, key: &PublicKey, bytes: &[u8]) -> Result<()> {
        if key.verifies(self.digest, self.signature, bytes) {
            Ok(())
        } else {
            Err(Error::WrongSignature("the message"))
        }
    }
}

impl SignerId<'_> {
    fn names(&self, certificate: &Skeleton<'_>) -> bool {
        match *self {
            Self::IssuerAndSerial { issuer, serial } => {
                certificate.issuer == issuer && certificate.serial == serial
            }
            Self::KeyId(id) => certificate.subject_key_id == Some(id),
        }
    }
}

/// The first value of every attribute. An attribute that comes twice is refused.
fn attributes(content: &[u8]) -> Result<BTreeMap<ObjectIdentifier, Any>> {
    let mut fields = Fields::new(WHAT, content)?;
    let mut attributes = BTreeMap::new();
    while !fields.is_empty() {
        let mut attribute = fields.sequence()?;
        let oid = attribute.oid()?;
        let value = Any::from_der(attribute.set()?.raw()?).map_err(|error| Error::malformed(WHAT, error))?;
        if attributes.insert(oid, value).is_some() || attributes.len() > COUNT_LIMIT {
            return Err(Error::malformed(WHAT, "an attribute comes twice, or there are too many"));
        }
    }
    Ok(attributes)
}
