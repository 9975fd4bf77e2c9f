//! Signed messages that we make, in plain forms and in the odd ones that simulated devices need.

use der::asn1::{Any, ObjectIdentifier};
use der::{Encode as _, Tag};

use super::{
    CONTENT_TYPE, DATA, MESSAGE_DIGEST, RSA_ENCRYPTION, SIGNED_DATA, algorithm, signature_algorithm,
};
use crate::asn1::{self, CONTEXT_0, INTEGER, OCTET_STRING, SEQUENCE, SET};
use crate::{Certificate, Digest, Error, KeyKind, PrivateKey, Result};

/// The form of a signed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignOptions {
    /// What to sign with.
    pub digest: Digest,
    /// Whether to sign attributes with the digest in them, or the content itself.
    pub signed_attributes: bool,
    /// Indefinite lengths, as some Apple systems write.
    pub ber: bool,
}

impl Default for SignOptions {
    fn default() -> Self {
        Self { digest: Digest::Sha256, signed_attributes: true, ber: false }
    }
}

/// Signs `content` and carries it, for profiles. `chain` goes along; the signer's own certificate may be in it.
///
/// # Errors
/// [`Error::KeyMismatch`], [`Error::Unsupported`] for a key that is neither RSA nor EC, [`Error::Crypto`].
pub fn sign_attached(
    certificate: &Certificate,
    key: &PrivateKey,
    chain: &[Certificate],
    content: &[u8],
) -> Result<Vec<u8>> {
    sign_with_attributes(certificate, key, content, Vec::new(), SignOptions::default(), chain)
}

/// Signs `content` without carrying it, for `Mdm-Signature`.
///
/// # Errors
/// As [`sign_attached`].
pub fn sign_detached(
    certificate: &Certificate,
    key: &PrivateKey,
    content: &[u8],
    options: SignOptions,
) -> Result<Vec<u8>> {
    let message = Message { certificate, key, certificates: &[], content, attached: false, ber: options.ber };
    message.sign(options.digest, options.signed_attributes.then(Vec::new))
}

/// Signs `content` and carries it, with these attributes beside contentType and messageDigest, for SCEP. Without
/// signed attributes in the options there is no place for them, and they are left out.
///
/// # Errors
/// As [`sign_attached`].
pub fn sign_with_attributes(
    certificate: &Certificate,
    key: &PrivateKey,
    content: &[u8],
    attributes: Vec<(ObjectIdentifier, Any)>,
    options: SignOptions,
    certificates: &[Certificate],
) -> Result<Vec<u8>> {
    let message = Message { certificate, key, certificates, content, attached: true, ber: options.ber };
    message.sign(options.digest, options.signed_attributes.then_some(attributes))
}

/// A signed message without signers, that only carries certificates, in this order.
#[must_use]
pub fn degenerate(certificates: &[&Certificate]) -> Vec<u8> {
    let certificates: Vec<u8> =
        certificates.iter().flat_map(|certificate| certificate.der()).copied().collect();
    let data = asn1::constructed(
        SEQUENCE,
        &[
            &asn1::value(INTEGER, &[1]),
            &asn1::value(SET, &[]),
            &asn1::constructed(SEQUENCE, &[&asn1::oid(&DATA)]),
            &asn1::value(CONTEXT_0, &certificates),
            &asn1::value(SET, &[]),
        ],
    );
    asn1::constructed(SEQUENCE, &[&asn1::oid(&SIGNED_DATA), &asn1::value(CONTEXT_0, &data)])
}

struct Message<'a> {
    certificate: &'a Certificate,
    key: &'a PrivateKey,
    certificates: &'a [Certificate],
    content: &'a [u8],
    attached: bool,
    ber: bool,
}

impl Message<'_> {
    fn sign(&self, digest: Digest, attributes: Option<Vec<(ObjectIdentifier, Any)>>) -> Result<Vec<u8>> {
        if !self.certificate.matches_key(self.key) {
            return Err(Error::KeyMismatch);
        }
        let digest_algorithm = algorithm(&digest.oid(), false);
        let signer = self.signer(digest, &digest_algorithm, attributes)?;
        let mut encapsulated = asn1::oid(&DATA);
        if self.attached {
            encapsulated.extend(self.wrap(CONTEXT_0, &self.octets(self.content)));
        }
        let mut certificates = self.certificate.der().to_vec();
        for other in self.certificates.iter().filter(|other| *other != self.certificate) {
            certificates.extend_from_slice(other.der());
        }
        let data = [
            asn1::value(INTEGER, &[1]),
            asn1::value(SET, &digest_algorithm),
            self.wrap(SEQUENCE, &encapsulated),
            self.wrap(CONTEXT_0, &certificates),
            asn1::value(SET, &signer),
        ];
        let data = self.wrap(CONTEXT_0, &self.wrap(SEQUENCE, &data.concat()));
        Ok(self.wrap(SEQUENCE, &[asn1::oid(&SIGNED_DATA), data].concat()))
    }

    fn signer(
        &self,
        digest: Digest,
        digest_algorithm: &[u8],
        attributes: Option<Vec<(ObjectIdentifier, Any)>>,
    ) -> Result<Vec<u8>> {
        let id = asn1::constructed(
            SEQUENCE,
            &[self.certificate.issuer_der(), &asn1::value(INTEGER, self.certificate.serial())],
        );
        let algorithm = match self.key.kind() {
            KeyKind::Rsa(_) => algorithm(&RSA_ENCRYPTION, true),
            other => signature_algorithm(other, digest)?,
        };
        let (signed, signature) = match attributes {
            None => (Vec::new(), self.key.sign(digest, self.content)?),
            Some(attributes) => {
                let attributes = self.attributes(digest, attributes)?;
                let signature = self.key.sign(digest, &asn1::set_of(SET, attributes.clone()))?;
                (asn1::set_of(CONTEXT_0, attributes), signature)
            }
        };
        let signature = asn1::value(OCTET_STRING, &signature);
        let version = asn1::value(INTEGER, &[1]);
        Ok(asn1::constructed(SEQUENCE, &[&version, &id, digest_algorithm, &signed, &algorithm, &signature]))
    }

    fn attributes(&self, digest: Digest, more: Vec<(ObjectIdentifier, Any)>) -> Result<Vec<Vec<u8>>> {
        let encoding = |error: der::Error| Error::malformed("an attribute", error);
        let digest = Any::new(Tag::OctetString, digest.of(self.content)?).map_err(encoding)?;
        let content_type = Any::new(Tag::ObjectIdentifier, DATA.as_bytes().to_vec()).map_err(encoding)?;
        let own = [(CONTENT_TYPE, content_type), (MESSAGE_DIGEST, digest)];
        let mut encoded = Vec::with_capacity(more.len() + 2);
        for (oid, value) in own.into_iter().chain(more) {
            let values = asn1::value(SET, &value.to_der().map_err(encoding)?);
            encoded.push(asn1::constructed(SEQUENCE, &[&asn1::oid(&oid), &values]));
        }
        Ok(encoded)
    }

    fn wrap(&self, tag: u8, content: &[u8]) -> Vec<u8> {
        if self.ber { [&[tag, 0x80], content, &[0, 0]].concat() } else { asn1::value(tag, content) }
    }

    fn octets(&self, content: &[u8]) -> Vec<u8> {
        if !self.ber {
            return asn1::value(OCTET_STRING, content);
        }
        let pieces = content.chunks(1000).flat_map(|piece| asn1::value(OCTET_STRING, piece));
        self.wrap(0x20 | OCTET_STRING, &pieces.collect::<Vec<u8>>())
    }
}
