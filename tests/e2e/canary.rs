//! Of a personal iPhone nothing is kept that was not asked for: a word that it volunteers everywhere is found nowhere.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use simulator::{DeviceSpec, Fault, Model};
use tests::{World, WorldOptions};

use crate::support::{fact, obey, profile_of};

/// What the phone tells about itself, wherever it can.
const CANARY: &str = "CANARY-7f3a-VOLUNTEERED";

/// The files below a folder that hold the word.
fn holding(folder: &Path, word: &[u8]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(holding(&path, word)?);
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(word.len()).any(|part| part == word)) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_personal_iphone_volunteers_is_found_nowhere() -> Result<()> {
    let world = World::start_with(WorldOptions {
        configure: |config| config.enrollment.allow_personal_links = true,
        ..WorldOptions::default()
    })
    .await?;
    let phone = world.device(DeviceSpec { supervised: false, ..DeviceSpec::new(Model::IPhone, 21) });
    phone.with_faults([Fault::Volunteer(CANARY.to_owned())]);
    phone.enroll(&profile_of(&world.api.link("personal").await?)).await?;
    for _ in 0..4 {
        phone.poll().await?;
    }
    let udid = phone.snapshot().udid;
    for command in [
        json!({"RequestType": "DeviceInformation", "Queries": ["OSVersion", "ModelName"]}),
        json!({"RequestType": "SecurityInfo"}),
        json!({"RequestType": "ProfileList", "ManagedOnly": true}),
    ] {
        let evidence = obey(&world, &phone, command.clone()).await?;
        assert_eq!(evidence["delivery"]["state"], "acknowledged", "{command}: {evidence:#}");
        ensure!(!evidence.to_string().contains(CANARY), "the evidence of {command} tells it: {evidence:#}");
    }
    assert_eq!(
        fact(&world, &phone, "DeviceInformation.OSVersion").await?,
        json!(phone.snapshot().os_version),
        "what was asked for is kept"
    );
    for path in [
        format!("/api/v1/devices/{udid}"),
        "/api/v1/devices?columns=name,serial_number".to_owned(),
        format!("/api/v1/devices?filter=name~{CANARY}"),
        "/api/v1/audit-events?limit=200".to_owned(),
        "/api/v1/devices/export?format=json".to_owned(),
    ] {
        let answer = world.api.get(&path).await?;
        ensure!(answer.status == 200, "{path}: {answer:?}");
        ensure!(!answer.body.to_string().contains(CANARY), "{path} tells it: {answer:?}");
    }
    let files = holding(world.folder.path(), CANARY.as_bytes())?;
    let found = files.first().map_or("", String::as_str);
    ensure!(files.is_empty(), "the word stands in {found}");
    let database = holding(world.folder.path(), udid.as_bytes())?;
    database.first().context("the search finds nothing at all: it looks in the wrong place")?;
    Ok(())
}
