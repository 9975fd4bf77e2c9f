//! Who is answering, and what it knows about its own health.

use axum::extract::State;
use service::views::{CheckView, ProblemView, ServerView};

use crate::json::Json;
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The version, the address that devices use, the time.
#[utoipa::path(
    get, path = "/api/v1/server", tag = "server", security(("bearer" = [])),
    responses((status = 200, body = ServerView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_server(_: SignedIn, State(services): State<AdminServices>) -> Json<ServerView> {
    Json(services.health.server())
}

/// What the server knows about its own health: expiries, the queue, push, the database.
#[utoipa::path(
    get, path = "/api/v1/doctor", tag = "server", security(("bearer" = [])),
    responses((status = 200, body = Vec<CheckView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_checks(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<Vec<CheckView>>, Problem> {
    Ok(Json(services.health.checks().await?))
}
