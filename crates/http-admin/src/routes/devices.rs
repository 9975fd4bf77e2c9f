//! Devices: the list, one with its facts, its escrowed secrets.

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::request::Parts;
use http::{Uri, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use service::devices::Format;
use service::views::{
    DeviceDetailView, DeviceQuery, DeviceView, ExportQuery, FactHistoryView, FactQuery, FactView, Page,
    ProblemView, SecretView,
};

use crate::json::{Json, Path, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The devices that are wanted, in the order in which Ward first heard of them or by the value of a fact.
#[utoipa::path(
    get, path = "/api/v1/devices", tag = "devices", security(("bearer" = [])), params(DeviceQuery),
    responses((status = 200, body = Page<DeviceView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_devices(
    _: SignedIn,
    State(services): State<AdminServices>,
    Wanted(query, _): Wanted,
) -> Result<Json<Page<DeviceView>>, Problem> {
    Ok(Json(services.devices.list(query).await?))
}

/// The devices that are wanted, all of them, as a file: CSV (RFC 4180) or a JSON array. Limit and cursor do not count.
#[utoipa::path(
    get, path = "/api/v1/devices/export", tag = "devices", security(("bearer" = [])), params(DeviceQuery, ExportQuery),
    responses(
        (status = 200, body = String, content_type = "text/csv"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn export_devices(
    _: SignedIn,
    State(services): State<AdminServices>,
    Wanted(query, form): Wanted,
) -> Result<Response, Problem> {
    let export = services.devices.export(query, form.format.as_deref()).await?;
    let kind = match export.format() {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Json => "application/json",
    };
    let pieces = stream::unfold((services, export), async |(services, mut export)| {
        match services.devices.next_piece(&mut export).await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), (services, export))),
            // The file is cut off, and the receiver sees that: its end does not come.
            Err(error) => {
                tracing::warn!(error = %error, "An export of devices broke off: {error}");
                Some((Err(std::io::Error::other("the export broke off")), (services, export)))
            }
        }
    });
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// A query of devices: `filter` may stand in it several times.
#[derive(Debug)]
pub(crate) struct Wanted(DeviceQuery, ExportQuery);

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let of = |name: &str, pair: &&str| pair.split('=').next() == Some(name);
        let (filters, rest): (Vec<&str>, Vec<&str>) = pairs.partition(|pair| of("filter", pair));
        let (format, rest): (Vec<&str>, Vec<&str>) = rest.into_iter().partition(|pair| of("format", pair));
        let mut query: DeviceQuery = read(&rest.join("&"))?;
        let mut filter = Vec::with_capacity(filters.len());
        for pair in filters {
            filter.push(read::<OneFilter>(pair)?.filter);
        }
        query.filter = (!filter.is_empty()).then_some(filter);
        Ok(Self(query, read(&format.join("&"))?))
    }
}

#[derive(Deserialize)]
struct OneFilter {
    filter: String,
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let uri: Uri =
        format!("/?{query}").parse().map_err(|_| Problem::malformed("the query of the address"))?;
    match axum::extract::Query::<T>::try_from_uri(&uri) {
        Ok(query) => Ok(query.0),
        Err(rejection) => Err(Problem::malformed(rejection.body_text())),
    }
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

/// What was known of a fact at a moment: the last observation before it, how old that was, and the first one after it.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/facts/{key}/history", tag = "devices", security(("bearer" = [])),
    params(
        ("device" = String, Path, description = "As in show_device"),
        ("key" = String, Path, description = "A fact such as SecurityInfo.PasscodePresent, or os_version, supervised, lost_mode, ownership"),
        FactQuery
    ),
    responses((status = 200, body = FactHistoryView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_fact_history(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path((device, key)): Path<(String, String)>,
    Query(query): Query<FactQuery>,
) -> Result<Json<FactHistoryView>, Problem> {
    Ok(Json(services.devices.history(device, key, query.at).await?))
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
