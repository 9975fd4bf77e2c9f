//! What several modules of these tests say often.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clock::{Clock, MockClock, SystemClock};
use serde_json::{Value, json};
use simulator::{ProfileSource, SimulatedDevice};
use tests::{Answer, World, WorldOptions};

/// The profile behind a link, as the button of the page names it.
pub(crate) fn profile_of(link: &str) -> ProfileSource {
    ProfileSource::Url(format!("{link}/profile"))
}

/// A world whose clock the test moves, devices and Apple included.
pub(crate) async fn world_with_clock() -> Result<(World, MockClock)> {
    let clock = MockClock::new(SystemClock.now());
    let world =
        World::start_with(WorldOptions { clock: Arc::new(clock.clone()), ..WorldOptions::default() }).await?;
    Ok((world, clock))
}

/// Days as a duration.
pub(crate) const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// Sends one command and lets the device come for it; the evidence.
pub(crate) async fn obey(world: &World, device: &SimulatedDevice, command: Value) -> Result<Value> {
    let delivery = world.api.send(&device.snapshot().udid, command).await?;
    device.poll().await?;
    world.api.evidence(delivery).await
}

/// Sends one command that must be refused; the problem document.
pub(crate) async fn refused(world: &World, target: &str, command: Value) -> Result<Answer> {
    let answer =
        world.api.post("/api/v1/commands", &json!({"targets": [target], "command": command})).await?;
    assert_eq!(answer.status, 422, "not refused: {answer:?}");
    let pending = world.api.get(&format!("/api/v1/deliveries?device={target}&pending=true")).await?;
    assert_eq!(pending.body["items"], json!([]), "something was queued nevertheless");
    Ok(answer)
}

/// The record of a device.
pub(crate) async fn record(world: &World, device: &SimulatedDevice) -> Result<Value> {
    let answer = world.api.get(&format!("/api/v1/devices/{}", device.snapshot().udid)).await?;
    anyhow::ensure!(answer.status == 200, "no record: {answer:?}");
    Ok(answer.body)
}

/// The newest value of a fact of a device.
pub(crate) async fn fact(world: &World, device: &SimulatedDevice, key: &str) -> Result<Value> {
    let record = record(world, device).await?;
    let facts = record["facts"].as_array().context("no facts")?;
    let found = facts.iter().find(|fact| fact["key"] == key).map(|fact| fact["value"].clone());
    found.with_context(|| format!("no fact {key} among {facts:#?}"))
}

/// The audit events with this action, newest first.
pub(crate) async fn audit(world: &World, action: &str) -> Result<Vec<Value>> {
    let answer = world.api.get(&format!("/api/v1/audit-events?action={action}&limit=200")).await?;
    answer.body["items"].as_array().cloned().with_context(|| format!("no list: {answer:?}"))
}

/// The deliveries of a device, newest first.
pub(crate) async fn deliveries(world: &World, udid: &str) -> Result<Vec<Value>> {
    let answer = world.api.get(&format!("/api/v1/deliveries?device={udid}&limit=200")).await?;
    answer.body["items"].as_array().cloned().with_context(|| format!("no list: {answer:?}"))
}

/// Waits for something that happens soon, without a fixed pause.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..600 {
        if done().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("never happened: {what}")
}

/// Whether a program is missing. Says so; in CI that is a failure.
pub(crate) fn is_missing(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    assert!(
        found || std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{program} is missing, and this is CI"
    );
    if !found {
        println!("SKIPPED: {program} is not installed");
    }
    !found
}
