//! The keys that seal, and what was shown to people. No route yields a key.

use axum::extract::State;
use service::views::{Page, ProblemView, ReasonRequest, RevealQuery, RevealView, SealingView};

use crate::json::{Json, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// Shows the keys that seal the database by their names, and how far a rotation is.
#[utoipa::path(
    get, path = "/api/v1/sealing", tag = "secrets", security(("bearer" = [])),
    responses((status = 200, body = SealingView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_sealing(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<SealingView>, Problem> {
    Ok(Json(services.sealing.show().await?))
}

/// Puts a new data key in force. Everything that older keys sealed is moved to it while the server goes on; an older key is retired once
/// a whole pass has found nothing under it, and destroyed a day later.
#[utoipa::path(
    post, path = "/api/v1/sealing/rotate", tag = "secrets", security(("bearer" = [])), request_body = ReasonRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = SealingView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn rotate_data_key(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<ReasonRequest>,
) -> Result<Json<SealingView>, Problem> {
    Ok(Json(services.sealing.rotate(&operator, request).await?))
}

/// Goes over to a new key-encrypting key and wraps the data keys anew; no sealed value is touched. Where the key is a file Ward makes
/// the new one; a credential or a program is asked again and must give another key than before.
#[utoipa::path(
    post, path = "/api/v1/sealing/rekey", tag = "secrets", security(("bearer" = [])), request_body = ReasonRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = SealingView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn replace_key_encrypting_key(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<ReasonRequest>,
) -> Result<Json<SealingView>, Problem> {
    Ok(Json(services.sealing.rekey(&operator, request).await?))
}

/// Lists which secrets were shown to whom and why, and whether the devices have other values by now; never a value.
#[utoipa::path(
    get, path = "/api/v1/reveals", tag = "secrets", security(("bearer" = [])), params(RevealQuery),
    responses((status = 200, body = Page<RevealView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_reveals(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<RevealQuery>,
) -> Result<Json<Page<RevealView>>, Problem> {
    Ok(Json(services.escrow.reveals(query).await?))
}
