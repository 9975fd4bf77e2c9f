//! The keys that seal, from outside: a rotation under load that is killed again and again, another key-encrypting key, a lost one, and
//! a door and a command line that give no key away.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use simulator::{Model, SimulatedDevice};
use tests::{Api, WardProcess, World, WorldOptions, ward_program};

use crate::support::obey;

/// How often the server is killed while it seals anew.
const KILLS: usize = 4;

/// Goes on sending commands and locking Macs; the secrets that Ward promised to keep.
async fn operate(api: Api, target: String, over: Arc<AtomicBool>) -> Vec<String> {
    let mut promised = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let body = json!({"targets": [target], "command": {"RequestType": "DeviceLock"}});
        match api.post("/api/v1/commands", &body).await {
            Ok(answer) if answer.status == 201 => {
                promised.extend(answer.body["queued"][0]["secret_id"].as_str().map(str::to_owned));
            }
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    promised
}

/// Waits until everything stands under one key; the state of the keys then.
async fn settled(api: &Api) -> Result<Value> {
    for _ in 0..600 {
        if let Ok(answer) = api.get("/api/v1/sealing").await
            && answer.status == 200
            && answer.body["resealing"].is_null()
        {
            return Ok(answer.body);
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    anyhow::bail!("the rotation does not end: {:?}", api.get("/api/v1/sealing").await)
}

async fn reveal(api: &Api, id: &str, reason: &str) -> Result<String> {
    let answer = api.post(&format!("/api/v1/secrets/{id}/reveal"), &json!({"reason": reason})).await?;
    Ok(answer.body["value"].as_str().with_context(|| format!("{id} was not shown: {answer:?}"))?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_under_load_that_is_killed_loses_nothing() -> Result<()> {
    let world = World::prepare(WorldOptions::default()).await?;
    let mut ward = WardProcess::start(&world).await?;
    world.install_push_certificate().await?;
    let mac = world.settled(Model::MacAppleSilicon, 1).await?;
    obey(&world, &mac, json!({"RequestType": "SetRecoveryLock"})).await?;
    let lock = mac.snapshot().mac.recovery_lock.context("no lock was set")?;
    let over = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(operate(world.api.clone(), mac.snapshot().udid, Arc::clone(&over)));
    for _ in 0..KILLS {
        // A rotation of before may be under way still: then this one is refused, and the server is killed in the middle of that.
        world.api.post("/api/v1/sealing/rotate", &json!({"reason": "the test rotates"})).await?;
        ward.kill()?;
        ward = WardProcess::start(&world).await?;
    }
    let keys = settled(&world.api).await?;
    over.store(true, Ordering::Relaxed);
    let promised = load.await?;
    let data_keys = keys["data_keys"].as_array().context("no keys")?;
    ensure!(data_keys.len() >= 2, "{keys:#}");
    let unretired = data_keys.iter().filter(|key| key["retired_at"].is_null()).count();
    ensure!(unretired == 1, "only the key in force is in use: {keys:#}");
    ensure!(!promised.is_empty(), "no load: that proves nothing");
    for id in &promised {
        ensure!(reveal(&world.api, id, "the test compares").await?.len() == 6, "a PIN is lost");
    }
    let listed = world.api.get(&format!("/api/v1/devices/{}/secrets", mac.snapshot().udid)).await?;
    let all = listed.body.as_array().context("no list")?;
    let id = all.iter().find(|one| one["kind"] == "recovery_lock").and_then(|one| one["id"].as_str());
    ensure!(reveal(&world.api, id.context("no lock")?, "the test compares").await? == lock);
    ward.terminate()
}

/// Runs `ward` with the operator's access and returns what it printed, and whether it succeeded.
fn ward(world: &World, words: &[&str]) -> Result<(String, bool)> {
    let access = world.folder.path().join("access.toml");
    if !access.exists() {
        let text =
            format!("server = \"{}\"\ntoken = \"{}\"\n", world.config.operators.public_url, world.token);
        std::fs::write(&access, text)?;
    }
    let output = Command::new(ward_program()?).arg("--access").arg(access).args(words).output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((String::from_utf8_lossy(&said).into_owned(), output.status.success()))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_encrypting_key_is_made_online_and_a_lost_one_is_a_clear_refusal() -> Result<()> {
    let world = World::prepare(WorldOptions::default()).await?;
    let mut running = WardProcess::start(&world).await?;
    let key = world.config.data.join("keys").join("sealing.key");
    let before = std::fs::read(&key)?;
    let (said, good) = ward(&world, &["secrets", "rekey", "--reason", "an administrator left"])?;
    ensure!(good && said.contains("Put a copy of it into the safe"), "{said}");
    let after = std::fs::read(&key)?;
    ensure!(before != after && std::fs::read(world.config.data.join("keys/sealing.key.previous"))? == before);
    running.terminate()?;

    running = WardProcess::start(&world).await?;
    let (said, good) = ward(&world, &["secrets", "status"])?;
    ensure!(good && said.contains("Everything is sealed under the newest key"), "{said}");
    running.terminate()?;

    for (wrong, expected) in [(Some(before), "Put the right key back"), (None, "cannot read")] {
        match wrong {
            Some(wrong) => std::fs::write(&key, wrong)?,
            None => std::fs::remove_file(&key)?,
        }
        let started =
            Command::new(ward_program()?).arg("serve").arg("--config").arg(world.config_file()).output()?;
        let said = String::from_utf8_lossy(&[started.stdout, started.stderr].concat()).into_owned();
        ensure!(!started.status.success() && said.contains(expected), "{said}");
        ensure!(!said.contains(std::str::from_utf8(&after)?), "the refusal shows a key");
    }
    std::fs::write(&key, &after)?;
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    WardProcess::start(&world).await?.terminate()
}

/// A password that was shown is another one within the hour, and the Mac did it.
async fn rotated(world: &World, mac: &SimulatedDevice, shown: &str) -> Result<()> {
    mac.poll().await?;
    let now = mac.snapshot().mac.recovery_lock.context("no lock")?;
    ensure!(now != shown, "it was not changed");
    let reveals = world.api.get("/api/v1/reveals").await?;
    ensure!(reveals.body["items"][0]["rotation"] == "done", "{reveals:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_lock_that_was_shown_is_changed_on_the_mac() -> Result<()> {
    let (world, clock) = crate::support::world_with_clock().await?;
    let mac = world.settled(Model::MacAppleSilicon, 1).await?;
    obey(&world, &mac, json!({"RequestType": "SetRecoveryLock"})).await?;
    let listed = world.api.get(&format!("/api/v1/devices/{}/secrets", mac.snapshot().udid)).await?;
    let all = listed.body.as_array().context("no list")?.clone();
    let id = all.iter().find(|one| one["kind"] == "recovery_lock").and_then(|one| one["id"].as_str());
    let id = id.context("no lock")?;
    let shown = reveal(&world.api, id, "the Mac stays in recovery").await?;
    ensure!(mac.snapshot().mac.recovery_lock.as_deref() == Some(shown.as_str()));
    let again = world
        .api
        .post(&format!("/api/v1/secrets/{id}/reveal"), &json!({"reason": "the Mac stays in recovery"}))
        .await?;
    ensure!(again.status == 422 || again.status == 400, "shown twice for one reason: {again:?}");
    clock.advance(std::time::Duration::from_secs(16 * 60));
    world.api.wait("/api/v1/reveals", |body| body["items"][0]["command_uuid"].is_string()).await?;
    rotated(&world, &mac, &shown).await
}
