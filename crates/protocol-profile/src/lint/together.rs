//! What shows only when several profiles, or two versions of one, are looked at together.

use std::collections::BTreeSet;

use plist::Value;

use super::subject::Subject;
use super::{Findings, LintContext, Severity};

const WIFI: &str = "com.apple.wifi.managed";
const ESCROW: &str = "com.apple.security.FDERecoveryKeyEscrow";

pub(super) fn look(findings: &mut Findings<'_>, all: &[Subject<'_>], context: &LintContext) {
    let subject = findings.subject;
    let same =
        all.iter().filter(|other| other.template.identifier() == subject.template.identifier()).count();
    if same > 1 {
        let path = "profile.identifier";
        let message = format!("{same} profiles have the identifier {}.", subject.template.identifier());
        let advice = "Each would replace the others on a device. Give each its own.";
        findings.add(Severity::Error, "same-identifier", path, message, advice);
    }
    uuids(findings);
    filevault(findings, all);
    confined(findings, all);
    let is_first = all.first().is_some_and(|first| std::ptr::eq(first, subject));
    if let Some(before) = context.replaced.as_ref().filter(|_| is_first) {
        removed(findings, before);
    }
}

fn uuids(findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for payload in &findings.subject.payloads {
        let uuid = payload.text("PayloadUUID").unwrap_or_default().to_ascii_uppercase();
        if !seen.insert(uuid) {
            findings.add(
                Severity::Error,
                "same-uuid",
                payload.path("PayloadUUID"),
                "Two payloads have the same PayloadUUID: references to it lead to either.",
                "Give each payload its own.",
            );
        }
    }
}

fn filevault(findings: &mut Findings<'_>, all: &[Subject<'_>]) {
    let subject = findings.subject;
    let turns_on =
        subject.of_type("com.apple.MCX.FileVault2").find(|payload| payload.text("Enable") == Some("On"));
    let Some(payload) = turns_on.filter(|_| !subject.has(ESCROW)) else { return };
    let elsewhere = all.iter().any(|other| other.has(ESCROW));
    let (severity, message) = if elsewhere {
        (
            Severity::Warning,
            "The escrow stands in another profile: a Mac that has only this one keeps its key to itself.",
        )
    } else {
        (Severity::Error, "Nobody keeps the recovery key: with the password the disk is lost.")
    };
    let advice = "Put a payload of type com.apple.security.FDERecoveryKeyEscrow into the same profile.";
    findings.add(severity, "filevault-without-escrow", payload.path("Enable"), message, advice);
}

fn confined(findings: &mut Findings<'_>, all: &[Subject<'_>]) {
    let subject = findings.subject;
    for key in ["forceWiFiToAllowedNetworksOnly", "forceWiFiWhitelisting"] {
        let confines =
            subject.of_type("com.apple.applicationaccess").find(|payload| payload.flag(key) == Some(true));
        let Some(payload) = confines.filter(|_| !subject.has(WIFI)) else { continue };
        let severity =
            if all.iter().any(|other| other.has(WIFI)) { Severity::Warning } else { Severity::Error };
        findings.add(
            severity,
            "confined-without-wifi",
            payload.path(key),
            "The device leaves its network and joins only those that profiles bring; this profile brings none.",
            "Put the Wi-Fi payload into the same profile, so that one does not come without the other.",
        );
    }
}

fn removed(findings: &mut Findings<'_>, before: &crate::Template) {
    let names = |value: &Value| {
        let payload = value.as_dictionary()?;
        (payload.get("PayloadType")?.as_string()? == WIFI)
            .then(|| payload.get("SSID_STR").and_then(Value::as_string).unwrap_or_default().to_owned())
    };
    let of = |profile: &plist::Dictionary| -> BTreeSet<String> {
        let content = profile.get("PayloadContent").and_then(Value::as_array);
        content.into_iter().flatten().filter_map(names).collect()
    };
    let (old, new) = (of(&before.as_dictionary()), of(&findings.subject.profile));
    if old.is_empty() || !new.is_disjoint(&old) {
        return;
    }
    let severity = if new.is_empty() { Severity::Error } else { Severity::Warning };
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    findings.add(
        severity,
        "network-removed",
        "",
        format!("The version before brought the Wi-Fi {}; this one takes it away.", old.join(", ")),
        "Keep the old network beside the new one until every device has polled over the new one.",
    );
}
