//! What is refused before it is queued, in words that help.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simulator::{DeviceSpec, Model};
use tests::World;

use crate::support::refused;

/// What the problem document says, in one text.
fn words(body: &Value) -> String {
    body.to_string().to_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_the_platform_does_not_know_is_refused_in_words() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacAppleSilicon, 1).await?;
    let udid = mac.snapshot().udid;
    for command in [
        json!({"RequestType": "EnableLostMode", "Message": "Lost"}),
        json!({"RequestType": "DisableLostMode"}),
        json!({"RequestType": "DeviceLocation"}),
        json!({"RequestType": "PlayLostModeSound"}),
        json!({"RequestType": "ClearPasscode"}),
    ] {
        let answer = refused(&world, &udid, command.clone()).await?;
        assert_eq!(answer.body["code"], "refused", "{command}: {answer:?}");
        assert!(
            words(&answer.body).contains("mac"),
            "{command}: the words do not say that it is a Mac: {answer:?}"
        );
        assert!(
            answer.body["refusals"].as_array().is_some_and(|list| !list.is_empty()),
            "{command}: {answer:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_supervision_is_refused_for_an_unsupervised_device() -> Result<()> {
    let world = World::start().await?;
    let phone = world.enrolled(DeviceSpec { supervised: false, ..DeviceSpec::new(Model::IPhone, 2) }).await?;
    phone.poll().await?;
    let udid = phone.snapshot().udid;
    for command in [
        json!({"RequestType": "EnableLostMode", "Message": "Lost"}),
        json!({"RequestType": "RestartDevice"}),
        json!({"RequestType": "ShutDownDevice"}),
    ] {
        let answer = refused(&world, &udid, command.clone()).await?;
        assert!(words(&answer.body).contains("supervis"), "{command}: {answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_os_is_too_old_for_is_refused() -> Result<()> {
    let world = World::start().await?;
    let old = world.enrolled(DeviceSpec { os: "16.4".to_owned(), ..DeviceSpec::new(Model::IPad, 3) }).await?;
    old.poll().await?;
    let command = json!({"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true}});
    let answer = refused(&world, &old.snapshot().udid, command).await?;
    assert!(words(&answer.body).contains("17"), "the words do not say from which version on: {answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn locking_a_device_without_a_passcode_is_answered_with_advice() -> Result<()> {
    let world = World::start().await?;
    let phone = world.enrolled(DeviceSpec { passcode: false, ..DeviceSpec::new(Model::IPhone, 4) }).await?;
    phone.poll().await?;
    let body = json!({"targets": [phone.snapshot().udid], "command": {"RequestType": "DeviceLock", "Message": "Call us"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    let said = words(&answer.body);
    assert!(said.contains("passcode") && said.contains("lost mode"), "no advice: {answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_ward_makes_or_keeps_are_not_taken_from_a_request() -> Result<()> {
    let world = World::start().await?;
    let (mac, phone) = (world.settled(Model::MacIntel, 5).await?, world.settled(Model::IPhone, 6).await?);
    let profile = STANDARD.encode("<plist/>");
    for (target, command, key) in [
        (&mac, json!({"RequestType": "DeviceLock", "PIN": "123456"}), "PIN"),
        (&mac, json!({"RequestType": "EraseDevice", "PIN": "123456"}), "PIN"),
        (&phone, json!({"RequestType": "ClearPasscode", "UnlockToken": profile}), "UnlockToken"),
        (
            &phone,
            json!({"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true, "MDMProfileData": profile}}),
            "MDMProfileData",
        ),
    ] {
        let answer = refused(&world, &target.snapshot().udid, command).await?;
        assert!(answer.body.to_string().contains(key), "{key}: {answer:?}");
        assert!(!answer.body.to_string().contains("123456"), "the refusal repeats the secret: {answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_profile_is_never_taken_from_anybody_plain_or_signed() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 7).await?;
    let udid = phone.snapshot().udid;
    let link = world.api.link("corporate").await?;
    let signed = tests::answer(tests::client(&world)?.build()?.get(format!("{link}/profile"))).await?.body;
    let plain = tests::xml(&tests::fetch_profile(&world, &link).await?)?;
    for bytes in [signed, plain] {
        let command = json!({"RequestType": "InstallProfile", "Payload": STANDARD.encode(&bytes)});
        let answer = refused(&world, &udid, command).await?;
        assert!(words(&answer.body).contains("com.apple.mdm"), "{answer:?}");
        let mut raw = plist::Dictionary::new();
        raw.insert("RequestType".to_owned(), "InstallProfile".into());
        raw.insert("Payload".to_owned(), plist::Value::Data(bytes.clone()));
        let body = json!({"targets": [udid], "raw_plist": STANDARD.encode(tests::xml(&raw)?)});
        assert_eq!(
            world.api.post("/api/v1/commands", &body).await?.status,
            422,
            "a raw property list is looked through, too"
        );
        let body = json!({
            "targets": [udid], "wifi_profile": STANDARD.encode(&bytes), "with_enrollment_profile": true,
            "command": {"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true}},
        });
        assert_eq!(
            world.api.post("/api/v1/commands", &body).await?.status,
            422,
            "nor does it hide in a Wi-Fi profile"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_with_the_field_that_is_wrong() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 8).await?;
    let udid = phone.snapshot().udid;
    for (body, field) in [
        (json!({"targets": [], "command": {"RequestType": "ProfileList"}}), "targets"),
        (json!({"targets": [udid]}), "command"),
        (json!({"targets": [udid], "command": {}}), "RequestType"),
        (json!({"targets": [udid], "raw_plist": "!!!"}), "raw_plist"),
        (json!({"targets": [udid], "raw_plist": STANDARD.encode("not a plist")}), "raw_plist"),
        (json!({"targets": [udid], "command": {"RequestType": "DeviceLock", "Mesage": "typo"}}), "Mesage"),
        (
            json!({"targets": [udid], "command": {"RequestType": "ProfileList"}, "with_enrollment_profile": true}),
            "with_enrollment_profile",
        ),
    ] {
        let answer = world.api.post("/api/v1/commands", &body).await?;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert!(answer.body.to_string().contains(field), "{field} is not named: {answer:?}");
        assert_eq!(
            answer.body["type"].as_str().map(|text| text.starts_with("urn:ward:problem:")),
            Some(true),
            "{answer:?}"
        );
    }
    let unknown = world.api.post("/api/v1/commands", &json!({"targets": [udid], "comand": {}})).await?;
    assert!((400..=422).contains(&unknown.status), "{unknown:?}");
    assert_eq!(world.api.get("/api/v1/devices/no-such-device").await?.status, 404);
    Ok(())
}
