//! What a person must look at.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which incidents are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IncidentQuery {
    /// Closed ones too.
    pub all: Option<bool>,
    /// How many at most.
    pub limit: Option<u32>,
    /// From where on.
    pub cursor: Option<String>,
}

/// Something that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncidentView {
    /// Its id.
    pub id: Uuid,
    /// `item_keeps_leaving`, `item_keeps_failing`, `item_stays` or `removal_brake`.
    pub kind: String,
    /// The device.
    pub device: Option<Uuid>,
    /// The item.
    pub item: Option<Uuid>,
    /// The name of the item.
    pub item_name: Option<String>,
    /// What it is about.
    pub words: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// By whom.
    pub closed_by: Option<String>,
    /// With which words.
    pub closed_reason: Option<String>,
}

/// The end of an incident. Ward tries again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseIncidentRequest {
    /// What was found, or why it may go on.
    pub reason: String,
    /// For the brake on removals: from how many more devices the item may be removed within the hour.
    #[serde(default)]
    pub allow_devices: Option<i64>,
}
