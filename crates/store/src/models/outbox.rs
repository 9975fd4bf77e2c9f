//! What is to be told to other systems, in one order. Rows are added in the transaction of their cause and pruned by age.

use std::sync::atomic::{AtomicBool, Ordering};

use clock::{Clock, Timestamp};
use diesel::dsl::max;
use diesel::prelude::*;
use serde_json::Value as Json;

use crate::column::Millis;
use crate::schema::outbox;
use crate::{Connection, Error, OutboxId, Tx};

/// Whether anybody is told at all: while no sink is configured, nothing is written.
#[derive(Debug, Default)]
pub(crate) struct Streaming(AtomicBool);

impl Streaming {
    pub(crate) fn set(&self, on: bool) {
        self.0.store(on, Ordering::Release);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// An event that waits to be told.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Outbox {
    /// Its place in the order of all events. Numbers may be missing.
    pub seq: i64,
    /// By which receivers know it again. No other event ever has it, not after a restore either.
    pub id: OutboxId,
    /// When it happened.
    #[diesel(deserialize_as = Millis)]
    pub at: Timestamp,
    /// What it is about, a kind and an id: `device:…`. Order is kept for each object.
    pub object: String,
    /// What happened, dotted: `enrollment.enrolled`.
    pub kind: String,
    /// Ids and states (a JSON object). Never a secret, never a word about a person.
    pub body: String,
}

/// An event to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOutboxEvent<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// What it is about.
    pub object: &'a str,
    /// What happened.
    pub kind: &'a str,
    /// Ids and states.
    pub body: Json,
}

#[derive(Insertable)]
#[diesel(table_name = outbox)]
struct NewRow<'a> {
    id: OutboxId,
    at: i64,
    object: &'a str,
    kind: &'a str,
    body: String,
}

/// A clock that stands, for ids.
#[derive(Debug)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl Outbox {
    /// Adds an event, in the transaction of its cause. Does nothing while no sink is configured.
    ///
    /// # Errors
    /// The database's.
    pub fn add(tx: &mut Tx<'_>, event: &NewOutboxEvent<'_>) -> Result<(), Error> {
        if !tx.is_streaming() {
            return Ok(());
        }
        let row = NewRow {
            id: OutboxId::new(&At(event.at)),
            at: event.at.as_millis(),
            object: event.object,
            kind: event.kind,
            body: event.body.to_string(),
        };
        diesel::insert_into(outbox::table).values(row).execute(&mut **tx)?;
        Ok(())
    }

    /// The number of the newest event, 0 when there is none.
    ///
    /// # Errors
    /// The database's.
    pub fn last_seq(connection: &mut Connection) -> Result<i64, Error> {
        Ok(outbox::table.select(max(outbox::seq)).first::<Option<i64>>(connection)?.unwrap_or_default())
    }

    /// The first event that is kept.
    ///
    /// # Errors
    /// The database's.
    pub fn oldest(connection: &mut Connection) -> Result<Option<Self>, Error> {
        Ok(Self::after(connection, 0, 1)?.into_iter().next())
    }

    /// The first events after `seq`, in order.
    ///
    /// # Errors
    /// The database's.
    pub fn after(connection: &mut Connection, seq: i64, limit: i64) -> Result<Vec<Self>, Error> {
        Ok(outbox::table
            .filter(outbox::seq.gt(seq))
            .order(outbox::seq)
            .limit(limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The first event that happened at `at` or later.
    ///
    /// # Errors
    /// The database's.
    pub fn first_since(connection: &mut Connection, at: Timestamp) -> Result<Option<Self>, Error> {
        Ok(outbox::table
            .filter(outbox::at.ge(Millis::from(at)))
            .order(outbox::seq)
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// How many events come after `seq`.
    ///
    /// # Errors
    /// The database's.
    pub fn count_after(connection: &mut Connection, seq: i64) -> Result<i64, Error> {
        Ok(outbox::table.filter(outbox::seq.gt(seq)).count().get_result(connection)?)
    }

    /// Of the first `limit` events the number of the last one that is older than `before`, if the first is.
    ///
    /// # Errors
    /// The database's.
    pub fn old_until(
        connection: &mut Connection,
        before: Timestamp,
        limit: i64,
    ) -> Result<Option<i64>, Error> {
        let first: Vec<(i64, i64)> = outbox::table
            .order(outbox::seq)
            .limit(limit)
            .select((outbox::seq, outbox::at))
            .load(connection)?;
        let old = first.into_iter().take_while(|(_, at)| *at < before.as_millis());
        Ok(old.last().map(|(seq, _)| seq))
    }

    /// Deletes the events up to and including `seq`. Returns how many there were.
    ///
    /// # Errors
    /// The database's.
    pub fn delete_until(connection: &mut Connection, seq: i64) -> Result<usize, Error> {
        Ok(diesel::delete(outbox::table.filter(outbox::seq.le(seq))).execute(connection)?)
    }
}
