//! The signed head of the tree (C2SP `tlog-checkpoint`), and the keys that sign and verify it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::{Ed25519Key, Ed25519PublicKey};

use crate::note::{self, ED25519, Signature};
use crate::{Error, Hash};

/// The head of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log, which never changes: a URL without scheme, as `ward.hospital.example/ledger/1`.
    pub origin: String,
    /// How many entries there are.
    pub size: u64,
    /// The root.
    pub root: Hash,
}

/// A head with its signatures, as it is given away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: String,
}

/// Signs heads. `Debug` hides the key.
#[derive(Debug, Clone)]
pub struct CheckpointSigner {
    name: String,
    key: Ed25519Key,
    key_id: [u8; 4],
}

/// Verifies heads: a public key with its name, written `name+id+key` as in C2SP's `signed-note`.
#[derive(Debug, Clone)]
pub struct CheckpointKey {
    name: String,
    key_id: [u8; 4],
    key: Ed25519PublicKey,
}

impl Checkpoint {
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let mut lines = text.split('\n');
        let mut next = |what| lines.next().filter(|line| !line.is_empty()).ok_or(Error::Malformed(what));
        let origin = next("it has no origin")?.to_owned();
        let size = next("it has no size")?;
        let root = next("it has no root")?;
        let number: u64 = size.parse().map_err(|_| Error::Malformed("its size is no number"))?;
        if number.to_string() != size {
            return Err(Error::Malformed("its size is not written plainly"));
        }
        let root = STANDARD.decode(root).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let root = Hash(root.ok_or(Error::Malformed("its root is not the base64 of 32 bytes"))?);
        Ok(Self { origin, size: number, root })
    }
}

impl CheckpointSigner {
    /// A signer of this name, which is the origin of its log.
    ///
    /// # Errors
    /// [`Error::Key`] for a name with white space or a plus sign, or a key that OpenSSL does not take.
    pub fn new(name: &str, key: Ed25519Key) -> Result<Self, Error> {
        let key_id = CheckpointKey::new(name, &key.public().map_err(of_key)?)?.key_id;
        Ok(Self { name: name.to_owned(), key, key_id })
    }

    /// The key that verifies what this one signs.
    ///
    /// # Errors
    /// [`Error::Key`].
    pub fn verifier(&self) -> Result<CheckpointKey, Error> {
        CheckpointKey::new(&self.name, &self.key.public().map_err(of_key)?)
    }

    /// Signs a head.
    ///
    /// # Errors
    /// [`Error::Key`] when OpenSSL cannot sign.
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<SignedCheckpoint, Error> {
        let text = checkpoint.text();
        let bytes = self.key.sign(text.as_bytes()).map_err(of_key)?;
        let line = note::line(&Signature { name: self.name.clone(), key_id: self.key_id, bytes });
        Ok(SignedCheckpoint { note: format!("{text}\n{line}") })
    }
}

impl SignedCheckpoint {
    /// The note.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.note
    }

    /// The head, if `key` signed it.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::NotSigned`] when no signature is of this key, [`Error::WrongSignature`].
    pub fn verify(&self, key: &CheckpointKey) -> Result<Checkpoint, Error> {
        let (text, signatures) = note::parse(&self.note)?;
        let mut own =
            signatures.iter().filter(|one| one.name == key.name && one.key_id == key.key_id).peekable();
        if own.peek().is_none() {
            return Err(Error::NotSigned(key.name.clone()));
        }
        if !own.all(|one| key.key.verifies(text.as_bytes(), &one.bytes)) {
            return Err(Error::WrongSignature(key.name.clone()));
        }
        let checkpoint = Checkpoint::parse(text)?;
        if checkpoint.origin == key.name { Ok(checkpoint) } else { Err(Error::NotSigned(checkpoint.origin)) }
    }
}

impl FromStr for SignedCheckpoint {
    type Err = Error;

    fn from_str(note: &str) -> Result<Self, Error> {
        let (text, _) = note::parse(note)?;
        Checkpoint::parse(text)?;
        Ok(Self { note: note.to_owned() })
    }
}

impl CheckpointKey {
    fn new(name: &str, key: &Ed25519PublicKey) -> Result<Self, Error> {
        if !note::is_name(name) {
            return Err(Error::Key("its name is empty or holds white space or a plus sign".to_owned()));
        }
        let key_id = note::key_id(name, &key.to_bytes().map_err(of_key)?);
        Ok(Self { name: name.to_owned(), key_id, key: key.clone() })
    }

    /// The name of the log whose heads it verifies.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ED25519];
        bytes.extend(self.key.to_bytes().map_err(|_| fmt::Error)?);
        write!(f, "{}+{}+{}", self.name, hex::encode(self.key_id), STANDARD.encode(bytes))
    }
}

impl FromStr for CheckpointKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Key(what.to_owned());
        // The base64 of the key may hold plus signs, the name may not.
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("it is not written as name+id+key"));
        };
        let bytes = STANDARD.decode(key).map_err(|_| wrong("its last part is no base64"))?;
        let Some((&ED25519, public)) = bytes.split_first() else { return Err(wrong("it is no Ed25519 key")) };
        let key = Self::new(name, &Ed25519PublicKey::from_bytes(public).map_err(of_key)?)?;
        if hex::encode(key.key_id) == id {
            Ok(key)
        } else {
            Err(wrong("its id does not belong to its name and key"))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn of_key(error: pki::Error) -> Error {
    Error::Key(error.to_string())
}

#[cfg(test)]
mod tests;
