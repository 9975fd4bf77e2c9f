//! The enrolment page and the profile behind it. The token of the link is a secret: it goes into no log and no referrer.

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use gate::Permit;
use http::{HeaderMap, HeaderValue, header};

use crate::door::DoorState;
use crate::error::PageError;
use crate::pages;

const PROFILE: HeaderValue = HeaderValue::from_static("application/x-apple-aspen-config");
const ATTACHMENT: HeaderValue = HeaderValue::from_static("attachment; filename=\"enrollment.mobileconfig\"");

/// The page that says in plain words what enrolling means.
pub(crate) async fn show_offer(
    State(door): State<DoorState>,
    Path(token): Path<String>,
) -> Result<Response, PageError> {
    let offer = door.services.enrollments.open(&token).await?;
    let page = pages::enroll(&offer, &format!("/enroll/{token}/profile"));
    let page = page.map_err(|error| PageError::Unavailable(error.to_string()))?;
    Ok((private_headers(), Html(page)).into_response())
}

/// The signed profile, with a challenge of its own.
pub(crate) async fn fetch_profile(
    State(door): State<DoorState>,
    Path(token): Path<String>,
) -> Result<Response, PageError> {
    let (profile, permit) = door.services.enrollments.profile(&token).await?;
    Ok(permitted(permit, profile))
}

fn permitted(permit: Permit, profile: Vec<u8>) -> Response {
    drop(permit);
    let types = [(header::CONTENT_TYPE, PROFILE), (header::CONTENT_DISPOSITION, ATTACHMENT)];
    (private_headers(), types, profile).into_response()
}

pub(crate) fn private_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_SECURITY_POLICY, pages::CONTENT_SECURITY_POLICY.clone());
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers
}
