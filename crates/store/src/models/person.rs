//! People to whom devices belong.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::page::contains_pattern;
use crate::schema::people;
use crate::{Connection, Error, Page, PersonId};

/// A person. They have no account: operators have tokens.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = people, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// What another system calls them, for example the number in the staff register.
    pub external_id: Option<String>,
    /// Their name.
    pub name: String,
    /// Their e-mail address, in lower case.
    pub email: Option<String>,
    /// When Ward heard of them first.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// When they left.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub left_at: Option<Timestamp>,
}

by_id!(Person, people, PersonId);

/// Which people are wanted. Empty means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonFilter {
    /// Text found in name, e-mail address or external id.
    pub query: Option<String>,
    /// Who has left (`true`) or has not (`false`).
    pub left: Option<bool>,
}

impl Person {
    /// The person with this address, which must be in lower case.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_email(connection: &mut Connection, email: &str) -> Result<Option<Self>, Error> {
        Ok(people::table
            .filter(people::email.eq(email))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// The person with this external id.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_external_id(connection: &mut Connection, id: &str) -> Result<Option<Self>, Error> {
        let of_id = people::table.filter(people::external_id.eq(id));
        Ok(of_id.select(Self::as_select()).first(connection).optional()?)
    }

    /// The people with these ids, in no particular order.
    ///
    /// # Errors
    /// The database's.
    pub fn find_many(connection: &mut Connection, ids: &[PersonId]) -> Result<Vec<Self>, Error> {
        Ok(people::table.filter(people::id.eq_any(ids)).select(Self::as_select()).load(connection)?)
    }

    /// A page of people in the order in which they became known.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &PersonFilter,
        page: Page<PersonId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = people::table.into_boxed();
        if let Some(text) = filter.query.as_deref().filter(|text| !text.is_empty()) {
            let pattern = contains_pattern(text);
            query = query.filter(
                people::name
                    .like(pattern.clone())
                    .escape('\\')
                    .or(people::email.like(pattern.clone()).escape('\\'))
                    .or(people::external_id.like(pattern).escape('\\')),
            );
        }
        query = match filter.left {
            Some(true) => query.filter(people::left_at.is_not_null()),
            Some(false) => query.filter(people::left_at.is_null()),
            None => query,
        };
        if let Some(after) = page.after {
            query = query.filter(people::id.gt(after));
        }
        Ok(query.order(people::id).limit(page.limit).select(Self::as_select()).load(connection)?)
    }
}
