//! The signed-in operator. A route without this extractor has nobody to act for, and nothing to give the services.

use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use service::operators::Operator;

use crate::{AdminServices, Problem};

/// The operator whose bearer token the request carries.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) Operator);

impl<S> FromRequestParts<S> for SignedIn
where
    AdminServices: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let token = bearer(parts).ok_or_else(Problem::unauthorized)?.to_owned();
        let services = AdminServices::from_ref(state);
        let operator = services.operators.authenticate(&token).await?.ok_or_else(Problem::unauthorized)?;
        let signed_in = Self(operator);
        parts.extensions.insert(signed_in.clone());
        Ok(signed_in)
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1). The scheme is not case-sensitive.
fn bearer(parts: &Parts) -> Option<&str> {
    let text = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= 256).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_of_sane_length_counts() {
        let long = format!("Bearer {}", "x".repeat(300));
        let table = [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("Bearer ", None),
            ("Bearer", None),
            (long.as_str(), None),
        ];
        for (value, token) in table {
            let (parts, ()) =
                http::Request::get("/").header("authorization", value).body(()).unwrap().into_parts();
            assert_eq!(bearer(&parts), token, "{value}");
        }
    }
}
