//! Operators' tokens for the API, stored as hashes.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::api_tokens;
use crate::{Connection, Error, TokenId};

/// A token. What it opens is known by its hash only.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = api_tokens, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// Whose it is, for people.
    pub name: String,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// The first characters, by which a person finds it again.
    pub prefix: String,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub revoked_at: Option<Timestamp>,
}

by_id!(ApiToken, api_tokens, TokenId);

impl ApiToken {
    /// The token with this hash, revoked or not.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_hash(connection: &mut Connection, hash: &[u8]) -> Result<Option<Self>, Error> {
        Ok(api_tokens::table
            .filter(api_tokens::token_hash.eq(hash))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// Notes that it was used.
    ///
    /// # Errors
    /// The database's.
    pub fn set_used(connection: &mut Connection, id: TokenId, at: Timestamp) -> Result<(), Error> {
        diesel::update(api_tokens::table.find(id))
            .set(api_tokens::last_used_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?;
        Ok(())
    }

    /// All tokens, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(api_tokens::table
            .order(api_tokens::id.desc())
            .limit(1000)
            .select(Self::as_select())
            .load(connection)?)
    }
}
