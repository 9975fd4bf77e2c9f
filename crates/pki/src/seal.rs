//! Secrets at rest: AES-256-GCM, bound to the place where they are stored.
//!
//! Every place has its own key, derived from the master key, and its name goes into the authenticated data: a sealed
//! value that is copied to another row, column or table does not open. The header names the master key, so that an
//! old one can be kept beside a new one.

use std::fmt;

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use crate::{Error, Result, hmac_sha256, random_bytes};

const FORMAT: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEADER: usize = 1 + KEY_ID + NONCE;

/// Where a sealed value is stored.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's id.
    pub row: &'a [u8],
    /// A number that changes when the value is replaced, so that an old value cannot be put back; else 0.
    pub version: u32,
}

/// Seals and opens. Cheap to use, made once.
#[derive(Clone)]
pub struct Sealer {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

#[derive(Clone)]
struct MasterKey {
    id: [u8; KEY_ID],
    key: Zeroizing<[u8; 32]>,
}

impl Sealer {
    /// With this master key.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the caller's copy of the key has to go")]
    pub fn new(master: Zeroizing<[u8; 32]>) -> Self {
        Self { current: MasterKey::new(&master), previous: Vec::new() }
    }

    /// Also opens what an older master key sealed.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the caller's copy of the key has to go")]
    pub fn with_previous(mut self, master: Zeroizing<[u8; 32]>) -> Self {
        self.previous.push(MasterKey::new(&master));
        self
    }

    /// A new master key.
    #[must_use]
    pub fn generate_master() -> Zeroizing<[u8; 32]> {
        Zeroizing::new(random_bytes())
    }

    /// Seals `plain` for `place`: one byte of format, eight of key id, the nonce, the ciphertext, the tag.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random_bytes::<NONCE>();
        let mut out = Vec::with_capacity(HEADER + plain.len() + TAG);
        out.push(FORMAT);
        out.extend_from_slice(&self.current.id);
        out.extend_from_slice(&nonce);
        let place = place.encode();
        let key = self.current.derive(&place);
        let mut tag = [0; TAG];
        let cipher = Cipher::aes_256_gcm();
        let data = [out.as_slice(), &place].concat();
        out.extend(encrypt_aead(cipher, key.as_slice(), Some(&nonce), &data, plain, &mut tag)?);
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Opens what [`Sealer::seal`] made for the same place.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it was never sealed, [`Error::UnknownMasterKey`], [`Error::SealBroken`].
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let malformed = || Error::malformed("the sealed value", "it is too short or of an unknown format");
        let (header, rest) = sealed.split_at_checked(HEADER).ok_or_else(malformed)?;
        let (cipher_text, tag) =
            rest.len().checked_sub(TAG).and_then(|at| rest.split_at_checked(at)).ok_or_else(malformed)?;
        let Some((&FORMAT, id_and_nonce)) = header.split_first() else {
            return Err(malformed());
        };
        let (id, nonce) = id_and_nonce.split_at_checked(KEY_ID).ok_or_else(malformed)?;
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let master = keys
            .find(|key| key.id == id)
            .ok_or_else(|| Error::UnknownMasterKey { key_id: hex::encode(id) })?;
        let place = place.encode();
        let key = master.derive(&place);
        let data = [header, &place].concat();
        let plain = decrypt_aead(Cipher::aes_256_gcm(), key.as_slice(), Some(nonce), &data, cipher_text, tag);
        plain.map(Zeroizing::new).map_err(|_| Error::SealBroken)
    }

    /// The id of the master key that seals, as it stands in every header, in hex.
    #[must_use]
    pub fn key_id(&self) -> String {
        hex::encode(self.current.id)
    }
}

impl MasterKey {
    fn new(key: &Zeroizing<[u8; 32]>) -> Self {
        let mut id = [0; KEY_ID];
        for (to, from) in id.iter_mut().zip(hmac_sha256(key.as_slice(), b"ward key id")) {
            *to = from;
        }
        Self { id, key: key.clone() }
    }

    fn derive(&self, place: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac_sha256(self.key.as_slice(), &[b"ward seal ", place].concat()))
    }
}

impl Place<'_> {
    /// Every part with its length before it, so that no two places look alike.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for part in [self.table.as_bytes(), self.column.as_bytes(), self.row] {
            out.extend_from_slice(&part.len().to_be_bytes());
            out.extend_from_slice(part);
        }
        out.extend_from_slice(&self.version.to_be_bytes());
        out
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer(key {})", self.key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { table: "secrets", column: "sealed", row: b"row", version: 1 };

    #[test]
    fn a_sealed_value_opens_in_its_own_place_only() {
        let sealer = Sealer::new(Sealer::generate_master());
        let sealed = sealer.seal(&PLACE, b"123456").unwrap();
        assert_eq!(sealer.open(&PLACE, &sealed).unwrap().as_slice(), b"123456");
        let elsewhere = [
            Place { table: "secret", column: "ssealed", ..PLACE },
            Place { column: "other", ..PLACE },
            Place { row: b"r0w", ..PLACE },
            Place { version: 2, ..PLACE },
        ];
        for place in elsewhere {
            assert_eq!(sealer.open(&place, &sealed), Err(Error::SealBroken), "{place:?}");
        }
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let sealer = Sealer::new(Sealer::generate_master());
        let sealed = sealer.seal(&PLACE, b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(&PLACE, &changed).is_err(), "byte {at}");
        }
        for length in 0..sealed.len() {
            assert!(sealer.open(&PLACE, &sealed[..length]).is_err());
        }
    }

    #[test]
    fn an_older_master_key_still_opens_and_a_foreign_one_is_named() {
        let old = Sealer::generate_master();
        let sealed = Sealer::new(old.clone()).seal(&PLACE, b"secret").unwrap();
        let rotated = Sealer::new(Sealer::generate_master());
        let key_id = Sealer::new(old.clone()).key_id();
        assert_eq!(rotated.open(&PLACE, &sealed), Err(Error::UnknownMasterKey { key_id }));
        assert_eq!(rotated.with_previous(old).open(&PLACE, &sealed).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn equal_secrets_look_different_and_debug_shows_neither_key_nor_secret() {
        let master = Sealer::generate_master();
        let sealer = Sealer::new(master.clone());
        assert_ne!(sealer.seal(&PLACE, b"secret").unwrap(), sealer.seal(&PLACE, b"secret").unwrap());
        let shown = format!("{sealer:?}");
        assert!(!shown.contains(&hex::encode(&master.as_slice()[..4])), "{shown}");
    }
}
