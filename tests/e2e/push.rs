//! Push: one for many commands, to the right token, by the right certificate.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use simulator::{DeviceSpec, Model, SimulatedDevice};
use tests::World;

use crate::support::{profile_of, until, world_with_clock};

/// Waits until the simulated Apple has seen as many pushes.
pub(crate) async fn pushed(world: &World, count: u64) -> Result<()> {
    until(&format!("{count} pushes, there were {}", world.apns.count()), async || {
        Ok(world.apns.count() >= count)
    })
    .await
}

/// A world and a device whose first push has come and gone.
pub(crate) async fn quiet(seed: u64) -> Result<(World, clock::MockClock, SimulatedDevice)> {
    let (world, clock) = world_with_clock().await?;
    let device = world.settled(Model::IPad, seed).await?;
    clock.advance(Duration::from_secs(10));
    // Whatever enrolling asked for is pushed before the test begins to count: the clock stands, so the last push has its time.
    let now = serde_json::to_value(clock::Clock::now(&clock))?;
    world.api.post("/api/v1/push", &json!({"targets": [device.snapshot().udid]})).await?;
    until("the push is noted", async || {
        Ok(crate::support::record(&world, &device).await?["device"]["last_pushed_at"] == now)
    })
    .await?;
    // One that was asked for while another was under way has its time later, and would come while the test counts.
    until("no push is left", async || {
        let mut left = 0;
        for state in ["ready", "leased"] {
            let jobs = world.api.get(&format!("/api/v1/jobs?state={state}&limit=200")).await?;
            let jobs = jobs.body["items"].as_array().cloned().context("no list of jobs")?;
            left += jobs.iter().filter(|job| job["kind"] == "SendPush").count();
        }
        if left > 0 {
            clock.advance(Duration::from_secs(10));
        }
        Ok(left == 0)
    })
    .await?;
    clock.advance(Duration::from_secs(10));
    Ok((world, clock, device))
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_are_one_push_and_it_wakes_the_device() -> Result<()> {
    let (world, _clock, device) = quiet(1).await?;
    let before = world.apns.count();
    let udid = device.snapshot().udid;
    let mut last = 0;
    for command in
        ["SecurityInfo", "CertificateList", "ProfileList", "InstalledApplicationList", "SecurityInfo"]
    {
        last = world.api.send(&udid, json!({"RequestType": command})).await?;
    }
    pushed(&world, before + 1).await?;
    world.api.wait_state(last, "pushed").await?;
    assert_eq!(world.apns.count(), before + 1, "one push for five commands");
    let push = world.apns.received().pop().context("no push")?;
    assert_eq!((push.push_type.as_deref(), push.magic.is_empty()), (Some("mdm"), false));
    assert!(push.expiration.is_some(), "without expiration a sleeping device misses it");
    assert!(push.topic.starts_with("com.apple.mgmt."), "{}", push.topic);

    let cancel = tokio_util::sync::CancellationToken::new();
    let (living, stop) = (device.clone(), cancel.clone());
    let life = tokio::spawn(async move { living.run(&stop).await });
    world.api.wait_state(last, "acknowledged").await?;
    cancel.cancel();
    life.await?;
    let seen = device.snapshot();
    assert!(seen.counts.pushes >= 1 && seen.counts.foreign_pushes == 0, "{:?}", seen.counts);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_pushes_nobody() -> Result<()> {
    let (world, _clock, device) = quiet(2).await?;
    let before = world.apns.count();
    let udid = device.snapshot().udid;
    crate::support::refused(&world, &udid, json!({"RequestType": "DeviceLock", "PIN": "123456"})).await?;
    let allowed = world.api.send(&udid, json!({"RequestType": "SecurityInfo"})).await?;
    world.api.wait_state(allowed, "pushed").await?;
    assert_eq!(world.apns.count(), before + 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_fetched_is_pushed_again_later() -> Result<()> {
    let (world, clock, device) = quiet(3).await?;
    let delivery = world.api.send(&device.snapshot().udid, json!({"RequestType": "SecurityInfo"})).await?;
    world.api.wait_state(delivery, "pushed").await?;
    let before = world.apns.count();
    clock.advance(Duration::from_secs(26 * 3_600));
    pushed(&world, before + 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_channel_has_a_push_of_its_own() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let mac = world.settled(Model::MacAppleSilicon, 4).await?;
    clock.advance(Duration::from_secs(10));
    let record = crate::support::record(&world, &mac).await?;
    let key =
        record["channels"].as_array().context("channels")?.iter().find(|one| one["kind"] == "user").cloned();
    let key = key.context("no user channel")?["key"].as_str().unwrap_or_default().to_owned();
    let before: Vec<_> = world.apns.received().into_iter().map(|push| push.token).collect();
    let user = world.api.send(&key, json!({"RequestType": "ProfileList"})).await?;
    world.api.wait_state(user, "pushed").await?;
    clock.advance(Duration::from_secs(10));
    let device = world.api.send(&mac.snapshot().udid, json!({"RequestType": "ProfileList"})).await?;
    world.api.wait_state(device, "pushed").await?;
    let after: Vec<_> = world.apns.received().into_iter().skip(before.len()).map(|push| push.token).collect();
    assert_eq!(after.len(), 2, "{after:?}");
    assert_ne!(after.first(), after.get(1), "both channels were woken by one token");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_certificate_is_replaced_without_a_restart_and_another_topic_stands_beside_it() -> Result<()> {
    let (world, _clock, device) = quiet(5).await?;
    let udid = device.snapshot().udid;
    // The simulated APNs checks dates by the machine's clock, which the test has left behind.
    let topic = world.apple.issue_push_certificate(1, 300)?.topic;
    let now = clock::Clock::now(&clock::SystemClock);
    let renewed = world.apple.issue(&topic, now, now + crate::support::days(300))?;
    let install = async |pem: &[u8]| {
        world.api.post("/api/v1/push-certificates", &json!({"pem": String::from_utf8_lossy(pem)})).await
    };
    let answer = install(&renewed.pem).await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    let delivery = world.api.send(&udid, json!({"RequestType": "SecurityInfo"})).await?;
    world.api.wait_state(delivery, "pushed").await?;

    let other = world.apple.issue_push_certificate(2, 365)?;
    let body = json!({"pem": String::from_utf8_lossy(&other.pem)});
    let beside = world.api.post("/api/v1/push-certificates", &body).await?;
    assert_eq!(beside.status, 201, "{beside:?}");
    assert!(
        !beside.body["warnings"].as_array().cloned().unwrap_or_default().is_empty(),
        "nobody warns: {beside:?}"
    );
    let list = world.api.get("/api/v1/push-certificates").await?;
    let list = list.body.as_array().cloned().unwrap_or_default();
    let active =
        |topic: &str| list.iter().filter(|one| one["topic"] == topic && one["active"] == true).count();
    assert_eq!((active(&renewed.topic), active(&other.topic)), (1, 1), "{list:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_push_certificate_is_refused_in_words() -> Result<()> {
    let world = World::start().await?;
    let (one, two) =
        (world.apple.issue_push_certificate(8, 365)?, world.apple.issue_push_certificate(9, 365)?);
    let text = |pem: &[u8]| String::from_utf8_lossy(pem).into_owned();
    let split = |pem: &str| -> (String, String) {
        let at = pem.rfind("-----BEGIN ").unwrap_or(pem.len());
        (pem[..at].to_owned(), pem[at..].to_owned())
    };
    let ((certificate, key), (_, other_key)) = (split(&text(&one.pem)), split(&text(&two.pem)));
    let mismatched = format!("{certificate}{other_key}");
    let encrypted = format!(
        "{certificate}-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    );
    for (pem, word) in [(mismatched, "key"), (encrypted, "encrypted"), ("nonsense".to_owned(), "certificate")]
    {
        let answer = world.api.post("/api/v1/push-certificates", &json!({"pem": pem})).await?;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.body.to_string().to_lowercase().contains(word), "{word}: {answer:?}");
    }
    let glued = format!("{}{}", key.trim_end(), certificate);
    let body = json!({"pem": glued});
    let answer = world.api.post("/api/v1/push-certificates", &body).await?;
    assert_eq!(answer.status, 201, "key first and glued without a newline: {answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_push_certificate_for_the_topic_enrolling_says_so_and_commands_still_wait() -> Result<()> {
    let mut world = World::prepare(tests::WorldOptions::default()).await?;
    world.start_server().await?;
    let link = world.api.link("corporate").await?;
    let device = world.device(DeviceSpec::new(Model::IPhone, 6));
    let outcome = device.enroll(&profile_of(&link)).await;
    assert!(outcome.is_err(), "a profile without a topic would be of no use for the life of the enrolment");
    world.install_push_certificate().await?;
    device.enroll(&profile_of(&link)).await?;
    assert!(device.poll().await?.complete);
    Ok(())
}
