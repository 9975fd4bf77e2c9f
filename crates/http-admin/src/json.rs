//! Bodies and queries whose faults are answered as problem documents.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::views::ChangeView;

use crate::Problem;

/// The largest body that is read: a command may carry a profile of several megabytes.
pub(crate) const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// The query of the address.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// A part of the path, percent-decoded.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" {
            return Err(Problem::not_json());
        }
        let body = http_layers::read_body(request.into_body(), BODY_LIMIT).await.map_err(body_problem)?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Problem::malformed(format!("the JSON body: {error}")))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(query) => Ok(Self(query.0)),
            Err(rejection) => Err(Problem::malformed(rejection.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            Err(_) => Err(Problem::no_route()),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        answer(StatusCode::OK, &self.0)
    }
}

/// A JSON answer that no cache keeps.
pub(crate) fn answer(status: StatusCode, view: &impl Serialize) -> Response {
    match serde_json::to_vec(view) {
        Ok(body) => {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
            (status, headers, body).into_response()
        }
        Err(error) => Problem::from(service::Error::Internal(error.to_string())).into_response(),
    }
}

/// The answer to a change: what became of it, or, where it was only to be shown, what it would do.
pub(crate) fn done_or_shown<T: Serialize>(outcome: Result<T, service::Error>) -> Result<Response, Problem> {
    match outcome {
        Ok(view) => Ok(answer(StatusCode::OK, &view)),
        Err(service::Error::Shown(preview)) => {
            let (outcome, preview) = ("preview".to_owned(), *preview);
            let shown = ChangeView { outcome, preview, action: None, assignment: None };
            Ok(answer(StatusCode::OK, &shown))
        }
        Err(error) => Err(error.into()),
    }
}

/// What is said about a body that cannot be read.
pub(crate) fn body_problem(error: http_layers::BodyError) -> Problem {
    match error {
        http_layers::BodyError::TooLarge => Problem::too_large(BODY_LIMIT),
        http_layers::BodyError::Broken => Problem::malformed("the body ended early"),
    }
}
