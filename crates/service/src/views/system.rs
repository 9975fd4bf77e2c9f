//! Shapes about the server itself: pages, problems, checks, events, audit records and jobs.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::RefusalView;

/// One page of a list. The order is stable while rows are added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Give it back as `cursor` to read on; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemView {
    /// `urn:ward:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// A stable word for programs.
    pub code: String,
    /// What is wrong in this case, in a sentence.
    pub detail: String,
    /// The fields that are wrong, if fields are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldErrorView>,
    /// Why a command was refused, rule by rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalView>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldErrorView {
    /// The name of the field, dotted when nested.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// Who is answering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerView {
    /// The version of Ward.
    pub version: String,
    /// The address that devices use.
    pub public_url: String,
    /// The organisation that people see on their devices.
    pub organization: String,
    /// When this process started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// The server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
}

/// How much a check matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckSeverity {
    /// Nothing to do.
    Ok,
    /// Somebody should look at it this week.
    Warning,
    /// Somebody must act now.
    Error,
}

/// One thing that the server knows about its own health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckView {
    /// A stable name, dotted.
    pub name: String,
    /// How much it matters.
    pub severity: CheckSeverity,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// Something that just happened. It carries no secret and no content of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Counts up while this process runs.
    pub id: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What happened, for example `command.acknowledged`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The device concerned.
    pub device_id: Option<Uuid>,
    /// The enrolment concerned.
    pub enrollment_id: Option<Uuid>,
    /// The rest, for example `command_uuid`, `delivery` and `request_type`.
    pub detail: serde_json::Value,
}

/// One act of an operator or of the server that somebody may ask about later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEventView {
    /// Its number; it grows.
    pub id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: the name of a token, or `ward`.
    pub actor: String,
    /// What, for example `command.enqueue`.
    pub action: String,
    /// The effect class, if the act has one.
    pub class: Option<String>,
    /// On what.
    pub target: Option<String>,
    /// The rest, without secrets.
    pub detail: serde_json::Value,
}

/// A piece of work that waits, or that failed for good and waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Its id.
    pub id: Uuid,
    /// What is to be done.
    pub kind: String,
    /// On what.
    pub key: String,
    /// `ready`, `leased` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is due.
    #[schema(value_type = String, format = DateTime)]
    pub run_at: Timestamp,
    /// Why the last try failed.
    pub last_error: Option<String>,
}
