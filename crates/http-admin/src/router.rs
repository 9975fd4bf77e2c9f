//! The operators' door as one router.

use std::sync::Arc;

use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use http::{HeaderName, HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::idempotency::idempotent;
use crate::openapi::described;
use crate::routes::probes;
use crate::{AdminServices, Problem};

/// The router with everything operators call: `/api/v1`, its description, `/healthz`, `/readyz` and `/metrics`.
pub fn router(services: AdminServices) -> Router {
    let (api, document) = described().split_for_parts();
    let document: Arc<str> = document.to_json().unwrap_or_default().into();
    let door = http_layers::Door("admin");
    api.route("/api/v1/openapi.json", get(move || describe(document)))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics))
        .fallback(async || Problem::no_route())
        .method_not_allowed_fallback(async || Problem::no_method())
        .layer(middleware::from_fn_with_state(services.clone(), idempotent))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(http_layers::catch_panic())
        .layer(middleware::from_fn_with_state(door, http_layers::observe))
        .with_state(services)
}

fn set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

async fn describe(document: Arc<str>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document.to_string())
}
