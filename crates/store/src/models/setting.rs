//! Values that the server remembers by name.

use diesel::prelude::*;

use crate::schema::settings;
use crate::{Connection, Error};

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
}
