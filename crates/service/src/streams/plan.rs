//! What the configuration says of a sink.

use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use notify_client::{Deliver, Message};
use serde_json::{Value as Json, json};
use store::{Outbox, Sink};

use super::feed;

/// The kind of the events that carry a checkpoint of the ledger.
pub(super) const CHECKPOINT: &str = "ledger.checkpoint";

/// A sink of the configuration.
#[derive(Debug, Clone)]
pub struct SinkPlan {
    /// Its name: lower-case letters, digits and dashes.
    pub name: String,
    /// `webhook`, `syslog` or `jsonl`.
    pub kind: &'static str,
    /// Where it is, without anything that could be a secret.
    pub target: String,
    /// The kinds of events that it wants, exact or with `*` at the end; none means all.
    pub kinds: Vec<String>,
    /// Whether it keeps the ledger's checkpoints, so that a ledger that was rewritten would be noticed.
    pub witness: bool,
    /// A digest of what the configuration says of it, to notice changes.
    pub digest: String,
    /// What tells it.
    pub deliver: Arc<dyn Deliver>,
}

/// How all sinks are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// How often a sink is told that Ward is alive.
    pub heartbeat: Duration,
    /// How long events are kept, told or not.
    pub keep: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(5 * 60), keep: Duration::from_secs(30 * 86_400) }
    }
}

impl SinkPlan {
    /// Whether it wants events of this kind.
    pub(super) fn wants(&self, kind: &str) -> bool {
        let fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(begin) => kind.starts_with(begin),
            None => kind == wanted,
        };
        self.kinds.is_empty() || self.kinds.iter().any(fits) || (self.witness && kind == CHECKPOINT)
    }

    /// What its row remembers of the configuration.
    pub(super) fn settings(&self) -> Json {
        json!({
            "kind": self.kind, "target": self.target, "kinds": self.kinds,
            "witness": self.witness, "digest": self.digest,
        })
    }

    /// The row of a sink that is told from now on.
    pub(super) fn row(&self, last_seq: i64, now: Timestamp) -> Sink {
        Sink {
            name: self.name.clone(),
            settings: self.settings().to_string(),
            configured: true,
            last_seq,
            turn: 0,
            failures: 0,
            next_try_at: None,
            last_error: None,
            heard_at: None,
            heartbeat_at: None,
            skipped: 0,
            gap: None,
            off_since: None,
            leased_by: None,
            leased_until: None,
            created_at: now,
        }
    }

    /// A message about the stream itself, which has no number.
    pub(super) fn about_itself(&self, kind: &str, id: String, at: Timestamp, data: Json) -> Message {
        Message {
            id,
            seq: None,
            kind: kind.to_owned(),
            object: format!("sink:{}", self.name),
            at,
            data,
            urgent: kind == feed::GAP,
        }
    }
}

/// An event as it is told.
pub(super) fn message(event: &Outbox) -> Message {
    Message {
        id: format!("evt_{}", event.id),
        seq: Some(event.seq),
        kind: event.kind.clone(),
        object: event.object.clone(),
        at: event.at,
        data: serde_json::from_str(&event.body).unwrap_or(Json::Null),
        urgent: feed::is_urgent(&event.kind),
    }
}
