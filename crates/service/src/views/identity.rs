//! Device identities and escrowed secrets.

use std::fmt;

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A certificate that Ward issued to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IdentityView {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// The serial number in hexadecimal.
    pub serial: String,
    /// The subject as text.
    pub subject: String,
    /// The enrolment that it is pinned to.
    pub enrollment_id: Option<Uuid>,
    /// Valid from.
    #[schema(value_type = String, format = DateTime)]
    pub not_before: Timestamp,
    /// Valid until.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// When a device first used it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen_at: Option<Timestamp>,
    /// When a device last used it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// Why it was revoked.
    pub revoked_reason: Option<String>,
    /// `active`, `unused`, `expired` or `revoked`.
    pub state: String,
}

/// A certificate authority of the devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthorityView {
    /// Its id.
    pub id: Uuid,
    /// The subject as text.
    pub subject: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// Valid until.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
    /// Whether it issues; the others are still trusted.
    pub active: bool,
}

/// The wish for a new authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollRequest {
    /// For the record.
    pub reason: String,
    /// Whether its key is on P-256 instead of RSA; as the present one if absent.
    pub elliptic: Option<bool>,
}

/// Why something is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// For the record.
    pub reason: String,
}

/// A secret that is kept sealed; never its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretView {
    /// Its id.
    pub id: Uuid,
    /// `unlock_token`, `bootstrap_token`, `lock_pin`, `erase_pin`, `activation_lock_bypass_code`, …
    pub kind: String,
    /// The enrolment that it belongs to.
    pub enrollment_id: Uuid,
    /// When it was stored.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Where it came from.
    pub source: String,
    /// It belongs to the enrolment before.
    pub from_before: bool,
    /// Of a password that Ward made: when the device showed that it has it. Of a recovery key: when Ward opened it.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub confirmed_at: Option<Timestamp>,
    /// Whether an operator may read it.
    pub revealable: bool,
    /// How often it was shown.
    #[serde(default)]
    pub reveals: u64,
    /// When it was last shown.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revealed_at: Option<Timestamp>,
    /// What became of it since: `due`, `done`, `needless`, `failed`, `gone`.
    #[serde(default)]
    pub rotation: Option<String>,
}

/// The certificate to which Macs encrypt their recovery keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EscrowCertificateView {
    /// The certificate as PEM.
    pub pem: String,
    /// The same as base64 of its DER, as `PayloadContent` of a `com.apple.security.pkcs1` payload wants it.
    pub der_base64: String,
    /// SHA-256, hex.
    pub fingerprint: String,
    /// Until when it is valid.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
}

/// Why a secret is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealRequest {
    /// For the record. Whoever asks again gives a reason that was not given before.
    pub reason: String,
}

/// The value of a secret. Printing it with `Debug` hides the value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevealedSecretView {
    /// Its id.
    pub id: Uuid,
    /// Its kind.
    pub kind: String,
    /// The value.
    pub value: String,
    /// How often it had been shown before: every time is on record, and was asked for with a reason of its own.
    #[serde(default)]
    pub earlier: u64,
    /// `due`: Ward changes it on the device by `rotate_by`. `needless`: see `detail`.
    #[serde(default)]
    pub rotation: String,
    /// Until when the device should have another value.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub rotate_by: Option<Timestamp>,
    /// What there is to say of it.
    #[serde(default)]
    pub detail: Option<String>,
}

impl fmt::Debug for RevealedSecretView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealedSecretView")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("value", &"hidden")
            .finish()
    }
}
