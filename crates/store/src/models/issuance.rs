//! Issuances: each is one permission to be issued a certificate, known by the hash of its challenge.

use catalog::Ownership;
use clock::Timestamp;
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis, OwnershipText};
use crate::schema::issuances;
use crate::{Connection, DeliverySeq, EnrollmentId, Error, IdentityId, IssuanceId, IssuancePurpose, LinkId};

/// A permission to be issued one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = issuances, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Issuance {
    /// Its id.
    pub id: IssuanceId,
    /// What for.
    pub purpose: IssuancePurpose,
    /// SHA-256 of the challenge. The challenge itself is stored nowhere.
    pub challenge_hash: Vec<u8>,
    /// The link by which the profile was fetched.
    pub link_id: Option<LinkId>,
    /// The epoch that is renewed, or erased and brought back.
    pub enrollment_id: Option<EnrollmentId>,
    /// The erase that carried it.
    pub delivery_seq: Option<DeliverySeq>,
    /// Whose the device will be.
    #[diesel(serialize_as = OwnershipText, deserialize_as = OwnershipText)]
    pub ownership: Ownership,
    /// The person it will belong to.
    pub owner: Option<String>,
    /// The subject that the certificate gets, whatever is asked for.
    pub subject: String,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// Until when the first use must come.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub expires_at: Timestamp,
    /// The SCEP transaction that used it, which may repeat.
    pub transaction_id: Option<Vec<u8>>,
    /// SHA-256 of the public key that used it.
    pub key_digest: Option<Vec<u8>>,
    /// When it was first used.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub first_used_at: Option<Timestamp>,
    /// The certificate that came of it.
    pub identity_id: Option<IdentityId>,
    /// The topic of the profile that carried it.
    pub topic: Option<String>,
    /// Digest of that profile, less what differs with every copy.
    pub profile_digest: Option<Vec<u8>>,
    /// When it was taken back.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub revoked_at: Option<Timestamp>,
}

by_id!(Issuance, issuances, IssuanceId);

impl Issuance {
    /// The permission whose challenge has this hash.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_challenge_hash(connection: &mut Connection, hash: &[u8]) -> Result<Option<Self>, Error> {
        Ok(issuances::table
            .filter(issuances::challenge_hash.eq(hash))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// The permissions that name an epoch as renewed or erased, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_for_enrollment(
        connection: &mut Connection,
        enrollment: EnrollmentId,
    ) -> Result<Vec<Self>, Error> {
        Ok(issuances::table
            .filter(issuances::enrollment_id.eq(enrollment))
            .order(issuances::id.desc())
            .limit(100)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// The permission that a delivery carried.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_delivery(connection: &mut Connection, seq: DeliverySeq) -> Result<Option<Self>, Error> {
        Ok(issuances::table
            .filter(issuances::delivery_seq.eq(seq))
            .order(issuances::id.desc())
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// How many permissions of a link wait for their first use at `now`.
    ///
    /// # Errors
    /// The database's.
    pub fn count_waiting(connection: &mut Connection, link: LinkId, now: Timestamp) -> Result<i64, Error> {
        Ok(issuances::table
            .filter(issuances::link_id.eq(link))
            .filter(issuances::first_used_at.is_null())
            .filter(issuances::revoked_at.is_null())
            .filter(issuances::expires_at.gt(Millis::from(now)))
            .count()
            .get_result(connection)?)
    }

    /// Takes back what is unused of an epoch's permissions, but for those of one purpose. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub fn revoke_unused(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        at: Timestamp,
        except: Option<IssuancePurpose>,
    ) -> Result<usize, Error> {
        let purposes: Vec<IssuancePurpose> =
            IssuancePurpose::ALL.iter().copied().filter(|purpose| Some(*purpose) != except).collect();
        Self::revoke_unused_for(connection, enrollment, at, &purposes)
    }

    /// Takes back what is unused of an epoch's permissions for one purpose. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub fn revoke_unused_of(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        at: Timestamp,
        purpose: IssuancePurpose,
    ) -> Result<usize, Error> {
        Self::revoke_unused_for(connection, enrollment, at, &[purpose])
    }

    fn revoke_unused_for(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        at: Timestamp,
        purposes: &[IssuancePurpose],
    ) -> Result<usize, Error> {
        let unused = issuances::table
            .filter(issuances::enrollment_id.eq(enrollment))
            .filter(issuances::purpose.eq_any(purposes))
            .filter(issuances::first_used_at.is_null())
            .filter(issuances::revoked_at.is_null());
        Ok(diesel::update(unused)
            .set(issuances::revoked_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?)
    }
}
