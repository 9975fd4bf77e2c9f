//! Push certificates: one in force per topic, replaced ones kept.

use clock::Timestamp;
use diesel::prelude::*;
use pki::seal::{Place, Sealer};
use zeroize::Zeroizing;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::push_certificates;
use crate::{Connection, Error, PushCertificateId, SealedBytes};

/// A push certificate. Its key is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = push_certificates, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct PushCertificate {
    /// Its id.
    pub id: PushCertificateId,
    /// From its subject's UID.
    pub topic: String,
    /// The certificate.
    pub certificate_der: Vec<u8>,
    /// Its key (PKCS#8), sealed.
    pub sealed_key: SealedBytes,
    /// Until when it is valid.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub not_after: Timestamp,
    /// Since when it is in force.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub installed_at: Timestamp,
    /// When another of the same topic took its place.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub replaced_at: Option<Timestamp>,
}

by_id!(PushCertificate, push_certificates, PushCertificateId);

impl PushCertificate {
    /// Seals a private key (PKCS#8, DER) for the row `id`.
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails.
    pub fn seal_key(sealer: &Sealer, id: PushCertificateId, pkcs8: &[u8]) -> Result<SealedBytes, Error> {
        sealer
            .seal(&place(&id), pkcs8)
            .map(SealedBytes)
            .map_err(|_| Error::unreadable("a push certificate's key"))
    }

    /// The private key (PKCS#8, DER).
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn key(&self, sealer: &Sealer) -> Result<Zeroizing<Vec<u8>>, Error> {
        sealer
            .open(&place(&self.id), &self.sealed_key.0)
            .map_err(|_| Error::unreadable("a push certificate's key"))
    }

    /// Puts this certificate in force in place of the one of its topic; certificates of other topics stay.
    ///
    /// # Errors
    /// The database's.
    pub fn install(&self, connection: &mut Connection) -> Result<(), Error> {
        let before = push_certificates::table
            .filter(push_certificates::topic.eq(&self.topic))
            .filter(push_certificates::replaced_at.is_null());
        diesel::update(before)
            .set(push_certificates::replaced_at.eq(OptionalMillis::from(Some(self.installed_at))))
            .execute(connection)?;
        self.insert(connection)
    }

    /// The certificates in force, one per topic.
    ///
    /// # Errors
    /// The database's.
    pub fn list_active(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(push_certificates::table
            .filter(push_certificates::replaced_at.is_null())
            .order(push_certificates::topic)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// All certificates, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(push_certificates::table
            .order(push_certificates::id.desc())
            .limit(1000)
            .select(Self::as_select())
            .load(connection)?)
    }
}

const fn place(id: &PushCertificateId) -> Place<'_> {
    Place { table: "push_certificates", column: "sealed_key", row: id.as_bytes(), version: 1 }
}
