//! Data that leaves: out of managed apps, into backups, over plain addresses; secrets that stand in a file.

use std::collections::BTreeMap;

use super::{Findings, Severity};
use crate::node::Node;

/// Keys that keep data inside managed apps, and the value that does.
const INSIDE: [(&str, bool); 4] = [
    ("allowOpenFromManagedToUnmanaged", false),
    ("requireManagedPasteboard", true),
    ("forceAirDropUnmanaged", true),
    ("allowManagedAppsCloudSync", false),
];

pub(super) fn look(findings: &mut Findings<'_>) {
    if findings.subject.template.patient_data {
        patient_data(findings);
    }
    let subject = findings.subject;
    for payload in &subject.payloads {
        walk(findings, payload.nodes(), &payload.path(""));
        if payload.payload_type == "com.apple.security.pkcs12" {
            findings.add(
                Severity::Warning,
                "secret-in-clear",
                payload.path("PayloadContent"),
                "Every device gets the same private key, and so does everybody who reads the profile.",
                "Let each device make its own: a SCEP or ACME payload, or { network_identity = true }.",
            );
        }
    }
}

fn patient_data(findings: &mut Findings<'_>) {
    let mut backup = vec![("forceEncryptedBackup", true)];
    // Personal phones take no such key; their iCloud backup leaves managed data out by itself.
    if !findings.subject.is_user_enrollment() {
        backup.push(("allowCloudBackup", false));
    }
    demand(
        findings,
        &INSIDE,
        "data-leaves-managed-apps",
        "Patient data can leave the apps that the hospital manages",
    );
    demand(findings, &backup, "backup-leak", "Patient data can leave in a backup");
}

fn demand(findings: &mut Findings<'_>, keys: &[(&str, bool)], rule: &'static str, message: &str) {
    let subject = findings.subject;
    let holds = |key: &str, value: bool| {
        subject.of_type("com.apple.applicationaccess").any(|payload| payload.flag(key) == Some(value))
    };
    for (key, value) in keys.iter().filter(|(key, value)| !holds(key, *value)) {
        let first = subject.of_type("com.apple.applicationaccess").next();
        let path = first.map_or_else(String::new, |payload| payload.path(key));
        let advice = format!("Write {key} = {value} in a payload of type com.apple.applicationaccess.");
        findings.add(Severity::Error, rule, path, format!("{message}: {key} is not {value}."), advice);
    }
}

fn walk(findings: &mut Findings<'_>, nodes: &BTreeMap<String, Node>, path: &str) {
    for (key, node) in nodes {
        let path = format!("{path}.{key}");
        match node {
            Node::Text(text) if catalog::is_secret_key(key) && !text.is_empty() => findings.add(
                Severity::Warning,
                "secret-in-clear",
                path,
                "A secret stands in the file: everybody who has the file knows it.",
                "Describe the profile in TOML with { secret = \"name\" }, and change the secret.",
            ),
            Node::Text(text) if text.starts_with("http://") && crate::description::is_url_key(key) => {
                findings.add(
                    Severity::Warning,
                    "address-without-tls",
                    path,
                    "Whoever is on the way can read and change what comes from this address.",
                    "Use https.",
                )
            }
            Node::Dictionary(inner) => walk(findings, inner, &path),
            Node::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Node::Dictionary(inner) = item {
                        walk(findings, inner, &format!("{path}[{index}]"));
                    }
                }
            }
            _ => {}
        }
    }
}
