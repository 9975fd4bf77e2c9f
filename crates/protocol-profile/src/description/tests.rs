//! Descriptions: what they become, and what is said about those that are wrong.

use super::*;
use crate::{Values, render};

const WIFI: &str = r#"
[profile]
name = "clinical-wifi"
title = "Clinical Wi-Fi"
platforms = ["iOS", "iPadOS"]

[variables]
ssid = { type = "text", from = "$site.wifi_ssid" }
radius_ca = { type = "data", from = "$site.radius_ca" }

[[payload]]
type = "com.apple.security.root"
name = "radius-ca"
PayloadContent = "$radius_ca"

[[payload]]
type = "com.apple.wifi.managed"
SSID_STR = "$ssid"
EncryptionType = "WPA3"
PayloadCertificateUUID = { network_identity = true }
[payload.EAPClientConfiguration]
AcceptEAPTypes = [13]
TLSTrustedServerNames = ["radius.example.org"]
PayloadCertificateAnchorUUID = [{ payload = "radius-ca" }]
"#;

#[test]
fn a_description_becomes_a_profile() {
    let description = Description::parse(WIFI, "wifi.toml").unwrap();
    let template = description.to_template();
    assert_eq!(template.identifier(), "org.ward.clinical-wifi");
    let types = ["com.apple.security.root", "com.apple.wifi.managed", "com.apple.security.scep"];
    assert_eq!(template.payload_types(), types);
    assert!(template.carries_network() && template.needs_network_identity());
    let rendered = render(&template, &Values::stand_ins(&template)).unwrap();
    let content = rendered.dictionary["PayloadContent"].as_array().unwrap();
    let [identity, root, wifi] = content.as_slice() else { panic!("three payloads") };
    let uuid = |payload: &plist::Value| payload.as_dictionary().unwrap()["PayloadUUID"].clone();
    let wifi = wifi.as_dictionary().unwrap();
    assert_eq!(wifi["PayloadCertificateUUID"], uuid(identity));
    let eap = wifi["EAPClientConfiguration"].as_dictionary().unwrap();
    assert_eq!(eap["PayloadCertificateAnchorUUID"].as_array().unwrap(), &[uuid(root)]);
    assert_eq!(wifi["SSID_STR"].as_string(), Some("stand-in"));
}
