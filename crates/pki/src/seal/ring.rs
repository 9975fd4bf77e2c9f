//! The keys of a running server: the key-encrypting key, and the data keys that it unwraps.

use std::fmt;

use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

use super::key::{Key, KeyId, Place, key_of};
use crate::{Error, Result, random_bytes};

/// A data key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its name.
    pub id: KeyId,
    /// The key, sealed under a key-encrypting key.
    pub wrapped: Vec<u8>,
    /// Whether it seals what is new. One key does.
    pub current: bool,
}

/// A data key that was just made. It is used once it has been stored and loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDataKey {
    /// Its name.
    pub id: KeyId,
    /// The key, sealed under the key-encrypting key.
    pub wrapped: Vec<u8>,
}

/// Reads the stored data keys again, when a value names one that is not loaded: another process may have made it.
pub type Refresh = Box<dyn Fn() -> Option<Vec<WrappedKey>> + Send + Sync>;

/// Seals and opens. Made once and shared; data keys come and go while it is in use.
pub struct Sealer {
    ring: RwLock<Ring>,
    refresh: Mutex<Option<Refresh>>,
}

struct Ring {
    wrapping: Key,
    previous: Vec<Key>,
    /// The first one seals. Without any the key-encrypting key does, as it did before there were data keys.
    data: Vec<Key>,
}

impl Sealer {
    /// With this key-encrypting key and no data key yet.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the caller's copy of the key has to go")]
    pub fn new(master: Zeroizing<[u8; 32]>) -> Self {
        Self::with_ring(Ring { wrapping: Key::new(&master), previous: Vec::new(), data: Vec::new() })
    }

    fn with_ring(ring: Ring) -> Self {
        Self { ring: RwLock::new(ring), refresh: Mutex::new(None) }
    }

    /// Also opens what an older key-encrypting key wrapped or sealed.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the caller's copy of the key has to go")]
    pub fn with_previous(self, master: Zeroizing<[u8; 32]>) -> Self {
        self.ring.write().previous.push(Key::new(&master));
        self
    }

    /// A sealer with the same key-encrypting keys and no data key, for another database.
    #[must_use]
    pub fn for_another_database(&self) -> Self {
        let ring = self.ring.read();
        Self::with_ring(Ring {
            wrapping: ring.wrapping.clone(),
            previous: ring.previous.clone(),
            data: Vec::new(),
        })
    }

    /// A new key-encrypting key.
    #[must_use]
    pub fn generate_master() -> Zeroizing<[u8; 32]> {
        Zeroizing::new(random_bytes())
    }

    /// Seals `plain` for `place`: one byte of format, eight of key id, the nonce, the ciphertext, the tag.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        self.ring.read().sealing().seal(place, plain)
    }

    /// Opens what [`Sealer::seal`] made for the same place.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it was never sealed, [`Error::UnknownMasterKey`], [`Error::SealBroken`].
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let opened = self.ring.read().open(place, sealed);
        if matches!(opened, Err(Error::UnknownMasterKey { .. })) && self.look_again()? {
            return self.ring.read().open(place, sealed);
        }
        opened
    }

    /// The same value under the key that seals now; `None` when it is already.
    ///
    /// # Errors
    /// As [`Sealer::open`] and [`Sealer::seal`].
    pub fn reseal(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        if key_of(sealed)? == self.sealing_key() {
            return Ok(None);
        }
        let plain = self.open(place, sealed)?;
        self.seal(place, &plain).map(Some)
    }

    /// The id of the key that seals, as it stands in every header, in hex.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.sealing_key().to_string()
    }

    /// The name of the key that seals.
    #[must_use]
    pub fn sealing_key(&self) -> KeyId {
        self.ring.read().sealing().id
    }

    /// The name of the key-encrypting key.
    #[must_use]
    pub fn wrapping_key(&self) -> KeyId {
        self.ring.read().wrapping.id
    }

    /// Whether this is the name of a key-encrypting key, present or previous: values that it sealed itself come from
    /// the time before data keys.
    #[must_use]
    pub fn is_wrapping_key(&self, id: KeyId) -> bool {
        let ring = self.ring.read();
        ring.wrapping.id == id || ring.previous.iter().any(|key| key.id == id)
    }

    /// Makes a data key and wraps it. It seals nothing before it is stored and [`Sealer::load`]ed.
    ///
    /// # Errors
    /// [`Error::Crypto`] if OpenSSL cannot.
    pub fn new_data_key(&self) -> Result<NewDataKey> {
        let key = Key::new(&Self::generate_master());
        let wrapped = wrap(&self.ring.read().wrapping, &key)?;
        Ok(NewDataKey { id: key.id, wrapped })
    }

    /// Takes these data keys in place of those that are loaded.
    ///
    /// # Errors
    /// [`Error::UnknownMasterKey`] names the key-encrypting key that is needed; [`Error::SealBroken`]. Nothing changes
    /// then.
    pub fn load(&self, keys: &[WrappedKey]) -> Result<()> {
        let mut ring = self.ring.write();
        let mut data = Vec::with_capacity(keys.len());
        for key in keys {
            let opened = ring.unwrap(key)?;
            if key.current { data.insert(0, opened) } else { data.push(opened) }
        }
        ring.data = data;
        Ok(())
    }

    /// How [`Sealer::open`] learns of data keys that another process has made.
    pub fn refresh_by(&self, refresh: Refresh) {
        *self.refresh.lock() = Some(refresh);
    }

    /// The stored data keys, wrapped under another key-encrypting key; those that are wrapped under it already are
    /// left out.
    ///
    /// # Errors
    /// As [`Sealer::load`].
    pub fn rewrap(&self, keys: &[WrappedKey], master: &Zeroizing<[u8; 32]>) -> Result<Vec<WrappedKey>> {
        let (ring, new) = (self.ring.read(), Key::new(master));
        let mut wrapped = Vec::new();
        for key in keys.iter().filter(|key| key_of(&key.wrapped).ok() != Some(new.id)) {
            wrapped.push(WrappedKey { wrapped: wrap(&new, &ring.unwrap(key)?)?, ..key.clone() });
        }
        Ok(wrapped)
    }

    /// Goes on with another key-encrypting key; the one before still unwraps.
    pub fn replace_wrapping(&self, master: &Zeroizing<[u8; 32]>) {
        let (mut ring, new) = (self.ring.write(), Key::new(master));
        if ring.wrapping.id != new.id {
            let before = std::mem::replace(&mut ring.wrapping, new);
            ring.previous.push(before);
        }
    }

    /// The name that a key-encrypting key would have.
    #[must_use]
    pub fn id_of(master: &Zeroizing<[u8; 32]>) -> KeyId {
        Key::new(master).id
    }

    fn look_again(&self) -> Result<bool> {
        let keys = self.refresh.lock().as_ref().and_then(|refresh| refresh());
        keys.map_or(Ok(false), |keys| self.load(&keys).map(|()| true))
    }
}

impl Ring {
    fn sealing(&self) -> &Key {
        self.data.first().unwrap_or(&self.wrapping)
    }

    fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let id = key_of(sealed)?;
        let mut keys = self.data.iter().chain([&self.wrapping]).chain(&self.previous);
        let key = keys
            .find(|key| key.id == id)
            .ok_or_else(|| Error::UnknownMasterKey { key_id: id.to_string() })?;
        key.open(place, sealed)
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<Key> {
        let by = key_of(&key.wrapped)?;
        let mut wrapping = std::iter::once(&self.wrapping).chain(&self.previous);
        let wrapping = wrapping
            .find(|known| known.id == by)
            .ok_or_else(|| Error::UnknownMasterKey { key_id: by.to_string() })?;
        let name = key.id.to_string();
        let plain = wrapping.open(&place(name.as_bytes()), &key.wrapped)?;
        let mut bytes = Zeroizing::new([0; 32]);
        if plain.len() != bytes.len() {
            return Err(Error::SealBroken);
        }
        bytes.copy_from_slice(&plain);
        let opened = Key::new(&bytes);
        if opened.id == key.id { Ok(opened) } else { Err(Error::SealBroken) }
    }
}

fn wrap(wrapping: &Key, key: &Key) -> Result<Vec<u8>> {
    let name = key.id.to_string();
    wrapping.seal(&place(name.as_bytes()), key.bytes.as_slice())
}

const fn place(name: &[u8]) -> Place<'_> {
    Place { table: "data_keys", column: "wrapped", row: name, version: 1 }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer(key {})", self.key_id())
    }
}
