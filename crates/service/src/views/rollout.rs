//! Rollouts of what carries the network.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One version of an assignment on its way through the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloutView {
    /// Its id.
    pub id: Uuid,
    /// The assignment.
    pub assignment_id: Uuid,
    /// The version of the assignment.
    pub assignment_version: i32,
    /// The name of the profile.
    pub profile: String,
    /// The version of the profile.
    pub profile_version: i32,
    /// The ring that is open, 1 to 4.
    pub ring: i32,
    /// Which that is: `3 devices`, `a ward`, `10 %` or `all`.
    pub ring_name: String,
    /// `running`, `halted`, `done` or `rolled_back`.
    pub state: String,
    /// How many devices it is for, so far.
    pub devices: usize,
    /// How many of them wait for their ring.
    pub waiting: usize,
    /// How many have been given the profile.
    pub sent: usize,
    /// How many of them were heard again on a later connection.
    pub confirmed: usize,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When the ring was opened.
    #[schema(value_type = String, format = DateTime)]
    pub ring_started_at: Timestamp,
    /// When it was halted.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub halted_at: Option<Timestamp>,
    /// Why.
    pub halted_reason: Option<String>,
    /// When it was done, or taken back.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// Why a rollout is to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloutHaltRequest {
    /// The reason, which is recorded.
    pub reason: String,
}
