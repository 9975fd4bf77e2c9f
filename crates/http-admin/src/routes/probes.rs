//! What watches the process: alive, ready, figures. No token is needed; the listener is the operators' own.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

use crate::AdminServices;

/// 200 while the process can answer at all.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when the database answers, 503 when it does not.
pub(crate) async fn readyz(State(services): State<AdminServices>) -> Response {
    match services.health.ready().await {
        Ok(()) => crate::json::answer(StatusCode::OK, &json!({ "ready": true })),
        Err(error) => {
            tracing::warn!(error = %error, "Not ready: {error}");
            crate::json::answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({ "ready": false, "code": error.code() }),
            )
        }
    }
}

/// The figures in Prometheus' text format.
pub(crate) async fn metrics(State(services): State<AdminServices>) -> Response {
    let Some(figures) = &services.figures else {
        return (StatusCode::NOT_FOUND, "no figures are collected in this process\n").into_response();
    };
    services.health.gauges().await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures.render()).into_response()
}
