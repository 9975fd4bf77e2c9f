//! `Idempotency-Key` on every mutation: the same key and body are answered alike, and the work is done once.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use service::idempotency::{Begun, Claim, KeptAnswer};
use service::operators::Operator;

use crate::json::{BODY_LIMIT, body_problem};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replay");
/// The largest answer that is kept.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// In the extensions of an answer: it is shown once and not kept. The same request is refused afterwards, because its work is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotKept;

/// A middleware around all routes: does nothing unless the request is a mutation with a key.
pub(crate) async fn idempotent(
    State(services): State<AdminServices>,
    request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || !request.headers().contains_key(&KEY) {
        return next.run(request).await;
    }
    match once(services, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn once(services: AdminServices, request: Request, next: Next) -> Result<Response, Problem> {
    let key = key(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let SignedIn(operator) = SignedIn::from_request_parts(&mut parts, &services).await?;
    let body = http_layers::read_body(body, BODY_LIMIT).await.map_err(body_problem)?;
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    let what = [parts.method.as_str().as_bytes(), address.as_bytes(), &body];
    match services.idempotency.begin(&operator, &key, &what).await? {
        Begun::Fresh(claim) => {
            parts.extensions.insert(SignedIn(Operator { request_key: Some(key), ..operator }));
            let request = Request::from_parts(parts, Body::from(body));
            // On a task of its own: a caller that hangs up must not leave the work half done and the key taken.
            let work = tokio::spawn(async move { work(services, claim, next.run(request).await).await });
            work.await.map_err(|error| Problem::from(service::Error::Internal(error.to_string())))?
        }
        Begun::Answered(kept) => Ok(replay(kept)),
        Begun::Conflict(reason) => Err(Problem::idempotency(reason)),
    }
}

/// Keeps the answer, unless the server failed: then the same request may be tried again.
async fn work(services: AdminServices, claim: Claim, response: Response) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    let body = http_layers::read_body(body, ANSWER_LIMIT).await.map_err(body_problem)?;
    if parts.extensions.get::<NotKept>().is_some() {
        return Ok(Response::from_parts(parts, Body::from(body)));
    }
    if parts.status.is_server_error() {
        services.idempotency.abandon(claim).await?;
    } else {
        let kept = KeptAnswer {
            status: parts.status.as_u16(),
            content_type: content_type(&parts.headers),
            body: body.to_vec(),
        };
        services.idempotency.finish(claim, kept).await?;
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(kept: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, kept.body).into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&kept.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let text = headers.get(&KEY).and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default();
    if text.is_empty() || text.len() > 128 {
        return Err(Problem::malformed("Idempotency-Key must be 1 to 128 printable characters"));
    }
    Ok(text.to_owned())
}

fn content_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("application/json")
        .to_owned()
}
