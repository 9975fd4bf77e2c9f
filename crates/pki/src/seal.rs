//! Secrets at rest: AES-256-GCM, bound to the place where they are stored.
//!
//! Values are sealed under data keys, which are random and stored in the database, wrapped by the key-encrypting key,
//! which is not. Every place has its own key, derived from the data key, and its name goes into the authenticated
//! data: a sealed value that is copied to another row, column or table does not open. The header names the data key,
//! so that values move from one to the next while both are in use.

mod key;
mod ring;

pub use key::{KeyId, Place, is_sealed_with, key_of};
pub use ring::{NewDataKey, Refresh, Sealer, WrappedKey};

#[cfg(test)]
mod tests;
