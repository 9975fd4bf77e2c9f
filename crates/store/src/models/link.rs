//! Enrolment links.

use catalog::Ownership;
use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis, OwnershipText};
use crate::schema::enrollment_links;
use crate::{Connection, Error, LinkId, Page};

/// A link by which devices may enrol. Its token is stored as a hash only.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = enrollment_links, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct EnrollmentLink {
    /// Its id.
    pub id: LinkId,
    /// SHA-256 of the token in the address.
    pub token_hash: Vec<u8>,
    /// A name for people.
    pub label: Option<String>,
    /// The person to whom the devices will belong.
    pub owner: Option<String>,
    /// Whose the devices will be.
    #[diesel(serialize_as = OwnershipText, deserialize_as = OwnershipText)]
    pub ownership: Ownership,
    /// How often it may be used; none: until it expires.
    pub uses_limit: Option<i32>,
    /// How often it was used.
    pub uses: i32,
    /// Until when.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub expires_at: Timestamp,
    /// When an operator took it back.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub revoked_at: Option<Timestamp>,
    /// When Ward stopped it.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub stopped_at: Option<Timestamp>,
    /// Why Ward stopped it.
    pub stopped_reason: Option<String>,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

by_id!(EnrollmentLink, enrollment_links, LinkId);

impl EnrollmentLink {
    /// The link whose token has this hash.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_token_hash(connection: &mut Connection, hash: &[u8]) -> Result<Option<Self>, Error> {
        Ok(enrollment_links::table
            .filter(enrollment_links::token_hash.eq(hash))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// Whether it admits a device at `now`.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none()
            && self.stopped_at.is_none()
            && now < self.expires_at
            && self.uses_limit.is_none_or(|limit| self.uses < limit)
    }

    /// Counts a use, unless the limit is reached. `false`: it was, and nothing changed.
    ///
    /// # Errors
    /// The database's.
    pub fn count_use(connection: &mut Connection, id: LinkId) -> Result<bool, Error> {
        let left = enrollment_links::uses_limit
            .is_null()
            .or(enrollment_links::uses_limit.gt(enrollment_links::uses.nullable()));
        let changed = diesel::update(enrollment_links::table.find(id).filter(left))
            .set(enrollment_links::uses.eq(enrollment_links::uses + 1))
            .execute(connection)?;
        Ok(changed > 0)
    }

    /// Takes a link back. `false`: it was already.
    ///
    /// # Errors
    /// The database's.
    pub fn revoke(connection: &mut Connection, id: LinkId, at: Timestamp) -> Result<bool, Error> {
        let live = enrollment_links::table.find(id).filter(enrollment_links::revoked_at.is_null());
        let changed = diesel::update(live)
            .set(enrollment_links::revoked_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?;
        Ok(changed > 0)
    }

    /// Stops a link because of what happened with it. `false`: it was already.
    ///
    /// # Errors
    /// The database's.
    pub fn stop(connection: &mut Connection, id: LinkId, at: Timestamp, reason: &str) -> Result<bool, Error> {
        let live = enrollment_links::table.find(id).filter(enrollment_links::stopped_at.is_null());
        let changed = diesel::update(live)
            .set((
                enrollment_links::stopped_at.eq(OptionalMillis::from(Some(at))),
                enrollment_links::stopped_reason.eq(Some(reason)),
            ))
            .execute(connection)?;
        Ok(changed > 0)
    }

    /// A page of links, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection, page: Page<LinkId>) -> Result<Vec<Self>, Error> {
        let mut query = enrollment_links::table.into_boxed();
        if let Some(after) = page.after {
            query = query.filter(enrollment_links::id.lt(after));
        }
        Ok(query
            .order(enrollment_links::id.desc())
            .limit(page.limit)
            .select(Self::as_select())
            .load(connection)?)
    }
}
