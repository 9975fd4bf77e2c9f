//! Enrolment links.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PersonRefView, PlaceRefView};

/// A new link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// What it is for.
    #[serde(default)]
    pub label: Option<String>,
    /// Whom the enrolled device belongs to: the e-mail address or external id of a known person, or a free text.
    #[serde(default)]
    pub owner: Option<String>,
    /// Where the enrolled device goes: a place by id, code or unique name.
    #[serde(default)]
    pub place: Option<String>,
    /// `corporate`, `personal` or `shared`.
    pub ownership: String,
    /// How many devices may enrol by it, 1 to 10000; 1 when left out.
    #[serde(default)]
    pub uses_limit: Option<i32>,
    /// How long it is open, 1 to 8760; 72 when left out.
    #[serde(default)]
    pub expires_in_hours: Option<u32>,
}

/// One link. Its address is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub label: Option<String>,
    /// Whom the enrolled device belongs to, as it was written.
    pub owner: Option<String>,
    /// The known person to whom it belongs.
    pub person: Option<PersonRefView>,
    /// Where it goes.
    pub place: Option<PlaceRefView>,
    /// `corporate`, `personal` or `shared`.
    pub ownership: String,
    /// How many devices may enrol by it.
    pub uses_limit: Option<i32>,
    /// How many did.
    pub uses: i32,
    /// `open`, `spent`, `expired`, `revoked` or `stopped`.
    pub state: String,
    /// When it closes.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// When Ward stopped it by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub stopped_at: Option<Timestamp>,
    /// Why Ward stopped it.
    pub stopped_reason: Option<String>,
}

/// A link that was just made: the only time its address is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewLinkView {
    /// The link.
    pub link: LinkView,
    /// The address to open on the device.
    pub url: String,
    /// The address as a QR code, an SVG image.
    pub qr_svg: String,
}
