//! Systems that are told what happens, and how far each has been told.

use clock::Timestamp;
use diesel::prelude::*;
use uuid::Uuid;

use crate::column::{Millis, OptionalMillis};
use crate::schema::sinks;
use crate::{Connection, Error};

/// A system that is told. Its row stays when it leaves the configuration, so that it can go on where it was.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sinks, primary_key(name), treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Sink {
    /// Its name in the configuration.
    pub name: String,
    /// What the configuration says of it (JSON, without secrets), to notice changes.
    pub settings: String,
    /// Whether the configuration names it now.
    pub configured: bool,
    /// It has everything up to and including this event.
    pub last_seq: i64,
    /// Changed by a person's order (replay, skip): what was under way before it does not count.
    pub turn: i64,
    /// Failures in a row.
    pub failures: i32,
    /// Not before, after a failure.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub next_try_at: Option<Timestamp>,
    /// What went wrong last, while it goes wrong.
    pub last_error: Option<String>,
    /// When it last took something.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub heard_at: Option<Timestamp>,
    /// When it was last told that Ward is alive.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub heartbeat_at: Option<Timestamp>,
    /// How many events a person has decided to leave out.
    pub skipped: i64,
    /// What it can never get (JSON), until it has been told so.
    pub gap: Option<String>,
    /// Since when nothing was written for it, because no sink was configured.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub off_since: Option<Timestamp>,
    /// The process that tells it.
    pub leased_by: Option<Vec<u8>>,
    /// Until when.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub leased_until: Option<Timestamp>,
    /// When it was first configured.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
}

impl Sink {
    /// All of them, by name.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(sinks::table.order(sinks::name).select(Self::as_select()).load(connection)?)
    }

    /// The one with this name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn find(connection: &mut Connection, name: &str) -> Result<Self, Error> {
        Ok(sinks::table.find(name).select(Self::as_select()).first(connection)?)
    }

    /// Inserts the row.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken.
    pub fn insert(&self, connection: &mut Connection) -> Result<(), Error> {
        diesel::insert_into(sinks::table).values(self.clone()).execute(connection)?;
        Ok(())
    }

    /// Writes all columns of the row.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such row.
    pub fn save(&self, connection: &mut Connection) -> Result<(), Error> {
        match diesel::update(sinks::table.find(&self.name)).set(self.clone()).execute(connection)? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Takes the sink for one process until `until`. `None`: another process has it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such row.
    pub fn lease(
        connection: &mut Connection,
        name: &str,
        node: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let mut row = Self::find(connection, name)?;
        let mine = row.leased_by.as_deref() == Some(node.as_bytes().as_slice());
        if !mine && row.leased_until.is_some_and(|end| end > now) {
            return Ok(None);
        }
        row.leased_by = Some(node.as_bytes().to_vec());
        row.leased_until = Some(until);
        row.save(connection)?;
        Ok(Some(row))
    }

    /// The sink as it is, if `node` still has it and no person has given an order since `turn`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such row.
    pub fn held(
        connection: &mut Connection,
        name: &str,
        node: Uuid,
        turn: i64,
    ) -> Result<Option<Self>, Error> {
        let row = Self::find(connection, name)?;
        let mine = row.leased_by.as_deref() == Some(node.as_bytes().as_slice());
        Ok((mine && row.turn == turn).then_some(row))
    }

    /// Ends the leases of one process, or of everybody.
    ///
    /// # Errors
    /// The database's.
    pub fn release(connection: &mut Connection, node: Option<Uuid>) -> Result<(), Error> {
        for mut row in Self::list(connection)? {
            let whose = node.is_none_or(|node| row.leased_by.as_deref() == Some(node.as_bytes().as_slice()));
            if whose && row.leased_by.is_some() {
                row.leased_by = None;
                row.leased_until = None;
                row.save(connection)?;
            }
        }
        Ok(())
    }
}
