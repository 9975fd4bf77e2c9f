//! Planted secrets, looked for wherever they must not be: in the files of the database, the log, the answers and the events.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use plist::{Dictionary, Value};
use serde_json::json;
use simulator::{Model, Phase};
use tests::{RawDevice, WardProcess, World, WorldOptions, ward_program};
use tokio::sync::Mutex;

const UNLOCK: &[u8] = b"planted-unlock-token-7c1d9e";
const BOOTSTRAP: &[u8] = b"planted-bootstrap-token-55ab";
const MAGIC: &str = "PLANTED-MAGIC-0F3C-4F55-9E54";
const TOKEN: &[u8; 32] = b"planted-push-token-0123456789abc";
const LATITUDE: f64 = 47.376_887_123;
const BYPASS: &str = "PLANTED-BYPASS-CODE-9QX2";

/// A planted secret with the forms in which it could be written down.
pub(crate) fn forms(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Base64 in the middle of something else begins at any of three offsets.
    let mut all = vec![(format!("{name} as it is"), bytes.to_vec())];
    all.push((format!("{name} in hex"), hex.to_uppercase().into_bytes()));
    all.push((format!("{name} in hex"), hex.into_bytes()));
    for skip in 0..3 {
        // Whole groups of three bytes only: what follows the secret changes the last characters.
        let inner = bytes.get(skip..).unwrap_or_default();
        let inner = inner.get(..inner.len() / 3 * 3).unwrap_or_default();
        all.push((format!("{name} in base64"), STANDARD.encode(inner).into_bytes()));
        all.push((format!("{name} in base64url"), URL_SAFE_NO_PAD.encode(inner).into_bytes()));
    }
    for end in [u16::to_le_bytes, u16::to_be_bytes] {
        let wide = bytes.iter().flat_map(|byte| end(u16::from(*byte))).collect();
        all.push((format!("{name} in UTF-16"), wide));
    }
    all
}

pub(crate) fn planted(pin: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = forms("the unlock token", UNLOCK);
    all.extend(forms("the bootstrap token", BOOTSTRAP));
    all.extend(forms("the push magic", MAGIC.as_bytes()));
    all.extend(forms("the push token", TOKEN));
    all.extend(forms("the bypass code", BYPASS.as_bytes()));
    all.push(("the latitude".to_owned(), b"47.376887".to_vec()));
    all.push(("the PIN in JSON or a plist".to_owned(), format!("\"{pin}\"").into_bytes()));
    all.push(("the PIN in a plist".to_owned(), format!(">{pin}<").into_bytes()));
    all
}

fn look_through(place: &str, bytes: &[u8], secrets: &[(String, Vec<u8>)]) {
    for (name, secret) in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_slice());
        assert!(!found, "{name} stands in {place}");
    }
}

fn look_through_folder(folder: &Path, secrets: &[(String, Vec<u8>)]) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            count += look_through_folder(&path, secrets)?;
        } else {
            look_through(&path.display().to_string(), &std::fs::read(&path)?, secrets);
            count += 1;
        }
    }
    Ok(count)
}

/// Enrols a device by hand whose messages carry the secrets, and lets it answer with them.
pub(crate) async fn plant(world: &World) -> Result<RawDevice> {
    let link = world.api.link("corporate").await?;
    let device = RawDevice::identified(world, &link, "00008120-00000000005EC2E7").await?;
    let data = |key: &str, bytes: &[u8]| {
        let mut keys = Dictionary::new();
        keys.insert(key.to_owned(), Value::Data(bytes.to_vec()));
        keys
    };
    assert_eq!(device.check_in("Authenticate", Dictionary::new()).await?.status, 200);
    let mut update = data("UnlockToken", UNLOCK);
    update.insert("Token".to_owned(), Value::Data(TOKEN.to_vec()));
    update.insert("PushMagic".to_owned(), MAGIC.into());
    assert_eq!(device.check_in("TokenUpdate", update).await?.status, 200);
    assert_eq!(device.check_in("SetBootstrapToken", data("BootstrapToken", BOOTSTRAP)).await?.status, 200);
    let mut broken = device.check_in_message("TokenUpdate", data("UnlockToken", UNLOCK));
    broken.remove("Topic");
    broken.insert("PushMagic".to_owned(), Value::Data(MAGIC.as_bytes().to_vec()));
    device.put("/mdm", Some("application/x-apple-aspen-mdm-checkin"), tests::xml(&broken)?).await?;
    device.drain().await?;
    Ok(device)
}

pub(crate) async fn answer_with_secrets(world: &World, device: &RawDevice) -> Result<()> {
    let mut place = Dictionary::new();
    place.insert("Latitude".to_owned(), Value::Real(LATITUDE));
    place.insert("Longitude".to_owned(), Value::Real(8.541_694));
    let mut bypass = Dictionary::new();
    bypass.insert("ActivationLockBypassCode".to_owned(), BYPASS.into());
    for (command, keys) in [
        (json!({"RequestType": "DeviceLocation"}), place.clone()),
        (json!({"RequestType": "ActivationLockBypassCode"}), bypass.clone()),
        (json!({"RequestType": "SecurityInfo"}), place),
        (json!({"RequestType": "CertificateList"}), bypass),
        (json!({"RequestType": "ClearPasscode"}), Dictionary::new()),
    ] {
        let Ok(delivery) = world.api.send(&device.udid, command.clone()).await else { continue };
        let (uuid, _) =
            device.idle().await?.command().with_context(|| format!("{command} was not handed out"))?;
        assert_eq!(device.report("Acknowledged", Some(&uuid), keys).await?.status, 200, "{command}");
        world.api.evidence(delivery).await?;
    }
    Ok(())
}

/// Everything that the operators' door says about the device.
async fn everything_said(world: &World, udid: &str) -> Result<String> {
    let mut said = String::new();
    let mut paths: Vec<String> = [
        "/api/v1/devices",
        "/api/v1/enrollments",
        "/api/v1/commands",
        "/api/v1/deliveries",
        "/api/v1/identities",
        "/api/v1/links",
        "/api/v1/audit-events?limit=200",
        "/api/v1/jobs",
        "/api/v1/quarantine",
        "/api/v1/push-certificates",
        "/api/v1/doctor",
        "/metrics",
    ]
    .map(str::to_owned)
    .to_vec();
    for part in ["", "/facts", "/secrets"] {
        paths.push(format!("/api/v1/devices/{udid}{part}"));
    }
    for one in crate::support::deliveries(world, udid).await? {
        paths.push(format!("/api/v1/deliveries/{}", one["seq"]));
        paths.push(format!("/api/v1/commands/{}", one["command_uuid"].as_str().unwrap_or_default()));
    }
    for path in paths {
        let url = format!("{}{path}", world.config.operators.public_url);
        said.push_str(&reqwest::Client::new().get(url).bearer_auth(&world.token).send().await?.text().await?);
    }
    Ok(said)
}

async fn listen(world: &World) -> Result<Arc<Mutex<Vec<u8>>>> {
    let url = format!("{}/api/v1/events", world.config.operators.public_url);
    let mut stream = reqwest::Client::new().get(url).bearer_auth(&world.token).send().await?;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok(Some(chunk)) = stream.chunk().await {
            ear.lock().await.extend_from_slice(&chunk);
        }
    });
    Ok(heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_planted_secret_is_found_in_the_database_the_log_the_answers_or_the_events() -> Result<()> {
    let world = World::prepare(WorldOptions::default()).await?;
    let text = std::fs::read_to_string(world.config_file())?.replace("level = \"warn\"", "level = \"trace\"");
    std::fs::write(world.config_file(), text)?;
    let log = world.folder.path().join("log");
    let mut command = Command::new(ward_program()?);
    command.arg("serve").arg("--config").arg(world.config_file()).stderr(std::fs::File::create(&log)?);
    let mut ward = WardProcess::start_command(&world, &mut command).await?;
    world.install_push_certificate().await?;
    let events = listen(&world).await?;
    let device = plant(&world).await?;
    answer_with_secrets(&world, &device).await?;

    let mac = world.settled(Model::MacIntel, 1).await?;
    let body = json!({"targets": [mac.snapshot().udid], "command": {"RequestType": "DeviceLock", "Message": "Locked"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    mac.poll().await?;
    assert_eq!(mac.snapshot().phase, Phase::PinLocked);
    let said =
        [everything_said(&world, &device.udid).await?, everything_said(&world, &mac.snapshot().udid).await?]
            .concat();
    let secret = answer.body["queued"][0]["secret_id"].as_str().context("no PIN")?;
    let shown = world
        .api
        .post(&format!("/api/v1/secrets/{secret}/reveal"), &json!({"reason": "the test compares"}))
        .await?;
    let pin = shown.body["value"].as_str().context("no value")?.to_owned();
    assert!(mac.enter_pin(&pin));
    let kept = device.check_in("GetBootstrapToken", Dictionary::new()).await?.plist()?;
    assert_eq!(
        kept.get("BootstrapToken").and_then(Value::as_data),
        Some(BOOTSTRAP),
        "the device itself gets it back"
    );

    let secrets = planted(&pin);
    look_through("an answer", said.as_bytes(), &secrets);
    let files = look_through_folder(&world.config.data, &secrets)?;
    assert!(files >= 4, "only {files} files were looked through");
    ward.terminate()?;
    look_through_folder(&world.config.data, &secrets)?;
    let written = std::fs::read(&log)?;
    assert!(written.len() > 200, "nothing was logged: that proves nothing");
    look_through("the log", &written, &secrets);
    let heard = events.lock().await;
    assert!(heard.windows(7).any(|window| window == b"command"), "nothing was heard");
    look_through("the events", &heard, &secrets);
    Ok(())
}
