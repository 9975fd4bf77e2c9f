use axum::body::Body;
use http::StatusCode;
use serde_json::json;

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
