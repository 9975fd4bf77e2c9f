//! Locks: passcodes, screens that lock, disks that are encrypted, and the ways in which these harm.

use super::subject::Opened;
use super::{Findings, LintContext, Severity};

/// Wrong passcodes under which a pocket can erase a device of one person.
const FLOOR: i64 = 6;
/// The same for devices that several people use.
const SHARED_FLOOR: i64 = 10;
/// Apple's word for no limit.
const NO_LIMIT: i64 = 11;

pub(super) fn look(findings: &mut Findings<'_>, context: &LintContext) {
    let subject = findings.subject;
    for payload in subject.of_type("com.apple.mobiledevice.passwordpolicy") {
        erase(findings, payload);
        expiry(findings, payload);
        // Personal phones ignore the keys, which another rule says.
        if !subject.is_user_enrollment() {
            auto_lock(findings, payload, context.auto_lock_minutes());
        }
    }
    for payload in subject.of_type("com.apple.screensaver") {
        screen(findings, payload, context.auto_lock_minutes());
    }
    for payload in subject.of_type("com.apple.security.firewall") {
        if payload.flag("BlockAllIncoming") == Some(true) {
            findings.add(
                Severity::Warning,
                "firewall-blocks-all",
                payload.path("BlockAllIncoming"),
                "Printers, file sharing and remote help reach the Mac no more.",
                "Leave it out; EnableFirewall and EnableStealthMode protect without that.",
            );
        }
    }
}

fn erase(findings: &mut Findings<'_>, payload: &Opened<'_>) {
    let Some(limit) = payload.number("maxFailedAttempts").filter(|limit| *limit < NO_LIMIT) else { return };
    let floor = if findings.subject.may_be_shared() { SHARED_FLOOR } else { FLOOR };
    let path = payload.path("maxFailedAttempts");
    let advice = "Leave it out: the pauses between attempts protect the passcode. Lost Mode and erase are there for loss.";
    if limit < floor {
        let message = format!(
            "After {limit} wrong passcodes an iPhone or iPad erases itself: a child at the bedside can do that."
        );
        findings.add(Severity::Error, "failed-attempts-erase", path, message, advice);
    } else {
        let message =
            format!("After {limit} wrong passcodes an iPhone or iPad erases itself, without asking Ward.");
        findings.add(Severity::Warning, "failed-attempts-erase", path, message, advice);
    }
}

fn expiry(findings: &mut Findings<'_>, payload: &Opened<'_>) {
    if payload.keys.contains_key("maxPINAgeInDays") {
        findings.add(
            Severity::Warning,
            "passcode-expires",
            payload.path("maxPINAgeInDays"),
            "Passcodes run out, during shifts as well, and people choose worse ones.",
            "Leave it out, as current guidance advises (NIST SP 800-63B, 5.1.1.2).",
        );
    }
    if payload.flag("changeAtNextAuth") == Some(true) {
        findings.add(
            Severity::Warning,
            "passcode-expires",
            payload.path("changeAtNextAuth"),
            "Everybody has to choose a new password at once.",
            "Assign it to few Macs at a time, and take it away afterwards.",
        );
    }
}

fn auto_lock(findings: &mut Findings<'_>, payload: &Opened<'_>, most: i64) {
    let path = payload.path("maxInactivity");
    let advice = format!("Write maxInactivity = {most} or less (minutes).");
    match payload.number("maxInactivity") {
        None if payload.keys.contains_key("maxInactivity") => {}
        None => {
            let message = "The device locks when its user likes, or never.";
            findings.add(Severity::Warning, "auto-lock", path, message, advice);
        }
        Some(minutes) if minutes <= 0 || minutes > most => {
            let message = if minutes <= 0 {
                "The device never has to lock.".to_owned()
            } else {
                format!("An unattended device stays open for {minutes} minutes.")
            };
            findings.add(Severity::Error, "auto-lock", path, message, advice);
        }
        Some(_) => {}
    }
    if payload.number("maxGracePeriod").is_some_and(|minutes| minutes > 0) {
        findings.add(
            Severity::Warning,
            "auto-lock",
            payload.path("maxGracePeriod"),
            "A locked device opens without the passcode for a while.",
            "Write maxGracePeriod = 0.",
        );
    }
}

fn screen(findings: &mut Findings<'_>, payload: &Opened<'_>, most: i64) {
    if payload.flag("askForPassword") != Some(true) {
        findings.add(
            Severity::Error,
            "screen-lock",
            payload.path("askForPassword"),
            "The screen saver ends without a password.",
            "Write askForPassword = true and askForPasswordDelay = 0.",
        );
    } else if payload.number("askForPasswordDelay").is_none_or(|seconds| seconds > 0) {
        findings.add(
            Severity::Warning,
            "screen-lock",
            payload.path("askForPasswordDelay"),
            "For a while the screen saver ends without a password.",
            "Write askForPasswordDelay = 0.",
        );
    }
    if payload.number("idleTime").is_none_or(|seconds| seconds <= 0 || seconds > most * 60) {
        findings.add(
            Severity::Warning,
            "screen-lock",
            payload.path("idleTime"),
            format!("The screen does not lock within {most} minutes."),
            format!("Write idleTime = {} or less (seconds).", most * 60),
        );
    }
}
