//! What can go wrong in the store, in four words. Nothing above this crate sees diesel.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A failed query or transaction. Texts never contain a value of a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such row.
    #[error("not found")]
    NotFound,
    /// A constraint of the schema forbids the change. The text names its columns, for example
    /// `commands.uuid`, several joined by `, `; `foreign key` when a referenced row does not exist.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The database cannot take work now: it is closing, full, locked or gone. Nothing was written; trying again may help.
    #[error("the database is not available: {0}")]
    Unavailable(&'static str),
    /// A defect: a query that does not fit the schema, a row that cannot be read, a panic.
    #[error("the database answered unexpectedly: {0}")]
    Internal(String),
}

impl Error {
    /// Whether this is a conflict on exactly these columns, written as in [`Error::Conflict`].
    #[must_use]
    pub fn is_conflict_on(&self, columns: &str) -> bool {
        matches!(self, Self::Conflict(found) if found == columns)
    }

    /// A row that does not hold what the schema promises; the text says which column, never its value.
    pub(crate) fn unreadable(what: &str) -> Self {
        Self::Internal(format!("{what} cannot be read"))
    }
}

/// Messages of SQLite that mean trouble with the machine, not with the query.
const TROUBLE: [(&str, &str); 6] = [
    ("database is locked", "it is locked"),
    ("database or disk is full", "the disk is full"),
    ("disk I/O error", "the disk answers with errors"),
    ("unable to open database file", "the file cannot be opened"),
    ("attempt to write a readonly database", "the file is read-only"),
    ("out of memory", "memory is short"),
];

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
                Self::Conflict("foreign key".to_owned())
            }
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => {
                Self::Unavailable("the connection is closed")
            }
            DieselError::DatabaseError(kind, information) => from_message(&kind, information.message()),
            DieselError::DeserializationError(_) => Self::unreadable("a column"),
            DieselError::SerializationError(_) => Self::Internal("a value cannot be stored".to_owned()),
            DieselError::BrokenTransactionManager => Self::Unavailable("the transaction is broken"),
            DieselError::RollbackErrorOnCommit { .. } => Self::Unavailable("the transaction did not commit"),
            DieselError::QueryBuilderError(_) => Self::Internal("a query cannot be built".to_owned()),
            _ => Self::Internal("an unexpected error of the database library".to_owned()),
        }
    }
}

/// SQLite puts the columns of a violated constraint after the colon: `UNIQUE constraint failed: a.b, a.c`.
fn from_message(kind: &DatabaseErrorKind, message: &str) -> Error {
    if let Some((_, columns)) = message.split_once("constraint failed: ") {
        return Error::Conflict(columns.to_owned());
    }
    if matches!(kind, DatabaseErrorKind::UniqueViolation) {
        return Error::Conflict(message.to_owned());
    }
    match TROUBLE.iter().find(|(text, _)| message.contains(text)) {
        Some((_, words)) => Error::Unavailable(words),
        None => Error::Internal(message.to_owned()),
    }
}
