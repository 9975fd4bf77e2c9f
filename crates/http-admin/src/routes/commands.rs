//! Commands: send, list, show, cancel.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use service::views::{
    CancelAnswer, CommandAnswer, CommandDetailView, CommandQuery, CommandRequest, CommandTypeView,
    CommandView, Page, ProblemView, RefusalView, TargetRefusalView,
};

use crate::idempotency::KEY;
use crate::json::{Json, Path, Query, answer};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// Queues a command for one or many targets. A bad target does not fail the others.
#[utoipa::path(
    post, path = "/api/v1/commands", tag = "commands", security(("bearer" = [])), request_body = CommandRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body are answered alike")),
    responses(
        (status = 201, description = "Every target has it", body = CommandAnswer),
        (status = 207, description = "Some targets have it", body = CommandAnswer),
        (status = 422, description = "No target has it", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn send_command(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    headers: HeaderMap,
    Json(request): Json<CommandRequest>,
) -> Result<Response, Problem> {
    let key = headers.get(KEY).and_then(|value| value.to_str().ok()).map(str::trim);
    let outcome = services.commands.send_once(&operator, request, key).await?;
    if outcome.queued.is_empty() {
        return Err(all_refused(&outcome.refused));
    }
    let status = if outcome.refused.is_empty() { StatusCode::CREATED } else { StatusCode::MULTI_STATUS };
    Ok(answer(status, &outcome))
}

/// The problem of a command that nobody took: the sentence of the first target, the rules of all.
fn all_refused(refused: &[TargetRefusalView]) -> Problem {
    let detail = match refused {
        [] => "no target was given".to_owned(),
        [only] => only.detail.clone(),
        [first, rest @ ..] => format!("{} (and {} more targets)", first.detail, rest.len()),
    };
    let refusals = refused.iter().flat_map(|target| {
        let whole = RefusalView {
            target: Some(target.target.clone()),
            key_path: String::new(),
            rule: target.code.clone(),
            advice: target.detail.clone(),
        };
        if target.refusals.is_empty() { vec![whole] } else { target.refusals.clone() }
    });
    Problem::all_refused(detail, refusals.collect())
}

/// The commands, the newest first.
#[utoipa::path(
    get, path = "/api/v1/commands", tag = "commands", security(("bearer" = [])), params(CommandQuery),
    responses((status = 200, body = Page<CommandView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_commands(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<CommandQuery>,
) -> Result<Json<Page<CommandView>>, Problem> {
    Ok(Json(services.commands.list(query).await?))
}

/// The commands that Ward knows, with their effect classes.
#[utoipa::path(
    get, path = "/api/v1/commands/catalog", tag = "commands", security(("bearer" = [])),
    responses((status = 200, body = Vec<CommandTypeView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_command_types(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Json<Vec<CommandTypeView>> {
    Json(services.commands.catalog())
}

/// One command with its content and deliveries.
#[utoipa::path(
    get, path = "/api/v1/commands/{uuid}", tag = "commands", security(("bearer" = [])),
    params(("uuid" = String, Path, description = "The CommandUUID")),
    responses((status = 200, body = CommandDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_command(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(uuid): Path<String>,
) -> Result<Json<CommandDetailView>, Problem> {
    Ok(Json(services.commands.show(uuid).await?))
}

/// Cancels every delivery of a command that no device has fetched yet.
#[utoipa::path(
    post, path = "/api/v1/commands/{uuid}/cancel", tag = "commands", security(("bearer" = [])),
    params(("uuid" = String, Path, description = "The CommandUUID"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CancelAnswer), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn cancel_command(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(uuid): Path<String>,
) -> Result<Json<CancelAnswer>, Problem> {
    Ok(Json(services.commands.cancel(&operator, uuid).await?))
}
