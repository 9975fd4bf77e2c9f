//! Answers to requests that carried an `Idempotency-Key`, so that a repeated request gets the same answer.

use clock::Timestamp;
use diesel::prelude::*;

use crate::column::Millis;
use crate::schema::idempotency_keys;
use crate::{Connection, Error, TokenId};

/// The answer that a request with a key got.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys)]
pub struct IdempotencyKey {
    /// Whose request it was.
    pub token_id: TokenId,
    /// The key, of the client's choice.
    pub key: String,
    /// SHA-256 of method, path and body, to tell a repeated request from a reused key.
    pub request_digest: Vec<u8>,
    /// The status code of the answer.
    pub status: i32,
    /// The body of the answer.
    pub body: Vec<u8>,
    /// When it was given.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
}

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An answer may hold a token that is shown once.
        f.debug_struct("IdempotencyKey")
            .field("token_id", &self.token_id)
            .field("key", &self.key)
            .field("status", &self.status)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

impl IdempotencyKey {
    /// The status of a row whose request is being worked on.
    pub const WORKING: i32 = 0;
    /// The status of a row whose work is done and whose answer is not kept yet, or was lost with its process.
    pub const DONE: i32 = 1;

    /// Inserts the row.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the key has been used by the same token.
    pub fn insert(&self, connection: &mut Connection) -> Result<(), Error> {
        diesel::insert_into(idempotency_keys::table).values(self.clone()).execute(connection)?;
        Ok(())
    }

    /// The answer that a token's request with this key got.
    ///
    /// # Errors
    /// The database's.
    pub fn find(connection: &mut Connection, token: TokenId, key: &str) -> Result<Option<Self>, Error> {
        Ok(idempotency_keys::table
            .find((token, key))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// Notes that the work of a key is done, though its answer is not kept yet.
    ///
    /// # Errors
    /// The database's.
    pub fn note_done(connection: &mut Connection, token: TokenId, key: &str) -> Result<(), Error> {
        let working =
            idempotency_keys::table.find((token, key)).filter(idempotency_keys::status.eq(Self::WORKING));
        diesel::update(working).set(idempotency_keys::status.eq(Self::DONE)).execute(connection)?;
        Ok(())
    }

    /// Deletes answers given before a moment. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub fn delete_before(connection: &mut Connection, before: Timestamp) -> Result<usize, Error> {
        let old = idempotency_keys::table.filter(idempotency_keys::created_at.lt(Millis::from(before)));
        Ok(diesel::delete(old).execute(connection)?)
    }
}
