//! Sinks: systems that are told what happens.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A sink, and how far it has been told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SinkView {
    /// Its name in the configuration.
    pub name: String,
    /// `webhook`, `syslog` or `jsonl`.
    pub kind: String,
    /// Its host, or its file.
    pub target: String,
    /// The kinds of events that it wants; none means all.
    pub kinds: Vec<String>,
    /// Whether it keeps the ledger's checkpoints.
    pub witness: bool,
    /// `ok`, `failing` or `not_configured`.
    pub state: String,
    /// It has been told everything up to this event.
    pub last_seq: i64,
    /// How many events come after that, also those that it does not want.
    pub waiting: i64,
    /// How long the next event that it wants has been waiting.
    pub lag_seconds: u64,
    /// The next event that it wants.
    pub next: Option<SinkEventView>,
    /// What it can never be told, until it has been told so.
    #[schema(value_type = Option<Object>)]
    pub gap: Option<serde_json::Value>,
    /// Failures in a row.
    pub failures: i32,
    /// When it is tried again, after a failure.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_try_at: Option<Timestamp>,
    /// What goes wrong.
    pub last_error: Option<String>,
    /// When it last took something.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub heard_at: Option<Timestamp>,
    /// When it was last told that Ward is alive.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub heartbeat_at: Option<Timestamp>,
    /// How many events were left out by order.
    pub skipped: i64,
    /// When it was first configured.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// An event that waits for a sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SinkEventView {
    /// Its number.
    pub seq: i64,
    /// Its id, as receivers see it.
    pub id: String,
    /// What happened.
    pub kind: String,
    /// To what.
    pub object: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// How a test message fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SinkTestView {
    /// The id of the message.
    pub id: String,
    /// Whether it was taken.
    pub taken: bool,
    /// Why not.
    pub error: Option<String>,
}

/// From where on a sink is to be told again: one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// From this event on.
    #[serde(default)]
    pub from_seq: Option<i64>,
    /// From this time on.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from_time: Option<Timestamp>,
    /// Why; it is recorded.
    pub reason: String,
}

/// Which event a sink is not to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkipRequest {
    /// The event at which it stands.
    pub seq: i64,
    /// Why; it is recorded.
    pub reason: String,
}
