//! `kill -9` a hundred times under load: nothing that was acknowledged is lost, nothing is done twice, no erase reaches a later
//! epoch. That the bytes also reach the disk is shown in `sync`, which kills cannot show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use simulator::{DeviceSpec, Model, SimulatedDevice};
use tests::{Api, WardProcess, World, WorldOptions};
use tokio::sync::Mutex;

use crate::support::profile_of;

/// How often the server is killed.
const KILLS: u64 = 100;
/// Devices that take commands.
const OBEDIENT: u64 = 5;
/// Devices that are erased again and again.
const ERASED: u64 = 2;

/// What the server has promised.
#[derive(Default)]
struct Promises {
    /// CommandUUID and target of what was answered with 201.
    commands: Mutex<Vec<(String, String)>>,
    /// CommandUUID of an erase, and the number of the enrolment that it was meant for.
    erases: Mutex<BTreeMap<String, u32>>,
    /// Ids of links.
    links: Mutex<Vec<String>>,
    requests: AtomicUsize,
    over: AtomicBool,
}

impl Promises {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn uuid(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("00000000-0000-4000-8000-{number:012X}")
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Sends commands to the devices for as long as it lasts. Only what was answered with 201 is a promise.
async fn operate(api: Api, targets: Vec<String>, promises: Arc<Promises>) {
    for turn in 0_usize.. {
        if promises.is_over() {
            return;
        }
        let target = targets.get(turn % targets.len()).cloned().unwrap_or_default();
        let uuid = promises.uuid();
        let kind = if turn.is_multiple_of(3) { "SecurityInfo" } else { "ProfileList" };
        let body = json!({"targets": [target], "command": {"RequestType": kind}, "command_uuid": uuid});
        match api.post("/api/v1/commands", &body).await {
            Ok(answer) if answer.status == 201 => promises.commands.lock().await.push((uuid, target)),
            _ => pause().await,
        }
        if turn % 10 == 0
            && let Ok(answer) = api.post("/api/v1/links", &json!({"ownership": "corporate"})).await
            && let Some(id) = answer.body["link"]["id"].as_str()
        {
            promises.links.lock().await.push(id.to_owned());
        }
    }
}

async fn obey(device: SimulatedDevice, promises: Arc<Promises>) {
    while !promises.is_over() {
        if device.poll().await.is_err() {
            pause().await;
        }
    }
}

/// The newest enrolment of a device: where a CheckOut was lost in a kill two claim it, and the UDID alone is refused as a target.
async fn newest_epoch(api: &Api, udid: &str) -> Option<String> {
    let answer = api.get(&format!("/api/v1/devices/{udid}")).await.ok()?;
    let epochs = answer.body["enrollments"].as_array()?;
    epochs.iter().max_by_key(|one| one["epoch"].as_i64())?["id"].as_str().map(str::to_owned)
}

/// Enrols, is told to erase, and enrols again: sometimes after the erase, sometimes before it has fetched it.
async fn be_erased(device: SimulatedDevice, api: Api, promises: Arc<Promises>) {
    let mut turn = 0_u32;
    while !promises.is_over() {
        if !device.snapshot().enrolled {
            let Ok(link) = api.link("corporate").await else {
                pause().await;
                continue;
            };
            let _ = device.enroll(&profile_of(&link)).await;
            continue;
        }
        let Some(target) = newest_epoch(&api, &device.snapshot().udid).await else {
            pause().await;
            continue;
        };
        turn += 1;
        let (uuid, seen) = (promises.uuid(), device.snapshot());
        promises.erases.lock().await.insert(uuid.clone(), seen.counts.enrolments);
        let body =
            json!({"targets": [target], "command": {"RequestType": "EraseDevice"}, "command_uuid": uuid});
        let _ = api.post("/api/v1/commands", &body).await;
        if turn.is_multiple_of(3) {
            let _ = device.remove_enrolment().await;
        }
        for _ in 0..5 {
            if device.snapshot().enrolled && device.poll().await.is_err() {
                pause().await;
            }
        }
    }
}

/// Lets the server live until somebody is erased, at most a few seconds: enrolling again takes longer than most of its lives.
async fn an_erase(devices: &[SimulatedDevice]) {
    let count = || devices.iter().map(|device| device.snapshot().counts.erasures).sum::<u32>();
    let before = count();
    for _ in 0..150 {
        if count() > before {
            return;
        }
        pause().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_under_load_lose_nothing_and_do_nothing_twice() -> Result<()> {
    let world = World::prepare(WorldOptions::default()).await?;
    let mut ward = WardProcess::start(&world).await?;
    world.install_push_certificate().await?;
    let mut obedient = Vec::new();
    for seed in 1..=OBEDIENT {
        let spec = DeviceSpec { keep_alive: true, ..DeviceSpec::new(Model::IPad, seed) };
        obedient.push(world.enrolled(spec).await?);
    }
    let erased: Vec<SimulatedDevice> =
        (1..=ERASED).map(|seed| world.device(DeviceSpec::new(Model::IPhone, 100 + seed))).collect();
    let promises = Arc::new(Promises::default());
    let targets: Vec<String> = obedient.iter().map(|device| device.snapshot().udid).collect();
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..2 {
        load.spawn(operate(world.api.clone(), targets.clone(), Arc::clone(&promises)));
    }
    for device in &obedient {
        load.spawn(obey(device.clone(), Arc::clone(&promises)));
    }
    for device in &erased {
        load.spawn(be_erased(device.clone(), world.api.clone(), Arc::clone(&promises)));
    }
    for round in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(40 + round * 97 % 260)).await;
        if round % 10 == 9 {
            an_erase(&erased).await;
        }
        ward.kill()?;
        ward = WardProcess::start(&world).await.with_context(|| format!("after kill {round}"))?;
    }
    promises.over.store(true, Ordering::Relaxed);
    while load.join_next().await.is_some() {}
    for device in &obedient {
        device.poll().await?;
        ensure!(device.poll().await?.complete, "a device cannot finish: {:?}", device.snapshot().problems);
    }
    every_promise_was_kept(&world, &promises, &obedient).await?;
    no_erase_reached_another_epoch(&promises, &erased).await;
    ward.terminate()
}

async fn every_promise_was_kept(
    world: &World,
    promises: &Promises,
    devices: &[SimulatedDevice],
) -> Result<()> {
    let commands = promises.commands.lock().await;
    println!(
        "{} commands were promised, {} requests made",
        commands.len(),
        promises.requests.load(Ordering::Relaxed)
    );
    ensure!(commands.len() > 100, "only {} commands went through: that was no load", commands.len());
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for device in devices {
        for one in device.snapshot().executed {
            *done.entry(one.uuid).or_default() += 1;
        }
    }
    for (uuid, target) in commands.iter() {
        let answer = world.api.get(&format!("/api/v1/commands/{uuid}")).await?;
        assert_eq!(answer.status, 200, "the server has forgotten the command {uuid} to {target}");
        assert_eq!(answer.body["deliveries"][0]["state"], "acknowledged", "{uuid}: {:#}", answer.body);
        assert_eq!(done.get(uuid), Some(&1), "{uuid} to {target} was not executed exactly once");
    }
    assert!(
        done.values().all(|count| *count == 1),
        "something was executed twice: {:?}",
        done.iter().find(|(_, count)| **count > 1)
    );
    let mut known = BTreeSet::new();
    let mut path = "/api/v1/links?limit=200".to_owned();
    loop {
        let page = world.api.get(&path).await?;
        let items = page.body["items"].as_array().cloned().unwrap_or_default();
        known.extend(items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)));
        let Value::String(cursor) = &page.body["next_cursor"] else { break };
        path = format!("/api/v1/links?limit=200&cursor={cursor}");
    }
    for id in promises.links.lock().await.iter() {
        assert!(known.contains(id), "the server has forgotten the link {id}");
    }
    Ok(())
}

async fn no_erase_reached_another_epoch(promises: &Promises, devices: &[SimulatedDevice]) {
    let meant = promises.erases.lock().await;
    let mut erasures = 0;
    for device in devices {
        let seen = device.snapshot();
        let mut executed = BTreeSet::new();
        for one in seen.executed.iter().filter(|one| one.request_type == "EraseDevice") {
            assert_eq!(
                meant.get(&one.uuid),
                Some(&one.enrolment),
                "the erase {} reached another enrolment",
                one.uuid
            );
            assert!(executed.insert(one.uuid.clone()), "the erase {} was executed twice", one.uuid);
        }
        erasures += seen.counts.erasures;
    }
    println!("{erasures} erasures, each by its own command");
    assert!(erasures > 0, "nobody was erased: that was no test");
}
