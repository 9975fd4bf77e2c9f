//! A connection to any of the engines that Ward runs on. Today there is one.

/// One connection. Model methods take it; only `engine` looks inside.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// SQLite, embedded.
    Sqlite(diesel::SqliteConnection),
}
