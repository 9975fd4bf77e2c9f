//! Enrolment by link, for each kind of device: what Ward then knows, and what it asks by itself.

use anyhow::Result;
use serde_json::{Value, json};
use simulator::{DeviceSpec, Model, Phase};
use tests::World;

use crate::support::{deliveries, fact, profile_of, record};

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_device_enrols_by_a_link_and_is_asked_for_its_state() -> Result<()> {
    let world = World::start().await?;
    let kinds = [
        (Model::IPhone, "ios"),
        (Model::IPad, "ios"),
        (Model::SharedIPad, "ios"),
        (Model::MacAppleSilicon, "macos"),
        (Model::MacIntel, "macos"),
    ];
    for (seed, (model, family)) in (1..).zip(kinds) {
        let device = world.settled(model, seed).await?;
        let seen = device.snapshot();
        assert!(seen.enrolled && seen.phase == Phase::InUse, "{model:?}: {:?}", seen.problems);
        for question in ["DeviceInformation", "SecurityInfo", "ProfileList"] {
            let answers = seen.commands.get(question).and_then(|by_status| by_status.get("Acknowledged"));
            assert!(
                answers.is_some_and(|count| *count >= 1),
                "{model:?} was not asked {question}: {:?}",
                seen.commands
            );
        }
        let record = record(&world, &device).await?;
        let known = &record["device"];
        assert_eq!(known["udid"], json!(seen.udid));
        assert_eq!(known["serial_number"], json!(seen.serial_number));
        assert_eq!(known["os_version"], json!(seen.os_version));
        assert_eq!(known["name"], json!(seen.name));
        assert_eq!(known["owner"], "Ada Lovelace");
        assert_eq!(known["ownership"], "corporate");
        assert_eq!(known["enrollment_state"], "enrolled");
        let platform = known["platform"].as_str().unwrap_or_default().to_lowercase();
        assert!(platform.contains(family) || platform.contains("ipad"), "{model:?} is {platform}");
        assert_eq!(known["pending"], 0, "{model:?}");
        assert_eq!(fact(&world, &device, "DeviceInformation.SerialNumber").await?, json!(seen.serial_number));
        assert!(seen.problems.is_empty(), "{model:?}: {:?}", seen.problems);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mac_has_a_user_channel_of_its_own_that_takes_its_own_commands() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacAppleSilicon, 7).await?;
    assert_eq!(mac.snapshot().users, ["nurse"]);
    let record = record(&world, &mac).await?;
    let channels = record["channels"].as_array().cloned().unwrap_or_default();
    assert_eq!(channels.len(), 2, "{channels:#?}");
    let user = channels.iter().find(|channel| channel["kind"] == "user").cloned().unwrap_or_default();
    assert_eq!(user["user_short_name"], "nurse");
    let key = user["key"].as_str().unwrap_or_default().to_owned();
    assert!(key.starts_with(&format!("{}:", mac.snapshot().udid)), "{key}");

    let before = mac.snapshot().executed.len();
    let delivery = world.api.send(&key, json!({"RequestType": "ProfileList"})).await?;
    mac.poll().await?;
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(evidence["delivery"]["state"], "acknowledged", "{evidence:#}");
    assert_eq!(evidence["delivery"]["channel_key"], json!(key));
    assert_eq!(mac.snapshot().executed.len(), before + 1, "it was executed on one channel only");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_a_shared_ipad_is_known_by_the_managed_apple_account() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::SharedIPad, 3).await?;
    ipad.log_in("ada:b@hospital.example").await?;
    let key = format!("{}:ada:b@hospital.example", ipad.snapshot().udid);
    let found = record(&world, &ipad).await?["channels"].as_array().cloned().unwrap_or_default();
    assert!(found.iter().any(|channel| channel["key"] == json!(key)), "{found:#?}");
    let delivery = world.api.send(&key, json!({"RequestType": "ProfileList"})).await?;
    ipad.poll().await?;
    assert_eq!(world.api.state(delivery).await?, "acknowledged");
    let escaped = key.replace(':', "%3A").replace('@', "%40");
    let by_key = world.api.get(&format!("/api/v1/devices/{escaped}")).await?;
    assert_eq!(by_key.body["device"]["udid"], json!(ipad.snapshot().udid), "a composite id stands in a path");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_before_the_first_token_update_is_refused_in_words_and_not_lost_in_silence() -> Result<()> {
    let world = World::start().await?;
    let link = world.api.link("corporate").await?;
    let device = tests::RawDevice::identified(&world, &link, "00008120-00AA11BB22CC33DD").await?;
    assert_eq!(device.check_in("Authenticate", plist::Dictionary::new()).await?.status, 200);
    let body = json!({"targets": [device.udid], "command": {"RequestType": "ProfileList"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    assert_ne!(answer.status, 201, "{answer:?}");
    assert!(answer.body.to_string().contains("has not finished enrolling"), "{answer:?}");
    assert_eq!(device.check_in("TokenUpdate", plist::Dictionary::new()).await?.status, 200);
    assert_eq!(world.api.post("/api/v1/commands", &body).await?.status, 201);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_serial_number_enrols_and_its_udid_is_kept_as_it_is_written() -> Result<()> {
    let world = World::start().await?;
    for udid in [
        "f62bb1e1a1b2c3d4e5f60718293a4b5c6d7e8f90",
        "00008020-001122334455667A",
        "564D9C1A-3E5B-4B6E-9A77-0102030405AB",
    ] {
        let link = world.api.link("corporate").await?;
        let device = tests::RawDevice::identified(&world, &link, udid).await?;
        let mut message = device.check_in_message("Authenticate", plist::Dictionary::new());
        message.remove("SerialNumber");
        let reply =
            device.put("/mdm", Some("application/x-apple-aspen-mdm-checkin"), tests::xml(&message)?).await?;
        assert_eq!(reply.status, 200, "{udid}");
        assert_eq!(device.check_in("TokenUpdate", plist::Dictionary::new()).await?.status, 200);
        let shown = world.api.get(&format!("/api/v1/devices/{udid}")).await?;
        assert_eq!(shown.body["device"]["udid"], udid);
        assert_eq!(shown.body["device"]["serial_number"], Value::Null);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_awaits_its_configuration_is_configured_once() -> Result<()> {
    let world = World::start().await?;
    let link = world.api.link("corporate").await?;
    let device =
        world.device(DeviceSpec { automated: Some(profile_of(&link)), ..DeviceSpec::new(Model::IPad, 9) });
    device.set_up().await?;
    assert!(device.snapshot().awaiting_configuration);
    assert_eq!(record(&world, &device).await?["enrollments"][0]["awaiting_configuration"], true);
    let delivery = world.api.send(&device.snapshot().udid, json!({"RequestType": "DeviceConfigured"})).await;
    device.poll().await?;
    device.poll().await?;
    let seen = device.snapshot();
    assert!(!seen.awaiting_configuration, "asked for: {delivery:?}, done: {:?}", seen.commands);
    let times = deliveries(&world, &seen.udid).await?;
    let times = times.iter().filter(|one| one["request_type"] == "DeviceConfigured").count();
    assert_eq!(times, 1);
    Ok(())
}
