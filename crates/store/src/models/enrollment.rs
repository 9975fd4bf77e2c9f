//! Enrolments: epochs of a device under management.

use catalog::{EnrollmentType, Ownership};
use clock::Timestamp;
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::by_id;
use crate::column::{EnrollmentTypeText, Millis, OptionalMillis, OwnershipText};
use crate::schema::{enrollments, identities};
use crate::{
    AuthorityId, Connection, DeviceId, EnrollmentId, EnrollmentState, Error, IdentityId, LinkId, Page,
};

/// Topic, access rights and digest of an enrolment profile that devices have.
pub type ProfileInUse = (String, i32, Option<Vec<u8>>);

/// When a certificate is due for renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalDue {
    /// The present.
    pub now: Timestamp,
    /// The share of its own validity after which it is due, in percent.
    pub percent: u32,
    /// When a certificate that is issued now would end.
    pub new_end: Timestamp,
}

impl RenewalDue {
    /// Only numbers are written into the SQL. The dates are those of the certificate itself, not of today's settings.
    fn has_lived_its_share(self) -> SqlLiteral<Bool> {
        self.has_lived_its_share_in("identities")
    }

    /// The same for the certificates of another table.
    pub(crate) fn has_lived_its_share_in(self, table: &'static str) -> SqlLiteral<Bool> {
        sql(&format!(
            "({table}.not_before + ({table}.not_after - {table}.not_before) * {} / 100 < {})",
            self.percent,
            self.now.as_millis()
        ))
    }
}

/// One epoch of one device. A new one never replaces an old one's row: history is kept and linked.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = enrollments, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Enrollment {
    /// Its id.
    pub id: EnrollmentId,
    /// Of which device.
    pub device_id: DeviceId,
    /// The UDID or, for a User Enrollment, the EnrollmentID.
    pub apple_id: String,
    /// How it enrolled.
    #[diesel(serialize_as = EnrollmentTypeText, deserialize_as = EnrollmentTypeText)]
    pub kind: EnrollmentType,
    /// Whose the device is.
    #[diesel(serialize_as = OwnershipText, deserialize_as = OwnershipText)]
    pub ownership: Ownership,
    /// The person it belongs to.
    pub owner: Option<String>,
    /// Where it stands.
    pub state: EnrollmentState,
    /// Counts the epochs of the device, from 1.
    pub epoch: i32,
    /// The epoch before.
    pub previous_id: Option<EnrollmentId>,
    /// By which link it came.
    pub link_id: Option<LinkId>,
    /// The topic of its push certificate.
    pub topic: String,
    /// The `AccessRights` that its profile granted.
    pub access_rights: i32,
    /// The certificate that is pinned to it now.
    pub identity_id: Option<IdentityId>,
    /// Whether Setup Assistant waits for DeviceConfigured.
    pub awaiting_configuration: bool,
    /// Why it is kept apart.
    pub quarantine_reason: Option<String>,
    /// Digest of the enrolment profile that it has.
    pub profile_digest: Option<Vec<u8>>,
    /// When its Authenticate came.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub authenticated_at: Timestamp,
    /// When its first TokenUpdate came.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub enrolled_at: Option<Timestamp>,
    /// When it was over.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<String>,
    /// The epoch that took its place.
    pub superseded_by: Option<EnrollmentId>,
}

by_id!(Enrollment, enrollments, EnrollmentId, then index);

impl Enrollment {
    /// Which of a device's epochs is the current one: the greatest. An enrolled one before one that is pending or
    /// kept apart, those before ended ones, and the newest of equals.
    pub(crate) const fn rank(&self) -> (u8, i32) {
        let standing = match self.state {
            EnrollmentState::Enrolled => 3,
            EnrollmentState::Pending => 2,
            EnrollmentState::Quarantined => 1,
            EnrollmentState::CheckedOut | EnrollmentState::Superseded | EnrollmentState::Ended => 0,
        };
        (standing, self.epoch)
    }

    /// The current epoch of a device: the newest enrolled one, else the newest pending, else quarantined, else ended.
    ///
    /// # Errors
    /// The database's.
    pub fn current(connection: &mut Connection, device: DeviceId) -> Result<Option<Self>, Error> {
        Ok(Self::list_for_device(connection, device)?.into_iter().max_by_key(Self::rank))
    }

    /// All epochs of a device, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_for_device(connection: &mut Connection, device: DeviceId) -> Result<Vec<Self>, Error> {
        Ok(enrollments::table
            .filter(enrollments::device_id.eq(device))
            .order(enrollments::epoch.desc())
            .select(Self::as_select())
            .load(connection)?)
    }

    /// All epochs under one UDID or EnrollmentID, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_by_apple_id(connection: &mut Connection, apple_id: &str) -> Result<Vec<Self>, Error> {
        Ok(enrollments::table
            .filter(enrollments::apple_id.eq(apple_id))
            .order((enrollments::epoch.desc(), enrollments::id.desc()))
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The epoch to which a certificate is pinned now.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_identity(
        connection: &mut Connection,
        identity: IdentityId,
    ) -> Result<Option<Self>, Error> {
        Ok(enrollments::table
            .filter(enrollments::identity_id.eq(identity))
            .order(enrollments::id.desc())
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// Epochs in one state, in order of their ids.
    ///
    /// # Errors
    /// The database's.
    pub fn list_by_state(
        connection: &mut Connection,
        state: EnrollmentState,
        page: Page<EnrollmentId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = enrollments::table.filter(enrollments::state.eq(state)).into_boxed();
        if let Some(after) = page.after {
            query = query.filter(enrollments::id.gt(after));
        }
        Ok(query.order(enrollments::id).limit(page.limit).select(Self::as_select()).load(connection)?)
    }

    /// How many epochs are in one state.
    ///
    /// # Errors
    /// The database's.
    pub fn count_by_state(connection: &mut Connection, state: EnrollmentState) -> Result<i64, Error> {
        Ok(enrollments::table.filter(enrollments::state.eq(state)).count().get_result(connection)?)
    }

    /// Epochs that came by a link since a moment, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_by_link(
        connection: &mut Connection,
        link: LinkId,
        since: Timestamp,
    ) -> Result<Vec<Self>, Error> {
        Ok(enrollments::table
            .filter(enrollments::link_id.eq(link))
            .filter(enrollments::authenticated_at.ge(Millis::from(since)))
            .order(enrollments::id.desc())
            .limit(1000)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Enrolled epochs whose pinned certificate has lived its share at `now` and would be followed by a longer one; those that end
    /// first are at the front.
    ///
    /// # Errors
    /// The database's.
    pub fn list_due_for_renewal(
        connection: &mut Connection,
        due: RenewalDue,
        limit: i64,
    ) -> Result<Vec<Self>, Error> {
        Ok(enrollments::table
            .inner_join(identities::table.on(enrollments::identity_id.eq(identities::id.nullable())))
            .filter(enrollments::state.eq(EnrollmentState::Enrolled))
            .filter(due.has_lived_its_share())
            .filter(identities::not_after.lt(Millis::from(due.new_end)))
            .order(identities::not_after)
            .limit(limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// How many enrolled epochs have a certificate that is due and could only be followed by one that ends no later.
    ///
    /// # Errors
    /// The database's.
    pub fn count_stuck_in_renewal(connection: &mut Connection, due: RenewalDue) -> Result<i64, Error> {
        Ok(enrollments::table
            .inner_join(identities::table.on(enrollments::identity_id.eq(identities::id.nullable())))
            .filter(enrollments::state.eq(EnrollmentState::Enrolled))
            .filter(due.has_lived_its_share())
            .filter(identities::not_after.ge(Millis::from(due.new_end)))
            .count()
            .get_result(connection)?)
    }

    /// Enrolled epochs whose pinned certificate another authority than `active` signed.
    ///
    /// # Errors
    /// The database's.
    pub fn list_of_other_authorities(
        connection: &mut Connection,
        active: AuthorityId,
        limit: i64,
    ) -> Result<Vec<Self>, Error> {
        Ok(enrollments::table
            .inner_join(identities::table.on(enrollments::identity_id.eq(identities::id.nullable())))
            .filter(enrollments::state.eq(EnrollmentState::Enrolled))
            .filter(identities::authority_id.ne(active))
            .order(identities::not_after)
            .limit(limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The enrolment profiles that enrolled devices have: topic, rights and digest, each once.
    ///
    /// # Errors
    /// The database's.
    pub fn profiles_in_use(connection: &mut Connection) -> Result<Vec<ProfileInUse>, Error> {
        Ok(enrollments::table
            .filter(enrollments::state.eq(EnrollmentState::Enrolled))
            .select((enrollments::topic, enrollments::access_rights, enrollments::profile_digest))
            .distinct()
            .load(connection)?)
    }

    /// Enrolled epochs whose profile has this digest.
    ///
    /// # Errors
    /// The database's.
    pub fn list_by_profile(
        connection: &mut Connection,
        digest: &[u8],
        limit: i64,
    ) -> Result<Vec<Self>, Error> {
        Ok(enrollments::table
            .filter(enrollments::state.eq(EnrollmentState::Enrolled))
            .filter(enrollments::profile_digest.eq(digest))
            .order(enrollments::id)
            .limit(limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Earlier epochs that are in doubt because a newer one of the same device began.
    ///
    /// # Errors
    /// The database's.
    pub fn list_in_doubt(connection: &mut Connection, limit: i64) -> Result<Vec<Self>, Error> {
        use EnrollmentState::{Enrolled, Pending, Quarantined};
        Ok(enrollments::table
            .filter(enrollments::state.eq_any([Enrolled, Pending, Quarantined]))
            .filter(enrollments::superseded_by.is_not_null())
            .order(enrollments::id)
            .limit(limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The topics that enrolled devices expect, each once.
    ///
    /// # Errors
    /// The database's.
    pub fn topics_in_use(connection: &mut Connection) -> Result<Vec<String>, Error> {
        Ok(enrollments::table
            .filter(enrollments::state.eq(EnrollmentState::Enrolled))
            .select(enrollments::topic)
            .distinct()
            .load(connection)?)
    }
}
