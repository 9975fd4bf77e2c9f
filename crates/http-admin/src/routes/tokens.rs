//! API tokens.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use service::views::{NewTokenView, ProblemView, TokenRequest, TokenView};
use uuid::Uuid;

use crate::json::{Json, Path, answer};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The tokens, revoked ones included, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", security(("bearer" = [])),
    responses((status = 200, body = Vec<TokenView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_tokens(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<Vec<TokenView>>, Problem> {
    Ok(Json(services.tokens.list().await?))
}

/// Makes a token. What opens the API is shown this once.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", security(("bearer" = [])), request_body = TokenRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = NewTokenView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn create_token(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<TokenRequest>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::CREATED, &services.tokens.create(&operator, request).await?))
}

/// Takes a token back at once. The last one cannot be taken back.
#[utoipa::path(
    post, path = "/api/v1/tokens/{id}/revoke", tag = "tokens", security(("bearer" = [])),
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TokenView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn revoke_token(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<TokenView>, Problem> {
    Ok(Json(services.tokens.revoke(&operator, id).await?))
}
