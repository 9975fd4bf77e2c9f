//! What was shown to whom, and what became of it.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::reveals;
use crate::{
    CommandId, Connection, EnrollmentId, Error, Page, RevealId, RotationState, SecretId, SecretKind,
};

/// One showing of one secret.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = reveals, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Reveal {
    /// Its id.
    pub id: RevealId,
    /// What was shown.
    pub secret_id: SecretId,
    /// Of which epoch.
    pub enrollment_id: EnrollmentId,
    /// What kind of secret.
    pub kind: SecretKind,
    /// When.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub at: Timestamp,
    /// To whom.
    pub revealed_by: String,
    /// Why.
    pub reason: String,
    /// How often it had been shown before.
    pub earlier: i64,
    /// What became of the value.
    pub rotation: RotationState,
    /// Until when the device should have another value.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub rotate_by: Option<Timestamp>,
    /// The command that changes it.
    pub command_id: Option<CommandId>,
    /// When the device had another value.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub rotated_at: Option<Timestamp>,
    /// What there is to say of it, for people.
    pub detail: Option<String>,
}

by_id!(Reveal, reveals, RevealId);

/// Which are wanted. Empty means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevealFilter {
    /// Those whose value is not changed yet or could not be.
    pub open: bool,
    /// Those of them whose time was over at this moment.
    pub overdue_at: Option<Timestamp>,
    /// Of this epoch.
    pub enrollment_id: Option<EnrollmentId>,
}

impl Reveal {
    /// A page, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &RevealFilter,
        page: Page<RevealId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = reveals::table.into_boxed();
        if filter.open || filter.overdue_at.is_some() {
            query = query.filter(reveals::rotation.eq_any([RotationState::Due, RotationState::Failed]));
        }
        if let Some(at) = filter.overdue_at {
            query = query.filter(reveals::rotate_by.le(OptionalMillis::from(Some(at))));
        }
        if let Some(enrollment) = filter.enrollment_id {
            query = query.filter(reveals::enrollment_id.eq(enrollment));
        }
        if let Some(after) = page.after {
            query = query.filter(reveals::id.lt(after));
        }
        Ok(query.order(reveals::id.desc()).limit(page.limit).select(Self::as_select()).load(connection)?)
    }

    /// The showings of one secret, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn of_secret(connection: &mut Connection, secret: SecretId) -> Result<Vec<Self>, Error> {
        Ok(reveals::table
            .filter(reveals::secret_id.eq(secret))
            .order(reveals::id.desc())
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Those of an epoch and kind whose value is still to be changed, or could not be.
    ///
    /// # Errors
    /// The database's.
    pub fn unrotated(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        kind: SecretKind,
    ) -> Result<Vec<Self>, Error> {
        Ok(reveals::table
            .filter(reveals::enrollment_id.eq(enrollment))
            .filter(reveals::kind.eq(kind))
            .filter(reveals::rotation.eq_any([RotationState::Due, RotationState::Failed]))
            .select(Self::as_select())
            .load(connection)?)
    }

    /// How many values should have been changed by now and are not.
    ///
    /// # Errors
    /// The database's.
    pub fn count_overdue(connection: &mut Connection, now: Timestamp) -> Result<i64, Error> {
        Ok(reveals::table
            .filter(reveals::rotation.eq_any([RotationState::Due, RotationState::Failed]))
            .filter(reveals::rotate_by.le(OptionalMillis::from(Some(now))))
            .count()
            .get_result(connection)?)
    }
}
