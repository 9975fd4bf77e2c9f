//! Systems that are told what happens. They are added in the configuration.

use axum::extract::State;
use service::views::{ProblemView, ReplayRequest, SinkTestView, SinkView, SkipRequest};

use crate::json::{Json, Path};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The sinks, and how far each has been told.
#[utoipa::path(
    get, path = "/api/v1/sinks", tag = "sinks", security(("bearer" = [])),
    responses((status = 200, body = Vec<SinkView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_sinks(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<Vec<SinkView>>, Problem> {
    Ok(Json(services.streams.list().await?))
}

/// One sink.
#[utoipa::path(
    get, path = "/api/v1/sinks/{name}", tag = "sinks", security(("bearer" = [])), params(("name" = String, Path)),
    responses((status = 200, body = SinkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_sink(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(name): Path<String>,
) -> Result<Json<SinkView>, Problem> {
    Ok(Json(services.streams.show(&name).await?))
}

/// Sends a test message now, out of turn.
#[utoipa::path(
    post, path = "/api/v1/sinks/{name}/test", tag = "sinks", security(("bearer" = [])),
    params(("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = SinkTestView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn test_sink(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(name): Path<String>,
) -> Result<Json<SinkTestView>, Problem> {
    Ok(Json(services.streams.test(&operator, &name).await?))
}

/// Tells a sink again what it was told before, from a number or a time on.
#[utoipa::path(
    post, path = "/api/v1/sinks/{name}/replay", tag = "sinks", security(("bearer" = [])), request_body = ReplayRequest,
    params(("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = SinkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn replay_sink(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(name): Path<String>,
    Json(request): Json<ReplayRequest>,
) -> Result<Json<SinkView>, Problem> {
    Ok(Json(services.streams.replay(&operator, &name, request).await?))
}

/// Leaves out the event at which a sink stands.
#[utoipa::path(
    post, path = "/api/v1/sinks/{name}/skip", tag = "sinks", security(("bearer" = [])), request_body = SkipRequest,
    params(("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = SinkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn skip_event(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(name): Path<String>,
    Json(request): Json<SkipRequest>,
) -> Result<Json<SinkView>, Problem> {
    Ok(Json(services.streams.skip(&operator, &name, request).await?))
}
