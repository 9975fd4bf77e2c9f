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

const PEM: HeaderValue = HeaderValue::from_static("application/x-pem-file");
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
    let body = read_message(request).await?;
    Ok(answer(door.services.scep.receive(&query.unwrap_or_default(), body).await?))
}

/// `GET /scep/network?operation=…`: identities for the hospital's network.
pub(crate) async fn receive_query_for_network(
    State(door): State<DoorState>,
    RawQuery(query): RawQuery,
) -> Result<Response, DeviceError> {
    let reply = door.services.scep.receive_for_network(&query.unwrap_or_default(), Vec::new()).await?;
    Ok(answer(reply))
}

/// `POST /scep/network?operation=PKIOperation`.
pub(crate) async fn receive_message_for_network(
    State(door): State<DoorState>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, DeviceError> {
    let body = read_message(request).await?;
    Ok(answer(door.services.scep.receive_for_network(&query.unwrap_or_default(), body).await?))
}

async fn read_message(request: Request) -> Result<Vec<u8>, DeviceError> {
    let body = read_body(request.into_body(), LARGEST).await.map_err(|error| match error {
        BodyError::TooLarge => DeviceError::TooLarge,
        BodyError::Broken => DeviceError::Malformed("the body ended too early".to_owned()),
    })?;
    if body.is_empty() {
        return Err(DeviceError::Malformed(
            "the SCEP message is empty; a proxy may have dropped it".to_owned(),
        ));
    }
    Ok(body.into())
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

/// The list of the authority that issues for the network, DER.
pub(crate) async fn show_network_list(State(door): State<DoorState>) -> Result<Response, PageError> {
    let list = door.services.scep.network_list().await?;
    Ok(([(header::CONTENT_TYPE, CRL)], list).into_response())
}

/// The lists of all network authorities, PEM: what a RADIUS server reads from one file.
pub(crate) async fn show_network_lists(State(door): State<DoorState>) -> Result<Response, PageError> {
    let lists = door.services.scep.network_lists_pem().await?;
    Ok(([(header::CONTENT_TYPE, PEM)], lists).into_response())
}

fn answer(reply: ScepReply) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type))], reply.body).into_response()
}
