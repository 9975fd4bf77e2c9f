//! Push: waking devices, and the certificates for it.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::TargetRefusalView;

/// Devices to wake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushRequest {
    /// Targets as in a command.
    pub targets: Vec<String>,
}

/// Which devices will be woken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushAnswer {
    /// The composite ids of the channels that will be woken.
    pub queued: Vec<String>,
    /// The targets that cannot be woken, and why.
    pub refused: Vec<TargetRefusalView>,
}

/// A push certificate, without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushCertificateView {
    /// Its id.
    pub id: Uuid,
    /// The push topic.
    pub topic: String,
    /// The subject as text.
    pub subject: String,
    /// The serial number in hexadecimal.
    pub serial: String,
    /// When it expires.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
    /// Whole days until then; negative afterwards.
    pub days_left: i64,
    /// When it was installed.
    #[schema(value_type = String, format = DateTime)]
    pub installed_at: Timestamp,
    /// When a newer one took its place.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub replaced_at: Option<Timestamp>,
    /// Whether pushes are sent with it.
    pub active: bool,
    /// How many live enrolments use its topic.
    pub enrollments: u64,
}

/// A certificate to install: either form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallPushCertificateRequest {
    /// The certificate as PEM, with its unencrypted private key in any order. The key may be left out when Ward made the request.
    #[serde(default)]
    #[schema(write_only)]
    pub pem: Option<String>,
    /// PKCS#12 as base64.
    #[serde(default)]
    #[schema(write_only)]
    pub pkcs12: Option<String>,
    /// The password of the PKCS#12 file.
    #[serde(default)]
    #[schema(write_only)]
    pub password: Option<String>,
}

/// What was installed, and what to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstalledPushCertificateView {
    /// The certificate.
    pub certificate: PushCertificateView,
    /// For example that no enrolled device uses its topic.
    pub warnings: Vec<String>,
}

/// Ask for a certificate request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushCertificateRequestRequest {
    /// The name in the request; the organisation of the server when left out.
    #[serde(default)]
    pub organization: Option<String>,
}

/// A certificate request. Its private key stays in the server, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushCertificateRequestView {
    /// PKCS#10 as PEM.
    pub csr_pem: String,
    /// PKCS#10 DER as base64.
    pub csr_der_base64: String,
    /// The way from here to a certificate.
    pub advice: String,
}
