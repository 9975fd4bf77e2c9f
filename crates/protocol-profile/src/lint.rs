//! The linter: what a profile would do that a hospital does not want, told before any device has it. It judges; it changes nothing.

use std::collections::BTreeSet;

use catalog::{EnrollmentType, Ownership, Platform, Version};
use clock::Timestamp;
use serde::Serialize;

use crate::Template;

mod apps;
mod audience;
mod data;
mod lock;
mod network;
mod subject;
mod together;

use subject::Subject;

/// Minutes until a screen locks, where the hospital says nothing else.
const USUAL_AUTO_LOCK: i64 = 5;

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
    /// What to do about it; empty where the message says it.
    pub advice: String,
}

/// What the linter may know of the devices and of the hospital. What a profile says of its audience goes before.
#[derive(Clone, Debug, Default)]
pub struct LintContext {
    /// Whose devices.
    pub ownership: Option<Ownership>,
    /// How they enrolled.
    pub enrollment: Option<EnrollmentType>,
    /// Their platform.
    pub platform: Option<Platform>,
    /// The version of their system; without it the newest is asked about.
    pub os_version: Option<Version>,
    /// Whether they are supervised.
    pub supervised: Option<bool>,
    /// Whether they are Shared iPads.
    pub shared_ipad: Option<bool>,
    /// Bundle identifiers of apps that show patient data, or that staff cannot work without: the record, the pager.
    pub phi_apps: BTreeSet<String>,
    /// The most minutes until the screen locks; 0 for the usual 5.
    pub max_auto_lock_minutes: i64,
    /// The time, against which exceptions are held; without it none has expired.
    pub now: Option<Timestamp>,
    /// The version of the profile that the first one replaces.
    pub replaced: Option<Template>,
}

impl LintContext {
    fn auto_lock_minutes(&self) -> i64 {
        if self.max_auto_lock_minutes > 0 { self.max_auto_lock_minutes } else { USUAL_AUTO_LOCK }
    }
}

/// The rules, by the names that stand in findings and in exceptions.
pub const RULES: &[&str] = &[
    "address-without-tls",
    "adds-trust",
    "app-list-hides-needed-app",
    "auto-lock",
    "backup-leak",
    "carries-network",
    "confined-without-wifi",
    "data-leaves-managed-apps",
    "deprecated",
    "exception-expired",
    "failed-attempts-erase",
    "filevault-without-escrow",
    "firewall-blocks-all",
    "kiosk-keeps-screen-on",
    "network-removed",
    "no-effect",
    "passcode-expires",
    "refused-by-device",
    "removal-not-prevented",
    "same-identifier",
    "same-uuid",
    "screen-lock",
    "secret-in-clear",
    "shared-ipad-time-outs",
    "silences-needed-app",
    "unknown-key",
    "wifi-open",
    "wifi-without-trust",
];

/// The end of a day such as 2027-06-30.
pub(crate) fn day(text: &str) -> Option<Timestamp> {
    if text.len() == 10 { format!("{text}T23:59:59Z").parse().ok() } else { None }
}

/// Looks at profiles, each alone and all together: what one may leave out, another may bring. Findings that an exception covers become
/// notes. The gravest come first, within one profile.
#[must_use]
pub fn lint(templates: &[&Template], context: &LintContext) -> Vec<Finding> {
    lint_each(templates, context).into_iter().flatten().collect()
}

/// As [`lint`], with the findings of each profile apart, in the order of the profiles.
#[must_use]
pub fn lint_each(templates: &[&Template], context: &LintContext) -> Vec<Vec<Finding>> {
    let subjects: Vec<Subject<'_>> =
        templates.iter().map(|template| Subject::new(template, context)).collect();
    let mut all = Vec::new();
    for subject in &subjects {
        let mut findings = Findings { subject, made: Vec::new() };
        apps::look(&mut findings, context);
        audience::look(&mut findings, context);
        data::look(&mut findings);
        lock::look(&mut findings, context);
        network::look(&mut findings);
        together::look(&mut findings, &subjects, context);
        let mut made = findings.made;
        excuse(subject.template, &mut made, context);
        made.sort_by(|one, other| {
            other
                .severity
                .cmp(&one.severity)
                .then_with(|| (&one.key_path, one.rule).cmp(&(&other.key_path, other.rule)))
        });
        made.dedup();
        all.push(made);
    }
    all
}

/// Turns what an exception covers into notes, and speaks about exceptions that have run out.
fn excuse(template: &Template, findings: &mut Vec<Finding>, context: &LintContext) {
    for (index, exception) in template.exceptions.iter().enumerate() {
        let expired = context.now.is_some_and(|now| day(&exception.until).is_none_or(|end| end < now));
        if expired {
            findings.push(Finding {
                profile: template.identifier().to_owned(),
                rule: "exception-expired",
                severity: Severity::Warning,
                key_path: format!("exception[{index}]"),
                message: format!("The exception for {} ended on {}.", exception.rule, exception.until),
                advice: "Decide anew, or take it out.".to_owned(),
            });
            continue;
        }
        for finding in findings.iter_mut().filter(|finding| finding.rule == exception.rule) {
            finding.severity = Severity::Note;
            finding.advice =
                format!("Accepted until {} by {}: {}", exception.until, exception.owner, exception.reason);
        }
    }
}

/// The findings about one profile.
struct Findings<'a> {
    subject: &'a Subject<'a>,
    made: Vec<Finding>,
}

impl Findings<'_> {
    fn add(
        &mut self,
        severity: Severity,
        rule: &'static str,
        key_path: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.made.push(Finding {
            profile: self.subject.template.identifier().to_owned(),
            rule,
            severity,
            key_path: key_path.into(),
            message: message.into(),
            advice: advice.into(),
        });
    }
}

#[cfg(test)]
mod tests;
