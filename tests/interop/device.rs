//! A device of another make lives its life with Ward.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::{Clock as _, MockClock, SystemClock};
use serde_json::{Value, json};
use tests::{World, WorldOptions};

use crate::programs::{self, OPENSSL, python};

/// A profile that any device takes.
const PROFILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>org.example.wifi</string><key>PayloadUUID</key><string>3D1F5B54-0000-4000-8000-000000000001</string>
<key>PayloadContent</key><array><dict>
<key>PayloadType</key><string>com.apple.webClip.managed</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>org.example.clip</string><key>PayloadUUID</key><string>3D1F5B54-0000-4000-8000-000000000002</string>
<key>Label</key><string>Ward round</string><key>URL</key><string>https://intranet.example.org</string>
</dict></array></dict></plist>"#;

/// A device of `device.py`, kept in a folder of the world.
pub(crate) struct PythonDevice {
    folder: PathBuf,
    root: PathBuf,
}

impl PythonDevice {
    pub(crate) fn new(world: &World, name: &str) -> Result<Self> {
        Ok(Self { folder: world.folder.path().join(name), root: world.tls_root()? })
    }

    pub(crate) fn folder(&self) -> &str {
        self.folder.to_str().unwrap_or_default()
    }

    /// Runs an action of the device, `options` before it; what happened.
    pub(crate) async fn run(&self, options: &[&str], action: &[&str]) -> Result<Value> {
        let root = self.root.to_str().unwrap_or_default();
        let arguments = [&["--folder", self.folder(), "--ca", root], options, action].concat();
        python("device.py", &arguments).await
    }

    /// Runs an action that has to work.
    pub(crate) async fn act(&self, action: &[&str]) -> Result<Value> {
        let happened = self.run(&[], action).await?;
        ensure!(happened["ok"] == true, "{action:?}: {happened:#}");
        Ok(happened)
    }

    /// Enrols with a link of the world; what happened.
    pub(crate) async fn enrol(&self, world: &World, client: &str) -> Result<Value> {
        let link = world.api.link("corporate").await?;
        self.act(&["enrol", "--link", &link, "--scep", client]).await
    }
}

fn udid(happened: &Value) -> Result<&str> {
    happened["udid"].as_str().context("no UDID")
}

/// What came from the server during a session, in order.
fn received(happened: &Value) -> Vec<&str> {
    let events = happened["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    events.iter().filter_map(|event| event["received"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_verifies_the_profile_and_plistlib_reads_it() -> Result<()> {
    if !programs::ready("the profile", &[OPENSSL], true)? {
        return Ok(());
    }
    let world = World::start().await?;
    let device = PythonDevice::new(&world, "reader")?;
    let link = world.api.link("corporate").await?;
    let first = device.act(&["profile", "--link", &link]).await?;
    let (profile, mdm, scep) = (&first["profile"], &first["profile"]["mdm"], &first["profile"]["scep"]);
    assert_eq!(mdm["AccessRights"], 8191);
    assert_eq!(mdm["SignMessage"], true);
    assert_eq!(mdm["CheckOutWhenRemoved"], true);
    assert!(mdm["Topic"].as_str().unwrap().starts_with("com.apple.mgmt."));
    let capabilities = mdm["ServerCapabilities"].as_array().unwrap();
    assert!(capabilities.contains(&json!("com.apple.mdm.per-user-connections")), "{capabilities:?}");
    assert_eq!(scep["key_size"], 2048);
    assert!(scep["challenge"].as_str().unwrap().len() >= 20, "a challenge that can be guessed");
    let types = profile["types"].as_array().unwrap();
    assert!(
        types.contains(&json!("com.apple.security.root")),
        "the device would not trust the server: {types:?}"
    );

    // Every fetch has a challenge of its own.
    let second = device.act(&["profile", "--link", &link]).await?;
    assert_ne!(second["profile"]["scep"]["challenge"], scep["challenge"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_of_another_make_enrols_obeys_and_checks_out() -> Result<()> {
    if !programs::ready("the device", &[OPENSSL], true)? {
        return Ok(());
    }
    let world = World::start().await?;
    let device = PythonDevice::new(&world, "ipad")?;
    let enrolled = device.enrol(&world, "pyscep").await?;
    let udid = udid(&enrolled)?;
    let path = format!("/api/v1/devices/{udid}");
    world.api.wait(&path, |body| body["device"]["enrollment_state"] == "enrolled").await?;

    // Ward asks by itself; what the device cannot do it refuses, and the rest is in its record.
    let session = device.act(&["session"]).await?;
    let asked = received(&session);
    for kind in ["DeviceInformation", "SecurityInfo", "ProfileList"] {
        assert!(asked.contains(&kind), "Ward did not ask for {kind}: {asked:?}");
    }
    let detail = world.api.wait(&path, |body| body["device"]["os_version"] == "18.7").await?;
    assert_eq!(detail["device"]["serial_number"], enrolled["serial"]);
    assert_eq!(detail["device"]["supervised"], true);

    // Not now, then done, and a result that comes twice changes nothing.
    let install = json!({"RequestType": "InstallProfile", "Payload": STANDARD.encode(PROFILE)});
    let delivery = world.api.send(udid, install).await?;
    let refused = device.act(&["session", "--not-now", "InstallProfile"]).await?;
    assert!(received(&refused).contains(&"InstallProfile"), "{refused:#}");
    assert_eq!(world.api.state(delivery).await?, "not_now");
    let done = device.act(&["session", "--duplicate"]).await?;
    assert_eq!(received(&done).iter().filter(|kind| **kind == "InstallProfile").count(), 1, "{done:#}");
    assert_eq!(world.api.state(delivery).await?, "acknowledged");
    assert!(
        done["profiles"]
            .as_array()
            .unwrap()
            .iter()
            .any(|known| known["PayloadIdentifier"] == "org.example.wifi")
    );

    // A command that the device does not know ends as an error, with the device's own words.
    let restart = world.api.send(udid, json!({"RequestType": "RestartDevice"})).await?;
    device.act(&["session"]).await?;
    let evidence = world.api.wait_state(restart, "error").await?;
    assert!(evidence.to_string().contains("Unknown command: RestartDevice"), "{evidence:#}");

    device.act(&["check-out"]).await?;
    world.api.wait(&path, |body| body["device"]["enrollment_state"] == "checked_out").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_prove_an_identity_is_understood() -> Result<()> {
    if !programs::ready("identities", &[OPENSSL], true)? {
        return Ok(());
    }
    let world = World::start().await?;
    let device = PythonDevice::new(&world, "prover")?;
    device.enrol(&world, "pyscep").await?;
    let tls: &[&str] = &["--identity", "tls"];
    let mut ways = vec![tls.to_vec()];
    for digest in ["sha1", "sha256", "sha384", "sha512"] {
        let signed = vec!["--identity", "signature", "--digest", digest];
        ways.push([signed.as_slice(), &["--no-attributes"]].concat());
        ways.push(signed);
    }
    for way in ways {
        let session = device.run(&way, &["session"]).await?;
        assert_eq!(session["ok"], true, "{way:?}: {session:#}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_device_is_refused_and_never_with_401() -> Result<()> {
    if !programs::ready("refusals", &[OPENSSL], true)? {
        return Ok(());
    }
    let world = World::start().await?;
    let device = PythonDevice::new(&world, "honest")?;
    device.enrol(&world, "pyscep").await?;
    device.act(&["session"]).await?;
    for kind in ["other-udid", "no-identity", "tampered", "deep"] {
        let probed = device.act(&["probe", kind]).await?;
        assert_eq!(probed["events"][0]["status"], 400, "{kind}: {probed:#}");
    }
    let bare = device.act(&["probe", "no-content-type"]).await?;
    assert_eq!(bare["events"][0]["status"], 200, "a missing content type is no crime: {bare:#}");
    // None of this has cost the device anything.
    device.act(&["session"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_of_another_make_renews_its_identity_by_profile() -> Result<()> {
    if !programs::ready("renewal", &[OPENSSL], true)? {
        return Ok(());
    }
    // The server begins half a year ago and arrives at today, so that openssl finds every certificate valid.
    let half_a_year = Duration::from_secs(184 * 86_400);
    let clock = MockClock::new(SystemClock.now() - half_a_year);
    let options = WorldOptions { clock: Arc::new(clock.clone()), ..WorldOptions::default() };
    let mut world = World::start_with(options).await?;
    let device = PythonDevice::new(&world, "old")?;
    let before = device.enrol(&world, "pyscep").await?;
    device.act(&["session"]).await?;
    clock.advance(half_a_year);
    // What is due is looked for at the start, and then every minute.
    world.restart().await?;
    let udid = udid(&before)?;
    let queued = |body: &Value| {
        let items = body["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().any(|one| one["request_type"] == "InstallProfile" && one["state"] != "acknowledged")
    };
    world.api.wait(&format!("/api/v1/deliveries?device={udid}"), queued).await?;
    let renewed = device.act(&["session"]).await?;
    assert!(received(&renewed).contains(&"InstallProfile"), "{renewed:#}");
    assert_ne!(renewed["certificate"]["fingerprint"], before["certificate"]["fingerprint"]);
    device.act(&["session"]).await?;
    let detail = world.api.get(&format!("/api/v1/devices/{udid}")).await?.body;
    assert_eq!(detail["enrollments"].as_array().map(Vec::len), Some(1), "a renewal is no new enrolment");
    assert_eq!(detail["device"]["enrollment_state"], "enrolled");
    assert!(
        !queued(&world.api.get(&format!("/api/v1/deliveries?device={udid}")).await?.body),
        "still to be renewed"
    );
    Ok(())
}
