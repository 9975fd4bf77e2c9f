//! The passage of a command to one channel, and the evidence of it.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// Its number; it also orders the queue.
    pub seq: i64,
    /// The CommandUUID.
    pub command_uuid: String,
    /// Apple's name of the command.
    pub request_type: String,
    /// `D0` to `D3`, or `none`.
    pub class: String,
    /// The device.
    pub device_id: Uuid,
    /// The name of the device.
    pub device_name: Option<String>,
    /// The enrolment.
    pub enrollment_id: Uuid,
    /// The composite id of the channel.
    pub channel_key: String,
    /// `queued`, `pushed`, `handed_out`, `not_now`, `acknowledged`, `error`, `format_error`, `cancelled`, `expired`, `superseded`
    /// or `no_reply`.
    pub state: String,
    /// The state as a person should read it.
    pub wording: String,
    /// When it was queued.
    #[schema(value_type = String, format = DateTime)]
    pub enqueued_at: Timestamp,
    /// When it is given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Since when it is in its state.
    #[schema(value_type = String, format = DateTime)]
    pub state_at: Timestamp,
    /// How often it was handed to the device.
    pub hand_outs: u64,
}

/// One state, its time and where Ward knows it from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryStepView {
    /// The state.
    pub state: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `operator`, `ward`, `apns` or `device`.
    pub source: String,
    /// The identity that the device showed.
    pub identity_id: Option<Uuid>,
    /// More, if there is more.
    pub detail: Option<String>,
}

/// What may be claimed, and no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConclusionView {
    /// `requested`, `delivered`, `deferred`, `delivered_no_reply`, `acknowledged`, `verified`, `error`, `error_may_have_erased`,
    /// `error_not_erased`, `cancelled`, `expired` or `superseded`.
    pub code: String,
    /// The same as a sentence.
    pub sentence: String,
}

/// Later evidence that the command did what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerificationView {
    /// When the evidence came.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `awaiting_configuration`, `return_to_service_challenge` or `report`.
    pub how: String,
    /// What was seen.
    pub detail: String,
    /// The enrolment in which it was seen.
    pub enrollment_id: Option<Uuid>,
}

/// Everything that is known about one delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    /// The row of the list.
    pub delivery: DeliveryView,
    /// What may be claimed.
    pub conclusion: ConclusionView,
    /// The evidence beyond the device's own word, if there is any.
    pub verification: Option<VerificationView>,
    /// Each state in order.
    pub history: Vec<DeliveryStepView>,
    /// Who asked for it.
    pub requested_by: String,
    /// Why.
    pub reason: Option<String>,
    /// Apple's `Command` dictionary without secrets.
    pub command: serde_json::Value,
    /// What the device answered, without secrets and without what its ownership forbids.
    pub result: Option<serde_json::Value>,
    /// SHA-256 of the answer as it was received, in hexadecimal.
    pub result_digest: Option<String>,
    /// The answer as typed facts: source and key, and value. Absent if it told none.
    pub facts: Option<serde_json::Value>,
    /// What is strange about an acknowledged answer, by Apple's own description of it. Nothing is dropped for it.
    pub findings: FindingsView,
    /// Of an answered `Settings` command: what became of each item. The command is acknowledged even when items fail.
    #[serde(default)]
    pub settings: Vec<SettingResultView>,
}

/// What became of one item of a `Settings` command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingResultView {
    /// Apple's name of the item, such as `DeviceName`.
    pub item: String,
    /// The app, for items about an app.
    pub identifier: Option<String>,
    /// `Acknowledged` or `Error`; absent if the device said nothing of it.
    pub status: Option<String>,
    /// What the device says went wrong.
    pub error: Option<String>,
}

/// What is strange about an answer: key paths and sentences, never values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingsView {
    /// Values of another type than Apple lists, or outside of its range. They stand in `result` and become no facts.
    pub malformed: Vec<String>,
    /// Required keys that are absent.
    pub missing: Vec<String>,
    /// Keys that Apple does not list. They are kept.
    pub unknown: Vec<String>,
}
