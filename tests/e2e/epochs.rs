//! Enrolling again: a new epoch inherits nothing, and who enrols in another's name is set apart.

use std::time::Duration;

use anyhow::Result;
use plist::{Dictionary, Value};
use serde_json::json;
use simulator::Model;
use tests::{RawDevice, World};

use crate::support::{audit, days, profile_of, record, world_with_clock};

#[tokio::test(flavor = "multi_thread")]
async fn who_enrols_again_after_leaving_gets_a_new_epoch_without_the_old_secrets_or_queue() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacAppleSilicon, 1).await?;
    let udid = mac.snapshot().udid;
    let old_token = mac.bootstrap_token();
    let waiting = world.api.send(&udid, json!({"RequestType": "ShutDownDevice"})).await?;
    mac.remove_enrolment().await?;
    let link = world.api.link("corporate").await?;
    mac.enroll(&profile_of(&link)).await?;
    mac.poll().await?;
    assert_eq!(mac.snapshot().counts.shut_downs, 0, "a command of the old epoch reached the new one");
    assert_ne!(world.api.state(waiting).await?, "acknowledged");
    let enrollments = record(&world, &mac).await?["enrollments"].as_array().cloned().unwrap_or_default();
    assert_eq!(enrollments.len(), 2);
    let new = enrollments.iter().find(|one| one["epoch"] == 2).cloned().unwrap_or_default();
    let old = enrollments.iter().find(|one| one["epoch"] == 1).cloned().unwrap_or_default();
    assert_eq!((&new["state"], &new["previous_id"]), (&json!("enrolled"), &old["id"]));
    assert_ne!(mac.fetch_bootstrap_token().await?, old_token);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_cannot_fetch_the_bootstrap_token_of_the_old_one() -> Result<()> {
    let world = World::start().await?;
    let udid = "564D9C1A-3E5B-4B6E-9A77-0102030405AC";
    let old = RawDevice::enrolled(&world, udid).await?;
    let mut token = Dictionary::new();
    token.insert("BootstrapToken".to_owned(), Value::Data(b"secret of the first".to_vec()));
    assert_eq!(old.check_in("SetBootstrapToken", token).await?.status, 200);
    let thief = RawDevice::enrolled(&world, udid).await?;
    let reply = thief.check_in("GetBootstrapToken", Dictionary::new()).await?;
    assert!(reply.body.is_empty(), "whoever has a link gets the secrets of any Mac: {reply:?}");
    assert!(
        !old.check_in("GetBootstrapToken", Dictionary::new()).await?.body.is_empty(),
        "the true one still gets it"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_epoch_that_still_speaks_sets_the_newer_one_apart() -> Result<()> {
    let world = World::start().await?;
    let udid = "00008120-0000000000000AA1";
    let first = RawDevice::enrolled(&world, udid).await?;
    first.drain().await?;
    let second = RawDevice::enrolled(&world, udid).await?;
    let erase = json!({"targets": [udid], "command": {"RequestType": "EraseDevice"}});
    let doubtful = world.api.post("/api/v1/commands", &erase).await?;
    assert_eq!(doubtful.status, 422, "nobody can say which of the two is erased: {doubtful:?}");
    assert!(doubtful.body.to_string().contains("two enrolments claim this device"), "{doubtful:?}");
    assert_eq!(first.idle().await?.status, 200, "the old identity is honoured");
    let quarantine = world.api.get("/api/v1/quarantine").await?;
    let found = quarantine.body["items"].as_array().cloned().unwrap_or_default();
    assert!(found.iter().any(|one| one["kind"] == "enrollment" && one["apple_id"] == udid), "{quarantine:?}");
    let target = json!({"targets": [udid], "command": {"RequestType": "RestartDevice"}});
    world.api.post("/api/v1/commands", &target).await?;
    let given = second.drain().await?;
    assert!(given.is_empty(), "a quarantined epoch is given commands: {given:?}");
    assert!(!audit(&world, "enrollment.quarantined").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_epoch_that_was_silent_for_a_week_does_not_come_back() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let udid = "00008120-0000000000000AA2";
    let first = RawDevice::enrolled(&world, udid).await?;
    first.drain().await?;
    clock.advance(days(8));
    let second = RawDevice::enrolled(&world, udid).await?;
    assert!(!second.drain().await?.is_empty(), "the new one is asked for its state");
    clock.advance(days(8));
    assert_eq!(second.idle().await?.status, 200);
    assert_eq!(first.idle().await?.status, 400);
    let shown = world.api.get(&format!("/api/v1/devices/{udid}")).await?;
    assert_eq!(shown.body["device"]["enrollment_state"], "enrolled", "{shown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_by_which_known_devices_are_claimed_in_series_stops() -> Result<()> {
    let world = World::start().await?;
    let mut known = Vec::new();
    for index in 0..6 {
        let device = RawDevice::enrolled(&world, &format!("00008120-0000000000000B1{index}")).await?;
        device.drain().await?;
        known.push(device);
    }
    let link = world.api.link("corporate").await?;
    let mut accepted = 0;
    for device in &known {
        let Ok(claim) = RawDevice::identified(&world, &link, &device.udid).await else { break };
        let reply = claim.check_in("Authenticate", Dictionary::new()).await?;
        assert!([200, 400].contains(&reply.status), "{reply:?}");
        accepted += usize::from(reply.status == 200);
    }
    assert_eq!(accepted, 3, "more than three known UDIDs were claimed by one link");
    let links = world.api.get("/api/v1/links").await?.body;
    assert!(
        links["items"].as_array().is_some_and(|links| links.iter().any(|link| link["state"] == "stopped")),
        "{links}"
    );
    for device in &known {
        assert_eq!(device.idle().await?.status, 200, "the true devices go on");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn authenticate_again_with_the_same_certificate_is_the_same_enrolment() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000AA3").await?;
    device.drain().await?;
    clock.advance(Duration::from_secs(3_600));
    for kind in ["Authenticate", "TokenUpdate"] {
        assert_eq!(device.check_in(kind, Dictionary::new()).await?.status, 200);
    }
    let shown = world.api.get(&format!("/api/v1/devices/{}", device.udid)).await?;
    assert_eq!(shown.body["enrollments"].as_array().map(Vec::len), Some(1), "{shown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_enrolled_with_gets_nothing_and_is_shown() -> Result<()> {
    let world = World::start().await?;
    let link = world.api.link("corporate").await?;
    let stranger = RawDevice::identified(&world, &link, "00008120-0000000000000AA4").await?;
    let reply = stranger.idle().await?;
    assert_eq!((reply.status, reply.body.len()), (200, 0), "an unknown device gets an empty answer");
    let mut keys = Dictionary::new();
    keys.insert("Endpoint".to_owned(), "tokens".into());
    assert_eq!(
        stranger.check_in("DeclarativeManagement", keys).await?.status,
        503,
        "an empty list would remove everything"
    );
    let quarantine = world.api.get("/api/v1/quarantine").await?.body;
    let shown = quarantine["items"].as_array().is_some_and(|items| {
        items
            .iter()
            .any(|item| item["kind"] == "unknown_device" && item["apple_id"] == stranger.udid.as_str())
    });
    assert!(shown, "{quarantine}");
    Ok(())
}
