//! What an operator's program is told when something goes wrong: problem documents (RFC 9457) with stable codes.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use service::Error;
use service::views::{FieldErrorView, ProblemView, RefusalView};

/// A problem, ready to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldErrorView>,
    refusals: Vec<RefusalView>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), errors: Vec::new(), refusals: Vec::new() }
    }

    /// 401: no token, or one that is unknown or revoked.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "send the operator's token as 'Authorization: Bearer ward_op_…'";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "A token is needed", detail)
    }

    /// 400: the body or the query cannot be read.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// 404: no such route.
    #[must_use]
    pub fn no_route() -> Self {
        let detail = "there is nothing at this address; /api/v1/openapi.json lists what there is";
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// 405: the address exists, but not with this method.
    #[must_use]
    pub fn no_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Not with this method",
            "see /api/v1/openapi.json",
        )
    }

    /// 413: the body has more than `limit` bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body may have at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large", detail)
    }

    /// 415: the body is not JSON.
    #[must_use]
    pub fn not_json() -> Self {
        let detail = "send the body as 'Content-Type: application/json'";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "The body is not JSON", detail)
    }

    /// 409: the idempotency key was used for something else, or is being used right now.
    #[must_use]
    pub fn idempotency(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "idempotency_conflict", "The Idempotency-Key is taken", detail)
    }

    /// 422: a command that no target took, with the reasons of each.
    #[must_use]
    pub fn all_refused(detail: impl Into<String>, refusals: Vec<RefusalView>) -> Self {
        let problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", "No target took the command", detail);
        Self { refusals, ..problem }
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    fn view(self) -> ProblemView {
        ProblemView {
            kind: format!("urn:ward:problem:{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail,
            errors: self.errors,
            refusals: self.refusals,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (code, detail) = (error.code(), error.to_string());
        let problem = |status, title| Self::new(status, code, title, detail.clone());
        match error {
            Error::NotFound { .. } => problem(StatusCode::NOT_FOUND, "Not found"),
            Error::Unconfirmed(_) => problem(StatusCode::CONFLICT, "More than ten devices"),
            // The routes that can only show answer it themselves.
            Error::Shown(_) => problem(StatusCode::CONFLICT, "Only shown"),
            Error::Conflict(_) => problem(StatusCode::CONFLICT, "Contradicts what is there"),
            Error::Invalid { field, reason } => Self {
                errors: vec![FieldErrorView { field, message: reason }],
                ..problem(StatusCode::UNPROCESSABLE_ENTITY, "A field is wrong")
            },
            Error::Refused(refusals) => Self {
                refusals: refusals.iter().map(|refusal| RefusalView::of(None, refusal)).collect(),
                ..problem(StatusCode::UNPROCESSABLE_ENTITY, "The device cannot take this")
            },
            Error::Forbidden(_) => problem(StatusCode::FORBIDDEN, "Not allowed"),
            Error::Malformed(_) => problem(StatusCode::BAD_REQUEST, "The request cannot be read"),
            Error::Withheld(_) => problem(StatusCode::CONFLICT, "Withheld"),
            Error::Gone(_) => problem(StatusCode::GONE, "Its time is over"),
            Error::Unavailable(_) => problem(StatusCode::SERVICE_UNAVAILABLE, "Not available now"),
            // These two concern devices and never come from a service that operators call.
            Error::Identity(_) => problem(StatusCode::BAD_REQUEST, "Not for operators"),
            Error::Internal(reason) => {
                tracing::error!(error = %reason, "An operator's request failed inside the server: {reason}");
                let detail = "the server failed; its log says why";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let body = serde_json::to_vec(&self.view()).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ward\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
