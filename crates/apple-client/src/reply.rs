//! What each answer of APNs means ("Handling notification responses from APNs").

use std::time::Duration;

use a2::response::{ErrorBody, ErrorReason};
use clock::Timestamp;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use crate::{PushError, PushReceipt};

/// Longest wait that a `Retry-After` is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The answer, judged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Final, good or bad.
    Done(Result<PushReceipt, PushError>),
    /// The connection is of no more use; the push may go out once more on a new one.
    Reconnect(PushError),
    /// The connection is of no more use, and neither is another attempt now.
    Abandon(PushError),
}

/// The error document with a reason that may be newer than `a2`, which reads only those it knows.
#[derive(Deserialize)]
struct AnyReason {
    reason: String,
    timestamp: Option<u64>,
}

/// Judges the answer with `status`, `headers` and `body`.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Verdict {
    if status == StatusCode::OK {
        let apns_id = headers.get("apns-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        return Verdict::Done(Ok(PushReceipt { apns_id }));
    }
    let known: Option<ErrorBody> = serde_json::from_slice(body).ok();
    let any: Option<AnyReason> = serde_json::from_slice(body).ok();
    let reason = any.as_ref().map_or_else(|| "no reason given".to_owned(), |any| clip(&any.reason));
    let after = retry_after(headers);
    match status.as_u16() {
        // The HTTP status decides: newer reasons such as ExpiredToken mean the same.
        410 => Verdict::Done(Err(PushError::Unregistered {
            since: any
                .and_then(|any| any.timestamp)
                .and_then(|millis| i64::try_from(millis).ok())
                .map(Timestamp::from_millis),
        })),
        429 => Verdict::Done(Err(PushError::Throttled(after))),
        400 if matches!(&known, Some(ErrorBody { reason: ErrorReason::IdleTimeout, .. })) => {
            Verdict::Reconnect(PushError::unavailable(reason))
        }
        400 | 403..=405 | 413 => {
            Verdict::Done(Err(PushError::Rejected(format!("{reason} ({})", status.as_u16()))))
        }
        500..=599 => Verdict::Done(Err(PushError::Unavailable {
            reason: format!("{reason} ({})", status.as_u16()),
            after,
        })),
        code => Verdict::Done(Err(PushError::Unexpected(format!("{reason} ({code})")))),
    }
}

/// The seconds of a `Retry-After` header; a date is not understood, APNs sends none.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// A reason fit for a log line, whoever answered.
fn clip(reason: &str) -> String {
    reason.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str, retry: Option<&str>) -> Verdict {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry {
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        }
        judge(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn a_410_retires_the_token_whatever_its_reason_is_called() {
        let since = Some(Timestamp::from_millis(1_508_249_865_488));
        for reason in ["Unregistered", "ExpiredToken", "SomethingNew"] {
            let body = format!(r#"{{"reason":"{reason}","timestamp":1508249865488}}"#);
            assert_eq!(judged(410, &body, None), Verdict::Done(Err(PushError::Unregistered { since })));
        }
        assert_eq!(judged(410, "", None), Verdict::Done(Err(PushError::Unregistered { since: None })));
    }

    #[test]
    fn bad_tokens_topics_and_certificates_are_faults_of_the_configuration() {
        for (status, reason) in [
            (400, "BadDeviceToken"),
            (400, "DeviceTokenNotForTopic"),
            (400, "TopicDisallowed"),
            (400, "BadTopic"),
            (403, "BadCertificateEnvironment"),
            (403, "BadCertificate"),
            (403, "Forbidden"),
            (413, "PayloadTooLarge"),
        ] {
            let verdict = judged(status, &format!(r#"{{"reason":"{reason}"}}"#), None);
            assert_eq!(verdict, Verdict::Done(Err(PushError::Rejected(format!("{reason} ({status})")))));
        }
    }

    #[test]
    fn waiting_times_are_passed_on_and_bounded() {
        let throttled = |after| Verdict::Done(Err(PushError::Throttled(after)));
        let body = r#"{"reason":"TooManyRequests"}"#;
        assert_eq!(judged(429, body, Some("7")), throttled(Some(Duration::from_secs(7))));
        assert_eq!(judged(429, body, Some("99999999")), throttled(Some(LONGEST_WAIT)));
        assert_eq!(judged(429, body, Some("soon")), throttled(None));
        for status in [500, 502, 503, 504] {
            let verdict = judged(status, r#"{"reason":"Shutdown"}"#, Some("3"));
            let Verdict::Done(Err(error)) = verdict else { panic!("{verdict:?}") };
            assert!(error.may_retry());
            assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        }
    }

    #[test]
    fn an_idle_timeout_asks_for_a_new_connection() {
        assert!(matches!(judged(400, r#"{"reason":"IdleTimeout"}"#, None), Verdict::Reconnect(_)));
    }

    #[test]
    fn an_answer_that_is_not_from_apns_is_named_without_its_text() {
        let verdict = judged(302, "<html>\u{1b}[31m please sign in", None);
        assert_eq!(verdict, Verdict::Done(Err(PushError::Unexpected("no reason given (302)".to_owned()))));
    }
}
