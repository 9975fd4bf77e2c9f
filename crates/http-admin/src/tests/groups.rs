use http::StatusCode;
use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn a_group_by_rule_is_made_filled_shown_and_deleted() {
    let bench = Bench::new().await;
    bench.device("A").await;
    let body = json!({"name": "iPads", "rule": "device.platform == 'iPadOS'", "description": "all of them"});
    let made = bench.post("/api/v1/groups", body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    insta::assert_json_snapshot!(made.json(), { ".id" => "[id]" }, @r#"
    {
      "changed_at": "2026-11-23T13:00:00Z",
      "created_at": "2026-11-23T13:00:00Z",
      "created_by": "first operator",
      "description": "all of them",
      "id": "[id]",
      "kind": "rule",
      "members": 1,
      "name": "iPads",
      "rule": "device.platform == 'iPadOS'",
      "troubles": 0
    }
    "#);
    assert_eq!(bench.post("/api/v1/groups", body).await.status, StatusCode::CONFLICT);
    let members = bench.get("/api/v1/groups/iPads/members").await.json();
    assert_eq!(members["items"].as_array().unwrap().len(), 1);
    let id = members["items"][0]["device_id"].as_str().unwrap().to_owned();
    let groups = bench.get(&format!("/api/v1/devices/{id}/groups")).await.json();
    assert_eq!(groups[0]["name"], "iPads");
    assert_eq!(bench.get("/api/v1/groups/none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_rule_is_a_problem_that_names_its_place() {
    let bench = Bench::new().await;
    for path in ["/api/v1/groups", "/api/v1/rules/test"] {
        let body = match path {
            "/api/v1/groups" => json!({"name": "x", "rule": "devise.os == '26.1'"}),
            _ => json!({"rule": "devise.os == '26.1'"}),
        };
        let answer = bench.post(path, body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        let problem = answer.json();
        assert_eq!(problem["errors"][0]["field"], "rule");
        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("line 1, column 1: there is no 'devise'"), "{message}");
    }
}

#[tokio::test]
async fn a_rule_is_tried_on_the_fleet() {
    let bench = Bench::new().await;
    bench.device("A").await;
    bench.device("B").await;
    let answer = bench.post("/api/v1/rules/test", json!({"rule": "labels.use == 'bedside'"})).await.json();
    assert_eq!((answer["devices"].as_u64(), answer["troubles"].as_u64()), (Some(2), Some(2)));
    assert_eq!(answer["sample"][0]["trouble"], "'use' is not known of this device");
}

#[tokio::test]
async fn an_unknown_rollout_is_not_found_and_a_halt_needs_a_reason() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/api/v1/rollouts").await.json()["items"], json!([]));
    let path = format!("/api/v1/rollouts/{}", uuid::Uuid::nil());
    assert_eq!(bench.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.post(&format!("{path}/rollback"), json!({})).await.status, StatusCode::NOT_FOUND);
    let unsaid = bench.post(&format!("{path}/halt"), json!({"reason": " "})).await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
}
