//! Profiles, assignments, the items of devices, actions and named secrets.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A profile to be taken in, as a new item or as a new version of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileRequest {
    /// The name of the item; left out: the name that the profile has.
    #[serde(default)]
    pub name: Option<String>,
    /// A description in Ward's TOML form. Either this or `mobileconfig`.
    #[serde(default)]
    pub toml: Option<String>,
    /// A `.mobileconfig` (XML, binary or signed), in Base64.
    #[serde(default)]
    pub mobileconfig: Option<String>,
    /// Whether an uploaded `.mobileconfig` is encrypted for each device. A description says so itself.
    #[serde(default)]
    pub encrypt: bool,
    /// Why it is to be taken although the linter finds errors. Kept with the version.
    #[serde(default)]
    pub override_reason: Option<String>,
}

/// What the linter found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// The rule.
    pub rule: String,
    /// `note`, `warning` or `error`.
    pub severity: String,
    /// Where in the profile.
    pub key_path: String,
    /// What it would do.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

/// A version of a profile. Versions never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProfileVersionView {
    /// Its id.
    pub id: Uuid,
    /// 1, 2, 3, …
    pub version: i32,
    /// `toml` or `mobileconfig`.
    pub source: String,
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// The types of its payloads.
    pub payload_types: Vec<String>,
    /// Where its variables come from.
    pub variables: Vec<String>,
    /// The names of the secrets that it refers to.
    pub secrets: Vec<String>,
    /// The platforms that it is meant for; empty for any.
    pub platforms: Vec<String>,
    /// Whether it is encrypted for each device.
    pub encrypted: bool,
    /// Whether it goes in rings, because a fault in it can cut devices off.
    pub carries_network: bool,
    /// The worst that it can do: `D0` to `D3`, or `none`.
    pub class: String,
    /// Why that class.
    pub class_reason: String,
    /// What the linter found.
    pub lint: Vec<FindingView>,
    /// Why it was taken although the linter found errors.
    pub override_reason: Option<String>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// From whom.
    pub created_by: String,
}

/// A profile with its newest version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProfileView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The newest version.
    pub newest: ProfileVersionView,
    /// How many devices stand where: `observed` → 12.
    pub devices: std::collections::BTreeMap<String, i64>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadedView {
    /// The profile.
    pub profile: ProfileView,
    /// Whether there is a new version; an upload that is the same as the newest makes none.
    pub is_new: bool,
}

/// Which profile is to be shown, for which device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RenderQuery {
    /// The device: serial number, UDID or id.
    pub device: String,
    /// The version; the newest when left out.
    pub version: Option<i32>,
}

/// A profile as one device would get it, with secrets hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RenderedView {
    /// The profile as XML; none when it cannot be made.
    pub xml: Option<String>,
    /// Its `PayloadUUID`.
    pub uuid: Option<String>,
    /// Why it cannot be made for this device.
    pub reasons: Vec<ReasonView>,
}

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasonView {
    /// What kind: `assigned`, `excluded`, `unset`, `refused`, `brake`, …
    pub code: String,
    /// In words.
    pub text: String,
    /// The assignment that it comes from.
    pub assignment: Option<Uuid>,
    /// The group that it comes from.
    pub group: Option<Uuid>,
    /// The variable, or the key path in the profile.
    pub key: Option<String>,
}

/// An assignment, to be made or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignmentRequest {
    /// The profile, by name or id.
    pub profile: String,
    /// Its version; the newest when left out.
    #[serde(default)]
    pub version: Option<i32>,
    /// The group whose members get it, by name or id; left out: every device.
    #[serde(default)]
    pub group: Option<String>,
    /// Only at this place and below it: id, code or unique name.
    #[serde(default)]
    pub place: Option<String>,
    /// The groups whose members do not get it, by name or id.
    #[serde(default)]
    pub excluded: Vec<String>,
    /// Only show what it would do.
    #[serde(default)]
    pub dry_run: bool,
}

/// A change of an assignment. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignmentChange {
    /// The version of the profile; 0 for the newest.
    #[serde(default)]
    pub version: Option<i32>,
    /// The groups whose members do not get it.
    #[serde(default)]
    pub excluded: Option<Vec<String>>,
    /// Only show what it would do.
    #[serde(default)]
    pub dry_run: bool,
}

/// Whether a removal is only to be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DryRunQuery {
    /// Only show what it would do.
    pub dry_run: Option<bool>,
}

/// An assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignmentItemView {
    /// Its id.
    pub id: Uuid,
    /// The name of the profile.
    pub profile: String,
    /// Which version of it.
    pub profile_version: i32,
    /// The name of the group; none: every device.
    pub group: Option<String>,
    /// The name of the place.
    pub place: Option<String>,
    /// The names of the excluded groups.
    pub excluded: Vec<String>,
    /// The version of the assignment.
    pub version: i32,
    /// Who confirmed it.
    pub confirmed_by: String,
    /// For how many devices.
    pub confirmed_count: i64,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

/// One line of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewLine {
    /// The device: its serial number, or its id.
    pub device: String,
    /// The item.
    pub item: String,
    /// `added`, `replaced`, `removed` or `blocked`.
    pub change: String,
    /// Why, where it is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How a change is meant: to be shown, or to be done although it touches many devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Consent {
    /// `true` only shows what the change would do to devices.
    #[serde(default)]
    pub dry_run: bool,
    /// The number of devices that the change touches, repeated: asked for when there are more than ten.
    #[serde(default)]
    pub confirm_devices: Option<i64>,
}

/// What a change would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewView {
    /// How many devices it touches.
    pub devices: i64,
    /// On how many an item is new.
    pub added: i64,
    /// On how many it is replaced.
    pub replaced: i64,
    /// From how many it is removed.
    pub removed: i64,
    /// On how many it is kept back from now on.
    pub blocked: i64,
    /// The first of them.
    pub sample: Vec<PreviewLine>,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeView {
    /// `applied`, `proposed` (an action waits for a confirmation) or `preview` (nothing was done).
    pub outcome: String,
    /// What it does.
    pub preview: PreviewView,
    /// The action that waits.
    pub action: Option<ActionView>,
    /// The assignment, when one was made or changed.
    pub assignment: Option<Uuid>,
}

/// A change that waits for a confirmation, or has had one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionView {
    /// Its id.
    pub id: Uuid,
    /// What kind of change.
    pub kind: String,
    /// The change.
    #[schema(value_type = Object)]
    pub request: Json,
    /// What it does.
    pub preview: PreviewView,
    /// The number of devices, which is to be repeated to confirm it.
    pub confirm_devices: i64,
    /// `proposed`, `applied` or `expired`.
    pub state: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was done.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub applied_at: Option<Timestamp>,
    /// Who confirmed it.
    pub applied_by: Option<String>,
}

/// A confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// The number of devices that the preview names.
    pub confirm_devices: i64,
}

/// One item of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceItemView {
    /// The item.
    pub item: Uuid,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: String,
    /// The version that the device should have.
    pub desired_version: Option<i32>,
    /// The `PayloadUUID` that it should show.
    pub desired_uuid: Option<String>,
    /// The version that was handed out last.
    pub sent_version: Option<i32>,
    /// Its `PayloadUUID`.
    pub sent_uuid: Option<String>,
    /// When it was handed out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// When the device answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
    /// The `PayloadUUID` that the device's list showed last.
    pub observed_uuid: Option<String>,
    /// When it showed it, or that it does not have it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub observed_at: Option<Timestamp>,
    /// How often it was there and then gone.
    pub losses: i32,
    /// How often it was tried in vain.
    pub attempts: i32,
    /// When it is tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_try_at: Option<Timestamp>,
    /// What the device said against it.
    pub last_error: Option<String>,
    /// Why it stands there.
    pub why: Vec<ReasonView>,
}

/// A secret that profiles refer to by its name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedSecretRequest {
    /// The secret. It is never shown again.
    pub value: String,
}

impl std::fmt::Debug for NamedSecretRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NamedSecretRequest")
    }
}

/// A named secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedSecretView {
    /// Its name.
    pub name: String,
    /// How often it was set.
    pub version: i32,
    /// When it was set last.
    #[schema(value_type = String, format = DateTime)]
    pub set_at: Timestamp,
    /// By whom.
    pub set_by: String,
}
