//! What devices should have: assignments, actions, the items of a device, incidents.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use service::views::{
    ActionView, ApplyRequest, AssignmentChange, AssignmentItemView, AssignmentRequest, ChangeView,
    CloseIncidentRequest, DeviceItemView, DryRunQuery, IncidentQuery, IncidentView, Page, PageQuery,
    ProblemView,
};
use uuid::Uuid;

use crate::json::{Json, Path, Query, answer};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// 202 for what waits for a confirmation, 200 otherwise.
fn changed(change: &ChangeView) -> Response {
    let status = if change.action.is_some() && change.outcome == "proposed" {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    answer(status, change)
}

/// The assignments that count.
#[utoipa::path(
    get, path = "/api/v1/assignments", tag = "desired state", security(("bearer" = [])),
    responses((status = 200, body = Vec<AssignmentItemView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_assignments(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<Vec<AssignmentItemView>>, Problem> {
    Ok(Json(services.desired.assignments().await?))
}

/// Assigns a profile. Up to ten devices it is done at once; above, the answer is an action with its preview, to be applied with the
/// number of devices.
#[utoipa::path(
    post, path = "/api/v1/assignments", tag = "desired state", security(("bearer" = [])), request_body = AssignmentRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 200, body = ChangeView, description = "Done, or shown for a dry run"),
        (status = 202, body = ChangeView, description = "Waits for a confirmation"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn create_assignment(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<AssignmentRequest>,
) -> Result<Response, Problem> {
    Ok(changed(&services.desired.assign(&operator, request).await?))
}

/// Gives an assignment another version of its profile, or other exclusions.
#[utoipa::path(
    patch, path = "/api/v1/assignments/{id}", tag = "desired state", security(("bearer" = [])), request_body = AssignmentChange,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 200, body = ChangeView, description = "Done, or shown for a dry run"),
        (status = 202, body = ChangeView, description = "Waits for a confirmation"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn change_assignment(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
    Json(request): Json<AssignmentChange>,
) -> Result<Response, Problem> {
    Ok(changed(&services.desired.reassign(&operator, id, request).await?))
}

/// Takes an assignment back. What nothing else gives is removed from its devices.
#[utoipa::path(
    delete, path = "/api/v1/assignments/{id}", tag = "desired state", security(("bearer" = [])),
    params(("id" = Uuid, Path), DryRunQuery, ("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 200, body = ChangeView, description = "Done, or shown for a dry run"),
        (status = 202, body = ChangeView, description = "Waits for a confirmation"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_assignment(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
    Query(query): Query<DryRunQuery>,
) -> Result<Response, Problem> {
    Ok(changed(&services.desired.unassign(&operator, id, query.dry_run.unwrap_or_default()).await?))
}

/// Every item of a device: desired, sent, observed, and why.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/items", tag = "desired state", security(("bearer" = [])),
    params(("device" = String, Path, description = "Device id, serial number or UDID")),
    responses((status = 200, body = Vec<DeviceItemView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_device_items(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
) -> Result<Json<Vec<DeviceItemView>>, Problem> {
    Ok(Json(services.desired.device_items(device).await?))
}

/// The actions, the newest first.
#[utoipa::path(
    get, path = "/api/v1/actions", tag = "desired state", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<ActionView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_actions(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ActionView>>, Problem> {
    Ok(Json(services.desired.actions(query).await?))
}

/// One action with its preview.
#[utoipa::path(
    get, path = "/api/v1/actions/{id}", tag = "desired state", security(("bearer" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = ActionView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_action(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<ActionView>, Problem> {
    Ok(Json(services.desired.action(id).await?))
}

/// Does what an action proposes. The number of devices of its preview is to be repeated; if it would do something else by now, it is
/// refused and has to be asked for again.
#[utoipa::path(
    post, path = "/api/v1/actions/{id}/apply", tag = "desired state", security(("bearer" = [])), request_body = ApplyRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = ChangeView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn apply_action(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
    Json(request): Json<ApplyRequest>,
) -> Result<Json<ChangeView>, Problem> {
    Ok(Json(services.desired.apply_action(&operator, id, request.confirm_devices).await?))
}

/// The incidents, the newest first: the open ones, or all.
#[utoipa::path(
    get, path = "/api/v1/incidents", tag = "desired state", security(("bearer" = [])), params(IncidentQuery),
    responses((status = 200, body = Page<IncidentView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_incidents(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<IncidentQuery>,
) -> Result<Json<Page<IncidentView>>, Problem> {
    Ok(Json(services.desired.incidents(query).await?))
}

/// Closes an incident. What it held back is tried again.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/close", tag = "desired state", security(("bearer" = [])), request_body = CloseIncidentRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IncidentView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn close_incident(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
    Json(request): Json<CloseIncidentRequest>,
) -> Result<Json<IncidentView>, Problem> {
    Ok(Json(services.desired.close_incident(&operator, id, request).await?))
}
