//! Certificate authorities whose keys Ward has.

use clock::Timestamp;
use diesel::prelude::*;
use pki::seal::{Place, Sealer};
use zeroize::Zeroizing;

use super::by_id;
use crate::column::Millis;
use crate::schema::authorities;
use crate::{AuthorityId, Connection, Error, SealedBytes};

/// A certificate authority. Its keys are sealed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = authorities, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Authority {
    /// Its id.
    pub id: AuthorityId,
    /// For whom it signs: `device`.
    pub kind: String,
    /// Its certificate.
    pub certificate_der: Vec<u8>,
    /// Its key (PKCS#8), sealed.
    pub sealed_key: SealedBytes,
    /// The certificate of its registration authority, when its own key is not RSA.
    pub ra_certificate_der: Option<Vec<u8>>,
    /// The key of the registration authority (PKCS#8), sealed.
    pub sealed_ra_key: Option<SealedBytes>,
    /// Until when its certificate is valid.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub not_after: Timestamp,
    /// When it was made or brought.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// Whether it signs; an old one is only trusted.
    pub active: bool,
}

by_id!(Authority, authorities, AuthorityId);

impl Authority {
    /// Seals a private key (PKCS#8, DER) for the row `id`, as [`Authority::sealed_key`] or, for the registration
    /// authority, [`Authority::sealed_ra_key`].
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails.
    pub fn seal_key(sealer: &Sealer, id: AuthorityId, ra: bool, pkcs8: &[u8]) -> Result<SealedBytes, Error> {
        sealer
            .seal(&place(&id, ra), pkcs8)
            .map(SealedBytes)
            .map_err(|_| Error::unreadable("an authority's key"))
    }

    /// The private key (PKCS#8, DER).
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn key(&self, sealer: &Sealer) -> Result<Zeroizing<Vec<u8>>, Error> {
        sealer
            .open(&place(&self.id, false), &self.sealed_key.0)
            .map_err(|_| Error::unreadable("an authority's key"))
    }

    /// The registration authority's private key (PKCS#8, DER), if there is one.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn ra_key(&self, sealer: &Sealer) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Some(sealed) = &self.sealed_ra_key else { return Ok(None) };
        let opened = sealer.open(&place(&self.id, true), &sealed.0);
        opened.map(Some).map_err(|_| Error::unreadable("an authority's key"))
    }

    /// The authority that signs now, of a kind.
    ///
    /// # Errors
    /// The database's.
    pub fn active(connection: &mut Connection, kind: &str) -> Result<Option<Self>, Error> {
        Ok(authorities::table
            .filter(authorities::kind.eq(kind))
            .filter(authorities::active.eq(true))
            .order(authorities::id.desc())
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// All authorities, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        Ok(authorities::table.order(authorities::id.desc()).select(Self::as_select()).load(connection)?)
    }
}

const fn place(id: &AuthorityId, ra: bool) -> Place<'_> {
    let column = if ra { "sealed_ra_key" } else { "sealed_key" };
    Place { table: "authorities", column, row: id.as_bytes(), version: 1 }
}
