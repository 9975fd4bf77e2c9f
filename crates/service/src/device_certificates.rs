//! The identities of devices, as operators see them: listed and revoked.

use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use serde_json::json;
use store::{EnrollmentId, Identity, IdentityFilter, IdentityId};
use uuid::Uuid;

use crate::audit::{self, Act};
use crate::events::Event;
use crate::identity::Identities;
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{IdentityQuery, IdentityView, Page, RevokeRequest};
use crate::{Context, Error};

/// The service.
pub struct DeviceCertificates {
    context: Context,
    identities: Arc<Identities>,
}

impl DeviceCertificates {
    /// Over the common ground; `identities` is what remembers who may knock.
    #[must_use]
    pub const fn new(context: Context, identities: Arc<Identities>) -> Self {
        Self { context, identities }
    }

    /// The identities, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn list(&self, query: IdentityQuery) -> Result<Page<IdentityView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let now = self.context.now();
        let soon = query.expiring_days.map(|days| now + Duration::from_secs(u64::from(days) * 86_400));
        let filter =
            IdentityFilter { enrollment_id: query.enrollment.map(EnrollmentId), ending_before: soon };
        let rows = self
            .context
            .store
            .read("list_identities", move |c| {
                Ok::<_, Error>(Identity::list(c, &filter, page.of(IdentityId))?)
            })
            .await?;
        Ok(page.page(rows, |identity| identity.id.0, |identity| view(&identity, now)))
    }

    /// Revokes an identity. The device door refuses it from the next request on, and the revocation list names it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] without a reason.
    pub async fn revoke(
        &self,
        operator: &Operator,
        id: Uuid,
        request: RevokeRequest,
    ) -> Result<IdentityView, Error> {
        let reason = request.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > 200 {
            return Err(Error::invalid("reason", "say in 1 to 200 characters why: it is recorded"));
        }
        let now = self.context.now();
        let act = Act::new(operator, "identity.revoke").on(id.to_string()).of_class(catalog::Class::D1);
        let identity = self
            .context
            .store
            .tx("revoke_identity", move |tx| {
                Identity::find(tx, IdentityId(id)).map_err(|error| match error {
                    store::Error::NotFound => Error::not_found("identity", id),
                    other => other.into(),
                })?;
                if Identity::revoke(tx, IdentityId(id), now, &reason)? {
                    audit::record(tx, now, &act.clone().with(json!({ "reason": reason })))?;
                }
                Ok::<_, Error>(Identity::find(tx, IdentityId(id))?)
            })
            .await?;
        match identity.enrollment_id {
            Some(enrollment) => self.identities.forget(&[enrollment]),
            None => self.identities.forget_all(),
        }
        let event = Event { enrollment: identity.enrollment_id, ..Event::new("identity.revoked", now) };
        self.context.events.publish(event.with(json!({ "identity": id })));
        Ok(view(&identity, now))
    }
}

fn view(identity: &Identity, now: Timestamp) -> IdentityView {
    let state = if identity.revoked_at.is_some() {
        "revoked"
    } else if identity.not_after <= now {
        "expired"
    } else if identity.last_seen_at.is_none() {
        "unused"
    } else {
        "active"
    };
    IdentityView {
        id: identity.id.0,
        fingerprint: hex::encode(&identity.fingerprint),
        serial: identity.serial_hex.clone(),
        subject: identity.subject.clone(),
        enrollment_id: identity.enrollment_id.map(|id| id.0),
        not_before: identity.not_before,
        not_after: identity.not_after,
        issued_at: identity.issued_at,
        first_seen_at: identity.first_seen_at,
        last_seen_at: identity.last_seen_at,
        revoked_at: identity.revoked_at,
        revoked_reason: identity.revoked_reason.clone(),
        state: state.to_owned(),
    }
}
