use axum::body::Body;
use axum::response::IntoResponse;
use http::{Request, StatusCode};
use serde_json::json;
use service::{Error, IdentityRefusal};

use super::bench::Bench;
use crate::Problem;

#[tokio::test]
async fn every_described_operation_refuses_a_caller_without_a_token() {
    let bench = Bench::new().await;
    let document = serde_json::to_value(crate::document()).unwrap();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            for token in ["", "Bearer ward_op_wrong", "Basic abc"] {
                let request = Request::builder()
                    .method(method.to_uppercase().as_str())
                    .uri(path.replace(['{', '}'], "x"))
                    .header("authorization", token)
                    .header("content-type", "application/json");
                let answer = bench.call(request.body(Body::from("{}")).unwrap()).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path} {token}");
                assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"ward\"");
                assert_eq!(answer.json()["code"], "unauthorized");
                tried += 1;
            }
        }
    }
    assert!(tried > 80, "{tried}");
}

#[tokio::test]
async fn a_revoked_token_opens_nothing() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/api/v1/server").await.status, StatusCode::OK);
    let now = bench.services.context.now();
    bench
        .tx(move |tx| {
            let mut token = store::ApiToken::list(tx)?.remove(0);
            token.revoked_at = Some(now);
            Ok(token.save(tx)?)
        })
        .await;
    assert_eq!(bench.get("/api/v1/server").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_problem_is_a_document_with_a_stable_code() {
    let bench = Bench::new().await;
    let answer = bench.post("/api/v1/links", json!({"ownership": "stolen"})).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    insta::assert_json_snapshot!(answer.json(), @r#"
    {
      "code": "invalid",
      "detail": "ownership: must be corporate, personal or shared",
      "errors": [
        {
          "field": "ownership",
          "message": "must be corporate, personal or shared"
        }
      ],
      "status": 422,
      "title": "A field is wrong",
      "type": "urn:ward:problem:invalid"
    }
    "#);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_to_be_so() {
    let bench = Bench::new().await;
    let post = async |kind: &str, body: String| {
        let request = bench
            .request("POST", "/api/v1/links")
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        let answer = bench.call(request).await;
        (answer.status.as_u16(), answer.json()["code"].as_str().unwrap().to_owned())
    };
    let json = "application/json; charset=utf-8";
    assert_eq!(post(json, "{".to_owned()).await, (400, "malformed".to_owned()));
    assert_eq!(
        post(json, r#"{"ownership":"corporate","colour":"red"}"#.to_owned()).await,
        (400, "malformed".to_owned())
    );
    assert_eq!(post("text/plain", "{}".to_owned()).await, (415, "not_json".to_owned()));
    assert_eq!(post(json, " ".repeat((16 << 20) + 1)).await, (413, "body_too_large".to_owned()));
    assert_eq!(post(json, "[".repeat(100_000)).await, (400, "malformed".to_owned()));
    let queries = [
        ("/api/v1/devices?limit=0", 422),
        ("/api/v1/devices?limit=x", 400),
        ("/api/v1/devices?colour=red", 400),
    ];
    for (path, status) in queries {
        assert_eq!(bench.get(path).await.status.as_u16(), status, "{path}");
    }
    for (path, status) in [("/api/v1/nothing", 404), ("/api/v1/enrollments/not-an-id", 404), ("/", 404)] {
        let answer = bench.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str().unwrap()),
            (status, "not_found"),
            "{path}"
        );
    }
    let wrong = bench.call(bench.request("DELETE", "/api/v1/devices").body(Body::empty()).unwrap()).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["code"].as_str().unwrap()), (405, "method_not_allowed"));
}

#[test]
fn every_error_of_a_service_has_its_status() {
    let refusal = catalog::Refusal::new("PIN", catalog::Rule::SecretInRequest, "leave it out");
    let table = [
        (Error::not_found("device", "x"), 404, "not_found"),
        (Error::Conflict("taken".to_owned()), 409, "conflict"),
        (Error::invalid("a", "b"), 422, "invalid"),
        (Error::Refused(vec![refusal]), 422, "refused"),
        (Error::Forbidden("no".to_owned()), 403, "forbidden"),
        (Error::Identity(IdentityRefusal::Missing), 400, "identity"),
        (Error::Malformed("x".to_owned()), 400, "malformed"),
        (Error::Withheld("held".to_owned()), 409, "withheld"),
        (Error::Gone("over".to_owned()), 410, "gone"),
        (Error::Unavailable("busy".to_owned()), 503, "unavailable"),
        (Error::Internal("the password is swordfish".to_owned()), 500, "internal"),
    ];
    for (error, status, code) in table {
        let problem = Problem::from(error);
        let shown = format!("{problem:?}");
        assert_eq!(problem.status().as_u16(), status, "{code}");
        assert!(shown.contains(&format!("code: {code:?}")), "{shown}");
        assert!(!shown.contains("swordfish"), "an internal error tells the caller about the inside");
        assert_eq!(problem.into_response().headers().contains_key("retry-after"), status == 503);
    }
}
