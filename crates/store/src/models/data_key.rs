//! The keys that seal columns, wrapped. The key that wraps them is not in the database.

use clock::Timestamp;
use diesel::prelude::*;
use pki::seal::{KeyId, NewDataKey, WrappedKey};

use crate::column::{Millis, OptionalMillis};
use crate::schema::data_keys;
use crate::{Connection, Error, SealedBytes};

/// A data key. The one that nothing has replaced seals; the others open what they sealed until all of it has moved.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = data_keys, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct DataKey {
    /// Its name, in hex, as it stands in the header of what it sealed.
    pub id: String,
    /// The key, sealed under the key-encrypting key. None once it is destroyed.
    pub wrapped: Option<SealedBytes>,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// When another took its place.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub replaced_at: Option<Timestamp>,
    /// When everything that others had sealed stood under it.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub resealed_at: Option<Timestamp>,
    /// How many values were moved to it.
    pub resealed: i64,
    /// When it was proved that no value stands under it any more.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub retired_at: Option<Timestamp>,
    /// When it was destroyed.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub destroyed_at: Option<Timestamp>,
}

impl DataKey {
    /// Stores a new key, which seals from then on. Who calls this loads the keys after the commit.
    ///
    /// # Errors
    /// The database's.
    pub fn install(connection: &mut Connection, new: &NewDataKey, at: Timestamp) -> Result<(), Error> {
        diesel::update(data_keys::table.filter(data_keys::replaced_at.is_null()))
            .set(data_keys::replaced_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?;
        let row = Self {
            id: new.id.to_string(),
            wrapped: Some(SealedBytes(new.wrapped.clone())),
            created_at: at,
            replaced_at: None,
            resealed_at: None,
            resealed: 0,
            retired_at: None,
            destroyed_at: None,
        };
        diesel::insert_into(data_keys::table).values(row).execute(connection)?;
        Ok(())
    }

    /// All keys, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(data_keys::table
            .order((data_keys::created_at.desc(), data_keys::id))
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The key that seals, if there is one yet.
    ///
    /// # Errors
    /// The database's.
    pub fn current(connection: &mut Connection) -> Result<Option<Self>, Error> {
        Ok(data_keys::table
            .filter(data_keys::replaced_at.is_null())
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// The keys as [`pki::seal::Sealer::load`] takes them; destroyed ones are left out.
    ///
    /// # Errors
    /// [`Error::Internal`] for a row whose name is none; the database's.
    pub fn wrapped(connection: &mut Connection) -> Result<Vec<WrappedKey>, Error> {
        let mut keys = Vec::new();
        for row in Self::list(connection)? {
            let id: KeyId = row.id.parse().map_err(|_| Error::unreadable("the name of a data key"))?;
            let current = row.replaced_at.is_none();
            keys.extend(row.wrapped.map(|wrapped| WrappedKey { id, wrapped: wrapped.0, current }));
        }
        Ok(keys)
    }

    /// Stores a key wrapped anew.
    ///
    /// # Errors
    /// The database's.
    pub fn rewrap(connection: &mut Connection, key: &WrappedKey) -> Result<(), Error> {
        diesel::update(data_keys::table.find(key.id.to_string()))
            .set(data_keys::wrapped.eq(Some(SealedBytes(key.wrapped.clone()))))
            .execute(connection)?;
        Ok(())
    }

    /// Writes all columns of the row.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such row.
    pub fn save(&self, connection: &mut Connection) -> Result<(), Error> {
        match diesel::update(data_keys::table.find(&self.id)).set(self.clone()).execute(connection)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }
}
