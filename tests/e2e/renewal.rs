//! Renewal of identities: what it keeps, whom it believes, and what an expired or revoked certificate is still good for.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use simulator::{Model, SimulatedDevice};
use tests::World;

use crate::support::{audit, days, deliveries, obey, record, until, world_with_clock};

/// Waits until the renewal of a device is queued.
async fn renewal_due(world: &World, device: &SimulatedDevice) -> Result<()> {
    let udid = device.snapshot().udid;
    until("the renewal is queued", async || {
        let queued = deliveries(world, &udid).await?;
        Ok(queued.iter().any(|one| one["request_type"] == "InstallProfile" && one["state"] != "acknowledged"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn at_half_life_the_identity_is_renewed_and_nothing_else_changes() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    for (seed, model) in (1..).zip([Model::IPhone, Model::MacAppleSilicon]) {
        let device = world.settled(model, seed).await?;
        let (first, bootstrap, unlock) =
            (device.snapshot().identity, device.bootstrap_token(), device.unlock_token());
        clock.advance(days(184));
        renewal_due(&world, &device).await?;
        device.poll().await?;
        device.poll().await?;
        let seen = device.snapshot();
        assert_eq!((seen.counts.renewals, seen.counts.enrolments), (1, 1), "{:?}", seen.problems);
        assert_ne!(seen.identity, first);
        let record = record(&world, &device).await?;
        assert_eq!(record["enrollments"].as_array().map(Vec::len), Some(1), "a renewal is no new enrolment");
        assert_eq!(record["enrollments"][0]["epoch"], 1);
        let pinned = world
            .api
            .get(&format!(
                "/api/v1/identities?enrollment={}",
                record["enrollments"][0]["id"].as_str().unwrap_or_default()
            ))
            .await?;
        assert!(pinned.body.to_string().contains(seen.identity.as_deref().unwrap_or("?")), "{pinned:?}");
        assert!(!audit(&world, "identity.renewed").await?.is_empty());
        assert_eq!(
            device.fetch_bootstrap_token().await?,
            bootstrap,
            "{model:?}: the bootstrap token is kept"
        );
        if unlock.is_some() {
            let cleared = obey(&world, &device, json!({"RequestType": "ClearPasscode"})).await?;
            assert_eq!(cleared["delivery"]["state"], "acknowledged", "the unlock token is kept: {cleared:#}");
        }
        assert!(device.poll().await?.complete);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_and_the_new_identity_both_in_use_raise_a_clone_alert() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let device = tests::RawDevice::enrolled(&world, "00008120-0000000000000E01").await?;
    device.drain().await?;
    clock.advance(days(184));
    let found = async || -> Result<bool> {
        let queued = deliveries(&world, &device.udid).await?;
        Ok(queued.iter().any(|one| one["request_type"] == "InstallProfile"))
    };
    until("the renewal is queued", found).await?;
    let reply = device.idle().await?;
    let command = reply.plist()?;
    let payload = command
        .get("Command")
        .and_then(plist::Value::as_dictionary)
        .and_then(|command| command.get("Payload"))
        .and_then(plist::Value::as_data)
        .context("the first command is no renewal")?;
    let renewed = device.renewed(&world, payload).await?;
    let (uuid, _) = reply.command().context("no command")?;
    assert_eq!(renewed.report("Acknowledged", Some(&uuid), plist::Dictionary::new()).await?.status, 200);
    assert!(audit(&world, "identity.clone_suspected").await?.is_empty());
    clock.advance(Duration::from_secs(60));
    let old = device.idle().await?;
    assert!(old.command().is_none(), "the old certificate is still given commands");
    assert_eq!(audit(&world, "identity.clone_suspected").await?.len(), 1);
    assert_eq!(renewed.idle().await?.status, 200, "the new one goes on");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_identity_is_served_for_its_renewal_and_for_what_a_lost_device_needs() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let ipad = world.settled(Model::IPad, 3).await?;
    let udid = ipad.snapshot().udid;
    clock.advance(days(400));
    world.api.send(&udid, json!({"RequestType": "CertificateList"})).await?;
    world.api.send(&udid, json!({"RequestType": "EnableLostMode", "Message": "Lost"})).await?;
    let before = ipad.snapshot().executed.len();
    ipad.poll().await?;
    ipad.poll().await?;
    let seen = ipad.snapshot();
    assert!(seen.enrolled && seen.lost_mode.is_some(), "{:?}", seen.problems);
    let done: Vec<String> = seen.executed.iter().skip(before).map(|one| one.request_type.clone()).collect();
    let at = |name: &str| done.iter().position(|one| one == name);
    assert!(at("EnableLostMode") < at("CertificateList") || at("CertificateList").is_none(), "{done:?}");
    assert!(ipad.unlock_screen() || seen.lost_mode.is_some());
    obey(&world, &ipad, json!({"RequestType": "DisableLostMode"})).await?;
    ipad.unlock_screen();
    ipad.poll().await?;
    ipad.poll().await?;
    assert_eq!(ipad.snapshot().counts.renewals, 1, "{:?}", ipad.snapshot().executed);
    assert_eq!(ipad.snapshot().counts.unenrolments, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_expired_too_long_ago_gets_400_and_unenrols_nobody() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let ipad = world.settled(Model::IPad, 4).await?;
    clock.advance(days(365 + 2 * 365 + 10));
    let session = ipad.poll().await?;
    assert!(!session.complete);
    let seen = ipad.snapshot();
    assert!(
        seen.enrolled && seen.problems.iter().any(|problem| problem.contains("400")),
        "{:?}",
        seen.problems
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_identity_gets_400_and_is_not_unenrolled() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 5).await?;
    let list = world.api.get("/api/v1/identities").await?;
    let id = list.body["items"][0]["id"].as_str().context("no identity")?.to_owned();
    let revoked =
        world.api.post(&format!("/api/v1/identities/{id}/revoke"), &json!({"reason": "stolen"})).await?;
    assert_eq!((revoked.status, &revoked.body["state"]), (200, &json!("revoked")), "{revoked:?}");
    assert!(!ipad.poll().await?.complete);
    let seen = ipad.snapshot();
    assert!(seen.enrolled && seen.counts.unenrolments == 0);
    assert!(seen.problems.iter().any(|problem| problem.contains("400")), "{:?}", seen.problems);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_update_that_follows_a_reinstalled_profile_without_authenticate_is_taken() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let phone = world.settled(Model::IPhone, 6).await?;
    let unlock = phone.unlock_token();
    clock.advance(days(184));
    renewal_due(&world, &phone).await?;
    phone.poll().await?;
    phone.update_token(true).await?;
    assert_eq!(phone.unlock_token(), unlock);
    let cleared = obey(&world, &phone, json!({"RequestType": "ClearPasscode"})).await?;
    assert_eq!(
        cleared["delivery"]["state"], "acknowledged",
        "the TokenUpdate without UnlockToken took the old one away: {cleared:#}"
    );
    Ok(())
}
