use http::StatusCode;
use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn the_list_of_devices_shows_each_with_its_current_enrolment() {
    let bench = Bench::new().await;
    bench.device("A").await;
    bench.clock.advance(std::time::Duration::from_secs(1));
    bench.device("B").await;
    bench
        .post("/api/v1/commands", json!({"targets": ["A"], "command": {"RequestType": "ProfileList"}}))
        .await;
    let answer = bench.get("/api/v1/devices").await;
    insta::assert_json_snapshot!(answer.json()["items"][0], { ".id" => "[id]", ".enrollment_id" => "[id]", ".place.id" => "[id]" }, @r#"
    {
      "enrolled_at": "2026-11-23T13:00:00Z",
      "enrollment_id": "[id]",
      "enrollment_state": "enrolled",
      "first_seen_at": "2026-11-23T13:00:00Z",
      "id": "[id]",
      "last_pushed_at": null,
      "last_seen_at": null,
      "lost_mode": null,
      "model_name": "iPad",
      "name": "iPad A",
      "os_version": "18.1",
      "owner": "Ada",
      "ownership": "corporate",
      "pending": 1,
      "person": null,
      "place": {
        "code": null,
        "id": "[id]",
        "kind": "organization",
        "name": "Ward"
      },
      "platform": "iPadOS",
      "product_name": "iPad13,18",
      "serial_number": "SN-A",
      "supervised": true,
      "udid": "A"
    }
    "#);
    let found = |text: String| {
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["items"].as_array().unwrap().len()
    };
    for (query, count) in [
        ("q=SN-B", 1),
        ("q=%25", 0),
        ("platform=iPadOS", 2),
        ("platform=macOS", 0),
        ("state=enrolled&owner=Ada", 2),
    ] {
        assert_eq!(found(bench.get(&format!("/api/v1/devices?{query}")).await.text), count, "{query}");
    }
}

#[tokio::test]
async fn one_device_is_found_by_any_of_its_names() {
    let bench = Bench::new().await;
    let enrollment = bench.device("A:B@C").await;
    for name in
        ["A:B@C", "A%3AB%40C", "SN-A:B@C", &enrollment.id.to_string(), &enrollment.device_id.to_string()]
    {
        let answer = bench.get(&format!("/api/v1/devices/{name}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text);
        assert_eq!(answer.json()["channels"][0]["push"], "no_token");
        assert_eq!(answer.json()["enrollments"].as_array().unwrap().len(), 1);
    }
    let unknown = bench.get("/api/v1/devices/nobody").await;
    assert_eq!(
        (unknown.status, unknown.json()["code"].as_str().unwrap()),
        (StatusCode::NOT_FOUND, "not_found")
    );
}

#[tokio::test]
async fn a_device_without_a_token_cannot_be_woken_and_the_answer_says_so() {
    let bench = Bench::new().await;
    bench.device("A").await;
    let answer = bench.post("/api/v1/push", json!({"targets": ["A", "B"]})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let codes: Vec<_> = answer.json()["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| refused["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["no_push", "not_found"]);
}

#[tokio::test]
async fn the_lists_that_are_empty_are_empty_pages() {
    let bench = Bench::new().await;
    for path in ["enrollments", "quarantine", "identities", "jobs", "commands", "deliveries"] {
        let answer = bench.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.json(), json!({"items": [], "next_cursor": null}), "{path}");
    }
    assert_eq!(bench.get("/api/v1/push-certificates").await.json(), json!([]));
}

#[tokio::test]
async fn the_checks_say_that_without_a_push_certificate_nothing_is_woken() {
    let bench = Bench::new().await;
    let checks = bench.get("/api/v1/doctor").await.json();
    let push =
        checks.as_array().unwrap().iter().find(|check| check["name"] == "push.certificate").unwrap().clone();
    assert_eq!(push["severity"], "error");
    assert!(push["advice"].as_str().unwrap().contains("push-certificate request"));
}

#[tokio::test]
async fn the_probes_need_no_token_and_ready_means_that_the_database_answers() {
    let bench = Bench::new().await;
    let open = async |path: &str| {
        bench.call(http::Request::get(path).body(axum::body::Body::empty()).unwrap()).await
    };
    assert_eq!(open("/healthz").await.text, "ok\n");
    assert_eq!(open("/readyz").await.json(), json!({"ready": true}));
    bench.services.context.store.close().await;
    let answer = open("/readyz").await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::SERVICE_UNAVAILABLE, json!({"ready": false, "code": "unavailable"}))
    );
    assert_eq!(open("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_forbids_to_be_framed_and_guessed_at() {
    let bench = Bench::new().await;
    let answer = bench.get("/api/v1/server").await;
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(answer.json()["organization"], "Ward");
}

#[tokio::test]
async fn an_enrolment_that_is_kept_apart_is_shown_and_decided_about() {
    let bench = Bench::new().await;
    let apart = bench.device("A").await.id;
    bench
        .tx(move |tx| {
            let mut enrollment = store::Enrollment::find(tx, apart)?;
            enrollment.state = store::EnrollmentState::Quarantined;
            enrollment.quarantine_reason = Some("an earlier enrolment is still in contact".to_owned());
            Ok(enrollment.save(tx)?)
        })
        .await;
    let listed = bench.get("/api/v1/quarantine").await.json();
    assert_eq!(
        (listed["items"][0]["kind"].as_str(), listed["items"][0]["enrollment_id"].as_str()),
        (Some("enrollment"), Some(apart.to_string().as_str()))
    );
    let refused = bench
        .post("/api/v1/commands", json!({"targets": ["A"], "command": {"RequestType": "ProfileList"}}))
        .await;
    assert!(refused.json()["detail"].as_str().unwrap().contains("quarantined"));
    let released = bench.post(&format!("/api/v1/enrollments/{apart}/release"), json!({})).await;
    assert_eq!((released.status, released.json()["state"].as_str().unwrap()), (StatusCode::OK, "pending"));
    let again = bench.post(&format!("/api/v1/enrollments/{apart}/reject"), json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
}
