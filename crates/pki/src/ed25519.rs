//! Ed25519 (RFC 8032): signatures of the log's heads and of what is released by hand.

use std::fmt;

use openssl::pkey::{Id, PKey, Private, Public};
use openssl::sign::{Signer, Verifier};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// A signing key. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Ed25519Key(PKey<Private>);

/// The public half.
#[derive(Clone)]
pub struct Ed25519PublicKey(PKey<Public>);

impl Ed25519Key {
    /// A new key.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn generate() -> Result<Self> {
        Ok(Self(PKey::generate_ed25519()?))
    }

    /// From its 32 bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`Error::Malformed`] for another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let key = PKey::private_key_from_raw_bytes(bytes, Id::ED25519);
        key.map(Self).map_err(|_| Error::malformed("the Ed25519 key", "it is not 32 bytes"))
    }

    /// Its 32 bytes.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(self.0.raw_private_key()?))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn public(&self) -> Result<Ed25519PublicKey> {
        Ed25519PublicKey::from_bytes(&self.0.raw_public_key()?)
    }

    /// The signature of `message`, 64 bytes.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        Ok(Signer::new_without_digest(&self.0)?.sign_oneshot_to_vec(message)?)
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Key(..)")
    }
}

impl Ed25519PublicKey {
    /// From its 32 bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let key = PKey::public_key_from_raw_bytes(bytes, Id::ED25519);
        key.map(Self).map_err(|_| Error::malformed("the Ed25519 public key", "it is not 32 bytes"))
    }

    /// Its 32 bytes.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.0.raw_public_key()?)
    }

    /// Whether `signature` is one of `message`. A malformed signature is a wrong one.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Verifier::new_without_digest(&self.0)
            .and_then(|mut verifier| verifier.verify_oneshot(signature, message))
            .unwrap_or(false)
    }
}

impl fmt::Debug for Ed25519PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519PublicKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 section 7.1, test 2.
    #[test]
    fn the_second_test_of_the_rfc_is_signed_and_verified() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let key = Ed25519Key::from_bytes(&bytes(
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        ))
        .unwrap();
        let public = key.public().unwrap();
        assert_eq!(
            hex::encode(public.to_bytes().unwrap()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        );
        let signature = key.sign(&[0x72]).unwrap();
        assert_eq!(
            hex::encode(&signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(public.verifies(&[0x72], &signature));
        assert!(!public.verifies(&[0x73], &signature));
        assert!(!public.verifies(&[0x72], b"short"));
        assert!(Ed25519Key::from_bytes(&[1; 31]).is_err());
        assert!(!format!("{key:?}").contains("4ccd"));
    }
}
