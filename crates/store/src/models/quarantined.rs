//! Devices that came with a valid certificate and a name that no enrolment has.

use clock::{Clock, Timestamp};
use diesel::prelude::*;

use super::by_id;
use crate::column::Millis;
use crate::schema::quarantined;
use crate::{Connection, Error, Page, QuarantinedId};

/// With how many names one certificate is kept: a device has one, and names can be invented without end.
const NAMES: i64 = 16;

/// Somebody unknown with a valid certificate, kept apart and shown.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = quarantined)]
pub struct Quarantined {
    /// Its id.
    pub id: QuarantinedId,
    /// The UDID or EnrollmentID that was claimed.
    pub apple_id: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Vec<u8>,
    /// When it came first.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub first_seen_at: Timestamp,
    /// When it came last.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub last_seen_at: Timestamp,
    /// How often it came.
    pub count: i64,
    /// Why it is kept apart.
    pub reason: String,
}

by_id!(Quarantined, quarantined, QuarantinedId);

impl Quarantined {
    /// Notes a visit: a new row, or one more for the row of the same name and certificate. Returns the row and
    /// whether it is new; none when the certificate has come with too many names already.
    ///
    /// # Errors
    /// The database's.
    pub fn note(
        connection: &mut Connection,
        clock: &dyn Clock,
        (apple_id, fingerprint): (&str, &[u8]),
        reason: &str,
    ) -> Result<Option<(Self, bool)>, Error> {
        let now = clock.now();
        let known: Option<Self> = quarantined::table
            .filter(quarantined::apple_id.eq(apple_id))
            .filter(quarantined::fingerprint.eq(fingerprint))
            .select(Self::as_select())
            .first(connection)
            .optional()?;
        if let Some(mut row) = known {
            (row.last_seen_at, row.count) = (now, row.count.saturating_add(1));
            reason.clone_into(&mut row.reason);
            row.save(connection)?;
            return Ok(Some((row, false)));
        }
        let names: i64 = quarantined::table
            .filter(quarantined::fingerprint.eq(fingerprint))
            .count()
            .get_result(connection)?;
        if names >= NAMES {
            return Ok(None);
        }
        let row = Self {
            id: QuarantinedId::new(clock),
            apple_id: apple_id.to_owned(),
            fingerprint: fingerprint.to_vec(),
            first_seen_at: now,
            last_seen_at: now,
            count: 1,
            reason: reason.to_owned(),
        };
        row.insert(connection)?;
        Ok(Some((row, true)))
    }

    /// A page, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection, page: Page<QuarantinedId>) -> Result<Vec<Self>, Error> {
        let mut query = quarantined::table.into_boxed();
        if let Some(after) = page.after {
            query = query.filter(quarantined::id.lt(after));
        }
        Ok(query
            .order(quarantined::id.desc())
            .limit(page.limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Deletes a row that a person has dealt with. `false`: there is none.
    ///
    /// # Errors
    /// The database's.
    pub fn delete(connection: &mut Connection, id: QuarantinedId) -> Result<bool, Error> {
        Ok(diesel::delete(quarantined::table.find(id)).execute(connection)? > 0)
    }
}
