//! A small client of the operators' API.

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::blocking::{Client as Http, RequestBuilder, Response};
use reqwest::{Certificate, Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::output::at;
use super::{AccessFile, Options};

/// Items that one request for a list asks for.
const PAGE: usize = 200;

/// The server's refusal, with what it says of it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// The server's words.
    pub message: String,
}

/// The server could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach {server}: {cause}; is it running, and is the address right?")]
struct Unreachable {
    server: String,
    cause: String,
}

/// What was typed does not fit.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// A client with an operator's access.
pub(crate) struct Client {
    http: Http,
    access: AccessFile,
}

impl Client {
    /// A client for the server of the options.
    pub(super) fn new(options: &Options) -> Result<Self> {
        Self::with_access(AccessFile::find(options.access.as_deref())?)
    }

    /// A client with this access.
    pub(crate) fn with_access(access: AccessFile) -> Result<Self> {
        let mut builder = Http::builder().timeout(Duration::from_secs(60)).user_agent("ward");
        if let Some(roots) = &access.roots {
            let pem = std::fs::read(roots).with_context(|| format!("cannot read {}", roots.display()))?;
            for root in Certificate::from_pem_bundle(&pem)? {
                builder = builder.add_root_certificate(root);
            }
        }
        Ok(Self { http: builder.build()?, access })
    }

    pub(super) fn get(&self, path: &str) -> Result<Value> {
        json(self.send(self.request(Method::GET, path))?)
    }

    /// Sends a change. When no answer comes it is sent once more: the key makes sure that it happens once.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value)> {
        let key = uuid::Uuid::new_v4().to_string();
        let send = || self.send(self.request(Method::POST, path).header("Idempotency-Key", &key).json(body));
        let response = send().or_else(|error| match error.is::<Unreachable>() {
            true => send(),
            false => Err(error),
        })?;
        let status = response.status();
        Ok((status, json(response)?))
    }

    /// What the server answers as plain text.
    pub(super) fn text(&self, path: &str) -> Result<String> {
        Ok(self.send(self.request(Method::GET, path))?.text()?)
    }

    /// Sends a change that may be sent twice: PUT, PATCH or DELETE.
    pub(crate) fn change(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = self.request(method, path);
        json(self.send(match body {
            Some(body) => request.json(body),
            None => request,
        })?)
    }

    /// All items of a list, page by page, up to `limit`.
    pub(crate) fn list(
        &self,
        path: &str,
        query: &[(&str, Option<&str>)],
        limit: usize,
    ) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = PAGE.min(limit.saturating_sub(items.len())).max(1).to_string();
            let mut given: Vec<(&str, &str)> =
                query.iter().filter_map(|(name, value)| value.map(|value| (*name, value))).collect();
            given.push(("limit", &page));
            given.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let answer = json(self.send(self.request(Method::GET, path).query(&given))?)?;
            items.extend(at(&answer, "items").as_array().cloned().unwrap_or_default());
            cursor = at(&answer, "next_cursor").as_str().map(str::to_owned);
            if cursor.is_none() || items.len() >= limit {
                return Ok(items);
            }
        }
    }

    /// The stream of events; it does not end by itself.
    pub(super) fn stream(&self, path: &str) -> Result<impl Read + use<>> {
        self.send(self.request(Method::GET, path).timeout(Duration::from_secs(u64::from(u32::MAX))))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.access.server.trim_end_matches('/'));
        self.http.request(method, url).bearer_auth(self.access.token.expose_secret())
    }

    fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), deepest);
            Unreachable { server: self.access.server.clone(), cause }
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let problem: Value = response.json().unwrap_or_default();
        let status = if concerns_unknown_devices(&problem) { 404 } else { status };
        Err(Failure { status, message: explain(status, &problem) }.into())
    }
}

/// Whether nothing else is wrong than that the targets are not there.
fn concerns_unknown_devices(problem: &Value) -> bool {
    let refusals = at(problem, "refusals").as_array();
    refusals.is_some_and(|refusals| {
        !refusals.is_empty() && refusals.iter().all(|refusal| *at(refusal, "rule") == *"not_found")
    })
}

fn json(response: Response) -> Result<Value> {
    response.json().context("the server's answer is no JSON; is this address Ward's?")
}

fn deepest(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), deepest)
}

/// A problem document (RFC 9457) in words: what, then each detail on a line of its own.
fn explain(status: u16, problem: &Value) -> String {
    let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![match (text("title"), text("detail")) {
        (title, detail) if title.is_empty() && detail.is_empty() => format!("the server answered {status}"),
        (title, detail) if detail.is_empty() => title,
        (_, detail) => detail,
    }];
    for error in at(problem, "errors").as_array().into_iter().flatten() {
        let line = format!("{}: {}", plain(at(error, "field")), plain(at(error, "message")));
        if lines.first() != Some(&line) {
            lines.push(format!("  {line}"));
        }
    }
    for refusal in at(problem, "refusals").as_array().into_iter().flatten() {
        lines.extend(refusal_lines(refusal));
    }
    lines.join("\n")
}

/// One target's refusals, in words: what is wrong and what to do, then where it is wrong.
pub(super) fn refusal_lines(refusal: &Value) -> Vec<String> {
    let target = plain(at(refusal, "target"));
    let rules = match at(refusal, "refusals").as_array() {
        Some(rules) if !rules.is_empty() => rules.clone(),
        _ => vec![refusal.clone()],
    };
    let words = |rule: &Value| {
        [at(rule, "advice"), at(rule, "detail")].map(plain).into_iter().find(|text| !text.is_empty())
    };
    let line = |rule: &Value| {
        let subject =
            [target.clone(), plain(at(rule, "key_path"))].into_iter().filter(|text| !text.is_empty());
        format!("  {}: {}", subject.collect::<Vec<_>>().join(", "), words(rule).unwrap_or_default())
    };
    rules.iter().map(line).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The exit code for an error: see the help of `ward`.
pub(super) fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Unreachable>() {
        return ExitCode::from(5);
    }
    if error.is::<Usage>() {
        return ExitCode::from(2);
    }
    match error.downcast_ref::<Failure>().map(|failure| failure.status) {
        Some(404) => ExitCode::from(4),
        Some(403 | 409 | 422) => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    }
}

/// A piece of a path, percent-encoded (RFC 3986, 2.3).
pub(super) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// An error for a person who asked for something that does not fit.
pub(super) fn usage(message: &str) -> anyhow::Error {
    Usage(message.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_document_becomes_sentences() {
        let problem = json!({"title": "Refused", "detail": "No target took it.", "refusals": [
            {"target": "MAC01", "key_path": "", "rule": "platform", "advice": "Leave a Mac out."},
            {"target": null, "key_path": "PIN", "rule": "secret-in-request", "advice": "Leave the PIN out."},
        ]});
        let text = explain(422, &problem);
        assert!(text.contains("No target took it."), "{text}");
        assert!(text.contains("\n  MAC01: Leave a Mac out."), "{text}");
        assert!(text.contains("\n  PIN: Leave the PIN out."), "{text}");
        assert_eq!(explain(500, &Value::Null), "the server answered 500");
    }

    #[test]
    fn a_user_channel_fits_into_a_path() {
        assert_eq!(segment("AB-1:user@example.org"), "AB-1%3Auser%40example.org");
    }
}
