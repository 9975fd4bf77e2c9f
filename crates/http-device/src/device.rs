//! The extractor of a device: a body whose sender has proven an identity.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_layers::{BodyError, discard_body, read_body};
use pki::Certificate;
use protocol_mdm::{CHECK_IN_TYPE, Checkin, Limits, Message, parse_checkin};
use service::IdentityRefusal;
use service::identity::Caller;
use tokio::sync::OwnedSemaphorePermit;

use crate::door::DoorState;
use crate::error::DeviceError;
use crate::sources;

/// Bodies from this size on are parsed and verified away from the threads that serve connections.
const LARGE: usize = 64 * 1024;

/// Bodies up to this size need no place among the unproven ones.
const UNPROVEN_SMALL: u64 = 256 * 1024;

/// A message with its verified sender. A handler that takes one cannot forget to ask who speaks.
pub struct Device {
    /// Who sent it.
    pub caller: Caller,
    content_type: Option<String>,
    body: Bytes,
}

impl FromRequest<DoorState> for Device {
    type Rejection = DeviceError;

    async fn from_request(request: Request, state: &DoorState) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        // Where the connection proves who calls, nobody else's body is kept.
        let early = match identify(&parts, state).await {
            Ok(early) => early,
            Err(refusal) => {
                discard_body(body, LARGE).await;
                return Err(refusal);
            }
        };
        let content_type =
            parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let limit = if is_checkin(content_type.as_deref()) {
            state.services.settings.checkin_bytes
        } else {
            state.services.settings.report_bytes
        };
        let _room = if early.is_none() { unproven_room(state, &body)? } else { None };
        let body = read_body(body, limit).await.map_err(|error| match error {
            BodyError::TooLarge => DeviceError::TooLarge,
            BodyError::Broken => DeviceError::Malformed("the body ended too early".to_owned()),
        })?;
        let caller = match early {
            Some(caller) => caller,
            None => {
                let certificate = verify_signature(parts.headers, body.clone()).await?;
                state.services.identities.recognize(&certificate).await?
            }
        };
        Ok(Self { caller, content_type, body })
    }
}

impl Device {
    /// Parses the body as whatever it is.
    ///
    /// # Errors
    /// [`DeviceError::Malformed`].
    pub(crate) async fn parse_message(&self) -> Result<Message, DeviceError> {
        let (content_type, body) = (self.content_type.clone(), self.body.clone());
        let limits = limits(content_type.as_deref());
        in_background(body.len(), move || Message::parse(content_type.as_deref(), &body, &limits)).await
    }

    /// Parses the body as a check-in.
    ///
    /// # Errors
    /// [`DeviceError::Malformed`].
    pub(crate) async fn parse_checkin(&self) -> Result<Checkin, DeviceError> {
        let body = self.body.clone();
        in_background(body.len(), move || parse_checkin(&body, &Limits::CHECK_IN)).await
    }

    /// The SHA-256 and the size of the body as it came.
    pub(crate) fn original(&self) -> ([u8; 32], usize) {
        (pki::sha256(&self.body), self.body.len())
    }
}

/// Who calls, as far as the connection proves it; `None` if only the body can.
async fn identify(parts: &Parts, state: &DoorState) -> Result<Option<Caller>, DeviceError> {
    match sources::connected(parts, &state.settings).map_err(DeviceError::Identity)? {
        Some(certificate) => Ok(Some(state.services.identities.recognize(&certificate).await?)),
        None if sources::is_signed(&parts.headers) => Ok(None),
        None => Err(DeviceError::Identity(IdentityRefusal::Missing)),
    }
}

/// A large body whose sender is not proven before it has been read takes one of few places: strangers must not fill the memory.
fn unproven_room(state: &DoorState, body: &Body) -> Result<Option<OwnedSemaphorePermit>, DeviceError> {
    let small = http_body::Body::size_hint(body).upper().is_some_and(|most| most <= UNPROVEN_SMALL);
    if small {
        return Ok(None);
    }
    let busy = || DeviceError::Unavailable("too many large signed messages at once".to_owned());
    Arc::clone(&state.unproven).try_acquire_owned().map(Some).map_err(|_| busy())
}

fn is_checkin(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|given| {
        given
            .trim_start()
            .get(..CHECK_IN_TYPE.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(CHECK_IN_TYPE))
    })
}

fn limits(content_type: Option<&str>) -> Limits {
    if is_checkin(content_type) { Limits::CHECK_IN } else { Limits::RESULT }
}

async fn verify_signature(headers: http::HeaderMap, body: Bytes) -> Result<Certificate, DeviceError> {
    let verify = move || sources::signed(&headers, &body);
    let found = tokio::task::spawn_blocking(verify).await;
    let found = found.map_err(|error| DeviceError::Internal(error.to_string()))?;
    found.map_err(DeviceError::Identity)?.ok_or(DeviceError::Identity(IdentityRefusal::Missing))
}

async fn in_background<T, F>(size: usize, parse: F) -> Result<T, DeviceError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, protocol_mdm::Error> + Send + 'static,
{
    let parsed = if size < LARGE {
        parse()
    } else {
        tokio::task::spawn_blocking(parse).await.map_err(|error| DeviceError::Internal(error.to_string()))?
    };
    parsed.map_err(|error| DeviceError::Malformed(error.to_string()))
}
