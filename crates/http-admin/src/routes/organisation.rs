//! Where a device is and whose, its labels, and files with many of these.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use service::views::{
    Consent, ImportRequest, ImportView, LabelView, PlacementRequest, PlacementView, ProblemView, ValueRequest,
};

use crate::json::{Json, Path, Query, done_or_shown};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// Where a device is and whose, now and before.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/placement", tag = "organisation", security(("bearer" = [])), params(("device" = String, Path, description = "Id, serial number or UDID")),
    responses((status = 200, body = PlacementView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_placement(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
) -> Result<Json<PlacementView>, Problem> {
    Ok(Json(services.organisation.placement(device).await?))
}

/// Puts a device somewhere, gives it to somebody, or both.
#[utoipa::path(
    put, path = "/api/v1/devices/{device}/placement", tag = "organisation", security(("bearer" = [])), request_body = PlacementRequest, params(Consent, ("device" = String, Path, description = "Id, serial number or UDID"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = PlacementView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn place_device(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
    Query(consent): Query<Consent>,
    Json(request): Json<PlacementRequest>,
) -> Result<Response, Problem> {
    done_or_shown(services.organisation.place_device(&operator, device, request, consent).await)
}

/// The labels of a device.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/attributes", tag = "organisation", security(("bearer" = [])), params(("device" = String, Path, description = "Id, serial number or UDID")),
    responses((status = 200, body = Vec<LabelView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_labels(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
) -> Result<Json<Vec<LabelView>>, Problem> {
    Ok(Json(services.organisation.labels(device).await?))
}

/// Labels a device.
#[utoipa::path(
    put, path = "/api/v1/devices/{device}/attributes/{name}", tag = "organisation", security(("bearer" = [])), request_body = ValueRequest, params(Consent, ("device" = String, Path, description = "Id, serial number or UDID"), ("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Vec<LabelView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn set_label(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(which): Path<(String, String)>,
    Query(consent): Query<Consent>,
    Json(request): Json<ValueRequest>,
) -> Result<Response, Problem> {
    done_or_shown(services.organisation.set_label(&operator, which, request, consent).await)
}

/// Takes a label off a device.
#[utoipa::path(
    delete, path = "/api/v1/devices/{device}/attributes/{name}", tag = "organisation", security(("bearer" = [])), params(Consent, ("device" = String, Path, description = "Id, serial number or UDID"), ("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Vec<LabelView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn unset_label(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(which): Path<(String, String)>,
    Query(consent): Query<Consent>,
) -> Result<Response, Problem> {
    done_or_shown(services.organisation.unset_label(&operator, which, consent).await)
}

/// Shows what a file would do, or carries it out.
#[utoipa::path(
    post, path = "/api/v1/organisation/import", tag = "organisation", security(("bearer" = [])), request_body = ImportRequest, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = ImportView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn import_organisation(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<ImportRequest>,
) -> Result<Json<ImportView>, Problem> {
    Ok(Json(services.organisation.import(&operator, request).await?))
}

/// The places, people, or placements as a file that the import reads again. No cell is a formula.
#[utoipa::path(
    get, path = "/api/v1/organisation/export/{kind}", tag = "organisation", security(("bearer" = [])),
    params(("kind" = String, Path, description = "places, people or devices")),
    responses(
        (status = 200, body = String, content_type = "text/csv"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn export_organisation(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(kind): Path<String>,
) -> Result<Response, Problem> {
    let file = services.organisation.export(kind).await?;
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, file).into_response())
}
