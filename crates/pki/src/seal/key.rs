//! One key of 256 bits: its name, what it seals, what it opens.

use std::fmt;
use std::str::FromStr;

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

/// The name of a key: the first bytes of a digest of it, as it stands in the header of what it sealed. Shown in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KEY_ID]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut id = [0; KEY_ID];
        hex::decode_to_slice(text, &mut id)
            .map_err(|_| Error::malformed("the name of a key", "it is not 16 hexadecimal digits"))?;
        Ok(Self(id))
    }
}

/// The key that sealed a value, as its header says.
///
/// # Errors
/// [`Error::Malformed`] for what was never sealed.
pub fn key_of(sealed: &[u8]) -> Result<KeyId> {
    let (id, _, _) = split(sealed)?;
    Ok(id)
}

/// Whether a value says that it was sealed with this key.
#[must_use]
pub fn is_sealed_with(sealed: &[u8], key: KeyId) -> bool {
    key_of(sealed).is_ok_and(|id| id == key)
}

/// The key's name, the nonce, and what follows the header.
fn split(sealed: &[u8]) -> Result<(KeyId, &[u8], &[u8])> {
    let malformed = || Error::malformed("the sealed value", "it is too short or of an unknown format");
    let (header, rest) = sealed.split_at_checked(HEADER).ok_or_else(malformed)?;
    let Some((&FORMAT, id_and_nonce)) = header.split_first() else { return Err(malformed()) };
    let (id, nonce) = id_and_nonce.split_at_checked(KEY_ID).ok_or_else(malformed)?;
    let id = id.try_into().map_err(|_| malformed())?;
    if rest.len() < TAG {
        return Err(malformed());
    }
    Ok((KeyId(id), nonce, rest))
}

/// A key and its name.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    pub(super) fn new(bytes: &Zeroizing<[u8; 32]>) -> Self {
        let mut id = [0; KEY_ID];
        for (to, from) in id.iter_mut().zip(hmac_sha256(bytes.as_slice(), b"ward key id")) {
            *to = from;
        }
        Self { id: KeyId(id), bytes: bytes.clone() }
    }

    /// One byte of format, eight of key id, the nonce, the ciphertext, the tag.
    pub(super) fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random_bytes::<NONCE>();
        let mut out = Vec::with_capacity(HEADER + plain.len() + TAG);
        out.push(FORMAT);
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&nonce);
        let place = place.encode();
        let key = self.derive(&place);
        let mut tag = [0; TAG];
        let data = [out.as_slice(), &place].concat();
        let cipher = Cipher::aes_256_gcm();
        out.extend(encrypt_aead(cipher, key.as_slice(), Some(&nonce), &data, plain, &mut tag)?);
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Opens what [`Key::seal`] made for the same place.
    pub(super) fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (_, nonce, rest) = split(sealed)?;
        let (cipher_text, tag) = rest.split_at_checked(rest.len() - TAG).ok_or(Error::SealBroken)?;
        let place = place.encode();
        let key = self.derive(&place);
        let header = sealed.get(..HEADER).unwrap_or_default();
        let data = [header, &place].concat();
        let plain = decrypt_aead(Cipher::aes_256_gcm(), key.as_slice(), Some(nonce), &data, cipher_text, tag);
        plain.map(Zeroizing::new).map_err(|_| Error::SealBroken)
    }

    fn derive(&self, place: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac_sha256(self.bytes.as_slice(), &[b"ward seal ", place].concat()))
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
