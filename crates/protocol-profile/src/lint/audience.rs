//! What the devices that a profile is meant for would make of it, by the catalogue.

use std::collections::BTreeMap;

use catalog::{ChannelKind, DeviceFacts, EnrollmentType, Ownership, Platform, Refusal, Rule, Version, What};

use super::{Findings, LintContext, Severity};

/// The release that is asked about where no version is given.
const NEWEST: Version = Version::new(27, 0, 0);

pub(super) fn look(findings: &mut Findings<'_>, context: &LintContext) {
    let subject = findings.subject;
    let mut refusals: BTreeMap<String, Heard> = BTreeMap::new();
    for platform in &subject.platforms {
        let verdict = catalog::check(What::Profile(&subject.profile), &facts(findings, context, *platform));
        let notes = verdict.notes.into_iter().map(|note| (false, note));
        for (refused, refusal) in verdict.refusals.into_iter().map(|refusal| (true, refusal)).chain(notes) {
            let key = format!("{}\n{:?}", refusal.key_path, refusal.rule);
            refusals.entry(key).or_insert(Heard { refused, refusal, platforms: 0 }).platforms += 1;
        }
    }
    for heard in refusals.into_values() {
        tell(findings, &heard);
    }
    if subject.shared_ipad == Some(true) {
        findings.add(
            Severity::Note,
            "shared-ipad-time-outs",
            "",
            "No profile ends the session of a Shared iPad: its time-outs come with the command Settings.",
            "Send SharedDeviceConfiguration with UserSessionTimeout, TemporarySessionTimeout and PasscodePolicy.",
        );
    }
    let prevents = subject.profile.get("PayloadRemovalDisallowed").and_then(plist::Value::as_boolean);
    if prevents == Some(true) && subject.supervised != Some(true) {
        findings.add(
            Severity::Warning,
            "removal-not-prevented",
            "profile.removal_disallowed",
            "Only supervised devices keep a profile that their user wants to remove.",
            "Say supervised = true in [profile], or count on Ward, which installs it again.",
        );
    }
}

struct Heard {
    refused: bool,
    refusal: Refusal,
    platforms: usize,
}

fn facts(findings: &Findings<'_>, context: &LintContext, platform: Option<Platform>) -> DeviceFacts {
    let subject = findings.subject;
    let mut facts = DeviceFacts::unknown(
        subject.enrollment.unwrap_or(EnrollmentType::Device),
        subject.ownership.unwrap_or(Ownership::Corporate),
        ChannelKind::Device,
    );
    facts.platform = platform;
    facts.os_version = Some(context.os_version.unwrap_or(NEWEST));
    facts.supervised = subject.supervised;
    facts.shared_ipad = subject.shared_ipad;
    facts
}

fn tell(findings: &mut Findings<'_>, heard: &Heard) {
    let subject = findings.subject;
    let everywhere = heard.platforms == subject.platforms.len();
    let path = subject.path(&heard.refusal.key_path);
    // What the identity will hold is not known yet.
    if path == crate::template::IDENTITY {
        return;
    }
    let (rule, severity) = match heard.refusal.rule {
        Rule::UnknownKey => ("unknown-key", Severity::Warning),
        Rule::Deprecated => ("deprecated", Severity::Note),
        // What one of several platforms lacks is left aside there.
        _ if !everywhere => ("no-effect", Severity::Note),
        _ if heard.refused => ("refused-by-device", Severity::Error),
        _ => ("no-effect", Severity::Warning),
    };
    findings.add(severity, rule, path, heard.refusal.advice.clone(), "");
}
