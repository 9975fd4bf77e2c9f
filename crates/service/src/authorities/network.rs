//! The authorities of the hospital's network: made at their first use, rolled like those of the devices, and never mixed with them.

use std::sync::Arc;

use catalog::Class;
use pki::{AuthorityKind, KeyKind};
use serde_json::json;

use super::{Authorities, Issuer, Loaded, Realm};
use crate::Error;
use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::views::{AuthorityView, RollRequest};

impl Authorities {
    /// The present state, with a network authority: it is made if there is none.
    ///
    /// # Errors
    /// When the keys cannot be made or the row cannot be written.
    pub async fn with_network(&self) -> Result<Arc<Loaded>, Error> {
        let current = self.current();
        if !current.network.is_empty() {
            return Ok(current);
        }
        let _making = self.making.lock().await;
        if self.current().network.is_empty() {
            self.renew(Realm::Network, self.present_kind(), Act::by_ward("network_authority.make")).await?;
        }
        Ok(self.current())
    }

    /// Makes a new network authority that issues from now on. The lists of the older ones go on; the devices that have identities of
    /// theirs are due for new ones.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a reason; else when the keys cannot be made or the row cannot be written.
    pub async fn roll_network(
        &self,
        operator: &Operator,
        request: RollRequest,
    ) -> Result<Vec<AuthorityView>, Error> {
        let reason = audit::reason(&request.reason)?;
        let kind = match request.elliptic {
            Some(true) => AuthorityKind::P256,
            Some(false) => AuthorityKind::Rsa2048,
            None => self.present_kind(),
        };
        let act = Act::new(operator, "network_authority.roll")
            .of_class(Class::D1)
            .with(json!({ "reason": reason }));
        let _making = self.making.lock().await;
        self.renew(Realm::Network, kind, act).await?;
        Ok(self.list_of(Realm::Network))
    }

    /// The authorities of a realm as operators see them, the issuing one first.
    #[must_use]
    pub fn list_of(&self, realm: Realm) -> Vec<AuthorityView> {
        let view = |(place, issuer): (usize, &Issuer)| AuthorityView {
            id: issuer.id.0,
            subject: issuer.authority.certificate().subject().to_owned(),
            fingerprint: issuer.authority.certificate().fingerprint().to_string(),
            not_after: issuer.authority.certificate().not_after(),
            active: place == 0,
        };
        self.current().of(realm).into_iter().enumerate().map(view).collect()
    }

    /// The kind of key that the authorities have now: the operator's choice at the beginning.
    fn present_kind(&self) -> AuthorityKind {
        let current = self.current();
        let newest = current.network.first().unwrap_or(&current.active);
        if matches!(newest.authority.key().kind(), KeyKind::P256) {
            AuthorityKind::P256
        } else {
            AuthorityKind::Rsa2048
        }
    }
}
