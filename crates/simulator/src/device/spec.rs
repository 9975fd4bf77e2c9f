//! What kind of device is simulated and how it behaves on the wire.

use std::time::Duration;

use pki::Digest;
use pki::cms::Cipher;
use serde::{Deserialize, Serialize};

/// The hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// A phone with a mobile line.
    #[serde(rename = "iphone")]
    IPhone,
    /// An iPad of one person.
    #[serde(rename = "ipad")]
    IPad,
    /// An iPad for several users, each with a channel of their own.
    #[serde(rename = "shared-ipad")]
    SharedIPad,
    /// A Mac with Apple silicon.
    MacAppleSilicon,
    /// A Mac with an Intel processor.
    MacIntel,
}

impl Model {
    /// Whether this is a Mac.
    #[must_use]
    pub const fn is_mac(self) -> bool {
        matches!(self, Self::MacAppleSilicon | Self::MacIntel)
    }

    /// A word for people: "iPhone", "iPad", "Mac".
    #[must_use]
    pub const fn family(self) -> &'static str {
        match self {
            Self::IPhone => "iPhone",
            Self::IPad | Self::SharedIPad => "iPad",
            Self::MacAppleSilicon | Self::MacIntel => "Mac",
        }
    }
}

/// How the device proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityMode {
    /// As real devices do: a TLS client certificate, and `Mdm-Signature` as well when the profile says `SignMessage`.
    #[default]
    AsProfileSays,
    /// TLS client certificate only.
    TlsOnly,
    /// `Mdm-Signature` only, as if a proxy ended TLS.
    SignatureOnly,
    /// No client certificate; a header as a TLS-terminating proxy would add it.
    ProxyHeader(ProxyHeader),
}

/// The forms in which proxies pass on a client certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `Client-Cert: :<base64 DER>:` (RFC 9440).
    Rfc9440,
    /// `X-SSL-Client-Cert`: PEM, percent-encoded throughout (nginx `$ssl_client_escaped_cert`).
    Nginx,
    /// `X-Forwarded-Tls-Client-Cert`: base64 without armour (Traefik).
    Traefik,
    /// `X-Amzn-Mtls-Clientcert`: PEM, percent-encoded but for `+=/` (AWS ALB).
    Alb,
    /// `X-SSL-Client-DER`: base64 DER (HAProxy).
    Haproxy,
}

/// The form of `Mdm-Signature`. The default is the one in captured samples of iOS: BER, no signed attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureForm {
    /// Digest of the body.
    pub digest: Digest,
    /// Whether the CMS has signed attributes.
    pub signed_attributes: bool,
    /// Whether lengths are indefinite (BER).
    pub ber: bool,
}

impl Default for SignatureForm {
    fn default() -> Self {
        Self { digest: Digest::Sha256, signed_attributes: false, ber: true }
    }
}

/// The form of SCEP messages, within what the server's capabilities allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScepForm {
    /// Cipher of the envelope.
    pub cipher: Cipher,
    /// Digest of the signature.
    pub digest: Digest,
    /// Whether lengths are indefinite (BER).
    pub ber: bool,
    /// Sends `PKIOperation` by GET even if the server takes POST.
    pub by_get: bool,
}

impl Default for ScepForm {
    fn default() -> Self {
        Self { cipher: Cipher::Aes128, digest: Digest::Sha256, ber: true, by_get: false }
    }
}

/// Where an enrolment profile comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileSource {
    /// Fetched from this URL, as Safari does.
    Url(String),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// A simulated device before it is switched on.
#[derive(Debug, Clone)]
pub struct DeviceSpec {
    /// The hardware.
    pub model: Model,
    /// OS version, such as `26.1`.
    pub os: String,
    /// Name that the device shows; made up from model and seed if `None`.
    pub name: Option<String>,
    /// Decides UDID, serial number, tokens and every other value.
    pub seed: u64,
    /// Whether the organisation supervises it.
    pub supervised: bool,
    /// Whether its user has set a passcode.
    pub passcode: bool,
    /// Whether a Mac's disk is encrypted from the start.
    pub file_vault: bool,
    /// How it proves its identity.
    pub identity: IdentityMode,
    /// The form of its signatures.
    pub signature: SignatureForm,
    /// The form of its SCEP messages.
    pub scep: ScepForm,
    /// The enrolment that Setup Assistant finds by itself, as with Automated Device Enrollment: the device then
    /// waits for `DeviceConfigured`, and comes back after every erase.
    pub automated: Option<ProfileSource>,
    /// Enrols as a personal device by User Enrollment: an `EnrollmentID` in place of UDID, serial number and IMEI.
    pub user_enrollment: bool,
    /// The local user of a Mac that gets a user channel.
    pub local_user: Option<String>,
    /// An erased Mac says `Error` and erases anyway, as Apple documents for `ObliterationBehavior` `Default`.
    pub erase_says_error: bool,
    /// Keeps its connection open between sessions.
    pub keep_alive: bool,
    /// Time that executing a command takes.
    pub think_time: Duration,
    /// How often it polls without being woken; `None`: never.
    pub poll_every: Option<Duration>,
}

impl DeviceSpec {
    /// A device of `model` with everything else as usual: supervised, with a passcode, woken by push only.
    #[must_use]
    pub fn new(model: Model, seed: u64) -> Self {
        Self {
            model,
            os: "27.0".to_owned(),
            name: None,
            seed,
            supervised: true,
            passcode: true,
            file_vault: true,
            identity: IdentityMode::default(),
            signature: SignatureForm::default(),
            scep: ScepForm::default(),
            automated: None,
            user_enrollment: false,
            local_user: model.is_mac().then(|| "nurse".to_owned()),
            erase_says_error: false,
            keep_alive: false,
            think_time: Duration::ZERO,
            poll_every: None,
        }
    }
}
