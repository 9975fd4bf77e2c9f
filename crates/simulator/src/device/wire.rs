//! The requests of a device: body, content type, and the proof of its identity in each of its forms.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pki::Certificate;
use pki::cms::{SignOptions, sign_detached};
use plist::{Dictionary, Value};

use super::{Device, Enrolment, IdentityMode, ProxyHeader};
use crate::web::{Answer, Call, Identity};

/// Percent-encoding of nginx's `$ssl_client_escaped_cert`.
const NGINX: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Percent-encoding of AWS ALB, which leaves the characters of base64 alone.
const ALB: &AsciiSet = &NGINX.remove(b'+').remove(b'=').remove(b'/');

/// The two kinds of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    CheckIn,
    Connect,
}

/// What a device makes of an answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// 2xx.
    Accepted(Answer),
    /// 401, or 403 with the code that tells a device to go.
    Unenrol(String),
    /// 410, for the channel of a user.
    Declined,
    /// Anything else: it tries again later. The status and a text.
    Failed(StatusCode, String),
}

/// Writes a dictionary as an XML property list.
pub(crate) fn xml(dictionary: &Dictionary) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Value::Dictionary(dictionary.clone()).to_writer_xml(&mut bytes)?;
    Ok(bytes)
}

impl Device {
    /// Sends a message of `enrolment` and judges the answer as devices do (Apple: "Sending MDM commands to a device").
    pub(crate) async fn put(&self, enrolment: &Enrolment, kind: Kind, body: Vec<u8>) -> Result<Reply> {
        let (url, content_type) = match kind {
            Kind::CheckIn => (&enrolment.mdm.check_in_url, "application/x-apple-aspen-mdm-checkin"),
            Kind::Connect => (&enrolment.mdm.server_url, "application/x-apple-aspen-mdm; charset=UTF-8"),
        };
        let identity = self.shown_identity(enrolment).await?;
        let mut call = Call::with_body(Method::PUT, url, content_type, Vec::new());
        call.headers.extend(self.proof(enrolment, &identity, &body).await?);
        call.body = Bytes::from(body);
        let certificate = match self.spec.identity {
            IdentityMode::AsProfileSays | IdentityMode::TlsOnly => Some(&identity),
            IdentityMode::SignatureOnly | IdentityMode::ProxyHeader(_) => None,
        };
        let answer = self.web.send(call, certificate, &enrolment.anchors).await?;
        Ok(judge(answer))
    }

    /// The identity that the device shows: its own, unless it is told to show a wrong one.
    async fn shown_identity(&self, enrolment: &Enrolment) -> Result<Identity> {
        let wrong = self.faults.lock().wrong_certificate;
        if let Some(stolen) = self.stolen.lock().clone() {
            return Ok(stolen);
        }
        if wrong { self.own_making().await } else { Ok(enrolment.identity.clone()) }
    }

    async fn proof(
        &self,
        enrolment: &Enrolment,
        identity: &Identity,
        body: &[u8],
    ) -> Result<Option<(HeaderName, HeaderValue)>> {
        match self.spec.identity {
            IdentityMode::TlsOnly => Ok(None),
            IdentityMode::AsProfileSays if !enrolment.mdm.sign_message => Ok(None),
            IdentityMode::AsProfileSays | IdentityMode::SignatureOnly => {
                let form = self.spec.signature;
                let options = SignOptions {
                    digest: form.digest,
                    signed_attributes: form.signed_attributes,
                    ber: form.ber,
                };
                let (identity, body) = (identity.clone(), body.to_vec());
                let signature = tokio::task::spawn_blocking(move || {
                    sign_detached(&identity.certificate, &identity.key, &body, options)
                })
                .await??;
                let value = HeaderValue::from_str(&STANDARD.encode(signature))?;
                Ok(Some((HeaderName::from_static("mdm-signature"), value)))
            }
            IdentityMode::ProxyHeader(form) => proxy_header(form, &identity.certificate).map(Some),
        }
    }
}

/// The header by which a proxy hands on a client certificate.
fn proxy_header(form: ProxyHeader, certificate: &Certificate) -> Result<(HeaderName, HeaderValue)> {
    let base64 = STANDARD.encode(certificate.der());
    let pem = certificate.to_pem();
    let (name, value) = match form {
        ProxyHeader::Rfc9440 => ("client-cert", format!(":{base64}:")),
        ProxyHeader::Nginx => ("x-ssl-client-cert", utf8_percent_encode(&pem, NGINX).to_string()),
        ProxyHeader::Traefik => ("x-forwarded-tls-client-cert", base64),
        ProxyHeader::Alb => ("x-amzn-mtls-clientcert", utf8_percent_encode(&pem, ALB).to_string()),
        ProxyHeader::Haproxy => ("x-ssl-client-der", base64),
    };
    Ok((HeaderName::from_static(name), HeaderValue::from_str(&value)?))
}

fn judge(answer: Answer) -> Reply {
    match answer.status {
        status if status.is_success() => Reply::Accepted(answer),
        // With a Bearer challenge an account-driven enrolment would authenticate again; without one 401 means "go".
        StatusCode::UNAUTHORIZED if !is_bearer(&answer) => {
            Reply::Unenrol("the server answered 401".to_owned())
        }
        status @ StatusCode::FORBIDDEN => match error_code(&answer).as_deref() {
            Some("com.apple.unrecognized.device") => {
                Reply::Unenrol("the server does not recognise the device".to_owned())
            }
            code => Reply::Failed(status, format!("403 {}", code.unwrap_or("without a code"))),
        },
        StatusCode::GONE => Reply::Declined,
        status => Reply::Failed(status, format!("the server answered {status}")),
    }
}

fn is_bearer(answer: &Answer) -> bool {
    answer
        .headers
        .get(header::WWW_AUTHENTICATE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("Bearer"))
}

/// The `code` of an error document, JSON or property list, if its media type says which.
fn error_code(answer: &Answer) -> Option<String> {
    match answer.content_type().as_str() {
        "application/json" => {
            let value: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
            value.get("code")?.as_str().map(str::to_owned)
        }
        "application/xml" | "text/xml" => {
            let value = dictionary(&answer.body).ok()?;
            value.get("code").and_then(Value::as_string).map(str::to_owned)
        }
        _ => None,
    }
}

/// Reads a property list that is a dictionary.
pub(crate) fn dictionary(bytes: &[u8]) -> Result<Dictionary> {
    Value::from_reader(std::io::Cursor::new(bytes))
        .context("the answer is no property list")?
        .into_dictionary()
        .context("the answer is no dictionary")
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn a_device_goes_at_401_and_at_the_one_code_of_403_only() {
        let code = r#"{"code":"com.apple.unrecognized.device"}"#;
        let json = ("content-type", "application/json; charset=utf-8");
        assert!(matches!(judge(answer(401, &[], "")), Reply::Unenrol(_)));
        assert!(matches!(judge(answer(401, &[("www-authenticate", "Bearer x")], "")), Reply::Failed(..)));
        assert!(matches!(judge(answer(403, &[json], code)), Reply::Unenrol(_)));
        assert!(matches!(judge(answer(403, &[], code)), Reply::Failed(..)));
        assert!(matches!(
            judge(answer(403, &[json], r#"{"code":"com.apple.softwareupdate.required"}"#)),
            Reply::Failed(..)
        ));
        let plist =
            "<plist><dict><key>code</key><string>com.apple.unrecognized.device</string></dict></plist>";
        assert!(matches!(
            judge(answer(403, &[("content-type", "application/xml")], plist)),
            Reply::Unenrol(_)
        ));
        for status in [400, 404, 500, 503] {
            assert!(matches!(judge(answer(status, &[], "")), Reply::Failed(..)));
        }
        assert!(matches!(judge(answer(410, &[], "")), Reply::Declined));
    }
}
