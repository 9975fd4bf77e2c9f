//! All sealed columns in one list, so that every value can be found and sealed anew.
//!
//! A test holds the list against the schema: a new column of bytes is either here or among those that hold no secret.

mod tables;

use pki::seal::{Place, Sealer, key_of};

use crate::{Connection, Error};

/// A sealed value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// What the seal names as the row; also where the next page begins.
    pub row: Vec<u8>,
    /// The value.
    pub sealed: Vec<u8>,
}

/// A column with sealed values. All of them are of version 1.
#[derive(Debug, Clone, Copy)]
pub struct SealedColumn {
    /// The table, as the seal names it.
    pub table: &'static str,
    /// The column, as the seal names it.
    pub column: &'static str,
    page: ReadPage,
    replace: ReplaceValue,
}

/// Reads the rows after one, at most so many.
type ReadPage = fn(&mut Connection, Option<&[u8]>, i64) -> Result<Vec<SealedRow>, Error>;

/// Puts a value in place of the one that was read, and tells whether it was still there.
type ReplaceValue = fn(&mut Connection, &SealedRow, Vec<u8>) -> Result<bool, Error>;

impl SealedColumn {
    /// The values of the rows after one, in the order of the rows.
    ///
    /// # Errors
    /// The database's.
    pub fn page(
        &self,
        connection: &mut Connection,
        after: Option<&[u8]>,
        limit: i64,
    ) -> Result<Vec<SealedRow>, Error> {
        (self.page)(connection, after, limit)
    }

    /// Puts a value in place of the one that was read. `false`: it has changed meanwhile, and nothing was done.
    ///
    /// # Errors
    /// The database's.
    pub fn replace(
        &self,
        connection: &mut Connection,
        before: &SealedRow,
        sealed: Vec<u8>,
    ) -> Result<bool, Error> {
        (self.replace)(connection, before, sealed)
    }

    /// The value under the key that seals now; `None` when it is already, or when the row holds nothing sealed.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn reseal(&self, sealer: &Sealer, row: &SealedRow) -> Result<Option<Vec<u8>>, Error> {
        if row.sealed.is_empty() {
            return Ok(None);
        }
        let place = Place { table: self.table, column: self.column, row: &row.row, version: 1 };
        sealer.reseal(&place, &row.sealed).map_err(|error| {
            Error::Internal(format!(
                "a value in {}.{} cannot be sealed anew: {error}",
                self.table, self.column
            ))
        })
    }

    /// The name of the key under which a value stands, if it is a sealed one.
    #[must_use]
    pub fn key_of(row: &SealedRow) -> Option<String> {
        key_of(&row.sealed).ok().map(|id| id.to_string())
    }
}

/// Every sealed column.
pub const SEALED: &[SealedColumn] = tables::ALL;

#[cfg(test)]
mod tests;
