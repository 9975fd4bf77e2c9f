//! The passwords of Macs that nobody types: made, kept, filled in and settled by Ward, and obeyed by a Mac that checks them.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simulator::{Fault, Model, SimulatedDevice};
use tests::World;

use crate::support::{obey, refused};

/// The value of the newest secret of a kind, and its entry in the list.
async fn revealed(world: &World, mac: &SimulatedDevice, kind: &str) -> Result<(String, Value)> {
    let listed = world.api.get(&format!("/api/v1/devices/{}/secrets", mac.snapshot().udid)).await?;
    let entry = listed.body.as_array().and_then(|all| all.iter().find(|one| one["kind"] == kind)).cloned();
    let entry = entry.with_context(|| format!("no {kind} among {listed:?}"))?;
    let path = format!("/api/v1/secrets/{}/reveal", entry["id"].as_str().unwrap_or_default());
    // A secret is shown once for each reason.
    let reason = format!("the test compares {}", uuid::Uuid::new_v4());
    let shown = world.api.post(&path, &json!({ "reason": reason })).await?;
    let value = shown.body["value"].as_str().with_context(|| format!("not shown: {shown:?}"))?;
    Ok((value.to_owned(), entry))
}

async fn acknowledged(world: &World, mac: &SimulatedDevice, command: Value) -> Result<()> {
    let evidence = obey(world, mac, command.clone()).await?;
    anyhow::ensure!(evidence["delivery"]["state"] == "acknowledged", "{command}: {evidence:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_lock_is_set_changed_verified_and_taken_away_without_anybody_typing_it() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacAppleSilicon, 31).await?;
    let udid = mac.snapshot().udid;
    let own = json!({"RequestType": "SetRecoveryLock", "NewPassword": "hospital2026"});
    let answer = refused(&world, &udid, own).await?;
    assert!(answer.body.to_string().contains("secret-in-request"), "{answer:?}");
    refused(&world, &udid, json!({"RequestType": "VerifyRecoveryLock"})).await?;
    refused(&world, &udid, json!({"RequestType": "SetFirmwarePassword"})).await?;

    acknowledged(&world, &mac, json!({"RequestType": "SetRecoveryLock"})).await?;
    let first = mac.snapshot().mac.recovery_lock.context("no lock was set")?;
    let (value, entry) = revealed(&world, &mac, "recovery_lock").await?;
    assert_eq!(value, first);
    assert!(entry["confirmed_at"].is_string(), "{entry}");

    acknowledged(&world, &mac, json!({"RequestType": "SetRecoveryLock"})).await?;
    let second = mac.snapshot().mac.recovery_lock.context("no lock was set")?;
    assert_ne!(first, second, "the second was set with the first as the current password");
    assert_eq!(revealed(&world, &mac, "recovery_lock").await?.0, second);
    acknowledged(&world, &mac, json!({"RequestType": "VerifyRecoveryLock"})).await?;

    acknowledged(&world, &mac, json!({"RequestType": "SetRecoveryLock", "NewPassword": ""})).await?;
    assert_eq!(mac.snapshot().mac.recovery_lock, None);
    assert!(revealed(&world, &mac, "recovery_lock").await.is_err(), "what is taken away is not kept on");
    refused(&world, &udid, json!({"RequestType": "SetRecoveryLock", "NewPassword": ""})).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_whose_answer_was_lost_is_doubtful_until_it_is_verified() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacAppleSilicon, 32).await?;
    mac.with_faults([Fault::LoseReport]);
    let delivery = world.api.send(&mac.snapshot().udid, json!({"RequestType": "SetRecoveryLock"})).await?;
    mac.poll().await?;
    mac.poll().await?;
    let set = mac.snapshot().mac.recovery_lock.context("the Mac obeyed the first time")?;
    assert_eq!(world.api.state(delivery).await?, "error", "the second time its current password was missing");
    let (kept, entry) = revealed(&world, &mac, "recovery_lock").await?;
    assert_eq!(kept, set, "the password of a locked Mac must not be thrown away");
    assert!(entry["confirmed_at"].is_null(), "{entry}");
    acknowledged(&world, &mac, json!({"RequestType": "VerifyRecoveryLock"})).await?;
    assert!(revealed(&world, &mac, "recovery_lock").await?.1["confirmed_at"].is_string());
    acknowledged(&world, &mac, json!({"RequestType": "SetRecoveryLock"})).await?;
    assert_ne!(mac.snapshot().mac.recovery_lock, Some(set));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firmware_password_is_kept_for_a_mac_with_an_intel_processor() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacIntel, 33).await?;
    refused(&world, &mac.snapshot().udid, json!({"RequestType": "SetRecoveryLock"})).await?;
    acknowledged(&world, &mac, json!({"RequestType": "SetFirmwarePassword"})).await?;
    acknowledged(&world, &mac, json!({"RequestType": "SetFirmwarePassword", "AllowOroms": true})).await?;
    acknowledged(&world, &mac, json!({"RequestType": "VerifyFirmwarePassword"})).await?;
    let (kept, entry) = revealed(&world, &mac, "firmware_password").await?;
    assert_eq!(mac.snapshot().mac.firmware, Some(kept));
    assert!(entry["confirmed_at"].is_string(), "{entry}");
    acknowledged(&world, &mac, json!({"RequestType": "UnlockUserAccount", "UserName": "ada"})).await?;
    assert_eq!(mac.snapshot().mac.unlocked, ["ada"]);
    Ok(())
}

/// A profile that escrows the recovery key to the certificate.
fn escrow_profile(der_base64: &str) -> String {
    let payload = |kind: &str, uuid: &str, keys: &str| {
        format!(
            "<dict><key>PayloadType</key><string>{kind}</string><key>PayloadIdentifier</key><string>org.example.{uuid}</string>\
             <key>PayloadUUID</key><string>{uuid}</string><key>PayloadVersion</key><integer>1</integer>{keys}</dict>"
        )
    };
    let certificate = payload(
        "com.apple.security.pkcs1",
        "11111111-1111-4111-8111-111111111111",
        &format!("<key>PayloadContent</key><data>{der_base64}</data>"),
    );
    let escrow = payload(
        "com.apple.security.FDERecoveryKeyEscrow",
        "22222222-2222-4222-8222-222222222222",
        "<key>Location</key><string>St. Example Hospital</string>\
         <key>EncryptCertPayloadUUID</key><string>11111111-1111-4111-8111-111111111111</string>",
    );
    let plist = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>\
         <key>PayloadType</key><string>Configuration</string><key>PayloadIdentifier</key><string>org.example.escrow</string>\
         <key>PayloadUUID</key><string>33333333-3333-4333-8333-333333333333</string><key>PayloadVersion</key><integer>1</integer>\
         <key>PayloadContent</key><array>{certificate}{escrow}</array></dict></plist>"
    );
    STANDARD.encode(plist)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_key_is_escrowed_opened_and_rotated() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacAppleSilicon, 34).await?;
    let udid = mac.snapshot().udid;
    refused(&world, &udid, json!({"RequestType": "RotateFileVaultKey", "KeyType": "personal"})).await?;

    let certificate = world.api.get("/api/v1/escrow-certificate").await?;
    let der = certificate.body["der_base64"].as_str().context("no certificate")?;
    acknowledged(&world, &mac, json!({"RequestType": "InstallProfile", "Payload": escrow_profile(der)}))
        .await?;
    acknowledged(&world, &mac, json!({"RequestType": "SecurityInfo"})).await?;
    let (first, entry) = revealed(&world, &mac, "recovery_key").await?;
    assert!(entry["confirmed_at"].is_string(), "{entry}");
    assert_eq!(first.split('-').count(), 6, "not opened: {first}");
    acknowledged(&world, &mac, json!({"RequestType": "SecurityInfo"})).await?;
    let listed = world.api.get(&format!("/api/v1/devices/{udid}/secrets")).await?;
    let keys =
        listed.body.as_array().map(|all| all.iter().filter(|one| one["kind"] == "recovery_key").count());
    assert_eq!(keys, Some(1), "the same key is not kept twice: {listed:?}");

    let own = json!({"RequestType": "RotateFileVaultKey", "KeyType": "personal", "ReplyEncryptionCertificate": der});
    refused(&world, &udid, own).await?;
    acknowledged(&world, &mac, json!({"RequestType": "RotateFileVaultKey", "KeyType": "personal"})).await?;
    let rotated = mac.snapshot().mac.recovery_key.context("not rotated")?;
    assert_ne!(rotated, first);
    assert_eq!(revealed(&world, &mac, "recovery_key").await?.0, rotated);
    acknowledged(&world, &mac, json!({"RequestType": "RotateFileVaultKey", "KeyType": "personal"})).await?;
    assert_ne!(mac.snapshot().mac.recovery_key, Some(rotated), "the second rotation used the rotated key");
    Ok(())
}
