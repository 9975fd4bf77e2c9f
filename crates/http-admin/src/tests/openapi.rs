use std::collections::BTreeSet;
use std::path::Path;

use super::bench::Bench;

/// The committed description: what clients are built against.
const LOCKED: &str = "openapi.json";

#[test]
fn the_description_is_the_one_that_is_committed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(LOCKED);
    let made = crate::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("WARD_UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let locked = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == locked,
        "the API has changed: review it, then run this test with WARD_UPDATE_OPENAPI=1 and commit {LOCKED}"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_needs_the_token_and_says_what_errors_look_like() {
    let document = serde_json::to_value(crate::document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/api/v1/"), "{path}");
        for (method, operation) in item.as_object().unwrap() {
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            assert_eq!(operation["security"], serde_json::json!([{"bearer": []}]), "{method} {path}");
            assert!(
                operation["responses"]["default"]["content"]["application/problem+json"].is_object(),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn the_description_is_served_without_a_token() {
    let bench = Bench::new().await;
    let request = http::Request::get("/api/v1/openapi.json").body(axum::body::Body::empty()).unwrap();
    let served = bench.call(request).await.json();
    assert_eq!(served, serde_json::to_value(crate::document()).unwrap());
}
