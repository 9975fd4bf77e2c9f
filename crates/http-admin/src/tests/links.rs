use http::StatusCode;
use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn a_links_address_is_shown_once_with_a_qr_code_and_stored_as_a_hash() {
    let bench = Bench::new().await;
    let made =
        bench.post("/api/v1/links", json!({"ownership": "shared", "owner": "Ward 7", "uses_limit": 5})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let view = made.json();
    let token =
        view["url"].as_str().unwrap().strip_prefix("https://localhost:8443/enroll/").unwrap().to_owned();
    assert!(token.starts_with("ward_link_"));
    assert!(view["qr_svg"].as_str().unwrap().contains("<svg"));
    let listed = bench.get("/api/v1/links").await;
    assert!(!listed.text.contains(&token));
    insta::assert_json_snapshot!(listed.json()["items"][0], { ".id" => "[id]" }, @r#"
    {
      "created_at": "2026-11-23T13:00:00Z",
      "created_by": "first operator",
      "expires_at": "2026-11-26T13:00:00Z",
      "id": "[id]",
      "label": null,
      "owner": "Ward 7",
      "ownership": "shared",
      "person": null,
      "place": null,
      "revoked_at": null,
      "state": "open",
      "stopped_at": null,
      "stopped_reason": null,
      "uses": 0,
      "uses_limit": 5
    }
    "#);
    let hash = pki::sha256(token.as_bytes());
    assert!(bench.tx(move |tx| Ok(store::EnrollmentLink::find_by_token_hash(tx, &hash)?)).await.is_some());
}

#[tokio::test]
async fn personal_links_are_off_and_the_refusal_says_why() {
    let bench = Bench::new().await;
    let answer = bench.post("/api/v1/links", json!({"ownership": "personal"})).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str().unwrap()),
        (StatusCode::FORBIDDEN, "forbidden")
    );
    assert!(answer.json()["detail"].as_str().unwrap().contains("serial number"));
}

#[tokio::test]
async fn a_revoked_link_stays_listed_and_revoking_it_again_changes_nothing() {
    let bench = Bench::new().await;
    let id = bench.post("/api/v1/links", json!({"ownership": "corporate"})).await.json()["link"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/links/{id}/revoke");
    let first = bench.post(&path, json!({})).await.json();
    bench.clock.advance(std::time::Duration::from_secs(60));
    let second = bench.post(&path, json!({})).await.json();
    assert_eq!((first["state"].as_str(), &first["revoked_at"]), (Some("revoked"), &second["revoked_at"]));
    assert_eq!(
        bench.get("/api/v1/audit-events?action=link.revoke").await.json()["items"].as_array().unwrap().len(),
        1
    );
    let unknown = bench.post("/api/v1/links/00000000-0000-0000-0000-000000000000/revoke", json!({})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn links_are_read_page_by_page_while_new_ones_are_made() {
    let bench = Bench::new().await;
    let make = async |label: &str| {
        bench.clock.advance(std::time::Duration::from_secs(1));
        bench.post("/api/v1/links", json!({"ownership": "corporate", "label": label})).await;
    };
    for label in ["1", "2", "3", "4", "5"] {
        make(label).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = bench.get(&format!("/api/v1/links?limit=2{cursor}")).await.json();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|link| link["label"].as_str().unwrap().to_owned()),
        );
        make("new").await;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"]);
}
