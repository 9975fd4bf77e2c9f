//! Access to the hospital's network.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::AuthorityView;

/// How devices get into the network, and what RADIUS has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkView {
    /// The authorities, the issuing one first; none before the first use.
    pub authorities: Vec<AuthorityView>,
    /// The certificates of all of them, PEM: what RADIUS is to trust for devices.
    pub certificates_pem: String,
    /// Where devices ask for their identity (SCEP).
    pub scep_url: String,
    /// Where the revocation list of the issuing authority is to be had (DER).
    pub list_url: String,
    /// Where the lists of all authorities are to be had in one file (PEM).
    pub lists_url: String,
    /// How revocation is published: `crl`. There is no OCSP.
    pub revocation: String,
    /// Days that an identity is valid.
    pub identity_days: u32,
    /// How many identities are valid now.
    pub valid: i64,
    /// From how many devices access is withdrawn.
    pub withdrawn: i64,
}

/// A certificate with which a device joins the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkIdentityView {
    /// Its id.
    pub id: Uuid,
    /// The device that has it.
    pub device_id: Uuid,
    /// The enrolment in which the device got it.
    pub enrollment_id: Uuid,
    /// The serial number in hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// The subject as text.
    pub subject: String,
    /// Valid from.
    #[schema(value_type = String, format = DateTime)]
    pub not_before: Timestamp,
    /// Valid until.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// `operator`, `lost`, `leaver` or `ended`.
    pub revoked_reason: Option<String>,
    /// By whom it was revoked.
    pub revoked_by: Option<String>,
    /// `valid`, `expired` or `revoked`.
    pub state: String,
}

/// What a device has for the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkAccessView {
    /// The device.
    pub device_id: Uuid,
    /// Its serial number.
    pub serial_number: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Whether access is withdrawn, and why.
    pub withdrawn: Option<NetworkHoldView>,
    /// Its identities, newest first, a hundred at most.
    pub identities: Vec<NetworkIdentityView>,
}

/// Why a device may not join the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkHoldView {
    /// `operator`, `lost` or `leaver`.
    pub reason: String,
    /// In a person's words.
    pub note: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// By whom.
    pub by: String,
}
