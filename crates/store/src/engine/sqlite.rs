//! SQLite: the lock on the file, the pragmas without which Ward refuses to start, migrations.

pub(crate) mod search;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use clock::Timestamp;
use diesel::Connection as _;
use diesel::connection::{AnsiTransactionManager, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use serde_json::json;

use crate::{ChannelId, Connection, Error, OpenError};

/// The schema, step by step.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// `synchronous` as SQLite numbers it: 2 is FULL (<https://sqlite.org/pragma.html#pragma_synchronous>).
const SYNCHRONOUS_FULL: i64 = 2;

/// Holds the right to write to one database file, for as long as it lives.
#[derive(Debug)]
pub(crate) struct WriterLock(#[expect(dead_code, reason = "closing the file releases the lock")] File);

impl WriterLock {
    /// Takes the lock beside the database file at `path`, or says that another process has it.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let file = private_file(&lock).map_err(|error| OpenError::file(&lock, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(OpenError::file(&lock, &error)),
        }
    }
}

/// Opens or makes a file that only its owner can read.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        let file = options.open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// Opens the connection that writes: makes the file if there is none, sets and verifies the pragmas, migrates.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    drop(private_file(path).map_err(|error| OpenError::file(path, &error))?);
    let mut connection = connect(path)?;
    connection
        .batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; \
             PRAGMA checkpoint_fullfsync = ON; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -32000; \
             PRAGMA secure_delete = FAST;",
        )
        .map_err(|error| OpenError::database(path, error))?;
    verify_writer(&mut connection, path)?;
    connection.run_pending_migrations(MIGRATIONS).map_err(|error| OpenError::Migration(error.to_string()))?;
    Ok(Connection::Sqlite(connection))
}

/// Opens a connection that cannot write.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let mut connection = connect(path)?;
    connection
        .batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -8000;")
        .map_err(|error| OpenError::database(path, error))?;
    Ok(Connection::Sqlite(connection))
}

fn connect(path: &Path) -> Result<SqliteConnection, OpenError> {
    let url = path.to_str().ok_or_else(|| OpenError::Path(path.to_owned()))?;
    let mut connection =
        SqliteConnection::establish(url).map_err(|error| OpenError::connection(path, &error))?;
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
             PRAGMA temp_store = MEMORY;",
        )
        .map_err(|error| OpenError::database(path, error))?;
    Ok(connection)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    value: String,
}

/// What the connection that writes promises about a COMMIT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// `journal_mode`.
    pub journal_mode: String,
    /// `synchronous`, as SQLite numbers it.
    pub synchronous: i64,
}

impl Durability {
    /// Whether what was committed outlives a loss of power.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.journal_mode == "wal" && self.synchronous >= SYNCHRONOUS_FULL
    }
}

/// Reads the settings of a connection that decide about durability.
pub(crate) fn durability(connection: &mut SqliteConnection) -> Result<Durability, diesel::result::Error> {
    let journal: Word =
        diesel::sql_query("SELECT journal_mode AS value FROM pragma_journal_mode").get_result(connection)?;
    let synchronous: Number =
        diesel::sql_query("SELECT synchronous AS value FROM pragma_synchronous").get_result(connection)?;
    Ok(Durability { journal_mode: journal.value, synchronous: synchronous.value })
}

/// Reads the settings back: a build of SQLite or a file system may ignore what was asked.
pub(crate) fn verify_writer(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let read = |error| OpenError::database(path, error);
    let found = durability(connection).map_err(read)?;
    let foreign_keys: Number = diesel::sql_query("SELECT foreign_keys AS value FROM pragma_foreign_keys")
        .get_result(connection)
        .map_err(read)?;
    for (good, setting, found) in [
        (found.journal_mode == "wal", "journal_mode = WAL", found.journal_mode.clone()),
        (found.synchronous >= SYNCHRONOUS_FULL, "synchronous = FULL", found.synchronous.to_string()),
        (foreign_keys.value == 1, "foreign_keys = ON", foreign_keys.value.to_string()),
    ] {
        if !good {
            return Err(OpenError::Setting { setting, found });
        }
    }
    Ok(())
}

/// `BEGIN IMMEDIATE`, told to diesel, so that transactions inside become savepoints.
pub(crate) fn begin_write(connection: &mut SqliteConnection) -> Result<(), Error> {
    AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")?;
    Ok(())
}

/// One UPDATE for all, joined with a JSON array of (id in hex, time).
pub(crate) fn write_last_seen(
    connection: &mut SqliteConnection,
    seen: &[(ChannelId, Timestamp)],
) -> Result<(), Error> {
    let rows: Vec<_> =
        seen.iter().map(|(channel, at)| json!([channel.0.simple().to_string(), at.as_millis()])).collect();
    diesel::sql_query(
        "UPDATE channels SET last_seen_at = seen.at FROM \
         (SELECT unhex(value ->> 0) AS id, value ->> 1 AS at FROM json_each(?)) AS seen \
         WHERE channels.id = seen.id AND (channels.last_seen_at IS NULL OR channels.last_seen_at < seen.at)",
    )
    .bind::<Text, _>(serde_json::Value::Array(rows).to_string())
    .execute(connection)?;
    Ok(())
}

/// A passive checkpoint: it waits for nobody.
pub(crate) fn checkpoint(connection: &mut SqliteConnection) -> Result<(), Error> {
    connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE);")?;
    Ok(())
}

#[cfg(test)]
mod tests;
