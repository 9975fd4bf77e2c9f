//! Secrets that devices gave or that Ward made for them, sealed.

use clock::Timestamp;
use diesel::prelude::*;
use pki::seal::{Place, Sealer};
use zeroize::Zeroizing;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::secrets;
use crate::{Connection, EnrollmentId, Error, SealedBytes, SecretId, SecretKind};

/// A sealed secret of an epoch. Older ones are kept; the newest that is not removed counts.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = secrets, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Secret {
    /// Its id.
    pub id: SecretId,
    /// Of which epoch.
    pub enrollment_id: EnrollmentId,
    /// What it is.
    pub kind: SecretKind,
    /// The secret, sealed.
    pub sealed: SealedBytes,
    /// When it came or was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// From where: a check-in's or a command's name, or `ward`.
    pub source: String,
    /// Whether it is of an earlier time and may no longer fit the device.
    pub from_before: bool,
    /// When it was removed.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub removed_at: Option<Timestamp>,
    /// When the device showed that it has it, or, of what devices told encrypted, when Ward opened it.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub confirmed_at: Option<Timestamp>,
}

by_id!(Secret, secrets, SecretId);

impl Secret {
    /// Makes a row, sealed, not yet inserted.
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails.
    pub fn seal(
        sealer: &Sealer,
        (id, enrollment_id): (SecretId, EnrollmentId),
        kind: SecretKind,
        plain: &[u8],
        source: &str,
        created_at: Timestamp,
    ) -> Result<Self, Error> {
        let sealed = sealer.seal(&place(&id), plain).map_err(|_| Error::unreadable("a secret"))?;
        Ok(Self {
            id,
            enrollment_id,
            kind,
            sealed: SealedBytes(sealed),
            created_at,
            source: source.to_owned(),
            from_before: false,
            removed_at: None,
            confirmed_at: None,
        })
    }

    /// The secret in clear. Who calls this for a person records it.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn open(&self, sealer: &Sealer) -> Result<Zeroizing<Vec<u8>>, Error> {
        sealer.open(&place(&self.id), &self.sealed.0).map_err(|_| Error::unreadable("a secret"))
    }

    /// The newest secret of a kind that is not removed.
    ///
    /// # Errors
    /// The database's.
    pub fn latest(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        kind: SecretKind,
    ) -> Result<Option<Self>, Error> {
        Ok(secrets::table
            .filter(secrets::enrollment_id.eq(enrollment))
            .filter(secrets::kind.eq(kind))
            .filter(secrets::removed_at.is_null())
            .order(secrets::id.desc())
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// The newest secret of a kind that is confirmed and not removed.
    ///
    /// # Errors
    /// The database's.
    pub fn latest_confirmed(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        kind: SecretKind,
    ) -> Result<Option<Self>, Error> {
        Ok(secrets::table
            .filter(secrets::enrollment_id.eq(enrollment))
            .filter(secrets::kind.eq(kind))
            .filter(secrets::removed_at.is_null())
            .filter(secrets::confirmed_at.is_not_null())
            .order((secrets::confirmed_at.desc(), secrets::id.desc()))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// Notes that the device has it.
    ///
    /// # Errors
    /// The database's.
    pub fn confirm(connection: &mut Connection, id: SecretId, at: Timestamp) -> Result<(), Error> {
        diesel::update(secrets::table.find(id))
            .set(secrets::confirmed_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?;
        Ok(())
    }

    /// Marks it as removed, unless the device has shown that it has it. Returns whether it was.
    ///
    /// # Errors
    /// The database's.
    pub fn remove_unconfirmed(
        connection: &mut Connection,
        id: SecretId,
        at: Timestamp,
    ) -> Result<bool, Error> {
        let doubtful = secrets::table
            .filter(secrets::id.eq(id))
            .filter(secrets::removed_at.is_null())
            .filter(secrets::confirmed_at.is_null());
        let changed = diesel::update(doubtful)
            .set(secrets::removed_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?;
        Ok(changed > 0)
    }

    /// All secrets of an epoch, newest first, removed ones included.
    ///
    /// # Errors
    /// The database's.
    pub fn list_for_enrollment(
        connection: &mut Connection,
        enrollment: EnrollmentId,
    ) -> Result<Vec<Self>, Error> {
        Ok(secrets::table
            .filter(secrets::enrollment_id.eq(enrollment))
            .order(secrets::id.desc())
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Marks all of a kind as removed. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub fn remove_all(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        kind: SecretKind,
        at: Timestamp,
    ) -> Result<usize, Error> {
        let live = secrets::table
            .filter(secrets::enrollment_id.eq(enrollment))
            .filter(secrets::kind.eq(kind))
            .filter(secrets::removed_at.is_null());
        Ok(diesel::update(live)
            .set(secrets::removed_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?)
    }

    /// Marks all of an epoch as being from before.
    ///
    /// # Errors
    /// The database's.
    pub fn mark_from_before(connection: &mut Connection, enrollment: EnrollmentId) -> Result<usize, Error> {
        let all = secrets::table.filter(secrets::enrollment_id.eq(enrollment));
        Ok(diesel::update(all).set(secrets::from_before.eq(true)).execute(connection)?)
    }
}

const fn place(id: &SecretId) -> Place<'_> {
    Place { table: "secrets", column: "sealed", row: id.as_bytes(), version: 1 }
}
