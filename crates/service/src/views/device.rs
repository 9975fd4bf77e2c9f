//! Devices and the facts that are known about them.

use std::collections::BTreeMap;

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ChannelView, DeliveryView, EnrollmentView, LabelView, PersonRefView, PlaceRefView};

/// One row of the device list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// Ward's id of the device.
    pub id: Uuid,
    /// The name that the device reports.
    pub name: Option<String>,
    /// The serial number; personal enrolments have none.
    pub serial_number: Option<String>,
    /// The UDID; personal enrolments have none.
    pub udid: Option<String>,
    /// `ios`, `ipados`, `macos`, `tvos`, `visionos` or `watchos`.
    pub platform: Option<String>,
    /// Apple's product name, for example `iPhone16,1`.
    pub product_name: Option<String>,
    /// The marketing name.
    pub model_name: Option<String>,
    /// The version of the operating system.
    pub os_version: Option<String>,
    /// Whether the device is supervised.
    pub supervised: Option<bool>,
    /// Whether the device is in Lost Mode, as far as is known.
    pub lost_mode: Option<bool>,
    /// `corporate`, `personal` or `shared`, of the newest enrolment.
    pub ownership: Option<String>,
    /// Whom it belongs to: the address or name of a known person, or the free text of its link.
    pub owner: Option<String>,
    /// The known person to whom it belongs.
    pub person: Option<PersonRefView>,
    /// Where it is.
    pub place: Option<PlaceRefView>,
    /// The newest enrolment.
    pub enrollment_id: Option<Uuid>,
    /// The state of the newest enrolment.
    pub enrollment_state: Option<String>,
    /// When the newest enrolment was complete.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub enrolled_at: Option<Timestamp>,
    /// When the device last spoke with Ward.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    /// When Apple last accepted a push for it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_pushed_at: Option<Timestamp>,
    /// How many deliveries are not finished.
    pub pending: u64,
    /// When Ward first heard of it.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen_at: Timestamp,
    /// The values of the columns that were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, serde_json::Value>,
}

/// Everything about one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeviceDetailView {
    /// The row of the list.
    pub device: DeviceView,
    /// All its enrolments, newest first.
    pub enrollments: Vec<EnrollmentView>,
    /// The channels of the newest enrolment.
    pub channels: Vec<ChannelView>,
    /// The names of the places from the root to where it is.
    pub place_path: Vec<String>,
    /// The labels that operators gave it.
    pub labels: Vec<LabelView>,
    /// What is known now, each fact with its age and source.
    pub facts: Vec<FactView>,
    /// What is not finished.
    pub pending: Vec<DeliveryView>,
    /// What a person should know before acting.
    pub notes: Vec<String>,
}

/// One fact, when it was observed and where it came from. Secret facts show a marker in place of the value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactView {
    /// Source and key, for example `DeviceInformation.OSVersion`.
    pub key: String,
    /// The value as JSON; bytes are base64 text.
    pub value: serde_json::Value,
    /// When the device said it.
    #[schema(value_type = String, format = DateTime)]
    pub observed_at: Timestamp,
    /// How old that is, in seconds.
    pub age_seconds: u64,
    /// The command or check-in that brought it.
    pub source: String,
    /// The command that brought it.
    pub command_uuid: Option<String>,
}

/// An observation of a fact beside the moment that was asked about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ObservationView {
    /// The value as JSON.
    pub value: serde_json::Value,
    /// When the device said it.
    #[schema(value_type = String, format = DateTime)]
    pub observed_at: Timestamp,
    /// How far that is from the moment that was asked about, in seconds.
    pub distance_seconds: u64,
    /// The key under which it said it.
    pub key: String,
    /// The command or check-in that brought it.
    pub source: String,
    /// The command that brought it.
    pub command_uuid: Option<String>,
    /// The enrolment in which it was said.
    pub enrollment_id: Uuid,
}

/// What was known of a fact at a moment: nobody looked at that moment itself, but before and after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactHistoryView {
    /// The device.
    pub device_id: Uuid,
    /// The key that was asked for.
    pub key: String,
    /// The moment.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The last observation at that moment or before.
    pub before: Option<ObservationView>,
    /// The first observation after it.
    pub after: Option<ObservationView>,
    /// What follows from these, as a sentence.
    pub sentence: String,
}
