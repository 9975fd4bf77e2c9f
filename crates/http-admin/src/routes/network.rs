//! Access to the hospital's network.

use axum::extract::State;
use service::views::{
    NetworkAccessView, NetworkIdentityView, NetworkQuery, NetworkView, Page, ProblemView, RevokeRequest,
    RollRequest,
};

use crate::json::{Json, Path, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// How devices get into the network, and what RADIUS has to know.
#[utoipa::path(
    get, path = "/api/v1/network", tag = "network", security(("bearer" = [])),
    responses((status = 200, body = NetworkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_network(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<NetworkView>, Problem> {
    Ok(Json(services.network.show().await?))
}

/// Makes the network authority if there is none yet. Without this it is made when the first device asks.
#[utoipa::path(
    post, path = "/api/v1/network/prepare", tag = "network", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = NetworkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn prepare_network(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<NetworkView>, Problem> {
    Ok(Json(services.network.prepare().await?))
}

/// Makes a new network authority that issues from now on. Devices get new identities with their profiles.
#[utoipa::path(
    post, path = "/api/v1/network/roll", tag = "network", security(("bearer" = [])),
    request_body = RollRequest, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = NetworkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn roll_network_authority(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<RollRequest>,
) -> Result<Json<NetworkView>, Problem> {
    Ok(Json(services.network.roll(&operator, request).await?))
}

/// The identities for the network, the newest first.
#[utoipa::path(
    get, path = "/api/v1/network/identities", tag = "network", security(("bearer" = [])), params(NetworkQuery),
    responses((status = 200, body = Page<NetworkIdentityView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_network_identities(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<NetworkQuery>,
) -> Result<Json<Page<NetworkIdentityView>>, Problem> {
    Ok(Json(services.network.list(query).await?))
}

/// What a device has for the network.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/network", tag = "network", security(("bearer" = [])),
    params(("device" = String, Path)),
    responses((status = 200, body = NetworkAccessView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_network_access(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
) -> Result<Json<NetworkAccessView>, Problem> {
    Ok(Json(services.network.of_device(device).await?))
}

/// Withdraws a device's access: its identities go onto the revocation list, and it gets no new one. It stays enrolled.
#[utoipa::path(
    post, path = "/api/v1/devices/{device}/network/revoke", tag = "network", security(("bearer" = [])),
    request_body = RevokeRequest, params(("device" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = NetworkAccessView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn revoke_network_access(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
    Json(request): Json<RevokeRequest>,
) -> Result<Json<NetworkAccessView>, Problem> {
    Ok(Json(services.network.revoke(&operator, device, request).await?))
}

/// Gives a device's access back: it gets a new identity when its profile is sent again.
#[utoipa::path(
    post, path = "/api/v1/devices/{device}/network/restore", tag = "network", security(("bearer" = [])),
    request_body = RevokeRequest, params(("device" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = NetworkAccessView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn restore_network_access(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(device): Path<String>,
    Json(request): Json<RevokeRequest>,
) -> Result<Json<NetworkAccessView>, Problem> {
    Ok(Json(services.network.restore(&operator, device, request).await?))
}
