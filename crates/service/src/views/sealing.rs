//! Shapes about the keys that seal, and about what was shown to people. No key and no secret stands in them.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Why something is done, for the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// In 1 to 200 characters.
    pub reason: String,
}

/// The keys that seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealingView {
    /// What wraps the data keys. It is not in the database.
    pub key_encrypting_key: KeyEncryptingKeyView,
    /// The data keys, the newest first.
    pub data_keys: Vec<DataKeyView>,
    /// How far the move to the newest key is; null when everything stands under it.
    pub resealing: Option<ResealingView>,
    /// Secrets that were shown, should have been changed on their devices by now, and are not.
    pub overdue_rotations: u64,
}

/// The key-encrypting key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyEncryptingKeyView {
    /// Its name: the first bytes of a digest of it.
    pub id: String,
    /// Where it is kept.
    pub source: String,
}

/// A data key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataKeyView {
    /// Its name.
    pub id: String,
    /// Whether it seals what is new.
    pub current: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When another took its place.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub replaced_at: Option<Timestamp>,
    /// When everything stood under it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub resealed_at: Option<Timestamp>,
    /// How many values were moved to it.
    pub resealed: u64,
    /// When it was proved that no value stands under it any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retired_at: Option<Timestamp>,
    /// When it was destroyed: a day after, once that was proved again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub destroyed_at: Option<Timestamp>,
}

/// How far a rotation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResealingView {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// All columns are gone through until a pass finds nothing under another key.
    pub pass: u32,
    /// The table that it is at.
    pub table: String,
    /// The column.
    pub column: String,
    /// Columns of this pass that are done.
    pub columns_done: u64,
    /// Columns in all.
    pub columns: u64,
    /// Values looked at in this pass.
    pub looked_at: u64,
    /// Values moved so far.
    pub resealed: u64,
    /// Values of this pass that could not be opened; the keys that they name are kept.
    pub unreadable: u64,
    /// Why it was put off, if it was.
    pub last_error: Option<String>,
}

/// Which showings are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RevealQuery {
    /// Those whose value should have been changed by now and is not.
    #[serde(default)]
    pub overdue: bool,
    /// How many rows, 1 to 200; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One showing of one secret; never its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevealView {
    /// Its id.
    pub id: Uuid,
    /// What was shown.
    pub secret_id: Uuid,
    /// Its kind.
    pub kind: String,
    /// Of which enrolment.
    pub enrollment_id: Uuid,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// To whom.
    pub revealed_by: String,
    /// Why.
    pub reason: String,
    /// How often the same value had been shown before.
    pub earlier: u64,
    /// `due`, `done`, `needless`, `failed`, `gone`.
    pub rotation: String,
    /// Until when the device should have another value.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub rotate_by: Option<Timestamp>,
    /// When it had.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub rotated_at: Option<Timestamp>,
    /// The command that changes it.
    pub command_uuid: Option<String>,
    /// Its time is over and the device has not shown that it has another value.
    pub overdue: bool,
    /// What there is to say of it.
    pub detail: Option<String>,
}
