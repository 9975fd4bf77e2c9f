//! Groups of devices.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A new group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRequest {
    /// Its name, unique; 1 to 100 characters.
    pub name: String,
    /// The rule (CEL) that says who belongs; a group without one gets its members by hand.
    #[serde(default)]
    pub rule: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

/// What is to be different about a group. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupChangeRequest {
    /// The new name.
    #[serde(default)]
    pub name: Option<String>,
    /// The new rule, for a group by rule.
    #[serde(default)]
    pub rule: Option<String>,
    /// The new description.
    #[serde(default)]
    pub description: Option<String>,
    /// For how many devices this is confirmed, when the change touches more than ten.
    #[serde(default)]
    pub confirm_devices: Option<i64>,
}

/// A group of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// `manual` or `rule`.
    pub kind: String,
    /// The rule.
    pub rule: Option<String>,
    /// What it is for.
    pub description: String,
    /// How many devices are in it.
    pub members: i64,
    /// For how many devices the rule has no answer: they stay as they were.
    pub troubles: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

/// A device in a group, or one for which the rule has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMemberView {
    /// The device.
    pub device_id: Uuid,
    /// Its serial number, if it may be known.
    pub serial_number: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Why: who put it there, that the rule says so, or what kept the rule from an answer.
    pub why: String,
}

/// What a device has to do with a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceGroupView {
    /// The group.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// `manual` or `rule`.
    pub kind: String,
    /// Whether the device is in it.
    pub member: bool,
    /// Since when it is in it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Why it is in it.
    pub why: Option<String>,
    /// What keeps the rule from an answer; membership stays what it was.
    pub trouble: Option<String>,
}

/// A rule to be tried. Nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTestRequest {
    /// The rule.
    pub rule: String,
    /// One device; all devices when left out.
    #[serde(default)]
    pub device: Option<String>,
}

/// What a rule would say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleTestView {
    /// How many devices were asked about.
    pub devices: usize,
    /// How many would belong.
    pub members: usize,
    /// How many would not.
    pub others: usize,
    /// For how many there is no answer.
    pub troubles: usize,
    /// Some of the devices, those that would belong first, then those without an answer.
    pub sample: Vec<RuleAnswerView>,
}

/// What a rule says of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleAnswerView {
    /// The device.
    pub device_id: Uuid,
    /// Its serial number, if it may be known.
    pub serial_number: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// `member`, `not_member` or `trouble`.
    pub answer: String,
    /// What keeps the rule from an answer.
    pub trouble: Option<String>,
}
