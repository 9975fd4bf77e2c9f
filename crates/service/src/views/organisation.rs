//! Places, people, placements, labels, and files with many of them.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A new place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceRequest {
    /// `site`, `building` or `ward`.
    pub kind: String,
    /// Its name for people.
    pub name: String,
    /// Its short name, unique whatever the case of its letters, for commands and files.
    #[serde(default)]
    pub code: Option<String>,
    /// The place that it is a part of, by id, code or unique name; the root when left out.
    #[serde(default)]
    pub parent: Option<String>,
}

/// What is to change about a place. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceChange {
    /// Another name.
    #[serde(default)]
    pub name: Option<String>,
    /// Another code; empty: none.
    #[serde(default)]
    pub code: Option<String>,
    /// The place that it is to be a part of, by id, code or unique name.
    #[serde(default)]
    pub parent: Option<String>,
    /// `false` brings back a place that was given up.
    #[serde(default)]
    pub archived: Option<bool>,
}

/// Which places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlaceQuery {
    /// Whether those that were given up are shown too.
    #[serde(default)]
    pub archived: bool,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceView {
    /// Its id.
    pub id: Uuid,
    /// The place that it is a part of; none for the root.
    pub parent_id: Option<Uuid>,
    /// `organization`, `site`, `building` or `ward`.
    pub kind: String,
    /// Its name for people.
    pub name: String,
    /// Its short name.
    pub code: Option<String>,
    /// The names from the root to here, the place itself last.
    pub path: Vec<String>,
    /// How many devices are here and in none of its parts.
    pub devices: i64,
    /// How many devices are here or in its parts.
    pub devices_below: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<Timestamp>,
}

/// A place and what holds there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceDetailView {
    /// The place.
    pub place: PlaceView,
    /// The variables that hold there, its own and inherited ones.
    pub variables: Vec<VariableView>,
}

/// A variable as it holds at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VariableView {
    /// Its name: `$site.NAME` in a profile.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether a place above says so.
    pub inherited: bool,
    /// The id of the place that says so.
    pub place_id: Uuid,
    /// The name of that place.
    pub place: String,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    pub set_at: Timestamp,
    /// Who set it.
    pub set_by: String,
}

/// The value of a variable or a label. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueRequest {
    /// One line of text.
    pub value: String,
}

/// A place in a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceRefView {
    /// Its id.
    pub id: Uuid,
    /// `organization`, `site`, `building` or `ward`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub code: Option<String>,
}

/// A person in a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonRefView {
    /// Their id.
    pub id: Uuid,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Whether they have left.
    pub left: bool,
}

/// A new person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonRequest {
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// What another system calls them, for example their number in the staff register.
    #[serde(default)]
    pub external_id: Option<String>,
}

/// What is to change about a person. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonChange {
    /// Another name.
    #[serde(default)]
    pub name: Option<String>,
    /// Another address; empty: none.
    #[serde(default)]
    pub email: Option<String>,
    /// Another external id; empty: none.
    #[serde(default)]
    pub external_id: Option<String>,
    /// `false`: they are back.
    #[serde(default)]
    pub left: Option<bool>,
}

/// A person leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveRequest {
    /// Why, for the record.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// Their id.
    pub id: Uuid,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// What another system calls them.
    pub external_id: Option<String>,
    /// How many devices are theirs.
    pub devices: i64,
    /// When Ward heard of them first.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When they left.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub left_at: Option<Timestamp>,
}

/// A person and their devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonDetailView {
    /// The person.
    pub person: PersonView,
    /// Their devices.
    pub devices: Vec<OwnedDeviceView>,
}

/// A device of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnedDeviceView {
    /// Ward's id of the device.
    pub id: Uuid,
    /// Its serial number.
    pub serial_number: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Apple's product name.
    pub product_name: Option<String>,
    /// Where it is.
    pub place: PlaceRefView,
}

/// A person who has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveView {
    /// The person with the devices that are to be collected.
    pub person: PersonDetailView,
    /// How many network certificates of these devices were revoked.
    pub revoked: i64,
}

/// Where a device is to be and whose. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlacementRequest {
    /// A place, by id, code or unique name.
    #[serde(default)]
    pub place: Option<String>,
    /// A person, by id, e-mail address or external id; empty: nobody.
    #[serde(default)]
    pub owner: Option<String>,
}

/// Where a device is and whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlacementView {
    /// Ward's id of the device.
    pub device_id: Uuid,
    /// Where it is; the root until somebody says another.
    pub place: PlaceRefView,
    /// The names from the root to there.
    pub path: Vec<String>,
    /// Whose it is.
    pub owner: Option<PersonRefView>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Who said so.
    pub changed_by: Option<String>,
    /// What was said before, the newest first.
    pub history: Vec<PlacementEventView>,
}

/// A change of a device's place or owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlacementEventView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Where it was from then on.
    pub place: PlaceRefView,
    /// Whose it was from then on.
    pub owner: Option<PersonRefView>,
    /// Who said so.
    pub changed_by: String,
    /// In what: `operator`, `import` or `enrollment`.
    pub cause: String,
}

/// A label of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabelView {
    /// Its name: `$device.attribute.NAME` in a profile, `labels.NAME` in a rule.
    pub name: String,
    /// Its value.
    pub value: String,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    pub set_at: Timestamp,
    /// Who set it.
    pub set_by: String,
}

/// A file with places, people, or the places and owners of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The file: CSV with a header line, separated by `,`, `;` or tabs, in UTF-8.
    pub csv: String,
    /// `places`, `people` or `devices`; told by the header when left out.
    #[serde(default)]
    pub kind: Option<String>,
    /// `true` carries it out; otherwise it is only shown what would happen.
    #[serde(default)]
    pub apply: bool,
    /// `true` carries out the good lines although others are wrong.
    #[serde(default)]
    pub skip_errors: bool,
    /// The number of devices that should have something else afterwards, repeated: asked for when there are more than ten.
    #[serde(default)]
    pub confirm_devices: Option<i64>,
}

/// What a file does, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportView {
    /// `places`, `people` or `devices`.
    pub kind: String,
    /// Whether it was carried out.
    pub applied: bool,
    /// How many lines with data the file has.
    pub lines: usize,
    /// How many of them make something.
    pub created: usize,
    /// How many of them change something.
    pub changed: usize,
    /// How many of them say what is so already.
    pub unchanged: usize,
    /// How many of them are wrong.
    pub wrong: usize,
    /// What happens, line by line; the first 500.
    pub changes: Vec<ImportChangeView>,
    /// What is wrong, line by line; the first 500.
    pub errors: Vec<ImportErrorView>,
    /// What else a person should know, for example columns that are passed over.
    pub notes: Vec<String>,
}

/// What one line of a file does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportChangeView {
    /// The line, counted from 1 with the header.
    pub line: u64,
    /// `create` or `change`.
    pub what: String,
    /// The thing, in a word.
    pub subject: String,
    /// What becomes of it.
    pub detail: String,
}

/// What is wrong with one line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportErrorView {
    /// The line, counted from 1 with the header.
    pub line: u64,
    /// The column, if it is one.
    pub column: Option<String>,
    /// What is wrong, and what would be right.
    pub message: String,
}
