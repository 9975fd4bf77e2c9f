//! Personal devices: off by default with the reason, and never erased or locked.

use anyhow::Result;
use serde_json::json;
use simulator::{DeviceSpec, Model};
use tests::{RawDevice, World, WorldOptions};

use crate::support::{profile_of, refused};

async fn personal_world() -> Result<World> {
    World::start_with(WorldOptions {
        configure: |config| config.enrollment.allow_personal_links = true,
        ..WorldOptions::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn links_for_personal_devices_are_off_by_default_and_the_answer_says_why() -> Result<()> {
    let world = World::start().await?;
    let answer = world.api.post("/api/v1/links", &json!({"ownership": "personal"})).await?;
    assert_eq!(answer.status, 403, "{answer:?}");
    let words = answer.body["detail"].as_str().unwrap_or_default();
    assert!(words.contains("serial number") && words.contains("account-driven"), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_of_a_personal_link_grants_neither_erase_nor_lock() -> Result<()> {
    let world = personal_world().await?;
    let link = world.api.link("personal").await?;
    let device = RawDevice::identified(&world, &link, "00008120-000A0B0C0D0E0F10").await?;
    let (lock, erase) = (4, 8);
    assert_eq!(device.rights & (lock | erase), 0, "AccessRights are {}", device.rights);
    let corporate = RawDevice::identified(&world, &world.api.link("corporate").await?, "X").await?;
    assert_eq!(
        corporate.rights & (lock | erase),
        lock | erase,
        "a corporate device can be locked and erased"
    );
    let page = tests::answer(tests::client(&world)?.build()?.get(&link)).await?;
    let text = String::from_utf8(page.body)?;
    assert!(text.contains("cannot") && text.contains("Erase the device, lock it"), "{text}");
    assert!(!text.contains("Erase it completely"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_that_harms_or_locates_is_queued_for_a_personal_device() -> Result<()> {
    let world = personal_world().await?;
    let link = world.api.link("personal").await?;
    let phone = world.device(DeviceSpec { supervised: false, ..DeviceSpec::new(Model::IPhone, 4) });
    phone.enroll(&profile_of(&link)).await?;
    phone.poll().await?;
    let udid = phone.snapshot().udid;
    for command in [
        json!({"RequestType": "EraseDevice"}),
        json!({"RequestType": "DeviceLock", "Message": "Bring it back"}),
        json!({"RequestType": "ClearPasscode"}),
        json!({"RequestType": "EnableLostMode", "Message": "Bring it back"}),
        json!({"RequestType": "DeviceLocation"}),
    ] {
        let answer = refused(&world, &udid, command.clone()).await?;
        assert!(
            answer.body["detail"].as_str().is_some_and(|words| !words.is_empty()),
            "{command}: {answer:?}"
        );
    }
    assert!(phone.snapshot().enrolled && phone.snapshot().counts.erasures == 0);
    Ok(())
}
