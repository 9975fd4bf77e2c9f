//! Rollouts of what carries the network.

use axum::extract::State;
use service::rollouts::Order;
use service::views::{Page, PageQuery, ProblemView, RolloutHaltRequest, RolloutView};
use uuid::Uuid;

use crate::json::{Json, Path, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The rollouts, the newest first.
#[utoipa::path(
    get, path = "/api/v1/rollouts", tag = "rollouts", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<RolloutView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_rollouts(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<RolloutView>>, Problem> {
    Ok(Json(services.rollouts.list(query).await?))
}

/// One rollout.
#[utoipa::path(
    get, path = "/api/v1/rollouts/{id}", tag = "rollouts", security(("bearer" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = RolloutView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_rollout(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<RolloutView>, Problem> {
    Ok(Json(services.rollouts.show(id).await?))
}

/// Stops a rollout: nobody gets it any more.
#[utoipa::path(
    post, path = "/api/v1/rollouts/{id}/halt", tag = "rollouts", security(("bearer" = [])), request_body = RolloutHaltRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RolloutView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn halt_rollout(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
    Json(request): Json<RolloutHaltRequest>,
) -> Result<Json<RolloutView>, Problem> {
    Ok(Json(services.rollouts.order(&operator, id, Order::Halt(request.reason)).await?))
}

/// Goes on after a halt. Devices that had fallen silent are left out of the count.
#[utoipa::path(
    post, path = "/api/v1/rollouts/{id}/resume", tag = "rollouts", security(("bearer" = [])),
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RolloutView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn resume_rollout(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<RolloutView>, Problem> {
    Ok(Json(services.rollouts.order(&operator, id, Order::Resume).await?))
}

/// Opens the next ring without waiting for the devices of the present one.
#[utoipa::path(
    post, path = "/api/v1/rollouts/{id}/advance", tag = "rollouts", security(("bearer" = [])),
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RolloutView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn advance_rollout(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<RolloutView>, Problem> {
    Ok(Json(services.rollouts.order(&operator, id, Order::Advance).await?))
}

/// Puts the version before back in force, on every device at once; where there was none, the assignment is taken back.
#[utoipa::path(
    post, path = "/api/v1/rollouts/{id}/rollback", tag = "rollouts", security(("bearer" = [])),
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RolloutView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn roll_back_rollout(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<RolloutView>, Problem> {
    Ok(Json(services.rollouts.order(&operator, id, Order::RollBack).await?))
}
