//! Escrowed secrets: reading one is an act that is recorded.

use axum::extract::State;
use service::views::{ProblemView, RevealRequest, RevealedSecretView};
use uuid::Uuid;

use crate::json::{Json, Path};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// Shows the PIN of a lock or an erase. The act and its reason are recorded before the answer.
#[utoipa::path(
    post, path = "/api/v1/secrets/{id}/reveal", tag = "secrets", security(("bearer" = [])), request_body = RevealRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RevealedSecretView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn reveal_secret(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
    Json(request): Json<RevealRequest>,
) -> Result<Json<RevealedSecretView>, Problem> {
    Ok(Json(services.escrow.reveal(&operator, id, request).await?))
}
