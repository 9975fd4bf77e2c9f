//! Enrolments, their channels, and what is kept apart.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One epoch of one device under management.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentView {
    /// Its id.
    pub id: Uuid,
    /// The device.
    pub device_id: Uuid,
    /// The UDID, or the EnrollmentID of a User Enrollment.
    pub apple_id: String,
    /// How it was enrolled: `device`, `automated`, `account_driven_device` or `user`.
    pub kind: String,
    /// `corporate`, `personal` or `shared`.
    pub ownership: String,
    /// Whom it belongs to.
    pub owner: Option<String>,
    /// `pending`, `enrolled`, `quarantined`, `checked_out`, `superseded` or `ended`.
    pub state: String,
    /// Counts the enrolments of the device, from 1.
    pub epoch: i32,
    /// The enrolment before this one.
    pub previous_id: Option<Uuid>,
    /// The enrolment after this one.
    pub superseded_by: Option<Uuid>,
    /// The link by which it came.
    pub link_id: Option<Uuid>,
    /// The push topic.
    pub topic: String,
    /// The AccessRights of its profile.
    pub access_rights: i32,
    /// The identity that it is pinned to.
    pub identity_id: Option<Uuid>,
    /// Whether Setup Assistant waits for the server.
    pub awaiting_configuration: bool,
    /// Why it is kept apart.
    pub quarantine_reason: Option<String>,
    /// When it authenticated.
    #[schema(value_type = String, format = DateTime)]
    pub authenticated_at: Timestamp,
    /// When its first TokenUpdate came.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub enrolled_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<String>,
}

/// Where a queue lives: the device, or one user on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelView {
    /// Its id.
    pub id: Uuid,
    /// The enrolment.
    pub enrollment_id: Uuid,
    /// `device` or `user`.
    pub kind: String,
    /// The composite id, as NanoMDM writes it.
    pub key: String,
    /// The user's short name.
    pub user_short_name: Option<String>,
    /// The user's long name.
    pub user_long_name: Option<String>,
    /// The push topic.
    pub topic: String,
    /// `ready`, `dead` (Apple says that the token is gone), `no_token` or `off`.
    pub push: String,
    /// Since when Apple calls the token dead.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub push_dead_at: Option<Timestamp>,
    /// When the device last gave a token.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub token_updated_at: Option<Timestamp>,
    /// When Apple last accepted a push.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_pushed_at: Option<Timestamp>,
    /// When the channel last spoke.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    /// How many deliveries are not finished.
    pub pending: u64,
}

/// Somebody who knocked with a valid certificate and is not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantineView {
    /// Its id.
    pub id: Uuid,
    /// `unknown_device` or `enrollment`.
    pub kind: String,
    /// The id that it claims.
    pub apple_id: String,
    /// The fingerprint of its certificate.
    pub fingerprint: Option<String>,
    /// When it first knocked.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen_at: Timestamp,
    /// When it last knocked.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen_at: Timestamp,
    /// How often it knocked.
    pub count: i64,
    /// Why it is not let in.
    pub reason: String,
    /// The enrolment that is kept apart, if there is one.
    pub enrollment_id: Option<Uuid>,
}
