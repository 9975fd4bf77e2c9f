//! SCEP by GET and POST, and the revocation list. Rules and refusals are in the messages; HTTP only carries them.

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use http_layers::{BodyError, read_body};
use service::scep::ScepReply;
use uuid::Uuid;

use crate::door::DoorState;
use crate::error::{DeviceError, PageError};

/// Largest SCEP message, in bytes. A request with an RSA 4096 key has some 5 KB.
const LARGEST: usize = 64 * 1024;

const CRL: HeaderValue = HeaderValue::from_static("application/pkix-crl");

/// `GET /scep?operation=…`.
pub(crate) async fn receive_query(
    State(door): State<DoorState>,
    RawQuery(query): RawQuery,
) -> Result<Response, DeviceError> {
    let reply = door.services.scep.receive(&query.unwrap_or_default(), Vec::new()).await?;
    Ok(answer(reply))
}

/// `POST /scep?operation=PKIOperation`, whatever else stands in the query.
pub(crate) async fn receive_message(
    State(door): State<DoorState>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, DeviceError> {
    let body = read_body(request.into_body(), LARGEST).await.map_err(|error| match error {
        BodyError::TooLarge => DeviceError::TooLarge,
        BodyError::Broken => DeviceError::Malformed("the body ended too early".to_owned()),
    })?;
    if body.is_empty() {
        return Err(DeviceError::Malformed(
            "the SCEP message is empty; a proxy may have dropped it".to_owned(),
        ));
    }
    Ok(answer(door.services.scep.receive(&query.unwrap_or_default(), body.into()).await?))
}

/// The list of revoked certificates of the authority that issues, DER (RFC 5280, section 5).
pub(crate) async fn show_revocation_list(State(door): State<DoorState>) -> Result<Response, DeviceError> {
    let list = door.services.scep.revocation_list(None).await?;
    Ok(([(header::CONTENT_TYPE, CRL)], list).into_response())
}

/// The list of a named authority, which may be an older one.
pub(crate) async fn show_list_of(
    State(door): State<DoorState>,
    Path(authority): Path<Uuid>,
) -> Result<Response, PageError> {
    let list = door.services.scep.revocation_list(Some(authority)).await?;
    Ok(([(header::CONTENT_TYPE, CRL)], list).into_response())
}

fn answer(reply: ScepReply) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type))], reply.body).into_response()
}
