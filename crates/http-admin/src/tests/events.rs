use axum::body::Body;
use futures_util::StreamExt as _;
use http::StatusCode;
use serde_json::json;
use tower::ServiceExt;

use super::bench::Bench;

#[tokio::test]
async fn a_watcher_sees_what_it_asked_for_as_it_happens() {
    let bench = Bench::new().await;
    bench.device("A").await;
    let request = bench.request("GET", "/api/v1/events?types=command.").body(Body::empty()).unwrap();
    let response = bench.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    bench.post("/api/v1/links", json!({"ownership": "corporate"})).await;
    bench
        .post("/api/v1/commands", json!({"targets": ["A"], "command": {"RequestType": "ProfileList"}}))
        .await;
    let mut stream = response.into_body().into_data_stream();
    let text = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "event: command.queued");
    let data = lines.iter().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let event: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        (event["type"].as_str(), event["detail"]["request_type"].as_str()),
        (Some("command.queued"), Some("ProfileList"))
    );
    assert!(event["device_id"].is_string());
}
