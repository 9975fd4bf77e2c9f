//! Every answer to a device that is not 200: the closed list.
//!
//! What a status does to a device (Apple, "Check-in", and reference measurements): 401 removes the MDM profile, so this door has
//! no way to say it; 403 stands only in documents at enrolment addresses; 404 removes a declaration and 410 declines a user, so both
//! need the gate's permit; 400, 413 and 503 change nothing, the device tries again.

use axum::response::{Html, IntoResponse, Response};
use gate::Permit;
use http::{HeaderValue, StatusCode, header};
use service::{Error, IdentityRefusal};

use crate::pages;

/// Seconds after which a device or a proxy may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("60");

/// An answer on an MDM or SCEP address that is not 200.
#[derive(Debug)]
pub enum DeviceError {
    /// The message cannot be read: 400.
    Malformed(String),
    /// The certificate is missing, unreadable, foreign, revoked or somebody else's: 400, never 401.
    Identity(IdentityRefusal),
    /// The rules say no, for example to an enrolment by a stopped link: 400.
    Refused(String),
    /// The body is larger than such a message may be: 413.
    TooLarge,
    /// A declaration is gone for good, and the device is to remove it: 404.
    DeclarationGone(Permit),
    /// The user is not managed in this session: 410.
    UserDeclined(Permit),
    /// Try again later: 503.
    Unavailable(String),
    /// A fault of the server: 503 as well, because the same request will work once it is mended.
    Internal(String),
}

/// An answer on an enrolment page that is not 200, for a person with a browser.
#[derive(Debug)]
pub enum PageError {
    /// No such link: 404.
    NotFound,
    /// The link is expired, revoked, used up or stopped: 410.
    Over(String),
    /// The rules say no, with the reason: 403.
    Refused(String),
    /// Try again later: 503.
    Unavailable(String),
}

impl From<Error> for DeviceError {
    fn from(error: Error) -> Self {
        match error {
            Error::Identity(refusal) => Self::Identity(refusal),
            Error::Malformed(reason) => Self::Malformed(reason),
            Error::Invalid { field, reason } => Self::Malformed(format!("{field}: {reason}")),
            Error::Forbidden(reason) | Error::Gone(reason) => Self::Refused(reason),
            Error::Refused(_) => Self::Refused("the device cannot take it".to_owned()),
            // Two requests of one device met, or a row is not there yet: neither is the device's fault, nor 404's meaning.
            Error::NotFound { .. } | Error::Conflict(_) => Self::Unavailable(error.to_string()),
            Error::Withheld(reason) | Error::Unavailable(reason) => Self::Unavailable(reason),
            // Questions to operators; no device is ever asked them.
            Error::Shown(_) | Error::Unconfirmed(_) => Self::Internal(error.to_string()),
            Error::Internal(reason) => Self::Internal(reason),
        }
    }
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. } | Error::Malformed(_) | Error::Invalid { .. } => Self::NotFound,
            Error::Gone(reason) => Self::Over(reason),
            Error::Forbidden(reason) | Error::Withheld(reason) => Self::Refused(reason),
            Error::Refused(_) | Error::Identity(_) => {
                Self::Refused("This device cannot be enrolled here.".to_owned())
            }
            Error::Shown(_) | Error::Unconfirmed(_) => Self::Unavailable(error.to_string()),
            Error::Conflict(reason) | Error::Unavailable(reason) | Error::Internal(reason) => {
                Self::Unavailable(reason)
            }
        }
    }
}

impl IntoResponse for DeviceError {
    fn into_response(self) -> Response {
        match self {
            Self::Malformed(reason) => {
                tracing::info!(error.reason = %reason, "Refused a message that cannot be read: {reason}");
                (StatusCode::BAD_REQUEST, "the message cannot be read\n").into_response()
            }
            Self::Identity(refusal) => {
                tracing::info!(error.reason = %refusal, "Refused a device: {refusal}");
                (StatusCode::BAD_REQUEST, format!("{refusal}\n")).into_response()
            }
            Self::Refused(reason) => {
                tracing::info!(error.reason = %reason, "Refused a device: {reason}");
                (StatusCode::BAD_REQUEST, "refused\n").into_response()
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n").into_response(),
            Self::DeclarationGone(permit) => {
                drop(permit);
                StatusCode::NOT_FOUND.into_response()
            }
            Self::UserDeclined(permit) => {
                drop(permit);
                StatusCode::GONE.into_response()
            }
            Self::Unavailable(reason) => {
                tracing::warn!(error.reason = %reason, "A device has to try again: {reason}");
                unavailable("temporarily unavailable\n".into_response())
            }
            Self::Internal(reason) => {
                tracing::error!(error.reason = %reason, "A device has to try again after a fault: {reason}");
                unavailable("temporarily unavailable\n".into_response())
            }
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => page(
                StatusCode::NOT_FOUND,
                "This link does not exist",
                "Check that the whole address was copied.",
            ),
            Self::Over(reason) => page(StatusCode::GONE, "This link can no longer be used", &reason),
            Self::Refused(reason) => {
                page(StatusCode::FORBIDDEN, "This device cannot be enrolled here", &reason)
            }
            Self::Unavailable(reason) => {
                tracing::warn!(error.reason = %reason, "An enrolment page is unavailable: {reason}");
                unavailable(page(StatusCode::SERVICE_UNAVAILABLE, "Please try again in a few minutes", ""))
            }
        }
    }
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    (status, Html(pages::notice(title, text))).into_response()
}

fn unavailable(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

#[cfg(test)]
mod tests;
