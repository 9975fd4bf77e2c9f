//! People to whom devices belong.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use service::views::{
    LeaveRequest, LeaveView, Page, PersonChange, PersonDetailView, PersonQuery, PersonRequest, PersonView,
    ProblemView,
};

use crate::json::{Json, Path, Query, answer};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The people, in the order in which Ward heard of them.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "organisation", security(("bearer" = [])), params(PersonQuery),
    responses((status = 200, body = Page<PersonView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_people(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<PersonQuery>,
) -> Result<Json<Page<PersonView>>, Problem> {
    Ok(Json(services.organisation.people(query).await?))
}

/// Makes a person known.
#[utoipa::path(
    post, path = "/api/v1/people", tag = "organisation", security(("bearer" = [])), request_body = PersonRequest, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = PersonDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn create_person(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<PersonRequest>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::CREATED, &services.organisation.create_person(&operator, request).await?))
}

/// One person and their devices.
#[utoipa::path(
    get, path = "/api/v1/people/{person}", tag = "organisation", security(("bearer" = [])), params(("person" = String, Path, description = "Id, e-mail address or external id")),
    responses((status = 200, body = PersonDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_person(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(person): Path<String>,
) -> Result<Json<PersonDetailView>, Problem> {
    Ok(Json(services.organisation.person(person).await?))
}

/// Changes what is known of a person.
#[utoipa::path(
    patch, path = "/api/v1/people/{person}", tag = "organisation", security(("bearer" = [])), request_body = PersonChange, params(("person" = String, Path, description = "Id, e-mail address or external id"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = PersonDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn change_person(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(person): Path<String>,
    Json(change): Json<PersonChange>,
) -> Result<Json<PersonDetailView>, Problem> {
    Ok(Json(services.organisation.change_person(&operator, person, change).await?))
}

/// A person has left: their devices lose the network at once.
#[utoipa::path(
    post, path = "/api/v1/people/{person}/leave", tag = "organisation", security(("bearer" = [])), request_body = LeaveRequest, params(("person" = String, Path, description = "Id, e-mail address or external id"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = LeaveView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn leave_person(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(person): Path<String>,
    Json(request): Json<LeaveRequest>,
) -> Result<Json<LeaveView>, Problem> {
    Ok(Json(services.organisation.leave(&operator, person, request).await?))
}
