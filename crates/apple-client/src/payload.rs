//! The MDM notification in the words of `a2`, and the HTTP request that carries it.

use std::fmt;

use a2::request::payload::PayloadLike;
use a2::{NotificationOptions, Priority, PushType};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::{ApnsSettings, PushError, PushMessage};

/// Longest token that is sent; Apple's are 32 bytes, and the length is documented as variable.
const TOKEN_BYTES: usize = 128;

/// The body `{"mdm": magic}`, and the options of the request.
#[derive(Serialize)]
struct MdmPayload<'a> {
    mdm: &'a str,
    #[serde(skip)]
    token: &'a str,
    #[serde(skip)]
    options: NotificationOptions<'a>,
}

impl fmt::Debug for MdmPayload<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MdmPayload").field("topic", &self.options.apns_topic).finish_non_exhaustive()
    }
}

impl PayloadLike for MdmPayload<'_> {
    fn get_device_token(&self) -> &str {
        self.token
    }

    fn get_options(&self) -> &NotificationOptions<'_> {
        &self.options
    }
}

/// Builds the request for `message` (Apple: "Sending notification requests to APNs").
pub(crate) fn request(
    settings: &ApnsSettings,
    message: &PushMessage,
) -> Result<Request<Full<Bytes>>, PushError> {
    if message.token.is_empty() || message.token.len() > TOKEN_BYTES {
        return Err(PushError::Unexpected(format!("a push token of {} bytes", message.token.len())));
    }
    let token = hex::encode(message.token.as_slice());
    let seconds = message.expiration.map_or(0, |at| u64::try_from(at.as_seconds()).unwrap_or(0));
    let payload = MdmPayload {
        mdm: message.magic.expose_secret(),
        token: &token,
        options: NotificationOptions {
            apns_push_type: Some(PushType::Mdm),
            apns_priority: Some(Priority::High),
            apns_expiration: Some(seconds),
            apns_topic: Some(&message.topic),
            ..Default::default()
        },
    };
    let body = payload.to_json_string().map_err(|error| PushError::Unexpected(error.to_string()))?;
    build(settings, &payload, body)
}

fn build<P: PayloadLike>(
    settings: &ApnsSettings,
    payload: &P,
    body: String,
) -> Result<Request<Full<Bytes>>, PushError> {
    let options = payload.get_options();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("https://{}:{}/3/device/{}", settings.host, settings.port, payload.get_device_token()))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, body.len());
    if let Some(kind) = &options.apns_push_type {
        request = request.header("apns-push-type", kind.to_string());
    }
    if let Some(priority) = &options.apns_priority {
        request = request.header("apns-priority", priority.to_string());
    }
    if let Some(expiration) = options.apns_expiration {
        request = request.header("apns-expiration", expiration);
    }
    if let Some(topic) = options.apns_topic {
        request = request.header("apns-topic", topic);
    }
    // The URI holds the token, so the error of the builder is not shown.
    request
        .body(Full::from(body))
        .map_err(|_hidden| PushError::Unexpected("the push cannot be written as an HTTP request".to_owned()))
}

#[cfg(test)]
mod tests {
    use clock::Timestamp;
    use http_body_util::BodyExt as _;
    use secrecy::SecretString;
    use zeroize::Zeroizing;

    use super::*;

    fn message(token: &[u8], magic: &str) -> PushMessage {
        PushMessage {
            topic: "com.apple.mgmt.External.a".to_owned(),
            token: Zeroizing::new(token.to_vec()),
            magic: SecretString::from(magic.to_owned()),
            expiration: Some(Timestamp::from_millis(1_800_000_000_999)),
        }
    }

    #[tokio::test]
    async fn a_push_names_its_kind_topic_priority_and_expiration_and_only_the_magic() {
        let request = request(&ApnsSettings::default(), &message(&[0xAB, 0x01], "2F5C")).unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(request.uri().to_string(), "https://api.push.apple.com:443/3/device/ab01");
        assert_eq!(header("apns-push-type"), "mdm");
        assert_eq!(header("apns-topic"), "com.apple.mgmt.External.a");
        assert_eq!(header("apns-priority"), "10");
        assert_eq!(header("apns-expiration"), "1800000000");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"mdm":"2F5C"}"#);
    }

    #[tokio::test]
    async fn a_magic_with_quotes_is_escaped() {
        let request = request(&ApnsSettings::default(), &message(&[1], "a\"},\"aps\":{\\\n")).unwrap();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(read, serde_json::json!({"mdm": "a\"},\"aps\":{\\\n"}));
    }

    #[test]
    fn an_empty_or_huge_token_or_a_topic_with_a_line_break_is_an_error_of_this_push_alone() {
        for token in [vec![], vec![1; 129]] {
            assert!(matches!(
                request(&ApnsSettings::default(), &message(&token, "m")),
                Err(PushError::Unexpected(_))
            ));
        }
        let broken = PushMessage { topic: "a\r\nb".to_owned(), ..message(&[0xAB, 0xCD], "m") };
        let error = request(&ApnsSettings::default(), &broken).unwrap_err().to_string();
        assert!(!error.contains("abcd"), "{error}");
    }
}
