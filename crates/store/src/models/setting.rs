//! Values that the server remembers by name.

use diesel::prelude::*;
use pki::seal::{Place, Sealer};
use zeroize::Zeroizing;

use crate::schema::settings;
use crate::{Connection, Error};

/// How the names of sealed values begin. The value is then what the seal made, in hex.
pub(crate) const SEALED: &str = "sealed:";

/// A value with a name.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = settings)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Setting {
    /// The value of a name.
    ///
    /// # Errors
    /// The database's.
    pub fn read(connection: &mut Connection, name: &str) -> Result<Option<String>, Error> {
        Ok(settings::table.find(name).select(settings::value).first(connection).optional()?)
    }

    /// Sets the value of a name.
    ///
    /// # Errors
    /// The database's.
    pub fn write(connection: &mut Connection, name: &str, value: &str) -> Result<(), Error> {
        let changed =
            diesel::update(settings::table.find(name)).set(settings::value.eq(value)).execute(connection)?;
        if changed == 0 {
            let row = Self { name: name.to_owned(), value: value.to_owned() };
            diesel::insert_into(settings::table).values(row).execute(connection)?;
        }
        Ok(())
    }

    /// Forgets a name.
    ///
    /// # Errors
    /// The database's.
    pub fn delete(connection: &mut Connection, name: &str) -> Result<(), Error> {
        diesel::delete(settings::table.find(name)).execute(connection)?;
        Ok(())
    }

    /// The secret value of a name, in clear.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open; the database's.
    pub fn open(
        connection: &mut Connection,
        sealer: &Sealer,
        name: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let row = format!("{SEALED}{name}");
        let Some(value) = Self::read(connection, &row)? else { return Ok(None) };
        let unreadable = || Error::unreadable("a sealed setting");
        let sealed = hex::decode(value).map_err(|_| unreadable())?;
        sealer.open(&place(&row), &sealed).map(Some).map_err(|_| unreadable())
    }

    /// Sets the secret value of a name.
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails; the database's.
    pub fn seal(connection: &mut Connection, sealer: &Sealer, name: &str, plain: &[u8]) -> Result<(), Error> {
        let row = format!("{SEALED}{name}");
        let sealed = sealer.seal(&place(&row), plain).map_err(|_| Error::unreadable("a sealed setting"))?;
        Self::write(connection, &row, &hex::encode(sealed))
    }
}

const fn place(row: &str) -> Place<'_> {
    Place { table: "settings", column: "value", row: row.as_bytes(), version: 1 }
}
