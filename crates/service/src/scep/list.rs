//! The revocation lists: one for each authority, those of the network by their own name.

use std::sync::Arc;
use std::time::Duration;

use pki::{RevocationReason, RevokedCertificate};
use store::{Connection, Identity, NetworkIdentity};
use uuid::Uuid;

use super::{Scep, blocking};
use crate::Error;
use crate::authorities::{Issuer, Realm};
use crate::network::Reason;

/// How long a revocation list is kept before it is made anew: half of the minute within which a revocation has to show.
pub(super) const LIST_KEPT: Duration = Duration::from_secs(30);
/// How long a revocation list is valid: RADIUS goes on for so long without Ward.
const LIST_VALID: Duration = Duration::from_secs(7 * 86_400);

impl Scep {
    /// The revocation list of an authority, DER: of the named one, or of the one that issues to devices.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an authority that is not ours; else the database's.
    pub async fn revocation_list(&self, authority: Option<Uuid>) -> Result<Vec<u8>, Error> {
        let loaded = self.authorities.current();
        let wanted = authority.unwrap_or(loaded.active.id.0);
        for realm in [Realm::Devices, Realm::Network] {
            if let Some(place) = loaded.of(realm).iter().position(|issuer| issuer.id.0 == wanted) {
                return self.list_of(realm, place).await;
            }
        }
        Err(Error::not_found("authority", wanted))
    }

    /// The revocation list of the authority that issues for the network, DER.
    ///
    /// # Errors
    /// [`Error::NotFound`] before there is one; else the database's.
    pub async fn network_list(&self) -> Result<Vec<u8>, Error> {
        self.list_of(Realm::Network, 0).await
    }

    /// The revocation lists of all network authorities, PEM, the issuing one first: what a RADIUS server reads from one file.
    ///
    /// # Errors
    /// [`Error::NotFound`] before there is one; else the database's.
    pub async fn network_lists_pem(&self) -> Result<String, Error> {
        let mut lists = pki::list_to_pem(&self.network_list().await?)?;
        for place in 1..self.authorities.current().network.len() {
            lists.push_str(&pki::list_to_pem(&self.list_of(Realm::Network, place).await?)?);
        }
        Ok(lists)
    }

    async fn list_of(&self, realm: Realm, place: usize) -> Result<Vec<u8>, Error> {
        let loaded = self.authorities.current();
        let missing = || Error::not_found("authority", realm.word());
        let authority = loaded.of(realm).get(place).ok_or_else(missing)?.id;
        let now = self.context.now();
        if let Some((made, list)) = self.lists.lock().get(&authority)
            && *made <= now
            && now.since(*made) < LIST_KEPT
        {
            return Ok(list.clone());
        }
        let revoked = self.context.store.read("revoked_identities", move |connection: &mut Connection| {
            Ok::<_, Error>(match realm {
                Realm::Devices => Identity::list_revoked(connection, authority, now)?
                    .into_iter()
                    .filter_map(entry)
                    .collect(),
                Realm::Network => NetworkIdentity::list_revoked(connection, authority, now)?
                    .into_iter()
                    .filter_map(network_entry)
                    .collect::<Vec<_>>(),
            })
        });
        let revoked: Vec<RevokedCertificate> = revoked.await?;
        let number = u64::try_from(now.as_millis()).unwrap_or(0);
        let of_list = Arc::clone(&loaded);
        let list = blocking(move || {
            let issuers: Vec<&Issuer> = of_list.of(realm);
            let issuer = issuers.get(place).ok_or_else(|| Error::not_found("authority", realm.word()))?;
            Ok(issuer.authority.crl(&revoked, number, now, now + LIST_VALID)?)
        })
        .await?;
        self.lists.lock().insert(authority, (now, list.clone()));
        Ok(list)
    }
}

fn entry(identity: Identity) -> Option<RevokedCertificate> {
    let reason = match identity.revoked_reason.as_deref() {
        Some("key_compromise") => RevocationReason::KeyCompromise,
        Some("superseded") => RevocationReason::Superseded,
        Some("cessation_of_operation") => RevocationReason::CessationOfOperation,
        _ => RevocationReason::Unspecified,
    };
    Some(RevokedCertificate { serial_hex: identity.serial_hex, revoked_at: identity.revoked_at?, reason })
}

fn network_entry(identity: NetworkIdentity) -> Option<RevokedCertificate> {
    let reason = match identity.revoked_reason {
        Some(Reason::Lost) => RevocationReason::KeyCompromise,
        Some(Reason::Leaver) => RevocationReason::AffiliationChanged,
        Some(Reason::Operator) => RevocationReason::PrivilegeWithdrawn,
        Some(Reason::Ended) => RevocationReason::CessationOfOperation,
        None => RevocationReason::Unspecified,
    };
    Some(RevokedCertificate { serial_hex: identity.serial_hex, revoked_at: identity.revoked_at?, reason })
}
