//! Check-ins and reports: `PUT /mdm` takes both, `PUT /checkin` takes check-ins only.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use gate::Permit;
use http::{HeaderValue, StatusCode, header};
use protocol_mdm::Message;
use service::Reply;

use crate::device::Device;
use crate::door::DoorState;
use crate::error::DeviceError;
use crate::pages;

const PLIST: HeaderValue = HeaderValue::from_static("application/xml; charset=UTF-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A check-in or a report.
pub(crate) async fn receive_message(
    State(door): State<DoorState>,
    device: Device,
) -> Result<Response, DeviceError> {
    let reply = match device.parse_message().await? {
        Message::Checkin(checkin) => door.services.checkins.receive(&device.caller, checkin).await?,
        Message::Report(report) => {
            door.services.connect.receive(&device.caller, *report, device.original()).await?
        }
    };
    answer(reply)
}

/// A check-in.
pub(crate) async fn receive_checkin(
    State(door): State<DoorState>,
    device: Device,
) -> Result<Response, DeviceError> {
    let checkin = device.parse_checkin().await?;
    answer(door.services.checkins.receive(&device.caller, checkin).await?)
}

/// What a person sees who opens the address in a browser.
pub(crate) async fn show_notice(State(door): State<DoorState>) -> Response {
    let text = format!(
        "This address of {} is for the devices themselves. To enrol a device, open the link that you were given.",
        door.services.settings.organization
    );
    let headers = [(header::CONTENT_SECURITY_POLICY, pages::CONTENT_SECURITY_POLICY.clone())];
    (headers, Html(pages::notice("Nothing to see here, and all is well", &text))).into_response()
}

/// The reply as bytes. Whatever can change a device comes with the gate's permit, which ends here.
fn answer(reply: Reply) -> Result<Response, DeviceError> {
    match reply {
        // "Nothing" is zero bytes: an empty dictionary would be a malformed command.
        Reply::Nothing => Ok(StatusCode::OK.into_response()),
        Reply::OwnSecret(body) => Ok(body_of(PLIST, body)),
        Reply::Plist { body, permit } => Ok(permitted(permit, PLIST, body)),
        Reply::Json { body, permit } => Ok(permitted(permit, JSON, body)),
        Reply::DeclarationGone(permit) => Err(DeviceError::DeclarationGone(permit)),
        Reply::UserDeclined(permit) => Err(DeviceError::UserDeclined(permit)),
    }
}

fn permitted(permit: Permit, content_type: HeaderValue, body: Vec<u8>) -> Response {
    drop(permit);
    body_of(content_type, body)
}

fn body_of(content_type: HeaderValue, body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}
