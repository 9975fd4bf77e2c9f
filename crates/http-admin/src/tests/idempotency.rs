use axum::body::Body;
use http::StatusCode;
use serde_json::json;
use service::idempotency::Begun;
use service::operators::Operator;

use super::bench::Bench;

fn link() -> serde_json::Value {
    json!({"ownership": "corporate", "label": "Ward 7"})
}

#[tokio::test]
async fn the_same_key_and_body_get_the_same_answer_and_the_work_is_done_once() {
    let bench = Bench::new().await;
    let first = bench.post_with_key("/api/v1/links", link(), Some("k-1")).await;
    assert_eq!((first.status, first.header("idempotent-replay")), (StatusCode::CREATED, ""));
    let second = bench.post_with_key("/api/v1/links", link(), Some("k-1")).await;
    assert_eq!((second.status, second.header("idempotent-replay")), (StatusCode::CREATED, "true"));
    assert_eq!(second.json(), first.json());
    assert_eq!(bench.get("/api/v1/links").await.json()["items"].as_array().unwrap().len(), 1);
    let third = bench.post_with_key("/api/v1/links", link(), Some("k-2")).await;
    assert_ne!(third.json()["url"], first.json()["url"]);
}

#[tokio::test]
async fn a_key_cannot_be_used_for_another_request() {
    let bench = Bench::new().await;
    bench.post_with_key("/api/v1/links", link(), Some("k")).await;
    let body = bench.post_with_key("/api/v1/links", json!({"ownership": "shared"}), Some("k")).await;
    let path = bench.post_with_key("/api/v1/push", link(), Some("k")).await;
    for answer in [body, path] {
        assert_eq!(
            (answer.status, answer.json()["code"].as_str().unwrap()),
            (StatusCode::CONFLICT, "idempotency_conflict")
        );
    }
}

#[tokio::test]
async fn a_refusal_is_kept_as_well_and_a_key_of_no_sense_is_refused() {
    let bench = Bench::new().await;
    let wrong = json!({"ownership": "stolen"});
    let first = bench.post_with_key("/api/v1/links", wrong.clone(), Some("k")).await;
    let second = bench.post_with_key("/api/v1/links", wrong, Some("k")).await;
    assert_eq!(
        (first.status, second.header("idempotent-replay")),
        (StatusCode::UNPROCESSABLE_ENTITY, "true")
    );
    assert_eq!(second.header("content-type"), "application/problem+json");
    let long = "x".repeat(129);
    assert_eq!(
        bench.post_with_key("/api/v1/links", link(), Some(&long)).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn what_is_kept_is_sealed_and_forgotten_in_time() {
    let bench = Bench::new().await;
    let made = bench.post_with_key("/api/v1/links", link(), Some("k")).await;
    let url = made.json()["url"].as_str().unwrap().to_owned();
    let kept = bench
        .tx(|tx| {
            let token = store::ApiToken::list(tx)?.remove(0).id;
            Ok(store::IdempotencyKey::find(tx, token, "k")?.unwrap().body)
        })
        .await;
    assert!(!kept.is_empty() && !kept.windows(url.len()).any(|window| window == url.as_bytes()));
    bench.clock.advance(std::time::Duration::from_secs(25 * 3_600));
    let later = bench.post_with_key("/api/v1/links", link(), Some("k")).await;
    assert_eq!((later.status, later.header("idempotent-replay")), (StatusCode::CREATED, ""));
}

#[tokio::test]
async fn reading_needs_no_key_and_ignores_one() {
    let bench = Bench::new().await;
    let get =
        || bench.request("GET", "/api/v1/server").header("idempotency-key", "k").body(Body::empty()).unwrap();
    assert_eq!(bench.call(get()).await.header("idempotent-replay"), "");
    assert_eq!(bench.call(get()).await.header("idempotent-replay"), "");
}

/// Carries a request out as the door does, up to the moment when the process dies: the work is committed, its answer is not kept.
async fn die_after_the_work(bench: &Bench, path: &str, body: &serde_json::Value, key: &str) -> Operator {
    let operator = bench.services.operators.authenticate(&bench.token).await.unwrap().unwrap();
    let text = body.to_string();
    let what: [&[u8]; 3] = [b"POST", path.as_bytes(), text.as_bytes()];
    let begun = bench.services.idempotency.begin(&operator, key, &what).await.unwrap();
    assert!(matches!(begun, Begun::Fresh(_)), "{begun:?}");
    Operator { request_key: Some(key.to_owned()), ..operator }
}

#[tokio::test]
async fn what_is_shown_once_is_shown_again_when_the_first_answer_died_with_the_server() {
    let bench = Bench::new().await;
    let operator = die_after_the_work(&bench, "/api/v1/links", &link(), "k").await;
    let request = serde_json::from_value(link()).unwrap();
    let made = bench.services.links.create(&operator, request).await.unwrap();
    let again = bench.post_with_key("/api/v1/links", link(), Some("k")).await;
    assert_eq!((again.status, again.header("idempotent-replay")), (StatusCode::CREATED, "true"));
    assert_eq!(again.json()["url"], made.url);

    let body = json!({"name": "nightly report"});
    let operator = die_after_the_work(&bench, "/api/v1/tokens", &body, "t").await;
    let request = serde_json::from_value(body.clone()).unwrap();
    let made = bench.services.tokens.create(&operator, request).await.unwrap();
    let again = bench.post_with_key("/api/v1/tokens", body, Some("t")).await;
    assert_eq!(again.json()["secret"], made.secret);
    assert_eq!(bench.get("/api/v1/tokens").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn work_whose_answer_died_with_the_server_is_not_done_twice() {
    let bench = Bench::new().await;
    let made = bench.post("/api/v1/links", link()).await.json();
    let id: uuid::Uuid = made["link"]["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/api/v1/links/{id}/revoke");
    let operator = die_after_the_work(&bench, &path, &json!({}), "k").await;
    bench.services.links.revoke(&operator, id).await.unwrap();
    // Long after the time in which a request that did nothing counts as lost.
    bench.clock.advance(std::time::Duration::from_secs(3600));
    let again = bench.post_with_key(&path, json!({}), Some("k")).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.json()["detail"].as_str().unwrap().contains("was carried out"), "{}", again.text);
    let audit = bench.get("/api/v1/audit-events?action=link.revoke").await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn work_that_died_before_it_was_done_can_be_asked_for_again() {
    let bench = Bench::new().await;
    die_after_the_work(&bench, "/api/v1/links", &link(), "k").await;
    assert_eq!(bench.post_with_key("/api/v1/links", link(), Some("k")).await.status, StatusCode::CONFLICT);
    bench.clock.advance(std::time::Duration::from_secs(121));
    assert_eq!(bench.post_with_key("/api/v1/links", link(), Some("k")).await.status, StatusCode::CREATED);
}
