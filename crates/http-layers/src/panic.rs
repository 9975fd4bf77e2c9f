//! A panic in a handler must not close the connection without a word, and must never look like a refusal.

use std::any::Any;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;

/// How a panic becomes an answer.
type Answer = fn(Box<dyn Any + Send>) -> Response<Body>;

/// A layer that answers 500 without a body when a handler panics. Never 401: on an MDM URL that unenrols the device.
#[must_use]
pub fn catch_panic() -> CatchPanicLayer<Answer> {
    CatchPanicLayer::custom(answer as Answer)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands over the payload of the panic by value")]
fn answer(payload: Box<dyn Any + Send>) -> Response<Body> {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&'static str>().copied())
        .unwrap_or("a panic without a text");
    tracing::error!(panic.message = text, "A handler panicked: {text}");
    metrics::counter!("ward_http_panics_total").increment(1);
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_handler_becomes_a_plain_500() {
        async fn burst() -> StatusCode {
            panic!("out of cheese")
        }
        let router: Router = Router::new().route("/", get(burst)).layer(catch_panic());
        let response = router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(crate::read_body(response.into_body(), 100).await.unwrap().is_empty());
    }
}
