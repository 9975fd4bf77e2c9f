//! Lost Mode, from the message on the screen to the place of the device.

use anyhow::Result;
use serde_json::json;
use simulator::Model;
use tests::World;

use crate::support::{obey, record};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ipad_shows_the_message_plays_the_sound_and_tells_its_place() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 1).await?;
    ipad.carry_to(Some((47.376_887, 8.541_694)));
    let lost = json!({"RequestType": "EnableLostMode", "Message": "Please call the ward", "PhoneNumber": "+41 44 000 00 00"});
    assert_eq!(obey(&world, &ipad, lost).await?["delivery"]["state"], "acknowledged");
    let shown = ipad.snapshot().lost_mode.ok_or_else(|| anyhow::anyhow!("not lost"))?;
    assert_eq!(shown.message.as_deref(), Some("Please call the ward"));
    assert_eq!(record(&world, &ipad).await?["device"]["lost_mode"], true);

    assert_eq!(
        obey(&world, &ipad, json!({"RequestType": "PlayLostModeSound"})).await?["delivery"]["state"],
        "acknowledged"
    );
    assert_eq!(ipad.snapshot().counts.sounds, 1);
    let place = obey(&world, &ipad, json!({"RequestType": "DeviceLocation"})).await?;
    assert_eq!(place["delivery"]["state"], "acknowledged", "{place:#}");
    assert_eq!(ipad.snapshot().counts.locations, 1);
    assert!(
        !place.to_string().contains("47.37"),
        "the place of a person's device stands in the open: {place:#}"
    );
    assert!(!record(&world, &ipad).await?.to_string().contains("47.37"), "the record shows the place");

    assert_eq!(
        obey(&world, &ipad, json!({"RequestType": "DisableLostMode"})).await?["delivery"]["state"],
        "acknowledged"
    );
    assert!(ipad.snapshot().lost_mode.is_none());
    assert_eq!(record(&world, &ipad).await?["device"]["lost_mode"], false);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_without_lost_mode_is_an_error_that_can_be_read() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 2).await?;
    let answer = world
        .api
        .post(
            "/api/v1/commands",
            &json!({"targets": [phone.snapshot().udid], "command": {"RequestType": "DeviceLocation"}}),
        )
        .await?;
    if answer.status == 422 {
        assert!(answer.body.to_string().contains("Lost Mode"), "{answer:?}");
        return Ok(());
    }
    phone.poll().await?;
    let delivery = answer.body["queued"][0]["delivery"].as_i64().unwrap_or_default();
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(evidence["delivery"]["state"], "error", "{evidence:#}");
    assert!(evidence.to_string().contains("Lost Mode"), "{evidence:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_commands_overtake_what_waits() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 3).await?;
    let udid = ipad.snapshot().udid;
    let before = ipad.snapshot().executed.len();
    for command in ["ProfileList", "InstalledApplicationList"] {
        world.api.send(&udid, json!({"RequestType": command})).await?;
    }
    world.api.send(&udid, json!({"RequestType": "EnableLostMode", "Message": "Lost"})).await?;
    ipad.poll().await?;
    let order: Vec<String> =
        ipad.snapshot().executed.into_iter().skip(before).take(3).map(|one| one.request_type).collect();
    assert_eq!(order, ["EnableLostMode", "ProfileList", "InstalledApplicationList"]);
    Ok(())
}
