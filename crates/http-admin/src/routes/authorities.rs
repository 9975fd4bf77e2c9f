//! The certificate authorities of the devices.

use axum::extract::State;
use service::views::{AuthorityView, ProblemView, RollRequest};

use crate::json::Json;
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The authorities, the one that issues first.
#[utoipa::path(
    get, path = "/api/v1/authorities", tag = "identities", security(("bearer" = [])),
    responses((status = 200, body = Vec<AuthorityView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_authorities(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<Vec<AuthorityView>>, Problem> {
    Ok(Json(services.authorities.list()))
}

/// Makes a new authority that issues from now on. The older ones stay trusted until the devices have renewed.
#[utoipa::path(
    post, path = "/api/v1/authorities/roll", tag = "identities", security(("bearer" = [])),
    request_body = RollRequest, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Vec<AuthorityView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn roll_authority(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<RollRequest>,
) -> Result<Json<Vec<AuthorityView>>, Problem> {
    Ok(Json(services.authorities.roll_for(&operator, request).await?))
}
