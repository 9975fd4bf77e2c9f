//! Devices: the list, one with its facts, its escrowed secrets.

use axum::extract::State;
use service::views::{
    DeviceDetailView, DeviceQuery, DeviceView, FactQuery, FactView, Page, ProblemView, SecretView,
};

use crate::json::{Json, Path, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The devices, in the order in which Ward first heard of them.
#[utoipa::path(
    get, path = "/api/v1/devices", tag = "devices", security(("bearer" = [])), params(DeviceQuery),
    responses((status = 200, body = Page<DeviceView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_devices(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<DeviceQuery>,
) -> Result<Json<Page<DeviceView>>, Problem> {
    Ok(Json(services.devices.list(query).await?))
}

/// One device with its enrolments, channels, facts and unfinished deliveries.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}", tag = "devices", security(("bearer" = [])),
    params(("device" = String, Path, description = "Device id, enrolment id, serial number, UDID or EnrollmentID")),
    responses((status = 200, body = DeviceDetailView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_device(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
) -> Result<Json<DeviceDetailView>, Problem> {
    Ok(Json(services.devices.show(device).await?))
}

/// What is known of a device, now or at a time: each fact with its value, time, age and source.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/facts", tag = "devices", security(("bearer" = [])),
    params(("device" = String, Path, description = "As in show_device"), FactQuery),
    responses((status = 200, body = Vec<FactView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_facts(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
    Query(query): Query<FactQuery>,
) -> Result<Json<Vec<FactView>>, Problem> {
    Ok(Json(services.devices.facts(device, query.at).await?))
}

/// Which secrets of a device are escrowed; never their values.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/secrets", tag = "secrets", security(("bearer" = [])),
    params(("device" = String, Path, description = "As in show_device")),
    responses((status = 200, body = Vec<SecretView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_secrets(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
) -> Result<Json<Vec<SecretView>>, Problem> {
    Ok(Json(services.escrow.list(device).await?))
}
