//! Secrets that profiles refer to by name. What is set is never shown again.

use clock::Timestamp;
use diesel::prelude::*;
use pki::seal::{Place, Sealer};
use zeroize::Zeroizing;

use crate::column::Millis;
use crate::schema::item_secrets;
use crate::{Connection, Error, SealedBytes};

/// A named secret. Its version is part of what a profile is made of, so that a new value is installed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = item_secrets, primary_key(name), treat_none_as_default_value = false)]
pub struct ItemSecret {
    /// The name by which profiles refer to it.
    pub name: String,
    /// The secret, sealed.
    pub sealed: SealedBytes,
    /// 1, 2, 3, …
    pub version: i32,
    /// When this version was set.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub set_at: Timestamp,
    /// By whom.
    pub set_by: String,
}

impl ItemSecret {
    /// Sets a secret, for the first time or anew. Returns its version.
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails; the database's.
    pub fn set(
        connection: &mut Connection,
        sealer: &Sealer,
        (name, plain): (&str, &[u8]),
        (set_at, set_by): (Timestamp, &str),
    ) -> Result<i32, Error> {
        let before = Self::find(connection, name)?.map_or(0, |secret| secret.version);
        let version = before.saturating_add(1);
        let sealed = sealer.seal(&place(name), plain).map_err(|_| Error::unreadable("a named secret"))?;
        let row = Self {
            name: name.to_owned(),
            sealed: SealedBytes(sealed),
            version,
            set_at,
            set_by: set_by.to_owned(),
        };
        if before == 0 {
            diesel::insert_into(item_secrets::table).values(row).execute(connection)?;
        } else {
            diesel::update(item_secrets::table.find(name)).set(row).execute(connection)?;
        }
        Ok(version)
    }

    /// The secret with this name.
    ///
    /// # Errors
    /// The database's.
    pub fn find(connection: &mut Connection, name: &str) -> Result<Option<Self>, Error> {
        Ok(item_secrets::table.find(name).select(Self::as_select()).first(connection).optional()?)
    }

    /// All secrets, by name.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(item_secrets::table.order(item_secrets::name).select(Self::as_select()).load(connection)?)
    }

    /// The secret in clear.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn open(&self, sealer: &Sealer) -> Result<Zeroizing<Vec<u8>>, Error> {
        sealer.open(&place(&self.name), &self.sealed.0).map_err(|_| Error::unreadable("a named secret"))
    }
}

const fn place(name: &str) -> Place<'_> {
    Place { table: "item_secrets", column: "sealed", row: name.as_bytes(), version: 1 }
}
