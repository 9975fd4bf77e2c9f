use http::StatusCode;
use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn places_and_people_are_made_found_and_refused_in_problem_documents() {
    let bench = Bench::new().await;
    let made = bench.post("/api/v1/places", json!({"kind": "site", "name": "Main", "code": "MAIN"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let found = bench.get("/api/v1/places/main").await.json();
    assert_eq!(found["place"]["name"], "Main");
    let tree = bench.get("/api/v1/places").await.json();
    assert_eq!(tree.as_array().unwrap().len(), 2);
    for (body, status, code) in [
        (json!({"kind": "site", "name": "Other", "code": "Main"}), StatusCode::CONFLICT, "conflict"),
        (json!({"kind": "organization", "name": "Second"}), StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        (json!({"kind": "ward", "name": ""}), StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        (json!({"kind": "ward", "name": "W", "parent": "X"}), StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
    ] {
        let answer = bench.post("/api/v1/places", body.clone()).await;
        assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (status, code), "{body}");
    }
    assert_eq!(bench.get("/api/v1/places/nowhere").await.status, StatusCode::NOT_FOUND);
    let person = json!({"name": "Ann", "email": "Ann@Example.org"});
    assert_eq!(bench.post("/api/v1/people", person).await.status, StatusCode::CREATED);
    assert_eq!(bench.get("/api/v1/people/ann@example.org").await.json()["person"]["name"], "Ann");
    let left = bench.post("/api/v1/people/ann@example.org/leave", json!({})).await;
    assert_eq!(left.status, StatusCode::OK);
    assert_eq!(
        bench.get("/api/v1/people?left=true").await.json()["items"][0]["left_at"],
        "2026-11-23T13:00:00Z"
    );
}

#[tokio::test]
async fn a_file_is_shown_before_it_is_carried_out_and_no_exported_cell_is_a_formula() {
    let bench = Bench::new().await;
    let csv = "external_id,name,email\n1,=SUM(A1),a@example.org\n";
    let import = "/api/v1/organisation/import";
    let shown = bench.post(import, json!({ "csv": csv })).await.json();
    assert_eq!(
        (shown["kind"].as_str(), shown["created"].as_i64(), shown["applied"].as_bool()),
        (Some("people"), Some(1), Some(false))
    );
    assert!(bench.get("/api/v1/people").await.json()["items"].as_array().unwrap().is_empty());
    assert!(
        bench.post(import, json!({ "csv": csv, "apply": true })).await.json()["applied"].as_bool().unwrap()
    );
    let file = bench.get("/api/v1/organisation/export/people").await;
    assert_eq!(file.text, "external_id,name,email\n1,'=SUM(A1),a@example.org\n");
    let again = bench.post(import, json!({ "csv": file.text, "apply": true })).await.json();
    assert_eq!(again["unchanged"], 1);
    let wrong = bench.post(import, json!({ "csv": "colour\nred\n" })).await;
    assert_eq!(wrong.json()["code"], "invalid");
}
