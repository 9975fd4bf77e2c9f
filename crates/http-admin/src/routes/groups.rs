//! Groups of devices, and the rules that fill them.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use service::views::{
    Consent, DeviceGroupView, GroupChangeRequest, GroupMemberView, GroupRequest, GroupView, Page, PageQuery,
    ProblemView, RuleTestRequest, RuleTestView,
};

use crate::json::{Json, Path, Query, answer, done_or_shown};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// Makes a group: with a rule that says who belongs, or without one for members by hand.
#[utoipa::path(
    post, path = "/api/v1/groups", tag = "groups", security(("bearer" = [])), request_body = GroupRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = GroupView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn create_group(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<GroupRequest>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::CREATED, &services.groups.create(&operator, request).await?))
}

/// The groups, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/groups", tag = "groups", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<GroupView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_groups(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<GroupView>>, Problem> {
    Ok(Json(services.groups.list(query).await?))
}

/// One group.
#[utoipa::path(
    get, path = "/api/v1/groups/{group}", tag = "groups", security(("bearer" = [])),
    params(("group" = String, Path, description = "Its id or name")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_group(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(group): Path<String>,
) -> Result<Json<GroupView>, Problem> {
    Ok(Json(services.groups.show(group).await?))
}

/// Changes the name, the description or the rule of a group.
#[utoipa::path(
    patch, path = "/api/v1/groups/{group}", tag = "groups", security(("bearer" = [])), request_body = GroupChangeRequest,
    params(("group" = String, Path, description = "Its id or name")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn change_group(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(group): Path<String>,
    Json(request): Json<GroupChangeRequest>,
) -> Result<Json<GroupView>, Problem> {
    Ok(Json(services.groups.change(&operator, group, request).await?))
}

/// Puts a group away; refused while an assignment names it.
#[utoipa::path(
    delete, path = "/api/v1/groups/{group}", tag = "groups", security(("bearer" = [])),
    params(("group" = String, Path, description = "Its id or name")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn delete_group(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(group): Path<String>,
) -> Result<Json<GroupView>, Problem> {
    Ok(Json(services.groups.delete(&operator, group).await?))
}

/// The devices in a group.
#[utoipa::path(
    get, path = "/api/v1/groups/{group}/members", tag = "groups", security(("bearer" = [])),
    params(("group" = String, Path, description = "Its id or name"), PageQuery),
    responses((status = 200, body = Page<GroupMemberView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_members(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(group): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<GroupMemberView>>, Problem> {
    Ok(Json(services.groups.members(group, query).await?))
}

/// The devices for which the rule of a group has no answer: they stay in it or out of it as they were.
#[utoipa::path(
    get, path = "/api/v1/groups/{group}/troubles", tag = "groups", security(("bearer" = [])),
    params(("group" = String, Path, description = "Its id or name"), PageQuery),
    responses((status = 200, body = Page<GroupMemberView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_troubles(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(group): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<GroupMemberView>>, Problem> {
    Ok(Json(services.groups.troubles(group, query).await?))
}

/// Puts a device into a group by hand.
#[utoipa::path(
    put, path = "/api/v1/groups/{group}/members/{device}", tag = "groups", security(("bearer" = [])),
    params(Consent, ("group" = String, Path, description = "Its id or name"), ("device" = String, Path, description = "As in show_device")),
    responses((status = 200, body = GroupMemberView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn add_member(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(which): Path<(String, String)>,
    Query(consent): Query<Consent>,
) -> Result<Response, Problem> {
    done_or_shown(services.groups.add(&operator, which, consent).await)
}

/// Takes a device out of a group by hand.
#[utoipa::path(
    delete, path = "/api/v1/groups/{group}/members/{device}", tag = "groups", security(("bearer" = [])),
    params(Consent, ("group" = String, Path, description = "Its id or name"), ("device" = String, Path, description = "As in show_device")),
    responses((status = 200, body = GroupMemberView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn remove_member(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(which): Path<(String, String)>,
    Query(consent): Query<Consent>,
) -> Result<Response, Problem> {
    done_or_shown(services.groups.remove(&operator, which, consent).await)
}

/// The groups that a device is in, and those whose rule has no answer about it.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/groups", tag = "groups", security(("bearer" = [])),
    params(("device" = String, Path, description = "As in show_device")),
    responses((status = 200, body = Vec<DeviceGroupView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_device_groups(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
) -> Result<Json<Vec<DeviceGroupView>>, Problem> {
    Ok(Json(services.groups.of_device(device).await?))
}

/// Says what a rule would say of one device or of all. Nothing is stored.
#[utoipa::path(
    post, path = "/api/v1/rules/test", tag = "groups", security(("bearer" = [])), request_body = RuleTestRequest,
    responses((status = 200, body = RuleTestView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn test_rule(
    _: SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<RuleTestRequest>,
) -> Result<Json<RuleTestView>, Problem> {
    Ok(Json(services.groups.test(request).await?))
}
