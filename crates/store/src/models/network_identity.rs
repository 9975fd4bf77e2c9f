//! Certificates with which devices join the hospital's network. They stand apart from the identities of enrolments, so that no question
//! that the MDM door asks can ever find one.

use clock::Timestamp;
use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::{RenewalDue, by_id};
use crate::column::{Millis, OptionalMillis};
use crate::schema::{enrollments, issuances, network_holds, network_identities, network_renewals};
use crate::{
    AuthorityId, Connection, DeviceId, EnrollmentId, EnrollmentState, Error, IssuanceId, IssuancePurpose,
    NetworkIdentityId, NetworkReason, Page,
};

/// A certificate for 802.1X that the network authority issued to a device.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = network_identities, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct NetworkIdentity {
    /// Its id.
    pub id: NetworkIdentityId,
    /// SHA-256 of the DER.
    pub fingerprint: Vec<u8>,
    /// The serial number in hexadecimal.
    pub serial_hex: String,
    /// Who signed it.
    pub authority_id: AuthorityId,
    /// What permitted it.
    pub issuance_id: IssuanceId,
    /// The device that has it.
    pub device_id: DeviceId,
    /// The epoch in which the device got it.
    pub enrollment_id: EnrollmentId,
    /// The subject.
    pub subject: String,
    /// The certificate (DER).
    pub der: Vec<u8>,
    /// From when it is valid.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub not_before: Timestamp,
    /// Until when.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub not_after: Timestamp,
    /// When it was signed.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub issued_at: Timestamp,
    /// When it was revoked.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub revoked_at: Option<Timestamp>,
    /// Why.
    pub revoked_reason: Option<NetworkReason>,
    /// By whom.
    pub revoked_by: Option<String>,
}

by_id!(NetworkIdentity, network_identities, NetworkIdentityId);

/// Which network identities are wanted. Empty means all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkIdentityFilter {
    /// Of this device.
    pub device_id: Option<DeviceId>,
    /// Revoked, or not.
    pub revoked: Option<bool>,
}

/// A revocation to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkRevocation<'a> {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: NetworkReason,
    /// By whom.
    pub by: &'a str,
}

impl NetworkIdentity {
    /// The certificate that came of a permission.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_issuance(
        connection: &mut Connection,
        issuance: IssuanceId,
    ) -> Result<Option<Self>, Error> {
        Ok(network_identities::table
            .filter(network_identities::issuance_id.eq(issuance))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// A page of network identities, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &NetworkIdentityFilter,
        page: Page<NetworkIdentityId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = network_identities::table.into_boxed();
        if let Some(device) = filter.device_id {
            query = query.filter(network_identities::device_id.eq(device));
        }
        match filter.revoked {
            Some(true) => query = query.filter(network_identities::revoked_at.is_not_null()),
            Some(false) => query = query.filter(network_identities::revoked_at.is_null()),
            None => {}
        }
        if let Some(after) = page.after {
            query = query.filter(network_identities::id.lt(after));
        }
        Ok(query
            .order(network_identities::id.desc())
            .limit(page.limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Revokes all that a device has, in whatever epoch it got them, but for those that have ended. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub fn revoke_for_device(
        connection: &mut Connection,
        device: DeviceId,
        revocation: NetworkRevocation<'_>,
    ) -> Result<usize, Error> {
        let valid = network_identities::table
            .filter(network_identities::device_id.eq(device))
            .filter(network_identities::revoked_at.is_null())
            .filter(network_identities::not_after.gt(Millis::from(revocation.at)));
        Ok(diesel::update(valid).set(revocation.columns()).execute(connection)?)
    }

    /// Revokes all that were issued in one epoch. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub fn revoke_for_enrollment(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        revocation: NetworkRevocation<'_>,
    ) -> Result<usize, Error> {
        let valid = network_identities::table
            .filter(network_identities::enrollment_id.eq(enrollment))
            .filter(network_identities::revoked_at.is_null())
            .filter(network_identities::not_after.gt(Millis::from(revocation.at)));
        Ok(diesel::update(valid).set(revocation.columns()).execute(connection)?)
    }

    /// What an authority revoked, for its list; certificates that had ended before `not_after` are left out.
    ///
    /// # Errors
    /// The database's.
    pub fn list_revoked(
        connection: &mut Connection,
        authority: AuthorityId,
        not_after: Timestamp,
    ) -> Result<Vec<Self>, Error> {
        Ok(network_identities::table
            .filter(network_identities::authority_id.eq(authority))
            .filter(network_identities::revoked_at.is_not_null())
            .filter(network_identities::not_after.ge(Millis::from(not_after)))
            .order(network_identities::id)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// How many are valid at a moment.
    ///
    /// # Errors
    /// The database's.
    pub fn count_valid(connection: &mut Connection, now: Timestamp) -> Result<i64, Error> {
        Ok(network_identities::table
            .filter(network_identities::revoked_at.is_null())
            .filter(network_identities::not_after.gt(Millis::from(now)))
            .count()
            .get_result(connection)?)
    }

    /// Enrolled epochs whose newest network identity has lived its share, is revoked, or was signed by another authority than `active`,
    /// and whose device may have a new one: nothing is held against it, it was not asked since, and no permission waits, each of them
    /// after `asked_after`.
    ///
    /// # Errors
    /// The database's.
    pub fn list_due(
        connection: &mut Connection,
        (due, active): (RenewalDue, AuthorityId),
        asked_after: Timestamp,
        limit: i64,
    ) -> Result<Vec<EnrollmentId>, Error> {
        let newer = diesel::alias!(network_identities as newer);
        let has_newer = newer
            .filter(newer.field(network_identities::enrollment_id).eq(network_identities::enrollment_id))
            .filter(newer.field(network_identities::id).gt(network_identities::id));
        let held = network_holds::table.filter(network_holds::device_id.eq(network_identities::device_id));
        let asked = issuances::table
            .filter(issuances::enrollment_id.eq(network_identities::enrollment_id.nullable()))
            .filter(issuances::purpose.eq(IssuancePurpose::Network))
            .filter(issuances::first_used_at.is_null())
            .filter(issuances::revoked_at.is_null())
            .filter(issuances::created_at.gt(Millis::from(asked_after)));
        let renewing = network_renewals::table
            .filter(network_renewals::device_id.eq(network_identities::device_id))
            .filter(network_renewals::asked_at.ge(network_identities::issued_at))
            .filter(network_renewals::asked_at.gt(Millis::from(asked_after)));
        let worn = due
            .has_lived_its_share_in("network_identities")
            .and(network_identities::not_after.lt(Millis::from(due.new_end)));
        let is_due = worn
            .or(network_identities::revoked_at.is_not_null())
            .or(network_identities::authority_id.ne(active));
        Ok(network_identities::table
            .inner_join(enrollments::table)
            .filter(enrollments::state.eq(EnrollmentState::Enrolled))
            .filter(is_due)
            .filter(not(exists(has_newer)))
            .filter(not(exists(held)))
            .filter(not(exists(asked)))
            .filter(not(exists(renewing)))
            .order(network_identities::id)
            .limit(limit)
            .select(network_identities::enrollment_id)
            .load(connection)?)
    }
}

/// What a revocation writes.
type Columns<'a> = (
    diesel::dsl::Eq<network_identities::revoked_at, OptionalMillis>,
    diesel::dsl::Eq<network_identities::revoked_reason, Option<NetworkReason>>,
    diesel::dsl::Eq<network_identities::revoked_by, Option<&'a str>>,
);

impl<'a> NetworkRevocation<'a> {
    fn columns(self) -> Columns<'a> {
        (
            network_identities::revoked_at.eq(OptionalMillis::from(Some(self.at))),
            network_identities::revoked_reason.eq(Some(self.reason)),
            network_identities::revoked_by.eq(Some(self.by)),
        )
    }
}
