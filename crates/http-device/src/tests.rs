use axum::body::Body;
use http::{Request, StatusCode};

use crate::testing::{
    CHECK_IN, House, REPORT, acknowledged, authenticate, by_signature, by_tls, declarations, idle, message,
    request, token_update,
};

const UDID: &str = "00008030-001A2B3C4D5E6F70";

#[tokio::test]
async fn a_device_enrols_is_asked_what_it_is_and_answers_until_nothing_is_left() {
    let house = House::new().await;
    let certificate = house.enrolled(UDID).await;
    let mut asked = Vec::new();
    let mut answer = house.send(by_tls(&certificate, REPORT, idle(UDID))).await;
    while !answer.body.is_empty() {
        assert_eq!(
            (answer.status, answer.content_type()),
            (StatusCode::OK, "application/xml; charset=UTF-8")
        );
        let command = answer.plist();
        asked
            .push(command["Command"].as_dictionary().unwrap()["RequestType"].as_string().unwrap().to_owned());
        let uuid = command["CommandUUID"].as_string().unwrap();
        answer = house.send(by_tls(&certificate, REPORT, acknowledged(UDID, uuid))).await;
    }
    assert_eq!(answer.status, StatusCode::OK, "the end of a session is zero bytes");
    for question in ["DeviceInformation", "SecurityInfo", "ProfileList"] {
        assert!(asked.iter().any(|kind| kind == question), "{asked:?}");
    }
}

#[tokio::test]
async fn a_signature_in_the_place_of_a_tls_certificate_does_as_well() {
    let house = House::new().await;
    let certificate = house.certificate().await;
    for body in [authenticate(UDID), token_update(UDID)] {
        let answer = house.send(by_signature(&certificate, CHECK_IN, &body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    let answer = house.send(by_signature(&certificate, REPORT, &idle(UDID))).await;
    assert!(!answer.body.is_empty());
}

#[tokio::test]
async fn a_signature_covers_every_byte_of_the_body() {
    let house = House::new().await;
    let certificate = house.certificate().await;
    let mut body = authenticate(UDID);
    let signed = by_signature(&certificate, CHECK_IN, &body);
    body.push(b'\n');
    let (parts, _) = signed.into_parts();
    let answer = house.send(Request::from_parts(parts, Body::from(body))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn without_a_certificate_it_is_400_and_never_401() {
    let house = House::new().await;
    for body in [authenticate(UDID), idle(UDID), b"rubbish".to_vec(), Vec::new()] {
        let answer = house.send(request(CHECK_IN, body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn check_ins_and_reports_are_told_apart_even_without_a_content_type() {
    let house = House::new().await;
    let certificate = house.certificate().await;
    for (content_type, body) in [
        ("application/x-apple-aspen-mdm-checkin; charset=UTF-8", authenticate(UDID)),
        ("text/plain", token_update(UDID)),
        (CHECK_IN, idle(UDID)),
        ("application/octet-stream", idle(UDID)),
    ] {
        let answer = house.send(by_tls(&certificate, content_type, body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{content_type}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_check_in_address_takes_check_ins_only() {
    let house = House::new().await;
    let certificate = house.certificate().await;
    for (body, status) in [(authenticate(UDID), StatusCode::OK), (idle(UDID), StatusCode::BAD_REQUEST)] {
        let mut request = by_tls(&certificate, CHECK_IN, body);
        *request.uri_mut() = "/checkin?tenant=7".parse().unwrap();
        assert_eq!(house.send(request).await.status, status);
    }
}

#[tokio::test]
async fn bodies_are_bounded_by_what_they_are() {
    let house = House::new().await;
    let certificate = house.enrolled(UDID).await;
    let check_in = house.send(by_tls(&certificate, CHECK_IN, vec![b' '; 1024 * 1024 + 1])).await;
    assert_eq!(check_in.status, StatusCode::PAYLOAD_TOO_LARGE);
    let report = house.send(by_tls(&certificate, REPORT, vec![b' '; 16 * 1024 * 1024 + 1])).await;
    assert_eq!(report.status, StatusCode::PAYLOAD_TOO_LARGE);
    let scep =
        Request::post("/scep?operation=PKIOperation").body(Body::from(vec![0; 64 * 1024 + 1])).unwrap();
    assert_eq!(house.send(scep).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn strangers_who_send_large_bodies_at_once_are_told_to_come_back() {
    let house = House::new().await;
    let stalled = || {
        let body = Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
        let mut request = request(REPORT, body);
        request.headers_mut().insert("mdm-signature", "AAAA".parse().unwrap());
        request
    };
    let mut waiting = Vec::new();
    for _ in 0..16 {
        let mut send = Box::pin(house.send(stalled()));
        assert!(futures_util::poll!(&mut send).is_pending());
        waiting.push(send);
    }
    assert_eq!(house.send(stalled()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    drop(waiting);
    let certificate = house.enrolled(UDID).await;
    let answer = house.send(by_signature(&certificate, REPORT, &idle(UDID))).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_property_list_of_this_protocol_is_400() {
    let house = House::new().await;
    let certificate = house.enrolled(UDID).await;
    let deep = format!("<plist><dict><key>MessageType</key>{}</dict></plist>", "<array>".repeat(50_000));
    for body in [
        b"rubbish".to_vec(),
        Vec::new(),
        deep.into_bytes(),
        message("Dance", UDID, &[]),
        message("GetToken", UDID, &[("TokenServiceType", "org.example".into())]),
        declarations(UDID, "https://evil.example/"),
        declarations(UDID, "../status"),
    ] {
        let answer = house.send(by_tls(&certificate, CHECK_IN, body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn declarations_are_an_empty_but_valid_set() {
    let house = House::new().await;
    let certificate = house.enrolled(UDID).await;
    let tokens = house.send(by_tls(&certificate, CHECK_IN, declarations(UDID, "tokens"))).await;
    assert_eq!((tokens.status, tokens.content_type()), (StatusCode::OK, "application/json"));
    let again = house.send(by_tls(&certificate, CHECK_IN, declarations(UDID, "tokens"))).await;
    assert_eq!(tokens.body, again.body, "a token that changes by itself makes devices ask for ever");
    let items = house.send(by_tls(&certificate, CHECK_IN, declarations(UDID, "declaration-items"))).await;
    let items: serde_json::Value = serde_json::from_slice(&items.body).unwrap();
    for kind in ["Activations", "Assets", "Configurations", "Management"] {
        assert_eq!(items["Declarations"][kind], serde_json::json!([]));
    }
    let gone = house.send(by_tls(&certificate, CHECK_IN, declarations(UDID, "declaration/asset/x"))).await;
    assert_eq!((gone.status, gone.body.len()), (StatusCode::NOT_FOUND, 0));
}

#[tokio::test]
async fn an_unknown_device_gets_an_empty_200_to_commands_and_503_to_declarations() {
    let house = House::new().await;
    let stranger = house.certificate().await;
    let commands = house.send(by_tls(&stranger, REPORT, idle(UDID))).await;
    assert_eq!((commands.status, commands.body.len()), (StatusCode::OK, 0));
    let answer = house.send(by_tls(&stranger, CHECK_IN, declarations(UDID, "declaration-items"))).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "60");
}

#[tokio::test]
async fn another_devices_name_is_refused() {
    let house = House::new().await;
    let certificate = house.enrolled(UDID).await;
    let answer = house.send(by_tls(&certificate, REPORT, idle("OTHER"))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.text(), "the certificate belongs to another enrolment\n");
}

#[tokio::test]
async fn declining_a_user_is_410_without_a_body() {
    let house = House::new().await;
    let certificate = house.enrolled(UDID).await;
    let body = message("UserAuthenticate", UDID, &[("UserID", "ABC".into())]);
    let answer = house.send(by_tls(&certificate, CHECK_IN, body)).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::GONE, 0));
}

#[tokio::test]
async fn a_bootstrap_token_that_was_never_set_is_an_empty_200() {
    let house = House::new().await;
    let certificate = house.enrolled(UDID).await;
    let answer = house.send(by_tls(&certificate, CHECK_IN, message("GetBootstrapToken", UDID, &[]))).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn a_person_who_opens_the_device_address_is_told_so() {
    let house = House::new().await;
    for path in ["/mdm", "/checkin"] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.text().contains("St. Elsewhere"), "{}", answer.text());
        assert!(
            answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
        );
    }
}

#[tokio::test]
async fn the_enrolment_page_is_plain_private_and_harmless() {
    let house = House::new().await;
    let token = house.link().await;
    let page = house.get(&format!("/enroll/{token}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    assert!(
        text.contains("St. Elsewhere") && text.contains(&format!("href=\"/enroll/{token}/profile\"")),
        "{text}"
    );
    assert!(text.contains("Erase it completely"), "what the hospital can do is said");
    assert!(!text.contains("<Joy>"), "names are escaped");
    assert!(text.contains("name=\"viewport\""));
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(page.headers[name], value);
    }
    let profile = house.get(&format!("/enroll/{token}/profile")).await;
    assert_eq!(
        (profile.status, profile.content_type()),
        (StatusCode::OK, "application/x-apple-aspen-config")
    );
    assert_eq!(profile.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_link_that_does_not_exist_is_404_and_a_strange_address_too() {
    let house = House::new().await;
    for path in
        ["/enroll/nonsense", "/enroll/nonsense/profile", "/api/v1/devices", "/healthz", "/metrics", "/"]
    {
        assert_eq!(house.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn scep_speaks_in_exact_types_and_refuses_rubbish() {
    let house = House::new().await;
    assert_eq!(house.get("/scep?operation=GetCACaps").await.content_type(), "text/plain");
    assert_eq!(
        house.get("/scep?operation=GetCACert&message=x").await.content_type(),
        "application/x-x509-ca-cert"
    );
    for path in ["/scep", "/scep?operation=Dance", "/scep?operation=PKIOperation&message=!!"] {
        assert_eq!(house.get(path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    let empty = Request::post("/scep?operation=PKIOperation").body(Body::empty()).unwrap();
    assert_eq!(house.send(empty).await.status, StatusCode::BAD_REQUEST);
    let list = house.get("/crl").await;
    assert_eq!((list.status, list.content_type()), (StatusCode::OK, "application/pkix-crl"));
}
