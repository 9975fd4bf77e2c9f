//! The linter: what a profile would do that a hospital does not want, before any device has it.

use std::collections::BTreeSet;

use catalog::{EnrollmentType, Ownership, Platform};
use clock::Timestamp;
use serde::Serialize;

use crate::Template;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what is meant.
    Warning,
    /// Not to be sent.
    Error,
}

impl Severity {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The identifier of the profile.
    pub profile: String,
    /// The rule, one of [`RULES`].
    pub rule: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// Where: `payload.wifi.SSID_STR`; empty for the whole profile.
    pub key_path: String,
    /// What it would do.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

/// What the linter may know of the devices and of the hospital. What a profile says of its audience comes on top.
#[derive(Clone, Debug, Default)]
pub struct LintContext {
    /// Whose devices.
    pub ownership: Option<Ownership>,
    /// How they enrolled.
    pub enrollment: Option<EnrollmentType>,
    /// Their platform.
    pub platform: Option<Platform>,
    /// The version of their system.
    pub os_version: Option<catalog::Version>,
    /// Whether they are supervised.
    pub supervised: Option<bool>,
    /// Whether they are Shared iPads.
    pub shared_ipad: Option<bool>,
    /// Bundle identifiers of apps that show patient data, or that staff need: the record, the pager.
    pub phi_apps: BTreeSet<String>,
    /// The most minutes until the screen locks; 0 for the usual 5.
    pub max_auto_lock_minutes: i64,
    /// The time, against which exceptions are held; without it none has expired.
    pub now: Option<Timestamp>,
}

/// The rules.
pub const RULES: &[&str] = &[];

/// A day such as 2027-06-30: its end.
pub(crate) fn day(text: &str) -> Option<Timestamp> {
    (text.len() == 10).then(|| format!("{text}T23:59:59Z").parse().ok()).flatten()
}

/// Looks at profiles, alone and together.
#[must_use]
pub fn lint(_templates: &[&Template], _context: &LintContext) -> Vec<Finding> {
    Vec::new()
}
