//! What is written to the outbox: ids and states, picked by name. What is not picked is not told, so a new detail of an event
//! stays inside until somebody decides otherwise.

use catalog::Class;
use clock::Timestamp;
use serde_json::{Map, Value as Json, json};
use store::{NewOutboxEvent, Outbox, TokenId, Tx};
use uuid::Uuid;

use crate::Error;
use crate::events::Event;

/// What tells a sink that something can never be told to it.
pub(super) const GAP: &str = "ward.gap";
/// The details whose texts are words of Ward or Apple, or names of certificates and keys.
const WORDS: [&str; 17] = [
    "command_uuid",
    "fingerprint",
    "kind",
    "not_after",
    "not_before",
    "proof",
    "replaced_at",
    "request_type",
    "ring",
    "serial",
    "since",
    "state",
    "status",
    "topic",
    "type",
    "until",
    "version",
];
/// What a person should look at.
const URGENT: [&str; 11] = [
    "act.incident.open",
    "act.rollout.halt",
    "act.secret.reveal",
    "act.sink.remove",
    "device.unknown",
    "enrollment.disputed",
    "enrollment.quarantined",
    "identity.clone_suspected",
    "identity.mismatch",
    "push.alarm",
    GAP,
];
/// The longest text, and the longest name of an object.
const LONGEST: usize = 100;

/// Whether a person should look at events of this kind.
pub(super) fn is_urgent(kind: &str) -> bool {
    URGENT.contains(&kind)
}

/// Tells what changed.
///
/// # Errors
/// The database's.
pub(crate) fn told(tx: &mut Tx<'_>, event: &Event) -> Result<(), Error> {
    if !tx.is_streaming() {
        return Ok(());
    }
    let mut body = ids_and_states(&event.detail);
    if let Some(enrollment) = event.enrollment {
        body.insert("enrollment".to_owned(), json!(enrollment.0));
    }
    let object = event.device.map_or_else(|| "ward".to_owned(), |device| format!("device:{device}"));
    let row = NewOutboxEvent { at: event.at, object: &object, kind: event.kind, body: Json::Object(body) };
    Ok(Outbox::add(tx, &row)?)
}

/// An act, as far as it is told.
pub(crate) struct Recorded<'a> {
    /// The operator's token, if it was one.
    pub(crate) token: Option<TokenId>,
    /// Who, as the record has it.
    pub(crate) actor: &'a str,
    /// What.
    pub(crate) action: &'a str,
    /// Its class.
    pub(crate) class: Option<Class>,
    /// On what.
    pub(crate) target: Option<&'a str>,
    /// Particulars.
    pub(crate) detail: &'a Json,
}

/// Tells what was done. An operator is named by the id of the token: names are a matter of the record inside.
///
/// # Errors
/// The database's.
pub(crate) fn recorded(tx: &mut Tx<'_>, at: Timestamp, act: &Recorded<'_>) -> Result<(), Error> {
    if !tx.is_streaming() {
        return Ok(());
    }
    let mut body = ids_and_states(act.detail);
    body.insert("actor".to_owned(), actor(act).into());
    if let Some(class) = act.class {
        body.insert("class".to_owned(), class.as_str().into());
    }
    let object = act.target.and_then(plain).unwrap_or("ward");
    let kind = format!("act.{}", act.action);
    let row = NewOutboxEvent { at, object, kind: &kind, body: Json::Object(body) };
    Ok(Outbox::add(tx, &row)?)
}

fn actor(act: &Recorded<'_>) -> String {
    let device = act.actor.strip_prefix("device:").is_some_and(is_id);
    match act.token {
        Some(token) => format!("token:{token}"),
        None if device || matches!(act.actor, "ward" | "device") => act.actor.to_owned(),
        None => "operator".to_owned(),
    }
}

/// The details that are ids, numbers, yes or no, or words of [`WORDS`].
fn ids_and_states(detail: &Json) -> Map<String, Json> {
    let Json::Object(detail) = detail else { return Map::new() };
    let keep = |(name, value): (&String, &Json)| {
        let keep = match value {
            Json::Bool(_) | Json::Number(_) => true,
            Json::String(text) => is_id(text) || (WORDS.contains(&name.as_str()) && plain(text).is_some()),
            Json::Array(items) => {
                items.len() <= LONGEST && items.iter().all(|item| item.as_str().is_some_and(is_id))
            }
            Json::Null | Json::Object(_) => false,
        };
        keep.then(|| (name.clone(), value.clone()))
    };
    detail.iter().filter_map(keep).collect()
}

fn is_id(text: &str) -> bool {
    Uuid::parse_str(text).is_ok()
}

/// A short text of the characters that ids and words have.
fn plain(text: &str) -> Option<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:+-/".contains(&byte);
    (!text.is_empty() && text.len() <= LONGEST && text.bytes().all(fits)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_and_states_are_told() {
        let detail = json!({
            "state": "ended", "epoch": 3, "disputed": false, "device": "0193a1f2-7a1c-7000-8000-000000000001",
            "reason": "Anna said so", "name": "Anna", "topic": "anna@hospital.example", "status": "two words",
            "value": "room 12", "nested": { "state": "x" }, "groups": ["0193a1f2-7a1c-7000-8000-000000000002"],
            "names": ["Anna"], "nothing": null,
        });
        let kept = Json::Object(ids_and_states(&detail));
        assert_eq!(
            kept,
            json!({
                "state": "ended", "epoch": 3, "disputed": false,
                "device": "0193a1f2-7a1c-7000-8000-000000000001",
                "groups": ["0193a1f2-7a1c-7000-8000-000000000002"],
            })
        );
        assert!(ids_and_states(&json!("a text")).is_empty());
    }
}
