//! The certificates of devices.

use axum::extract::State;
use service::views::{IdentityQuery, IdentityView, Page, ProblemView, RevokeRequest};
use uuid::Uuid;

use crate::json::{Json, Path, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The identities, the newest first.
#[utoipa::path(
    get, path = "/api/v1/identities", tag = "identities", security(("bearer" = [])), params(IdentityQuery),
    responses((status = 200, body = Page<IdentityView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_identities(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<IdentityQuery>,
) -> Result<Json<Page<IdentityView>>, Problem> {
    Ok(Json(services.device_certificates.list(query).await?))
}

/// Revokes an identity: it goes onto the revocation list and the device door refuses it.
#[utoipa::path(
    post, path = "/api/v1/identities/{id}/revoke", tag = "identities", security(("bearer" = [])),
    request_body = RevokeRequest, params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IdentityView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn revoke_identity(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
    Json(request): Json<RevokeRequest>,
) -> Result<Json<IdentityView>, Problem> {
    Ok(Json(services.device_certificates.revoke(&operator, id, request).await?))
}
