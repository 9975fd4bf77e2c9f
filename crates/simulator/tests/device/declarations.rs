//! Declarative management: what is fetched, when, and what is reported.

use plist::Dictionary;
use serde_json::json;
use simulator::Model;

use crate::server::{Answer, Server};
use crate::{data, enrolled, run, text};

fn answer(body: &serde_json::Value) -> Answer {
    Answer::Body(200, "application/json", body.to_string().into_bytes())
}

fn manifest(token: &str, configurations: &serde_json::Value) -> [Answer; 2] {
    let tokens = json!({"SyncTokens": {"Timestamp": "2026-11-23T13:00:00Z", "DeclarationsToken": token}});
    let items = json!({
        "Declarations": {"Activations": [], "Assets": [], "Configurations": configurations, "Management": []},
        "DeclarationsToken": token
    });
    [answer(&tokens), answer(&items)]
}

fn endpoints(server: &Server) -> Vec<String> {
    server.seen("DeclarativeManagement").iter().map(|seen| text(seen, "Endpoint")).collect()
}

/// Commands a synchronisation; the check-ins after it get these answers.
async fn sync(server: &Server, device: &simulator::SimulatedDevice, answers: Vec<Answer>) {
    server.script.declarative.lock().extend(answers);
    run(server, device, "DeclarativeManagement", Dictionary::new()).await;
}

#[tokio::test]
async fn declarations_are_fetched_once_reported_and_removed() {
    let (server, device) = enrolled(Model::IPhone).await;
    let listed = json!([{"Identifier": "org.example.passcode", "ServerToken": "1"}]);
    let [tokens, items] = manifest("a", &listed);
    let declaration = json!({
        "Type": "com.apple.configuration.passcode.settings",
        "Identifier": "org.example.passcode", "ServerToken": "1", "Payload": {}
    });
    sync(&server, &device, vec![tokens.clone(), items, answer(&declaration), Answer::Status(200)]).await;
    let fetch = "declaration/configuration/org.example.passcode";
    assert_eq!(endpoints(&server), ["tokens", "declaration-items", fetch, "status"]);
    let report: serde_json::Value =
        serde_json::from_slice(&data(server.seen("DeclarativeManagement").last().unwrap(), "Data")).unwrap();
    assert_eq!(report["StatusItems"]["management"]["declarations"]["configurations"][0]["server-token"], "1");
    assert_eq!(device.snapshot().declarations, ["org.example.passcode"]);
    sync(&server, &device, vec![tokens]).await;
    assert_eq!(endpoints(&server).len(), 5, "nothing has changed, so nothing is fetched");
    let [tokens, items] = manifest("b", &json!([]));
    sync(&server, &device, vec![tokens, items, Answer::Status(200)]).await;
    assert!(device.snapshot().declarations.is_empty());
    assert_eq!(device.snapshot().counts.declaration_syncs, 3);
}

#[tokio::test]
async fn a_failure_is_tried_again_and_takes_nothing_away() {
    let (server, device) = enrolled(Model::IPhone).await;
    let [tokens, items] = manifest("a", &json!([{"Identifier": "x", "ServerToken": "1"}]));
    sync(&server, &device, vec![tokens.clone(), items.clone(), Answer::Status(503)]).await;
    assert_eq!(device.snapshot().counts.declaration_syncs, 0);
    server.script.declarative.lock().extend([tokens, items, Answer::Status(404), Answer::Status(200)]);
    device.poll().await.unwrap();
    let state = device.snapshot();
    assert_eq!(state.counts.declaration_syncs, 1);
    assert!(state.declarations.is_empty(), "a 404 means that the declaration is gone");
}

#[tokio::test]
async fn a_manifest_with_a_missing_array_is_not_applied() {
    let (server, device) = enrolled(Model::IPhone).await;
    let [tokens, _] = manifest("a", &json!([]));
    let items = json!({"Declarations": {"Activations": []}, "DeclarationsToken": "a"});
    sync(&server, &device, vec![tokens, answer(&items)]).await;
    assert_eq!(device.snapshot().counts.declaration_syncs, 0);
    assert!(device.snapshot().problems.iter().any(|problem| problem.contains("declaration-items")));
}
