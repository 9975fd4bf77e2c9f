//! Private and public keys.

use std::fmt;

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private, Public};
use openssl::rsa::Rsa;
use openssl::sign::{Signer, Verifier};
use zeroize::Zeroizing;

use crate::{Digest, Error, Result, pem};

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA, with the size of the modulus in bits.
    Rsa(u32),
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// Anything else; not used here.
    Other,
}

/// A private key. Clones share the key; `Debug` shows the kind only.
#[derive(Clone)]
pub struct PrivateKey(PKey<Private>);

/// A public key, decoded once. Clones share the key.
#[derive(Clone)]
pub struct PublicKey(PKey<Public>);

impl PrivateKey {
    /// A new RSA key of 2048 bits. Takes about 0.2 s.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn generate_rsa_2048() -> Result<Self> {
        Ok(Self(PKey::from_rsa(Rsa::generate(2048)?)?))
    }

    /// A new NIST P-256 key.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn generate_p256() -> Result<Self> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        Ok(Self(PKey::from_ec_key(EcKey::generate(&group)?)?))
    }

    /// The first private key in a PEM text: PKCS#8, PKCS#1 or SEC 1. Other blocks are passed over.
    ///
    /// # Errors
    /// [`Error::EncryptedKey`] if it has a passphrase, [`Error::Missing`] if there is none, [`Error::Malformed`].
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        let blocks = pem::blocks(text)?;
        let block =
            blocks.iter().find(|block| block.is_private_key()).ok_or(Error::Missing("the private key"))?;
        Self::from_block(block)
    }

    /// From unencrypted PKCS#8 DER (RFC 5958).
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self> {
        let key = PKey::private_key_from_pkcs8(der).map_err(|_| malformed())?;
        Ok(Self(key))
    }

    pub(crate) fn from_block(block: &pem::Block) -> Result<Self> {
        if block.is_encrypted() {
            return Err(Error::EncryptedKey);
        }
        // Reads PKCS#8, PKCS#1 and SEC 1 alike.
        let key = PKey::private_key_from_der(&block.der).map_err(|_| malformed())?;
        Ok(Self(key))
    }

    pub(crate) fn from_openssl(key: PKey<Private>) -> Self {
        Self(key)
    }

    /// Unencrypted PKCS#8 DER.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(self.0.private_key_to_pkcs8()?))
    }

    /// Unencrypted PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(self.0.private_key_to_pem_pkcs8()?))
    }

    /// The SubjectPublicKeyInfo of the public half, DER.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn public_key_der(&self) -> Result<Vec<u8>> {
        Ok(self.0.public_key_to_der()?)
    }

    /// RSA or EC, and how large.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        kind_of(&self.0)
    }

    /// A signature over `message`: RSA PKCS#1 v1.5, or ECDSA in DER.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn sign(&self, digest: Digest, message: &[u8]) -> Result<Vec<u8>> {
        let mut signer = Signer::new(digest.message_digest(), &self.0)?;
        Ok(signer.sign_oneshot_to_vec(message)?)
    }

    /// For those who build TLS contexts.
    #[must_use]
    pub fn as_openssl(&self) -> &PKey<Private> {
        &self.0
    }
}

impl PublicKey {
    /// From SubjectPublicKeyInfo DER.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let key = PKey::public_key_from_der(der);
        Ok(Self(key.map_err(|_| Error::malformed("a public key", "it is not a SubjectPublicKeyInfo"))?))
    }

    /// RSA or EC, and how large.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        kind_of(&self.0)
    }

    /// Whether `signature` (RSA PKCS#1 v1.5, or ECDSA in DER) fits `message`.
    #[must_use]
    pub fn verifies(&self, digest: Digest, signature: &[u8], message: &[u8]) -> bool {
        let verify = || {
            let mut verifier = Verifier::new(digest.message_digest(), &self.0)?;
            verifier.verify_oneshot(signature, message)
        };
        // An error is a signature that cannot be one; reading it also empties OpenSSL's queue.
        verify().unwrap_or(false)
    }

    /// Whether this is the public half of `key`.
    #[must_use]
    pub fn belongs_to(&self, key: &PrivateKey) -> bool {
        self.0.public_eq(&key.0)
    }

    pub(crate) fn as_openssl(&self) -> &PKey<Public> {
        &self.0
    }
}

fn kind_of<T: HasPublic>(key: &PKeyRef<T>) -> KeyKind {
    match key.id() {
        Id::RSA => KeyKind::Rsa(key.bits()),
        Id::EC => match key.ec_key().ok().and_then(|key| key.group().curve_name()) {
            Some(Nid::X9_62_PRIME256V1) => KeyKind::P256,
            Some(Nid::SECP384R1) => KeyKind::P384,
            _ => KeyKind::Other,
        },
        _ => KeyKind::Other,
    }
}

fn malformed() -> Error {
    Error::malformed("the private key", "it is neither PKCS#8, PKCS#1 nor SEC 1")
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.kind())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_pkcs8_and_every_pem_form() {
        for key in [PrivateKey::generate_p256().unwrap(), PrivateKey::generate_rsa_2048().unwrap()] {
            let public = key.public_key_der().unwrap();
            let der = key.to_pkcs8_der().unwrap();
            assert_eq!(PrivateKey::from_pkcs8_der(&der).unwrap().public_key_der().unwrap(), public);
            let own_form = match key.kind() {
                KeyKind::Rsa(_) => key.0.rsa().unwrap().private_key_to_pem().unwrap(),
                _ => key.0.ec_key().unwrap().private_key_to_pem().unwrap(),
            };
            for pem in [key.to_pkcs8_pem().unwrap().to_vec(), own_form] {
                let read = PrivateKey::from_pem(&pem).unwrap();
                assert_eq!(read.public_key_der().unwrap(), public);
                assert_eq!(read.kind(), key.kind());
            }
        }
    }

    #[test]
    fn a_key_with_a_passphrase_is_refused_in_words() {
        let key = PrivateKey::generate_p256().unwrap();
        let cipher = openssl::symm::Cipher::aes_256_cbc();
        let modern = key.0.private_key_to_pem_pkcs8_passphrase(cipher, b"secret").unwrap();
        let old = key.0.ec_key().unwrap().private_key_to_pem_passphrase(cipher, b"secret").unwrap();
        for pem in [modern, old] {
            let error = PrivateKey::from_pem(&pem).unwrap_err();
            assert_eq!(error, Error::EncryptedKey);
            assert!(error.to_string().contains("remove the passphrase"));
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = PrivateKey::generate_p256().unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(P256)");
    }

    #[test]
    fn a_signature_fits_its_message_digest_and_key_only() {
        let (key, other) = (PrivateKey::generate_p256().unwrap(), PrivateKey::generate_p256().unwrap());
        let public = PublicKey::from_der(&key.public_key_der().unwrap()).unwrap();
        let signature = key.sign(Digest::Sha384, b"message").unwrap();
        assert!(public.verifies(Digest::Sha384, &signature, b"message"));
        assert!(!public.verifies(Digest::Sha384, &signature, b"massage"));
        assert!(!public.verifies(Digest::Sha256, &signature, b"message"));
        assert!(!public.verifies(Digest::Sha384, b"no signature", b"message"));
        assert!(public.belongs_to(&key) && !public.belongs_to(&other));
    }
}
