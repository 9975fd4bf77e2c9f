use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, Request, StatusCode};
use http_layers::PeerAddress;
use pki::Certificate;

use super::*;
use crate::testing::{
    CHECK_IN, House, REPORT, authenticate, by_signature, by_tls, idle, request, token_update,
};

const UDID: &str = "00008030-001A2B3C4D5E6F70";
const PROXY: &str = "10.0.0.7:50000";

fn behind_proxy() -> DoorSettings {
    let header =
        CertificateHeader { name: HeaderName::from_static("client-cert"), format: HeaderFormat::Rfc9440 };
    DoorSettings { trusted_proxies: vec!["10.0.0.0/24".parse().unwrap()], certificate_header: Some(header) }
}

fn forwarded(
    from: &str,
    certificate: &Certificate,
    content_type: &str,
    body: Vec<u8>,
) -> Request<axum::body::Body> {
    let mut request = request(content_type, body);
    request.extensions_mut().insert(PeerAddress(from.parse().unwrap()));
    let value = format!(":{}:", STANDARD.encode(certificate.der()));
    request.headers_mut().insert("client-cert", value.parse().unwrap());
    request
}

#[tokio::test]
async fn a_trusted_proxy_speaks_for_its_clients() {
    let house = House::with(behind_proxy()).await;
    let certificate = house.certificate().await;
    for body in [authenticate(UDID), token_update(UDID)] {
        let answer = house.send(forwarded(PROXY, &certificate, CHECK_IN, body)).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let answer = house.send(forwarded(PROXY, &certificate, REPORT, idle(UDID))).await;
    assert!(!answer.body.is_empty());
}

#[tokio::test]
async fn anybody_else_who_writes_the_header_has_no_certificate() {
    for settings in [behind_proxy(), DoorSettings::default()] {
        let house = House::with(settings).await;
        let certificate = house.enrolled(UDID).await;
        for from in ["192.0.2.9:1", "10.0.1.7:1"] {
            let answer = house.send(forwarded(from, &certificate, REPORT, idle(UDID))).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{from}");
            assert_eq!(answer.text(), "the request carries no device certificate\n");
        }
    }
}

#[tokio::test]
async fn the_certificate_that_a_proxy_itself_presents_is_not_the_devices() {
    let house = House::with(behind_proxy()).await;
    let certificate = house.enrolled(UDID).await;
    let mut request = by_tls(&certificate, REPORT, idle(UDID));
    request.extensions_mut().insert(PeerAddress(PROXY.parse().unwrap()));
    assert_eq!(house.send(request).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_signature_passes_a_proxy_that_forwards_no_certificate() {
    let house = House::with(behind_proxy()).await;
    let certificate = house.enrolled(UDID).await;
    let mut request = by_signature(&certificate, REPORT, &idle(UDID));
    request.extensions_mut().insert(PeerAddress(PROXY.parse().unwrap()));
    let answer = house.send(request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.body.is_empty());
}

#[tokio::test]
async fn headers_that_cannot_be_read_are_refused_without_a_second_guess() {
    let house = House::with(behind_proxy()).await;
    let certificate = house.enrolled(UDID).await;
    let mut odd = forwarded(PROXY, &certificate, REPORT, idle(UDID));
    odd.headers_mut().insert("client-cert", "rubbish".parse().unwrap());
    assert_eq!(house.send(odd).await.status, StatusCode::BAD_REQUEST);

    let mut twice = by_signature(&certificate, REPORT, &idle(UDID));
    let signature = twice.headers()["mdm-signature"].clone();
    twice.headers_mut().append("mdm-signature", signature);
    assert_eq!(house.send(twice).await.status, StatusCode::BAD_REQUEST);

    for value in ["", "!!!!", "AAAA"] {
        let mut odd = request(REPORT, idle(UDID));
        odd.headers_mut().insert("mdm-signature", value.parse().unwrap());
        assert_eq!(house.send(odd).await.status, StatusCode::BAD_REQUEST, "{value}");
    }
}
