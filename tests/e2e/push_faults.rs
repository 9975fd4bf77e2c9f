//! What APNs can answer, and what must come of it.

use std::time::Duration;

use anyhow::Result;
use clock::Clock as _;
use serde_json::{Value, json};
use simulator::PushFault;

use crate::push::{pushed, quiet};
use crate::support::{record, until};

fn push_state(record: &Value) -> Value {
    record["channels"][0]["push"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn unregistered_since_the_token_came_retires_it_and_a_new_token_revives_the_channel() -> Result<()> {
    let (world, clock, device) = quiet(1).await?;
    clock.advance(Duration::from_secs(60));
    world.apns.faults().next(1, &PushFault::unregistered(clock.now()));
    let udid = device.snapshot().udid;
    let delivery = world.api.send(&udid, json!({"RequestType": "SecurityInfo"})).await?;
    until("the token is dead", async || Ok(push_state(&record(&world, &device).await?) == "dead")).await?;
    assert_eq!(
        record(&world, &device).await?["device"]["enrollment_state"],
        "enrolled",
        "the device stays enrolled"
    );
    clock.advance(Duration::from_secs(60));
    device.update_token(true).await?;
    assert_eq!(push_state(&record(&world, &device).await?), "ready");
    let before = world.apns.count();
    world.api.post("/api/v1/push", &json!({"targets": [udid]})).await?;
    pushed(&world, before + 1).await?;
    device.poll().await?;
    assert_eq!(world.api.state(delivery).await?, "acknowledged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn unregistered_before_the_token_came_means_an_older_token() -> Result<()> {
    let (world, clock, device) = quiet(2).await?;
    world.apns.faults().next(1, &PushFault::unregistered(clock.now() - Duration::from_secs(86_400)));
    let before = world.apns.count();
    let delivery = world.api.send(&device.snapshot().udid, json!({"RequestType": "SecurityInfo"})).await?;
    pushed(&world, before + 1).await?;
    until("it is tried again", async || {
        clock.advance(Duration::from_secs(30));
        Ok(world.apns.count() >= before + 2)
    })
    .await?;
    world.api.wait_state(delivery, "pushed").await?;
    assert_eq!(push_state(&record(&world, &device).await?), "ready");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_of_apns_or_of_the_connection_loses_a_push_or_a_token() -> Result<()> {
    let (world, clock, device) = quiet(3).await?;
    let udid = device.snapshot().udid;
    for fault in [
        PushFault::throttled(Duration::from_secs(20)),
        PushFault::answer(500, "InternalServerError"),
        PushFault::answer(503, "ServiceUnavailable"),
        PushFault::answer(400, "BadDeviceToken"),
        PushFault::answer(403, "BadCertificate"),
        PushFault::Cut,
        PushFault::GoAway,
    ] {
        clock.advance(Duration::from_secs(3_600));
        let name = format!("{fault:?}");
        world.apns.faults().next(1, &fault);
        let delivery = world.api.send(&udid, json!({"RequestType": "SecurityInfo"})).await?;
        until(&format!("{name}: pushed after all"), async || {
            clock.advance(Duration::from_secs(20));
            let state = world.api.state(delivery).await?;
            Ok(state == "pushed")
        })
        .await?;
        assert_eq!(push_state(&record(&world, &device).await?), "ready", "{name} retired the token");
        device.poll().await?;
        assert_eq!(world.api.state(delivery).await?, "acknowledged", "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_connection_holds_up_no_other_push() -> Result<()> {
    let (world, clock, device) = quiet(4).await?;
    let other = world.settled(simulator::Model::IPhone, 40).await?;
    clock.advance(Duration::from_secs(30));
    world.apns.faults().next(1, &PushFault::Stall);
    let before = world.apns.count();
    let stalled = world.api.send(&device.snapshot().udid, json!({"RequestType": "SecurityInfo"})).await?;
    pushed(&world, before + 1).await?;
    let free = world.api.send(&other.snapshot().udid, json!({"RequestType": "SecurityInfo"})).await?;
    world.api.wait_state(free, "pushed").await?;
    assert_ne!(world.api.state(stalled).await?, "pushed");
    device.poll().await?;
    assert_eq!(world.api.state(stalled).await?, "acknowledged", "who comes by itself needs no push");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_fault_raises_an_alarm_that_an_operator_can_see() -> Result<()> {
    let (world, _clock, device) = quiet(5).await?;
    world.apns.faults().always(Some(PushFault::answer(403, "BadCertificate")));
    world.api.send(&device.snapshot().udid, json!({"RequestType": "SecurityInfo"})).await?;
    world
        .api
        .wait("/api/v1/doctor", |checks| {
            checks
                .as_array()
                .is_some_and(|checks| checks.iter().any(|check| check.to_string().contains("BadCertificate")))
        })
        .await?;
    assert_eq!(push_state(&record(&world, &device).await?), "ready");
    Ok(())
}
