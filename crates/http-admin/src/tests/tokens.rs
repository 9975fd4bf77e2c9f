use http::StatusCode;
use serde_json::json;

use super::bench::Bench;

async fn status_with(bench: &Bench, token: &str) -> StatusCode {
    let request = http::Request::get("/api/v1/server").header("authorization", format!("Bearer {token}"));
    bench.call(request.body(axum::body::Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn a_token_is_shown_once_opens_the_api_and_is_taken_back() {
    let bench = Bench::new().await;
    bench.clock.advance(std::time::Duration::from_secs(1));
    let made = bench.post("/api/v1/tokens", json!({"name": "nightly report"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("ward_op_") && secret.len() > 40);
    assert_eq!(status_with(&bench, &secret).await, StatusCode::OK);

    let listed = bench.get("/api/v1/tokens").await;
    assert!(!listed.text.contains(&secret), "a token is shown once");
    let row = listed.json()[0].clone();
    assert_eq!(row["name"], "nightly report");
    assert!(secret.starts_with(row["prefix"].as_str().unwrap()));
    assert!(row["last_used_at"].is_string(), "{row}");
    let stored = bench.tx(|tx| Ok(store::ApiToken::list(tx)?)).await;
    assert!(stored.iter().all(|token| !format!("{token:?}").contains(&secret)));

    let path = format!("/api/v1/tokens/{}/revoke", row["id"].as_str().unwrap());
    let revoked = bench.post(&path, json!({})).await;
    assert!(revoked.status == StatusCode::OK && revoked.json()["revoked_at"].is_string(), "{}", revoked.text);
    assert_eq!(status_with(&bench, &secret).await, StatusCode::UNAUTHORIZED);
    assert_eq!(bench.get("/api/v1/audit-events?action=token.revoke").await.json()["items"][0]["class"], "D3");
}

#[tokio::test]
async fn the_last_token_stays_and_names_are_of_use() {
    let bench = Bench::new().await;
    let first = bench.get("/api/v1/tokens").await.json()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/tokens/{first}/revoke");
    assert_eq!(bench.post(&path, json!({})).await.status, StatusCode::CONFLICT);
    for name in ["", "  ", &"x".repeat(101)] {
        let answer = bench.post("/api/v1/tokens", json!({"name": name})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
    }
    assert_eq!(bench.post("/api/v1/tokens", json!({"name": "a"})).await.status, StatusCode::CREATED);
    assert_eq!(bench.post("/api/v1/tokens", json!({"name": "a"})).await.status, StatusCode::CONFLICT);
    assert_eq!(bench.post(&path, json!({})).await.status, StatusCode::OK, "another one is left");
    assert_eq!(bench.get("/api/v1/tokens").await.status, StatusCode::UNAUTHORIZED, "its own maker is out");
}

#[tokio::test]
async fn work_between_requests_is_shown_in_every_state() {
    let bench = Bench::new().await;
    let clock = bench.clock.clone();
    bench
        .tx(move |tx| {
            let now = clock::Clock::now(&clock);
            for key in ["a", "b"] {
                let job = store::NewJob {
                    kind: "TestJob",
                    key: key.to_owned(),
                    payload: "{}".to_owned(),
                    run_at: now,
                };
                store::Job::enqueue(tx, &clock, &job)?;
            }
            let until = now + std::time::Duration::from_secs(60);
            let leased = store::Job::lease(tx, &["TestJob"], now, until, 1)?;
            assert_eq!(leased.len(), 1);
            Ok(())
        })
        .await;
    let count = async |query: &str| {
        let answer = bench.get(&format!("/api/v1/jobs{query}")).await.json();
        answer["items"].as_array().unwrap().iter().filter(|job| job["kind"] == "TestJob").count()
    };
    assert_eq!((count("").await, count("?state=ready").await, count("?state=leased").await), (2, 1, 1));
    assert_eq!(count("?state=dead").await, 0);
    assert_eq!(bench.get("/api/v1/jobs?state=asleep").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}
