use http::StatusCode;
use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn a_command_for_all_targets_is_created_and_one_that_some_cannot_take_is_multi_status() {
    let bench = Bench::new().await;
    bench.device("A").await;
    let body =
        json!({"targets": ["A"], "command": {"RequestType": "EnableLostMode", "Message": "Please return"}});
    let answer = bench.post("/api/v1/commands", body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    insta::assert_json_snapshot!(answer.json(), {
        ".queued[].command_uuid" => "[uuid]", ".queued[].device_id" => "[id]", ".queued[].enrollment_id" => "[id]",
    }, @r#"
    {
      "advice": [],
      "class": "D1",
      "class_reason": "Locks the device until Ward opens it again.",
      "queued": [
        {
          "already": false,
          "channel": "A",
          "command_uuid": "[uuid]",
          "delivery": 1,
          "device_id": "[id]",
          "enrollment_id": "[id]",
          "secret_id": null,
          "target": "A"
        }
      ],
      "raw": false,
      "refused": [],
      "request_type": "EnableLostMode"
    }
    "#);
    let some = bench
        .post("/api/v1/commands", json!({"targets": ["A", "B"], "command": {"RequestType": "ProfileList"}}))
        .await;
    assert_eq!(some.status, StatusCode::MULTI_STATUS);
    assert_eq!(some.json()["refused"][0]["code"], "not_found");
}

#[tokio::test]
async fn a_command_that_nobody_takes_is_a_problem_with_the_reasons_of_each() {
    let bench = Bench::new().await;
    bench.device("A").await;
    let answer = bench
        .post(
            "/api/v1/commands",
            json!({"targets": ["A", "B"], "command": {"RequestType": "EnableLostMode"}}),
        )
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_json_snapshot!(answer.json(), @r#"
    {
      "code": "refused",
      "detail": "Lost Mode needs a Message or a PhoneNumber, so that a finder knows what to do. Give one of them. (and 1 more targets)",
      "refusals": [
        {
          "advice": "Lost Mode needs a Message or a PhoneNumber, so that a finder knows what to do. Give one of them.",
          "key_path": "Message",
          "rule": "combination",
          "target": "A"
        },
        {
          "advice": "there is no device, enrolment or user channel 'B'",
          "key_path": "",
          "rule": "not_found",
          "target": "B"
        }
      ],
      "status": 422,
      "title": "No target took the command",
      "type": "urn:ward:problem:refused"
    }
    "#);
}

#[tokio::test]
async fn a_delivery_shows_its_evidence_and_can_be_cancelled_once() {
    let bench = Bench::new().await;
    bench.device("A").await;
    let body =
        json!({"targets": ["A"], "command": {"RequestType": "EraseDevice"}, "reason": "lost on the bus"});
    let sent = bench.post("/api/v1/commands", body).await.json();
    let seq = sent["queued"][0]["delivery"].as_i64().unwrap();
    let evidence = bench.get(&format!("/api/v1/deliveries/{seq}")).await;
    insta::assert_json_snapshot!(evidence.json(), {
        ".delivery.command_uuid" => "[uuid]", ".delivery.device_id" => "[id]", ".delivery.enrollment_id" => "[id]",
    }, @r#"
    {
      "command": {
        "RequestType": "EraseDevice"
      },
      "conclusion": {
        "code": "requested",
        "sentence": "The command waits. The device has not been woken for it."
      },
      "delivery": {
        "channel_key": "A",
        "class": "D0",
        "command_uuid": "[uuid]",
        "device_id": "[id]",
        "device_name": "iPad A",
        "enqueued_at": "2026-11-23T13:00:00Z",
        "enrollment_id": "[id]",
        "expires_at": null,
        "hand_outs": 0,
        "request_type": "EraseDevice",
        "seq": 1,
        "state": "queued",
        "state_at": "2026-11-23T13:00:00Z",
        "wording": "queued"
      },
      "facts": null,
      "findings": {
        "malformed": [],
        "missing": [],
        "unknown": []
      },
      "history": [
        {
          "at": "2026-11-23T13:00:00Z",
          "detail": "asked for by first operator",
          "identity_id": null,
          "source": "operator",
          "state": "queued"
        }
      ],
      "reason": "lost on the bus",
      "requested_by": "first operator",
      "result": null,
      "result_digest": null,
      "settings": [],
      "verification": null
    }
    "#);
    is_cancelled_once(&bench, seq).await;
}

async fn is_cancelled_once(bench: &Bench, seq: i64) {
    let cancel = format!("/api/v1/deliveries/{seq}/cancel");
    assert_eq!(bench.post(&cancel, json!({})).await.json(), json!({"cancelled": [seq], "too_late": []}));
    let again = bench.post(&cancel, json!({})).await;
    assert_eq!((again.status, again.json()["code"].as_str().unwrap()), (StatusCode::CONFLICT, "conflict"));
    let shown = bench.get(&format!("/api/v1/deliveries/{seq}")).await.json();
    assert_eq!(shown["conclusion"]["code"], "cancelled");
    assert_eq!(shown["history"][1]["source"], "operator");
}

#[tokio::test]
async fn deliveries_are_listed_by_device_command_and_state() {
    let bench = Bench::new().await;
    bench.device("A").await;
    bench.device("B").await;
    let both = json!({"targets": ["A", "B"], "command": {"RequestType": "ProfileList"}});
    let uuid = bench.post("/api/v1/commands", both).await.json()["queued"][0]["command_uuid"]
        .as_str()
        .unwrap()
        .to_owned();
    let one = bench
        .post("/api/v1/commands", json!({"targets": ["A"], "command": {"RequestType": "SecurityInfo"}}))
        .await;
    let seq = one.json()["queued"][0]["delivery"].as_i64().unwrap();
    bench.post(&format!("/api/v1/deliveries/{seq}/cancel"), json!({})).await;
    let count = async |query: &str| {
        let answer = bench.get(&format!("/api/v1/deliveries?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()["items"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("device=A").await, 2);
    assert_eq!(count("device=SN-B").await, 1);
    assert_eq!(count(&format!("command={uuid}")).await, 2);
    assert_eq!(count("state=cancelled").await, 1);
    assert_eq!(count("pending=true&device=A").await, 1);
    assert_eq!(count("pending=false").await, 1);
    assert_eq!(bench.get("/api/v1/deliveries?state=dancing").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = bench.get(&format!("/api/v1/commands/{uuid}")).await.json();
    assert_eq!(
        (shown["command"]["deliveries"].as_u64(), shown["body"]["RequestType"].as_str()),
        (Some(2), Some("ProfileList"))
    );
}

#[tokio::test]
async fn the_commands_that_ward_knows_are_listed_with_their_classes() {
    let bench = Bench::new().await;
    let known = bench.get("/api/v1/commands/catalog").await.json();
    let erase =
        known.as_array().unwrap().iter().find(|entry| entry["request_type"] == "EraseDevice").unwrap();
    assert_eq!(erase["class"], "D0");
    assert!(known.as_array().unwrap().len() > 50);
}

#[tokio::test]
async fn a_pin_is_shown_to_who_says_why_and_the_act_is_recorded() {
    let bench = Bench::new().await;
    bench.device("A").await;
    bench
        .tx(|tx| {
            let mut mac = store::Device::find_by_udid(tx, "A")?.unwrap();
            mac.platform = Some("macOS".parse().unwrap());
            Ok(mac.save(tx)?)
        })
        .await;
    let sent = bench
        .post("/api/v1/commands", json!({"targets": ["A"], "command": {"RequestType": "DeviceLock"}}))
        .await
        .json();
    let id = sent["queued"][0]["secret_id"].as_str().unwrap().to_owned();
    let listed = bench.get("/api/v1/devices/A/secrets").await.json();
    assert_eq!(
        (listed[0]["kind"].as_str(), listed[0]["revealable"].as_bool()),
        (Some("lock_pin"), Some(true))
    );
    let path = format!("/api/v1/secrets/{id}/reveal");
    assert_eq!(bench.post(&path, json!({"reason": " "})).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = bench.post(&path, json!({"reason": "the Mac is back"})).await;
    assert_eq!(shown.json()["value"].as_str().unwrap().len(), 6);
    assert_eq!(shown.header("cache-control"), "no-store");
    let acts = bench.get("/api/v1/audit-events?action=secret.reveal").await.json();
    assert_eq!(acts["items"][0]["detail"]["reason"], "the Mac is back");
    assert_eq!(acts["items"].as_array().unwrap().len(), 1);
    let all = bench.get("/api/v1/audit-events").await.text;
    assert!(!all.contains(shown.json()["value"].as_str().unwrap()));
}
