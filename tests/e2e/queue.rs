//! The queue: several targets, repetition, cancelling, putting off, expiring, and what survives a restart.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use simulator::{Model, SimulatedDevice};
use tests::World;

use crate::support::{deliveries, world_with_clock};

async fn executed(device: &SimulatedDevice, uuid: &str) -> usize {
    device.snapshot().executed.iter().filter(|one| one.uuid == uuid).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_target_does_not_fail_the_others() -> Result<()> {
    let world = World::start().await?;
    let (ipad, mac) = (world.settled(Model::IPad, 1).await?, world.settled(Model::MacIntel, 2).await?);
    let targets = [ipad.snapshot().serial_number, "nobody".to_owned(), mac.snapshot().udid];
    let body = json!({"targets": targets, "command": {"RequestType": "EnableLostMode", "Message": "Lost"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    assert_eq!(answer.status, 207, "{answer:?}");
    assert_eq!(answer.body["queued"].as_array().map(Vec::len), Some(1), "{answer:?}");
    let refused = answer.body["refused"].as_array().cloned().unwrap_or_default();
    let code =
        |target: &str| refused.iter().find(|one| one["target"] == target).map(|one| one["code"].clone());
    assert_eq!((code(&targets[1]), code(&targets[2])), (Some(json!("not_found")), Some(json!("refused"))));
    ipad.poll().await?;
    assert!(ipad.snapshot().lost_mode.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_for_many_devices_is_stored_once_and_each_answers_for_itself() -> Result<()> {
    let world = World::start().await?;
    let mut devices = Vec::new();
    for seed in 1..=5 {
        devices.push(world.settled(Model::IPad, seed).await?);
    }
    let targets: Vec<String> = devices.iter().map(|device| device.snapshot().udid).collect();
    let body = json!({"targets": targets, "command": {"RequestType": "CertificateList"}});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    let uuids: std::collections::BTreeSet<&str> = answer.body["queued"]
        .as_array()
        .context("queued")?
        .iter()
        .filter_map(|one| one["command_uuid"].as_str())
        .collect();
    assert_eq!(uuids.len(), 1, "one command has one UUID");
    let uuid = uuids.first().copied().unwrap_or_default().to_owned();
    for device in devices.iter().take(4) {
        device.poll().await?;
    }
    let detail = world.api.get(&format!("/api/v1/commands/{uuid}")).await?;
    assert_eq!(
        (&detail.body["command"]["deliveries"], &detail.body["command"]["open"]),
        (&json!(5), &json!(1)),
        "{detail:?}"
    );
    let states: Vec<&Value> =
        detail.body["deliveries"].as_array().context("deliveries")?.iter().map(|one| &one["state"]).collect();
    assert_eq!(states.iter().filter(|state| **state == "acknowledged").count(), 4, "{states:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_a_command_uuid_is_harmless_and_another_body_under_it_is_a_conflict() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 3).await?;
    let uuid = "7F9A35C2-1111-4222-8333-444455556666";
    let body = json!({"targets": [ipad.snapshot().udid], "command": {"RequestType": "CertificateList"}, "command_uuid": uuid});
    let (first, second) =
        (world.api.post("/api/v1/commands", &body).await?, world.api.post("/api/v1/commands", &body).await?);
    assert_eq!((first.status, second.status), (201, 201), "{second:?}");
    assert_eq!(first.body["queued"][0]["delivery"], second.body["queued"][0]["delivery"]);
    assert_eq!(second.body["queued"][0]["already"], true);
    ipad.poll().await?;
    assert_eq!(executed(&ipad, uuid).await, 1);
    let third = world.api.post("/api/v1/commands", &body).await?;
    assert_eq!(
        (third.status, &third.body["queued"][0]["already"]),
        (201, &json!(true)),
        "also after it was done"
    );
    ipad.poll().await?;
    assert_eq!(executed(&ipad, uuid).await, 1);
    let mut other = body.clone();
    other["command"] = json!({"RequestType": "ProfileList"});
    assert_eq!(world.api.post("/api/v1/commands", &other).await?.status, 409);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_a_repeated_request_one_request() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 4).await?;
    let before = deliveries(&world, &ipad.snapshot().udid).await?.len();
    let url = format!("{}/api/v1/commands", world.config.operators.public_url);
    let body = json!({"targets": [ipad.snapshot().udid], "command": {"RequestType": "CertificateList"}});
    let send = async |body: &Value| -> Result<(u16, bool, Value)> {
        let request = reqwest::Client::new()
            .post(&url)
            .bearer_auth(&world.token)
            .header("idempotency-key", "monday-1")
            .json(body);
        let response = request.send().await?;
        let replay = response.headers().get("idempotent-replay").is_some_and(|value| value == "true");
        Ok((response.status().as_u16(), replay, response.json().await?))
    };
    let first = send(&body).await?;
    let second = send(&body).await?;
    assert_eq!((first.0, first.1, second.0, second.1), (201, false, 201, true), "{second:?}");
    assert_eq!(first.2, second.2, "the same answer");
    let (status, _, problem) =
        send(&json!({"targets": ["other"], "command": {"RequestType": "CertificateList"}})).await?;
    assert_eq!((status, &problem["code"]), (409, &json!("idempotency_conflict")));
    assert_eq!(deliveries(&world, &ipad.snapshot().udid).await?.len(), before + 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_can_be_cancelled_until_it_was_handed_out() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 5).await?;
    let udid = ipad.snapshot().udid;
    let waiting = world.api.send(&udid, json!({"RequestType": "CertificateList"})).await?;
    let cancelled = world.api.post(&format!("/api/v1/deliveries/{waiting}/cancel"), &json!({})).await?;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.body["cancelled"], json!([waiting]));
    let before = ipad.snapshot().executed.len();
    ipad.poll().await?;
    assert_eq!(ipad.snapshot().executed.len(), before, "a cancelled command was executed");
    assert_eq!(world.api.state(waiting).await?, "cancelled");

    ipad.with_faults([simulator::Fault::LoseReport]);
    let out = world.api.send(&udid, json!({"RequestType": "CertificateList"})).await?;
    ipad.poll().await?;
    assert_eq!(world.api.state(out).await?, "handed_out");
    let late = world.api.post(&format!("/api/v1/deliveries/{out}/cancel"), &json!({})).await?;
    assert_eq!(late.status, 409, "{late:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_locked_phone_puts_off_is_done_after_the_unlock_even_if_the_server_restarted() -> Result<()> {
    let mut world = World::start().await?;
    let phone = world.settled(Model::IPhone, 6).await?;
    let udid = phone.snapshot().udid;
    phone.lock_screen();
    let install = json!({"RequestType": "InstallProfile", "Payload": crate::inventory::wifi_profile("org.example.later")});
    let put_off = world.api.send(&udid, install).await?;
    let at_once = world.api.send(&udid, json!({"RequestType": "ProfileList"})).await?;
    let session = phone.poll().await?;
    assert_eq!(
        session.commands, 3,
        "the session goes on after NotNow, and ends with it, so that the phone comes back by itself"
    );
    assert_eq!(
        (world.api.state(put_off).await?.as_str(), world.api.state(at_once).await?.as_str()),
        ("not_now", "acknowledged")
    );

    world.restart().await?;
    assert_eq!(world.api.state(put_off).await?, "not_now");
    assert_eq!(phone.poll().await?.commands, 1, "the next Idle offers it again, once");
    assert_eq!(world.api.state(put_off).await?, "not_now");
    assert!(phone.unlock_screen());
    phone.poll().await?;
    assert_eq!(world.api.state(put_off).await?, "acknowledged");
    assert!(phone.snapshot().profiles.contains(&"org.example.later".to_owned()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_that_waits_and_keeps_the_order() -> Result<()> {
    let mut world = World::start().await?;
    let ipad = world.settled(Model::IPad, 7).await?;
    let udid = ipad.snapshot().udid;
    let asked = ["SecurityInfo", "CertificateList", "ProfileList", "InstalledApplicationList"];
    for command in asked {
        world.api.send(&udid, json!({"RequestType": command})).await?;
    }
    let before = ipad.snapshot().executed.len();
    world.restart().await?;
    ipad.poll().await?;
    let order: Vec<String> =
        ipad.snapshot().executed.into_iter().skip(before).map(|one| one.request_type).collect();
    assert_eq!(order, asked);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_nobody_fetched_in_time_expires_and_is_never_executed() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let ipad = world.settled(Model::IPad, 8).await?;
    let until = clock::Clock::now(&clock) + std::time::Duration::from_secs(600);
    let body = json!({
        "targets": [ipad.snapshot().udid], "command": {"RequestType": "RestartDevice"}, "expires_at": until.to_string(),
    });
    let answer = world.api.post("/api/v1/commands", &body).await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    clock.advance(std::time::Duration::from_secs(601));
    ipad.poll().await?;
    assert_eq!(ipad.snapshot().counts.restarts, 0, "an expired command was handed out");
    let delivery = answer.body["queued"][0]["delivery"].as_i64().context("delivery")?;
    let evidence = world.api.wait_state(delivery, "expired").await?;
    assert_eq!(evidence["conclusion"]["code"], "expired", "{evidence:#}");
    Ok(())
}
