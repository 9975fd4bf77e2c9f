//! What an operator can set, with the defaults of a hospital that has set nothing.

use std::time::Duration;

/// The settings of the services. `ward` fills them from its configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The address under which devices reach the server: `https://host[:port]`, without a slash at the end.
    pub public_url: String,
    /// The name that devices and people see, for example `St. Elsewhere Hospital`.
    pub organization: String,
    /// The first part of the identifiers of profiles, in reverse DNS form.
    pub profile_identifier: String,
    /// Days that a device identity is valid.
    pub identity_days: u32,
    /// Days that an identity for the hospital's network is valid.
    pub network_identity_days: u32,
    /// How far certificates are dated back, for devices whose clock is behind.
    pub back_date: Duration,
    /// Share of an identity's life, in percent, after which it is renewed.
    pub renew_after_percent: u32,
    /// How often devices that are due for renewal are looked for.
    pub renewals_every: Duration,
    /// How long a challenge in a fetched profile waits for its first use.
    pub challenge_lifetime: Duration,
    /// How long a used challenge may be repeated by the same transaction and key.
    pub challenge_repeat: Duration,
    /// Whether SCEP messages encrypted with single DES are read.
    pub allow_single_des: bool,
    /// Whether enrolment links for personal devices may be made and used.
    pub allow_personal_links: bool,
    /// How long an expired identity is still served for repair.
    pub expired_grace: Duration,
    /// How long an older epoch must be silent before a newer one with the same UDID is no longer in doubt.
    pub collision_silence: Duration,
    /// How many collisions an hour stop an enrolment link.
    pub collision_limit: u32,
    /// How often an `EraseDevice` without an answer is handed out to the same epoch and identity.
    pub erase_hand_outs: u32,
    /// Whether devices are told a second address for check-ins, `/checkin`. Must stay as it is while devices are enrolled.
    pub split_check_in: bool,
    /// Certificates (DER) that devices need to trust the server itself, where its own certificate is private.
    pub tls_anchors: Vec<Vec<u8>>,
    /// The largest report that is read, in bytes.
    pub report_bytes: usize,
    /// The largest check-in that is read, in bytes.
    pub checkin_bytes: usize,
    /// The least time between two pushes to one channel; what comes in between is one push.
    pub push_interval: Duration,
    /// For how long Apple keeps a push for a device that is away.
    pub push_expiration: Duration,
    /// After how long a channel that has not come for its commands is pushed again.
    pub repush_after: Duration,
    /// How often a device is asked for its state.
    pub refresh_every: Duration,
    /// Up to how much earlier or later, so that a fleet does not answer at once.
    pub refresh_jitter: Duration,
    /// After how long an `EraseDevice` that was handed out and never answered is called unanswered.
    pub erase_reply_within: Duration,
    /// Bundle identifiers of apps that show patient data, or that staff cannot work without: uploaded profiles are linted against them.
    pub clinical_apps: Vec<String>,
    /// The most minutes until a screen locks, for the linter.
    pub max_auto_lock_minutes: u32,
    /// How long the answer to a request with an `Idempotency-Key` is kept.
    pub idempotency_kept: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "https://localhost:8443".to_owned(),
            organization: "Ward".to_owned(),
            profile_identifier: "org.ward".to_owned(),
            identity_days: 365,
            network_identity_days: 90,
            back_date: Duration::from_secs(10 * 60),
            renew_after_percent: 50,
            renewals_every: Duration::from_secs(60),
            challenge_lifetime: Duration::from_secs(60 * 60),
            challenge_repeat: Duration::from_secs(15 * 60),
            allow_single_des: false,
            allow_personal_links: false,
            expired_grace: Duration::from_secs(2 * 365 * 86_400),
            collision_silence: Duration::from_secs(7 * 86_400),
            collision_limit: 3,
            erase_hand_outs: 5,
            split_check_in: false,
            tls_anchors: Vec::new(),
            report_bytes: 16 * 1024 * 1024,
            checkin_bytes: 1024 * 1024,
            push_interval: Duration::from_secs(3),
            push_expiration: Duration::from_secs(7 * 86_400),
            repush_after: Duration::from_secs(60 * 60),
            refresh_every: Duration::from_secs(24 * 60 * 60),
            refresh_jitter: Duration::from_secs(2 * 60 * 60),
            erase_reply_within: Duration::from_secs(24 * 60 * 60),
            clinical_apps: Vec::new(),
            max_auto_lock_minutes: 5,
            idempotency_kept: Duration::from_secs(24 * 60 * 60),
        }
    }
}
