//! DeviceLock on a Mac: the PIN is made and escrowed by Ward, shown on request, and opens the Mac.

use anyhow::{Context, Result};
use serde_json::json;
use simulator::{Model, Phase};
use tests::World;

use crate::support::audit;

#[tokio::test(flavor = "multi_thread")]
async fn the_pin_of_a_lock_is_escrowed_before_it_leaves_and_opens_the_mac() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacAppleSilicon, 1).await?;
    let udid = mac.snapshot().udid;
    let body = json!({"targets": [udid], "command": {"RequestType": "DeviceLock", "Message": "Please bring it back"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    let secret = answer.body["queued"][0]["secret_id"].as_str().context("no PIN was escrowed")?.to_owned();
    assert_eq!(mac.snapshot().phase, Phase::InUse, "it is escrowed before the Mac has come for it");

    let listed = world.api.get(&format!("/api/v1/devices/{udid}/secrets")).await?;
    let entry =
        listed.body.as_array().and_then(|all| all.iter().find(|one| one["id"] == secret.as_str())).cloned();
    let entry = entry.with_context(|| format!("not listed: {listed:?}"))?;
    assert_eq!((&entry["kind"], &entry["revealable"]), (&json!("lock_pin"), &json!(true)));
    assert!(entry.get("value").is_none());

    let reveal = format!("/api/v1/secrets/{secret}/reveal");
    let unasked = world.api.post(&reveal, &json!({})).await?;
    assert!((400..=422).contains(&unasked.status), "nobody is shown a PIN without a reason: {unasked:?}");
    let shown = world.api.post(&reveal, &json!({"reason": "the Mac is back on the ward"})).await?;
    assert_eq!(shown.status, 200, "{shown:?}");
    let pin = shown.body["value"].as_str().context("no value")?.to_owned();
    assert!(pin.len() == 6 && pin.bytes().all(|byte| byte.is_ascii_digit()));
    let events = audit(&world, "secret.reveal").await?;
    assert!(
        events.iter().any(|event| event.to_string().contains("back on the ward")),
        "nobody wrote it down: {events:?}"
    );
    assert!(
        !events.iter().any(|event| event.to_string().contains(&format!("\"{pin}\""))),
        "the PIN stands in the audit trail"
    );

    mac.poll().await?;
    assert_eq!(mac.snapshot().phase, Phase::PinLocked);
    assert!(!mac.enter_pin("000000") || pin == "000000");
    assert!(mac.enter_pin(&pin), "the revealed PIN does not open the Mac");
    assert_eq!(mac.snapshot().phase, Phase::InUse);
    let delivery = answer.body["queued"][0]["delivery"].as_i64().context("no delivery")?;
    assert_eq!(world.api.state(delivery).await?, "acknowledged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mac_of_one_request_gets_a_pin_of_its_own() -> Result<()> {
    let world = World::start().await?;
    let (one, two) =
        (world.settled(Model::MacAppleSilicon, 2).await?, world.settled(Model::MacIntel, 3).await?);
    let body = json!({"targets": [one.snapshot().udid, two.snapshot().udid], "command": {"RequestType": "DeviceLock"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    let queued = answer.body["queued"].as_array().cloned().unwrap_or_default();
    let secrets: Vec<&str> = queued.iter().filter_map(|one| one["secret_id"].as_str()).collect();
    assert!(secrets.len() == 2 && secrets.first() != secrets.get(1), "{queued:?}");
    let again = world
        .api
        .get(&format!("/api/v1/commands/{}", queued[0]["command_uuid"].as_str().unwrap_or_default()))
        .await?;
    assert!(again.body["body"].get("PIN").is_none(), "the stored command carries the PIN: {again:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_iphone_is_locked_with_a_message_and_without_a_pin() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 4).await?;
    let body = json!({
        "targets": [phone.snapshot().udid],
        "command": {"RequestType": "DeviceLock", "Message": "Call the ward", "PhoneNumber": "+41 44 000 00 00"},
    });
    let answer = world.api.post("/api/v1/commands", &body).await?;
    assert!(answer.status == 201 && answer.body["queued"][0]["secret_id"].is_null(), "{answer:?}");
    phone.poll().await?;
    let seen = phone.snapshot();
    assert!(seen.screen_locked);
    assert_eq!(seen.lock_message.and_then(|shown| shown.message).as_deref(), Some("Call the ward"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlock_token_is_never_revealed() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 5).await?;
    let listed = world.api.get(&format!("/api/v1/devices/{}/secrets", phone.snapshot().udid)).await?;
    let token =
        listed.body.as_array().and_then(|all| all.iter().find(|one| one["kind"] == "unlock_token")).cloned();
    let token = token.with_context(|| format!("no unlock token is escrowed: {listed:?}"))?;
    assert_eq!(token["revealable"], false);
    let path = format!("/api/v1/secrets/{}/reveal", token["id"].as_str().unwrap_or_default());
    let answer = world.api.post(&path, &json!({"reason": "curiosity"})).await?;
    assert!(answer.status >= 400 && answer.body.get("value").is_none(), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intel_mac_is_erased_with_an_escrowed_pin() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacIntel, 6).await?;
    let body = json!({"targets": [mac.snapshot().udid], "command": {"RequestType": "EraseDevice"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    assert!(answer.body["queued"][0]["secret_id"].is_string(), "{answer:?}");
    mac.poll().await?;
    assert_eq!(mac.snapshot().counts.erasures, 1);
    Ok(())
}
