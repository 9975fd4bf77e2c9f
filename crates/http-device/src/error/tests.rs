//! One test for each answer of the closed list, and for each error of the services that leads to it.

use http::header::RETRY_AFTER;
use http_layers::read_body;
use service::Reply;

use super::*;
use crate::testing::{CHECK_IN, House, by_tls, declarations, message};

async fn said(error: impl IntoResponse) -> (u16, Option<String>, String) {
    let response = error.into_response();
    let (parts, body) = response.into_parts();
    let retry = parts.headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let body = read_body(body, 100_000).await.unwrap();
    (parts.status.as_u16(), retry, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_400_without_its_contents() {
    let (status, retry, body) = said(DeviceError::Malformed("at byte 7: secret".to_owned())).await;
    assert_eq!((status, retry, body.as_str()), (400, None, "the message cannot be read\n"));
}

#[tokio::test]
async fn every_refusal_of_an_identity_is_400() {
    for refusal in [
        IdentityRefusal::Missing,
        IdentityRefusal::Unreadable,
        IdentityRefusal::Untrusted,
        IdentityRefusal::Revoked,
        IdentityRefusal::Expired,
        IdentityRefusal::Mismatch,
    ] {
        let (status, _, body) = said(DeviceError::Identity(refusal)).await;
        assert_eq!((status, body), (400, format!("{refusal}\n")));
    }
}

#[tokio::test]
async fn what_the_rules_refuse_is_400_without_the_reason() {
    assert_eq!(
        said(DeviceError::Refused("internal reason".to_owned())).await,
        (400, None, "refused\n".to_owned())
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    assert_eq!(said(DeviceError::TooLarge).await.0, 413);
}

#[tokio::test]
async fn a_declaration_that_is_gone_is_404_with_a_permit() {
    let house = House::new().await;
    let certificate = house.enrolled("A").await;
    let answer = house.send(by_tls(&certificate, CHECK_IN, declarations("A", "declaration/asset/x"))).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (404, 0));
}

#[tokio::test]
async fn a_declined_user_is_410_with_a_permit() {
    let house = House::new().await;
    let certificate = house.enrolled("A").await;
    let body = message("UserAuthenticate", "A", &[("UserID", "B".into())]);
    let answer = house.send(by_tls(&certificate, CHECK_IN, body)).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (410, 0));
}

#[tokio::test]
async fn trouble_is_503_with_a_time_and_without_the_reason() {
    for error in
        [DeviceError::Unavailable("disk full".to_owned()), DeviceError::Internal("a defect".to_owned())]
    {
        let expected = (503, Some("60".to_owned()), "temporarily unavailable\n".to_owned());
        assert_eq!(said(error).await, expected);
    }
}

#[test]
fn the_errors_of_the_services_lead_to_answers_that_cannot_harm_a_device() {
    let text = || "x".to_owned();
    let table: Vec<(Error, u16)> = vec![
        (Error::not_found("device", "x"), 503),
        (Error::Conflict(text()), 503),
        (Error::invalid("field", "reason"), 400),
        (Error::Refused(Vec::new()), 400),
        (Error::Forbidden(text()), 400),
        (Error::Identity(IdentityRefusal::Revoked), 400),
        (Error::Malformed(text()), 400),
        (Error::Withheld(text()), 503),
        (Error::Gone(text()), 400),
        (Error::Unavailable(text()), 503),
        (Error::Internal(text()), 503),
    ];
    for (error, status) in table {
        let shown = error.to_string();
        assert_eq!(DeviceError::from(error).into_response().status().as_u16(), status, "{shown}");
    }
}

#[tokio::test]
async fn pages_for_people_say_what_happened_and_keep_faults_to_themselves() {
    let text = || "the words".to_owned();
    for (error, status, shows) in [
        (PageError::from(Error::not_found("enrolment link", "x")), 404, false),
        (PageError::from(Error::Malformed(text())), 404, false),
        (PageError::from(Error::Gone(text())), 410, true),
        (PageError::from(Error::Forbidden(text())), 403, true),
        (PageError::from(Error::Refused(Vec::new())), 403, false),
        (PageError::from(Error::Unavailable(text())), 503, false),
        (PageError::from(Error::Internal(text())), 503, false),
        (PageError::from(Error::Conflict(text())), 503, false),
    ] {
        let (found, _, body) = said(error).await;
        assert_eq!((found, body.contains("the words")), (status, shows), "{body}");
    }
}

#[test]
fn a_reply_shows_no_secret() {
    assert_eq!(format!("{:?}", Reply::OwnSecret(b"bootstrap".to_vec())), "OwnSecret");
}
