//! One id, one line in the log and one figure per request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Method};
use uuid::Uuid;

use crate::PeerAddress;

/// The id of one request. It is made here and answered as `x-request-id`; one that the caller sends is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(pub Uuid);

/// Which door a router is, as it appears in logs and figures: `device` or `admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door(pub &'static str);

/// A middleware for [`axum::middleware::from_fn_with_state`] with a [`Door`] as its state.
///
/// The line in the log names the route (`/enroll/{token}`), never the path or the query: those carry secrets.
pub async fn observe(State(Door(door)): State<Door>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId(Uuid::new_v4());
    let method = known_method(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let peer = request.extensions().get::<PeerAddress>().map(|PeerAddress(address)| address.ip().to_string());
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id.0.to_string()) {
        response.headers_mut().insert("x-request-id", value);
    }
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let labels = [
        ("door", door.to_owned()),
        ("method", method.to_owned()),
        ("route", route.clone()),
        ("status", status.to_string()),
    ];
    metrics::counter!("ward_http_requests_total", &labels).increment(1);
    metrics::histogram!("ward_http_request_seconds", "door" => door, "route" => route.clone())
        .record(elapsed.as_secs_f64());
    let peer = peer.as_deref().unwrap_or("-");
    if response.status().is_server_error() {
        tracing::warn!(
            http.door = door, http.method = method, http.route = %route, http.status = status, duration_ms,
            peer.address = peer, request.id = %id.0, "Answered {status} to {method} {route}"
        );
    } else {
        tracing::debug!(
            http.door = door, http.method = method, http.route = %route, http.status = status, duration_ms,
            peer.address = peer, request.id = %id.0, "Answered {status} to {method} {route}"
        );
    }
    response
}

/// The method as a label. A stranger can invent methods, and every new label is kept for good.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use axum::{Extension, Router, middleware};
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn an_invented_method_makes_no_new_label() {
        assert_eq!(known_method(&Method::PUT), "PUT");
        assert_eq!(known_method(&Method::from_bytes(b"BREW").unwrap()), "other");
    }

    #[tokio::test]
    async fn the_handler_and_the_caller_see_the_same_request_id() {
        async fn echo(Extension(RequestId(id)): Extension<RequestId>) -> String {
            id.to_string()
        }
        let router: Router = Router::new()
            .route("/", get(echo))
            .layer(middleware::from_fn_with_state(Door("device"), observe));
        let request = http::Request::get("/").header("x-request-id", "mine").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let header = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = crate::read_body(response.into_body(), 100).await.unwrap();
        assert_eq!(header.as_bytes(), body);
        assert_ne!(header, "mine");
    }
}
