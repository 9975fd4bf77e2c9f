//! Commands: what an operator asks for and what Ward answers.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::DeliveryView;

/// A command for one or many targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandRequest {
    /// Device id, enrolment id, channel id, serial number, UDID, EnrollmentID or composite id of a user channel.
    pub targets: Vec<String>,
    /// Apple's `Command` dictionary as JSON, with `RequestType`. Where Apple's type is data the value is base64 text, where it is a date
    /// RFC 3339 text.
    #[serde(default)]
    pub command: Option<serde_json::Map<String, serde_json::Value>>,
    /// In place of `command`: a property list (XML or binary) as base64, with or without the outer `CommandUUID`.
    #[serde(default)]
    pub raw_plist: Option<String>,
    /// Repeating a request with the same UUID and the same body is harmless; another body is a conflict.
    #[serde(default)]
    pub command_uuid: Option<String>,
    /// Why, for the record.
    #[serde(default)]
    pub reason: Option<String>,
    /// A delivery that was not handed out by then is given up.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// With EraseDevice and ReturnToService: Ward adds its own fresh enrolment profile, so that the device comes back by itself.
    #[serde(default)]
    pub with_enrollment_profile: bool,
    /// With `ReturnToService`: a Wi-Fi profile as base64, put into `WiFiProfileData`.
    #[serde(default)]
    pub wifi_profile: Option<String>,
    /// Wake the devices at once; `false` leaves the command for their next poll.
    #[serde(default = "yes")]
    pub push: bool,
}

const fn yes() -> bool {
    true
}

impl Default for CommandRequest {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            command: None,
            raw_plist: None,
            command_uuid: None,
            reason: None,
            expires_at: None,
            with_enrollment_profile: false,
            wifi_profile: None,
            push: yes(),
        }
    }
}

/// Why a rule refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusalView {
    /// The target, when several were asked for.
    pub target: Option<String>,
    /// The key that is refused, dotted; empty when the command as a whole is.
    pub key_path: String,
    /// The rule, a stable word.
    pub rule: String,
    /// What is wrong and what to do about it.
    pub advice: String,
}

/// One target that did not get the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetRefusalView {
    /// The target as it was written.
    pub target: String,
    /// `not_found`, `ambiguous`, `not_enrolled`, `refused`, `conflict` or `internal`.
    pub code: String,
    /// Why, in a sentence.
    pub detail: String,
    /// Rule by rule.
    pub refusals: Vec<RefusalView>,
}

/// One target that has the command in its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueuedView {
    /// The target as it was written.
    pub target: String,
    /// The command. Targets share it unless each needs a secret or a profile of its own.
    pub command_uuid: String,
    /// The delivery.
    pub delivery: i64,
    /// The device.
    pub device_id: Uuid,
    /// The enrolment.
    pub enrollment_id: Uuid,
    /// The composite id of the channel.
    pub channel: String,
    /// It was queued before by the same UUID; nothing was added.
    pub already: bool,
    /// The PIN or password that Ward made for it, to be revealed when needed.
    pub secret_id: Option<Uuid>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandAnswer {
    /// Apple's name of the command.
    pub request_type: String,
    /// What it can do at worst: `D0` to `D3`, or `none`.
    pub class: String,
    /// Why it has that class.
    pub class_reason: String,
    /// The targets that have it in their queue.
    pub queued: Vec<QueuedView>,
    /// The targets that do not, and why.
    pub refused: Vec<TargetRefusalView>,
    /// What the operator should know.
    pub advice: Vec<String>,
    /// It was given as a property list and is sent as it came, after the same checks.
    #[serde(default)]
    pub raw: bool,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandView {
    /// The CommandUUID.
    pub uuid: String,
    /// Apple's name of the command.
    pub request_type: String,
    /// `D0` to `D3`, or `none`.
    pub class: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who asked for it.
    pub created_by: String,
    /// Why.
    pub reason: Option<String>,
    /// How many channels it was queued for.
    pub deliveries: u64,
    /// How many of these are not finished.
    pub open: u64,
}

/// One command with its content and its deliveries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandDetailView {
    /// The row of the list.
    pub command: CommandView,
    /// Apple's `Command` dictionary, without the secrets that are filled in at hand-out.
    pub body: serde_json::Value,
    /// The first 200 deliveries; `/deliveries?command=` lists all.
    pub deliveries: Vec<DeliveryView>,
}

/// What could still be stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelAnswer {
    /// Deliveries that no device will see.
    pub cancelled: Vec<i64>,
    /// Deliveries that were handed out or finished before.
    pub too_late: Vec<i64>,
}

/// One of Apple's commands that Ward knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandTypeView {
    /// Apple's name.
    pub request_type: String,
    /// The class without regard to its keys.
    pub class: String,
    /// Why it has that class.
    pub class_reason: String,
    /// On which systems it works, in words.
    pub works_on: String,
    /// What Apple has put in its place.
    pub successor: Option<String>,
}

impl RefusalView {
    /// A refusal of the catalogue, for one target if there are several.
    #[must_use]
    pub fn of(target: Option<&str>, refusal: &catalog::Refusal) -> Self {
        let rule = serde_json::to_value(refusal.rule).ok();
        Self {
            target: target.map(ToOwned::to_owned),
            key_path: refusal.key_path.clone(),
            rule: rule.and_then(|rule| rule.as_str().map(ToOwned::to_owned)).unwrap_or_default(),
            advice: refusal.advice.clone(),
        }
    }
}
