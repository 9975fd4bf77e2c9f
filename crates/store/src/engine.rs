//! What differs between the engines: opening, settings, the outer transaction, bulk statements.
//!
//! Everything else in this crate is written once, for both.

pub(crate) mod sqlite;

pub use sqlite::Durability;

use crate::{ChannelId, Connection, Error};
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
