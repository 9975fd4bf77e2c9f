//! Why a database was not opened, for the person who started Ward.

use std::path::{Path, PathBuf};

/// The database cannot be used. Each text says what to look at.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the file open.
    #[error("the database {} is in use by another process: stop it first, or give this one its own data folder", .0.display())]
    InUse(PathBuf),
    /// The path is not text.
    #[error("the path {} is not UTF-8: choose another data folder", .0.display())]
    Path(PathBuf),
    /// The operating system refuses the file.
    #[error("the file {} cannot be opened: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// SQLite refuses the file.
    #[error("the database {} cannot be read: {reason}", path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// The database's words.
        reason: String,
    },
    /// A setting that keeps acknowledged data safe did not take.
    #[error(
        "the database does not keep {setting} (it says {found}): Ward does not start, because a power cut could lose what was acknowledged; is the data folder on a local disk?"
    )]
    Setting {
        /// What was asked.
        setting: &'static str,
        /// What the database says instead.
        found: String,
    },
    /// The schema could not be brought up to date.
    #[error("the database's schema cannot be brought up to date: {0}")]
    Migration(String),
    /// The key-encrypting key is not the one that this database needs.
    #[error(
        "the key-encrypting key is not this database's: its secrets need the key {needed}, and the one given is {given}. Put the right key \
         back from where it is kept safe, or from a backup, and start again; nothing was changed, and no new key can open them"
    )]
    Key {
        /// The name of the key that wraps the data keys.
        needed: String,
        /// The name of the key that was given.
        given: String,
    },
    /// A data key was altered.
    #[error(
        "a data key in the database was altered and does not open: restore a backup; nothing was changed"
    )]
    DataKey,
    /// The queue could not be read into memory.
    #[error("the queue cannot be read: {0}")]
    Queue(crate::Error),
    /// A thread could not be started.
    #[error("a thread cannot be started: {0}")]
    Thread(String),
}

impl OpenError {
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::File { path: path.to_owned(), reason: error.to_string() }
    }

    pub(crate) fn database(path: &Path, error: diesel::result::Error) -> Self {
        Self::Database { path: path.to_owned(), reason: crate::Error::from(error).to_string() }
    }

    pub(crate) fn connection(path: &Path, error: &diesel::ConnectionError) -> Self {
        Self::Database { path: path.to_owned(), reason: error.to_string() }
    }
}
