//! What carries the network goes in rings: a Wi-Fi profile that cuts devices off stops by itself, and one action takes it back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use simulator::{DeviceSpec, Fault, Model, SimulatedDevice};
use tests::{World, list};

use crate::support::{until, world_with_clock};

/// Seconds of the set clock.
const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn wifi(ssid: &str) -> String {
    format!(
        "[profile]\nname = \"guest-wifi\"\ntitle = \"Wi-Fi\"\n\n[[payload]]\ntype = \"com.apple.wifi.managed\"\n\
         name = \"wifi\"\nSSID_STR = \"{ssid}\"\nAutoJoin = true\nHIDDEN_NETWORK = false\nEncryptionType = \"WPA2\"\n\
         Password = {{ secret = \"wifi\" }}\n"
    )
}

const WIFI: &str = "org.ward.guest-wifi";

async fn rollout(world: &World) -> Result<Value> {
    let answer = world.api.get("/api/v1/rollouts").await?;
    Ok(list(&answer)?.iter().find(|one| one["profile_version"] == 2).cloned().unwrap_or_default())
}

async fn fleet(world: &World, count: u64) -> Result<Vec<SimulatedDevice>> {
    let mut devices = Vec::new();
    for seed in 0..count {
        let device = world.enrolled(DeviceSpec::new(Model::IPad, 700 + seed)).await?;
        device.poll().await?;
        devices.push(device);
    }
    Ok(devices)
}

/// Every device that can polls.
async fn all_poll(devices: &[SimulatedDevice]) -> usize {
    let mut silent = 0;
    for device in devices {
        silent += usize::from(device.poll().await.is_err());
    }
    silent
}

fn with_network(devices: &[SimulatedDevice], ssid: &str) -> usize {
    devices.iter().filter(|device| device.networks().iter().any(|network| network.ssid == ssid)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_profile_that_cuts_devices_off_halts_and_is_taken_back_in_one_action() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let devices = fleet(&world, 12).await?;
    let secret = world.api.put("/api/v1/secrets/named/wifi", &json!({"value": "correct horse"})).await?;
    ensure!(matches!(secret.status, 200..=204), "{secret:?}");

    // The first version works: it reaches everybody, ring by ring.
    world.upload_profile(&wifi("Ward")).await?;
    let (assignment, preview) = world.assign(&json!({"profile": "guest-wifi"})).await?;
    assert_eq!(preview["added"], 12, "{preview:#}");
    until("the first ring has it", async || {
        clock.advance(minutes(2));
        all_poll(&devices).await;
        Ok(with_network(&devices, "Ward") >= 3)
    })
    .await?;
    until("everybody has it", async || {
        clock.advance(minutes(2));
        all_poll(&devices).await;
        Ok(with_network(&devices, "Ward") == devices.len())
    })
    .await?;

    // The second version cuts off whoever has it.
    for device in &devices {
        device.with_faults([Fault::CutBy("Wrong".to_owned())]);
    }
    world.upload_profile(&wifi("Wrong")).await?;
    world.reassign(&assignment, &json!({"version": 2})).await?;
    until("the first ring has the second version", async || {
        clock.advance(minutes(1));
        all_poll(&devices).await;
        Ok(with_network(&devices, "Wrong") == 3)
    })
    .await?;
    assert_eq!(all_poll(&devices).await, 3, "three are cut off");
    until("the rollout is halted", async || {
        clock.advance(minutes(6));
        all_poll(&devices).await;
        Ok(rollout(&world).await?["state"] == "halted")
    })
    .await?;
    let halted = rollout(&world).await?;
    assert!(halted["halted_reason"].as_str().is_some_and(|why| why.contains("30 minutes")), "{halted:#}");
    assert_eq!(with_network(&devices, "Wrong"), 3, "nobody else gets it");

    let id = halted["id"].as_str().context("no id")?;
    let back = world.api.post(&format!("/api/v1/rollouts/{id}/rollback"), &json!({})).await?;
    ensure!(matches!(back.status, 200..=202), "{back:?}");
    // Nothing reaches the three from afar any more: somebody goes there.
    for device in devices.iter().filter(|device| with_network(&[(*device).clone()], "Wrong") > 0) {
        device.remove_profile(WIFI)?;
    }
    until("everybody has the first version again", async || {
        clock.advance(minutes(2));
        all_poll(&devices).await;
        Ok(with_network(&devices, "Ward") == devices.len())
    })
    .await?;
    Ok(())
}
