//! What differs between the engines: opening, settings, the outer transaction, bulk statements.
//!
//! Everything else in this crate is written once, for both.

pub(crate) mod sqlite;

pub use sqlite::Durability;

use crate::{ChannelId, Connection, Error, FactKind, Hit, Search};
use clock::Timestamp;

/// Begins the outer transaction of a batch as a writer.
pub(crate) fn begin_write(connection: &mut Connection) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::begin_write(inner),
    }
}

/// Writes many `last_seen_at` in one statement. Older times never replace newer ones.
pub(crate) fn write_last_seen(
    connection: &mut Connection,
    seen: &[(ChannelId, Timestamp)],
) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::write_last_seen(inner, seen),
    }
}

/// One page of a search.
pub(crate) fn search(connection: &mut Connection, search: &Search) -> Result<Vec<Hit>, Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::search::search(inner, search),
    }
}

/// Which kinds of values a fact has on any device.
pub(crate) fn fact_kinds(connection: &mut Connection, key: &str) -> Result<Vec<FactKind>, Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::search::fact_kinds(inner, key),
    }
}

/// The keys of all facts that any device has told.
pub(crate) fn fact_keys(connection: &mut Connection) -> Result<Vec<String>, Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::search::fact_keys(inner),
    }
}

/// Moves what is in the write-ahead log into the database file, as far as readers let it.
pub(crate) fn checkpoint(connection: &mut Connection) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(inner) => sqlite::checkpoint(inner),
    }
}

/// Reads back what the connection promises about a COMMIT.
pub(crate) fn durability(connection: &mut Connection) -> Result<Durability, Error> {
    match connection {
        Connection::Sqlite(inner) => Ok(sqlite::durability(inner)?),
    }
}
