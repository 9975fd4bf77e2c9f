//! The network: Wi-Fi that anybody can imitate, trust that grows, and ways to the server that a mistake can cut.

use plist::{Dictionary, Value};

use super::subject::Opened;
use super::{Findings, Severity};
use crate::carries_network;

/// Payloads that add an authority which apps and networks trust.
const TRUST: [&str; 3] = ["com.apple.security.root", "com.apple.security.pem", "com.apple.security.pkcs1"];
/// Payloads that lead all traffic through somebody.
const DETOURS: [&str; 3] =
    ["com.apple.proxy.http.global", "com.apple.relay.managed", "com.apple.dnsProxy.managed"];

pub(super) fn look(findings: &mut Findings<'_>) {
    let subject = findings.subject;
    if carries_network(&subject.profile) {
        findings.add(
            Severity::Note,
            "carries-network",
            "",
            "This profile can cut devices off from the server.",
            "Ward sends it in rings and halts when devices fall silent.",
        );
    }
    for payload in &subject.payloads {
        if payload.payload_type.ends_with("ethernet.managed")
            || payload.payload_type == "com.apple.wifi.managed"
        {
            access(findings, payload);
        }
        // The certificate of the escrow encrypts; nobody trusts it with a connection.
        let encrypts_only = subject.has("com.apple.security.FDERecoveryKeyEscrow");
        if TRUST.contains(&payload.payload_type.as_str()) && !encrypts_only {
            findings.add(
                Severity::Note,
                "adds-trust",
                payload.path(""),
                "Devices will trust what this authority signs.",
                "Let a second person compare its fingerprint.",
            );
        }
        if DETOURS.contains(&payload.payload_type.as_str()) {
            findings.add(
                Severity::Note,
                "adds-trust",
                payload.path(""),
                "Everything that devices send passes through the named server.",
                "Let a second person look at the address.",
            );
        }
    }
}

fn access(findings: &mut Findings<'_>, payload: &Opened<'_>) {
    if let Some(eap) = payload.table("EAPClientConfiguration") {
        return trust(findings, payload, eap);
    }
    if payload.payload_type != "com.apple.wifi.managed" {
        return;
    }
    let (message, severity) = match payload.text("EncryptionType") {
        Some("None") => {
            ("The network is open: everybody near it reads along and can imitate it.", Severity::Warning)
        }
        Some("WEP") => ("WEP is broken in minutes.", Severity::Error),
        Some("Any") | None => ("An access point without encryption is joined as well.", Severity::Warning),
        _ => return,
    };
    findings.add(
        severity,
        "wifi-open",
        payload.path("EncryptionType"),
        message,
        "Write EncryptionType = \"WPA2\" or \"WPA3\"; for clinical devices use 802.1X.",
    );
}

fn trust(findings: &mut Findings<'_>, payload: &Opened<'_>, eap: &Dictionary) {
    let filled = |key: &str| eap.get(key).and_then(Value::as_array).is_some_and(|items| !items.is_empty());
    let names = filled("TLSTrustedServerNames");
    let anchors = filled("PayloadCertificateAnchorUUID");
    if names && anchors {
        return;
    }
    let missing = match (names, anchors) {
        (false, false) => "TLSTrustedServerNames and PayloadCertificateAnchorUUID",
        (false, true) => "TLSTrustedServerNames",
        _ => "PayloadCertificateAnchorUUID",
    };
    findings.add(
        Severity::Error,
        "wifi-without-trust",
        payload.path("EAPClientConfiguration"),
        format!("An access point of the same name can pass for the hospital's: {missing} is missing."),
        "Name the RADIUS server, and the certificate of its authority by { payload = \"name\" }.",
    );
}
