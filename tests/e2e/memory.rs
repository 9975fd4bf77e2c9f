//! What a debugger would find in the memory of the server once secrets have been used: none of them. The keys in use are not looked for.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use simulator::{Model, SimulatedDevice};
use tests::{WardProcess, World, WorldOptions};

use crate::secrets::{answer_with_secrets, forms, plant, planted};
use crate::support::obey;

/// Macs that are locked, each with a PIN of its own.
const MACS: u64 = 4;
/// The most that is read of one part of the memory at a time.
const CHUNK: usize = 16 * 1024 * 1024;
/// Bytes that two chunks share, so that nothing is cut in two.
const SHARED: usize = 4 * 1024;

/// The memory that a process can write to. `None` where this machine lets nobody look.
fn memory_of(process: u32) -> Result<Option<Vec<Vec<u8>>>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps"));
    let (Ok(maps), Ok(memory)) = (maps, File::open(format!("/proc/{process}/mem"))) else { return Ok(None) };
    let mut parts = Vec::new();
    for line in
        maps.lines().filter(|line| line.split_whitespace().nth(1).is_some_and(|mode| mode.starts_with("rw")))
    {
        let (from, to) =
            line.split_whitespace().next().and_then(|range| range.split_once('-')).context("no range")?;
        let (mut at, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        while at < to {
            let mut part = vec![0; usize::try_from(to - at)?.min(CHUNK)];
            // A part that cannot be read is not the program's own: a device, a guard page.
            let Ok(count) = memory.read_at(&mut part, at) else { break };
            part.truncate(count);
            let last = count < CHUNK;
            parts.push(part);
            if last {
                break;
            }
            at += u64::try_from(CHUNK - SHARED)?;
        }
    }
    Ok(Some(parts))
}

fn holds(memory: &[Vec<u8>], bytes: &[u8]) -> bool {
    let finder = memchr::memmem::Finder::new(bytes);
    memory.iter().any(|part| finder.find(part).is_some())
}

/// Whether six digits stand by themselves. Six digits may stand somewhere by chance.
fn holds_digits(memory: &[Vec<u8>], digits: &str) -> bool {
    let finder = memchr::memmem::Finder::new(digits);
    memory.iter().any(|part| {
        finder.find_iter(part).any(|at| {
            let before = at.checked_sub(1).and_then(|at| part.get(at));
            let after = part.get(at + digits.len());
            ![before, after].into_iter().flatten().any(u8::is_ascii_digit)
        })
    })
}

/// Locks a Mac, lets it come for the command, shows its PIN to a person, and unlocks it.
async fn pin_of(world: &World, mac: &SimulatedDevice) -> Result<String> {
    let body = json!({"targets": [mac.snapshot().udid], "command": {"RequestType": "DeviceLock"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    mac.poll().await?;
    let id = answer.body["queued"][0]["secret_id"].as_str().context("no PIN")?.to_owned();
    let pin = value_of(world, &id).await?;
    ensure!(mac.enter_pin(&pin), "the Mac does not take the PIN");
    Ok(pin)
}

async fn value_of(world: &World, id: &str) -> Result<String> {
    let path = format!("/api/v1/secrets/{id}/reveal");
    let shown = world.api.post(&path, &json!({"reason": "the test looks for it"})).await?;
    Ok(shown.body["value"].as_str().with_context(|| format!("{shown:?}"))?.to_owned())
}

/// The newest secret of a kind.
async fn id_of(world: &World, udid: &str, kind: &str) -> Result<String> {
    let listed = world.api.get(&format!("/api/v1/devices/{udid}/secrets")).await?;
    let all = listed.body.as_array().context("no list")?;
    let found = all.iter().find(|one| one["kind"] == kind).and_then(|one| one["id"].as_str());
    Ok(found.with_context(|| format!("no {kind} among {listed:?}"))?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_running_server_holds_no_secret_that_was_used() -> Result<()> {
    let world = World::prepare(WorldOptions::default()).await?;
    let mut ward = WardProcess::start(&world).await?;
    let Some(before) = memory_of(ward.id())? else {
        println!("skipped: this user may not read the memory of the process");
        return Ok(());
    };
    ensure!(holds(&before, b"St. Example Hospital"), "the search finds nothing: it looks in the wrong place");
    let core = std::fs::read_to_string(format!("/proc/{}/limits", ward.id()))?;
    let core = core.lines().find(|line| line.starts_with("Max core file size")).context("no limit")?;
    ensure!(core.split_whitespace().filter(|word| *word == "0").count() == 2, "core dumps are on: {core}");

    world.install_push_certificate().await?;
    let device = plant(&world).await?;
    answer_with_secrets(&world, &device).await?;
    let bypass = id_of(&world, &device.udid, "activation_lock_bypass_code").await?;
    value_of(&world, &bypass).await?;
    device.check_in("GetBootstrapToken", plist::Dictionary::new()).await?;
    let mut pins = Vec::new();
    let mut passwords = Vec::new();
    for seed in 1..=MACS {
        let mac = world.settled(Model::MacAppleSilicon, seed).await?;
        obey(&world, &mac, json!({"RequestType": "SetRecoveryLock"})).await?;
        let id = id_of(&world, &mac.snapshot().udid, "recovery_lock").await?;
        passwords.push(value_of(&world, &id).await?);
        pins.push(pin_of(&world, &mac).await?);
    }
    drop(device);
    // The connections of the devices and of the operators are over when nobody is left to use them.
    let mut secrets: Vec<(String, Vec<u8>)> =
        planted("no PIN").into_iter().filter(|(name, _)| !name.contains("PIN")).collect();
    for password in &passwords {
        secrets.extend(forms("a recovery lock", password.as_bytes()));
    }
    let mut found = Vec::new();
    for _ in 0..40 {
        // Requests that have nothing to do with secrets, as a server in use has them.
        world.api.get("/api/v1/server").await?;
        let memory = memory_of(ward.id())?.context("the memory was readable before")?;
        found =
            secrets.iter().filter(|(_, bytes)| holds(&memory, bytes)).map(|(name, _)| name.clone()).collect();
        let digits = pins.iter().filter(|pin| holds_digits(&memory, pin)).count();
        if digits > 1 {
            found.push(format!("{digits} of {MACS} PINs"));
        }
        if found.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    ensure!(found.is_empty(), "in memory: {found:?}");
    let listed: Value = world.api.get("/api/v1/sealing").await?.body;
    ensure!(listed["data_keys"].as_array().is_some_and(|keys| keys.len() == 1), "{listed}");
    ward.terminate()
}
