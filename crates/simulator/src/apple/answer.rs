//! Reading one push request and answering it, as APNs documents it.

use bytes::Bytes;
use clock::Timestamp;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Delivery, ReceivedPush, Registry, StoredPush};

/// The largest payload that APNs takes.
const PAYLOAD_BYTES: usize = 4096;

/// Reads a push of a client whose certificate is for `topic`. An error is the answer to give.
pub(super) async fn read(
    request: Request<Incoming>,
    topic: &str,
) -> Result<ReceivedPush, Response<Full<Bytes>>> {
    if request.method() != Method::POST {
        return Err(refuse(405, "MethodNotAllowed"));
    }
    let path = request.uri().path().to_owned();
    let Some(token) = path.strip_prefix("/3/device/") else { return Err(refuse(404, "BadPath")) };
    let token = match hex::decode(token) {
        Ok(bytes) if !bytes.is_empty() && token == token.to_lowercase() => bytes,
        _ => return Err(refuse(400, "BadDeviceToken")),
    };
    let (head, body) = request.into_parts();
    let named = text(&head.headers, "apns-topic");
    if named.as_deref().is_some_and(|named| named != topic) {
        return Err(refuse(400, "TopicDisallowed"));
    }
    let push_type = text(&head.headers, "apns-push-type");
    if push_type.as_deref().is_some_and(|kind| kind != "mdm") {
        return Err(refuse(400, "InvalidPushType"));
    }
    let body = match Limited::new(body, PAYLOAD_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Err(refuse(413, "PayloadTooLarge")),
    };
    let Some(magic) = magic(&body) else { return Err(refuse(400, "BadMdmPayload")) };
    Ok(ReceivedPush {
        topic: topic.to_owned(),
        token,
        magic,
        push_type,
        priority: text(&head.headers, "apns-priority"),
        expiration: text(&head.headers, "apns-expiration").and_then(|seconds| seconds.parse().ok()),
    })
}

/// The magic of a body that holds `mdm` and nothing else.
fn magic(body: &[u8]) -> Option<String> {
    let Ok(Value::Object(map)) = serde_json::from_slice(body) else { return None };
    if map.len() != 1 {
        return None;
    }
    map.get("mdm")?.as_str().filter(|magic| !magic.is_empty()).map(str::to_owned)
}

/// Delivers the push and answers as APNs would.
pub(super) fn deliver(registry: &Registry, push: &ReceivedPush, id: u64) -> Response<Full<Bytes>> {
    match registry.deliver(&push.token, &push.topic, StoredPush { magic: push.magic.clone() }) {
        Delivery::Taken => response(200, None, id),
        Delivery::Unknown => refuse(400, "BadDeviceToken"),
        Delivery::WrongTopic => refuse(400, "DeviceTokenNotForTopic"),
        Delivery::Retired(at) => unregistered(410, "Unregistered", Some(at)),
    }
}

/// An error document.
pub(super) fn refuse(status: u16, reason: &str) -> Response<Full<Bytes>> {
    response(status, Some(json!({"reason": reason})), 0)
}

/// An error document with a time, in milliseconds.
pub(super) fn unregistered(status: u16, reason: &str, at: Option<Timestamp>) -> Response<Full<Bytes>> {
    match at {
        Some(at) => response(status, Some(json!({"reason": reason, "timestamp": at.as_millis()})), 0),
        None => refuse(status, reason),
    }
}

fn response(status: u16, body: Option<Value>, id: u64) -> Response<Full<Bytes>> {
    let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = format!("00000000-0000-4000-8000-{id:012X}").parse() {
        response.headers_mut().insert("apns-id", value);
    }
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_with_anything_but_the_magic_is_no_mdm_push() {
        assert_eq!(magic(br#"{"mdm":"M"}"#).as_deref(), Some("M"));
        for body in [
            &br#"{"mdm":"M","aps":{}}"#[..],
            br#"{"aps":{}}"#,
            br#"{"mdm":""}"#,
            br#"{"mdm":5}"#,
            br#"["mdm"]"#,
            b"",
        ] {
            assert!(magic(body).is_none(), "{}", String::from_utf8_lossy(body));
        }
    }
}
