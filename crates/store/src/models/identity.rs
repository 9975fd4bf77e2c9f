//! Identities: the certificates that Ward issued to devices.

use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::identities;
use crate::{AuthorityId, Connection, EnrollmentId, Error, IdentityId, IssuanceId};

/// A device's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = identities, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// SHA-256 of the DER.
    pub fingerprint: Vec<u8>,
    /// The serial number in hexadecimal.
    pub serial_hex: String,
    /// Who signed it.
    pub authority_id: AuthorityId,
    /// What permitted it.
    pub issuance_id: IssuanceId,
    /// The one epoch that may use it.
    pub enrollment_id: Option<EnrollmentId>,
    /// The subject, for people.
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
    /// When a device first used it.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub first_seen_at: Option<Timestamp>,
    /// When a device last used it.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub last_seen_at: Option<Timestamp>,
    /// When it was revoked.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub revoked_at: Option<Timestamp>,
    /// Why (RFC 5280, 5.3.1, in a word).
    pub revoked_reason: Option<String>,
}

by_id!(Identity, identities, IdentityId);

impl Identity {
    /// The certificate with this fingerprint.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_fingerprint(
        connection: &mut Connection,
        fingerprint: &[u8],
    ) -> Result<Option<Self>, Error> {
        Ok(identities::table
            .filter(identities::fingerprint.eq(fingerprint))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// All certificates pinned to an epoch, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_for_enrollment(
        connection: &mut Connection,
        enrollment: EnrollmentId,
    ) -> Result<Vec<Self>, Error> {
        Ok(identities::table
            .filter(identities::enrollment_id.eq(enrollment))
            .order(identities::id.desc())
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Pins a certificate that is not pinned. `false` when it belongs to another epoch already.
    ///
    /// # Errors
    /// The database's.
    pub fn pin(connection: &mut Connection, id: IdentityId, enrollment: EnrollmentId) -> Result<bool, Error> {
        let free = identities::enrollment_id.is_null().or(identities::enrollment_id.eq(enrollment));
        let changed = diesel::update(identities::table.find(id).filter(free))
            .set(identities::enrollment_id.eq(enrollment))
            .execute(connection)?;
        Ok(changed > 0)
    }

    /// Notes that a device used it.
    ///
    /// # Errors
    /// The database's.
    pub fn set_seen(connection: &mut Connection, id: IdentityId, at: Timestamp) -> Result<(), Error> {
        diesel::update(identities::table.find(id).filter(identities::first_seen_at.is_null()))
            .set(identities::first_seen_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?;
        diesel::update(identities::table.find(id))
            .set(identities::last_seen_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?;
        Ok(())
    }

    /// Revokes it, unless it is revoked: the first reason stays. Returns whether it did.
    ///
    /// # Errors
    /// The database's.
    pub fn revoke(
        connection: &mut Connection,
        id: IdentityId,
        at: Timestamp,
        reason: &str,
    ) -> Result<bool, Error> {
        let changed = diesel::update(identities::table.find(id).filter(identities::revoked_at.is_null()))
            .set((
                identities::revoked_at.eq(OptionalMillis::from(Some(at))),
                identities::revoked_reason.eq(Some(reason)),
            ))
            .execute(connection)?;
        Ok(changed > 0)
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
        Ok(identities::table
            .filter(identities::authority_id.eq(authority))
            .filter(identities::revoked_at.is_not_null())
            .filter(identities::not_after.ge(Millis::from(not_after)))
            .order(identities::id)
            .select(Self::as_select())
            .load(connection)?)
    }
}
