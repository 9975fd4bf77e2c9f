//! Places: the tree, and the variables that hold at them.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use service::views::{
    Consent, PlaceChange, PlaceDetailView, PlaceQuery, PlaceRequest, PlaceView, ProblemView, ValueRequest,
};

use crate::json::{Json, Path, Query, answer, done_or_shown};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The tree of places, each before its parts.
#[utoipa::path(
    get, path = "/api/v1/places", tag = "organisation", security(("bearer" = [])), params(PlaceQuery),
    responses((status = 200, body = Vec<PlaceView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_places(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<PlaceQuery>,
) -> Result<Json<Vec<PlaceView>>, Problem> {
    Ok(Json(services.organisation.places(query.archived).await?))
}

/// Makes a place.
#[utoipa::path(
    post, path = "/api/v1/places", tag = "organisation", security(("bearer" = [])), request_body = PlaceRequest, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = PlaceDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn create_place(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<PlaceRequest>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::CREATED, &services.organisation.create_place(&operator, request).await?))
}

/// One place and the variables that hold there.
#[utoipa::path(
    get, path = "/api/v1/places/{place}", tag = "organisation", security(("bearer" = [])), params(("place" = String, Path, description = "Id, code or unique name")),
    responses((status = 200, body = PlaceDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_place(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(place): Path<String>,
) -> Result<Json<PlaceDetailView>, Problem> {
    Ok(Json(services.organisation.place(place).await?))
}

/// Renames or moves a place, or brings it back.
#[utoipa::path(
    patch, path = "/api/v1/places/{place}", tag = "organisation", security(("bearer" = [])), request_body = PlaceChange, params(Consent, ("place" = String, Path, description = "Id, code or unique name"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = PlaceDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn change_place(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(place): Path<String>,
    Query(consent): Query<Consent>,
    Json(change): Json<PlaceChange>,
) -> Result<Response, Problem> {
    done_or_shown(services.organisation.change_place(&operator, place, change, consent).await)
}

/// Gives a place up. Refused while devices or parts are there.
#[utoipa::path(
    delete, path = "/api/v1/places/{place}", tag = "organisation", security(("bearer" = [])), params(("place" = String, Path, description = "Id, code or unique name"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = PlaceDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn archive_place(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(place): Path<String>,
) -> Result<Json<PlaceDetailView>, Problem> {
    Ok(Json(services.organisation.archive_place(&operator, place).await?))
}

/// Sets a variable of a place, which its parts inherit.
#[utoipa::path(
    put, path = "/api/v1/places/{place}/variables/{name}", tag = "organisation", security(("bearer" = [])), request_body = ValueRequest, params(Consent, ("place" = String, Path, description = "Id, code or unique name"), ("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = PlaceDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn set_variable(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(which): Path<(String, String)>,
    Query(consent): Query<Consent>,
    Json(request): Json<ValueRequest>,
) -> Result<Response, Problem> {
    done_or_shown(services.organisation.set_variable(&operator, which, request, consent).await)
}

/// Takes a variable of a place away.
#[utoipa::path(
    delete, path = "/api/v1/places/{place}/variables/{name}", tag = "organisation", security(("bearer" = [])), params(Consent, ("place" = String, Path, description = "Id, code or unique name"), ("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = PlaceDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn unset_variable(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(which): Path<(String, String)>,
    Query(consent): Query<Consent>,
) -> Result<Response, Problem> {
    done_or_shown(services.organisation.unset_variable(&operator, which, consent).await)
}
