//! Access to the hospital's network: given by a profile, withdrawn within a minute, and never the way to Ward.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::MockClock;
use pki::Certificate;
use plist::{Dictionary, Value};
use serde_json::json;
use tests::{RawDevice, RawReply, World, answer, client};

use crate::support::{audit, until, world_with_clock};

const UDID: &str = "00008120-0000000000000F01";

/// A Wi-Fi by certificates on both sides; any certificate stands for the one of RADIUS.
fn wifi(world: &World) -> Result<String> {
    let root = Certificate::from_pem(&std::fs::read(world.tls_root()?)?)?;
    Ok(format!(
        r#"[profile]
name = "clinical-wifi"
title = "Clinical Wi-Fi"

[[payload]]
type = "com.apple.security.root"
name = "radius"
PayloadContent = {{ base64 = "{}" }}

[[payload]]
type = "com.apple.wifi.managed"
name = "wifi"
SSID_STR = "Clinical"
AutoJoin = true
HIDDEN_NETWORK = false
EncryptionType = "WPA2"
PayloadCertificateUUID = {{ network_identity = true }}

[payload.EAPClientConfiguration]
AcceptEAPTypes = [13]
TLSTrustedServerNames = ["radius.hospital.example"]
PayloadCertificateAnchorUUID = [{{ payload = "radius" }}]
"#,
        STANDARD.encode(root.der())
    ))
}

/// Answers what is queued until a profile comes; its command and its bytes.
async fn next_profile(device: &RawDevice) -> Result<Option<(String, Vec<u8>)>> {
    let mut reply = device.idle().await?;
    while let Some((uuid, request_type)) = reply.command() {
        if request_type == "InstallProfile" {
            return Ok(Some((uuid, payload_of(&reply)?)));
        }
        reply = device.report("Acknowledged", Some(&uuid), Dictionary::new()).await?;
    }
    Ok(None)
}

fn payload_of(reply: &RawReply) -> Result<Vec<u8>> {
    let envelope = reply.plist()?;
    let command = envelope.get("Command").and_then(Value::as_dictionary).context("no command")?;
    command.get("Payload").and_then(Value::as_data).map(<[u8]>::to_vec).context("no payload")
}

/// A device that has joined the network, and itself with the identity for it.
async fn joined(world: &World, clock: &MockClock) -> Result<(RawDevice, RawDevice)> {
    let device = RawDevice::enrolled(world, UDID).await?;
    device.drain().await?;
    let uploaded = world.api.post("/api/v1/profiles", &json!({"toml": wifi(world)?})).await?;
    ensure!(matches!(uploaded.status, 200 | 201), "{uploaded:?}");
    let assigned = world.api.post("/api/v1/assignments", &json!({"profile": "clinical-wifi"})).await?;
    ensure!(matches!(assigned.status, 200 | 201), "{assigned:?}");
    let mut found = None;
    until("the profile is handed out", async || {
        // What carries the network goes in rings, and these by the clock.
        clock.advance(Duration::from_secs(60));
        found = next_profile(&device).await?;
        Ok(found.is_some())
    })
    .await?;
    let (uuid, profile) = found.context("no profile")?;
    let visitor = device.with_identity_of(world, &profile).await?;
    device.report("Acknowledged", Some(&uuid), Dictionary::new()).await?;
    Ok((device, visitor))
}

async fn fetch(world: &World, path: &str) -> Result<RawReply> {
    answer(client(world)?.build()?.get(format!("{}{path}", world.door()))).await
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

fn names(list: &[u8], certificate: &Certificate) -> bool {
    let serial = bytes(&certificate.serial_hex());
    list.windows(serial.len()).any(|at| at == serial)
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_access_is_on_the_list_within_a_minute_and_the_device_goes_on_obeying() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let none = fetch(&world, "/crl/network").await?;
    assert_eq!(none.status, 404, "there is no network authority before its first use");
    let (device, visitor) = joined(&world, &clock).await?;
    let shown = world.api.get(&format!("/api/v1/devices/{UDID}/network")).await?.body;
    assert_eq!((&shown["identities"][0]["state"], &shown["withdrawn"]), (&json!("valid"), &json!(null)));
    let network = world.api.get("/api/v1/network").await?.body;
    let list_url = network["list_url"].as_str().context("no list")?.to_owned();
    let der = visitor.certificate.der();
    assert!(
        der.windows(list_url.len()).any(|at| at == list_url.as_bytes()),
        "it does not say where its list is"
    );
    assert!(!names(&fetch(&world, "/crl/network").await?.body, &visitor.certificate));

    let reason = json!({"reason": "left in a taxi"});
    let revoked = world.api.post(&format!("/api/v1/devices/{UDID}/network/revoke"), &reason).await?;
    assert_eq!((revoked.status, &revoked.body["identities"][0]["state"]), (200, &json!("revoked")));
    clock.advance(Duration::from_secs(60));
    let list = fetch(&world, "/crl/network").await?;
    assert_eq!((list.status, list.content_type.as_str()), (200, "application/pkix-crl"));
    assert!(names(&list.body, &visitor.certificate), "a minute later it is not on the list");
    let own = list_url.strip_prefix(world.door()).context("a list elsewhere")?;
    assert!(names(&fetch(&world, own).await?.body, &visitor.certificate));
    assert!(String::from_utf8(fetch(&world, "/crl/network.pem").await?.body)?.contains("BEGIN X509 CRL"));
    assert!(!names(&fetch(&world, "/crl").await?.body, &device.certificate), "the MDM identity was revoked");

    world.api.send(UDID, json!({"RequestType": "CertificateList"})).await?;
    let done = device.drain().await?;
    assert!(done.iter().any(|one| one == "CertificateList"), "the device does not obey any more: {done:?}");
    assert!(!done.iter().any(|one| one == "InstallProfile"), "it is given a new identity: {done:?}");
    assert_eq!(audit(&world, "network.revoke").await?.len(), 1);

    let reason = json!({"reason": "the taxi driver brought it"});
    let restored = world.api.post(&format!("/api/v1/devices/{UDID}/network/restore"), &reason).await?;
    assert_eq!((restored.status, &restored.body["withdrawn"]), (200, &json!(null)));
    let mut again = None;
    until("the profile is sent again", async || {
        clock.advance(Duration::from_secs(60));
        again = next_profile(&device).await?;
        Ok(again.is_some())
    })
    .await?;
    let (_, profile) = again.context("no profile")?;
    let second = device.with_identity_of(&world, &profile).await?;
    assert!(!names(&fetch(&world, "/crl/network").await?.body, &second.certificate));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_for_the_network_is_a_strangers_at_the_mdm_door() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let (device, visitor) = joined(&world, &clock).await?;
    device.drain().await?;
    world.api.send(UDID, json!({"RequestType": "CertificateList"})).await?;
    let path = format!("/api/v1/devices/{UDID}");
    let before = world.api.get(&path).await?.body;
    for reply in [
        visitor.idle().await?,
        visitor.check_in("Authenticate", Dictionary::new()).await?,
        visitor.check_in("TokenUpdate", Dictionary::new()).await?,
        visitor.check_in("CheckOut", Dictionary::new()).await?,
    ] {
        assert_eq!(reply.status, 400, "never 401, and nothing to be had: {reply:?}");
    }
    let after = world.api.get(&path).await?.body;
    for part in ["enrollments", "facts", "pending"] {
        assert_eq!(before[part], after[part], "{part} changed");
    }
    assert_eq!(world.api.get("/api/v1/quarantine").await?.body["items"], json!([]));
    assert!(device.drain().await?.iter().any(|one| one == "CertificateList"));
    Ok(())
}
