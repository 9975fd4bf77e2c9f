//! EraseDevice: what is claimed never exceeds what was seen, and nobody is erased who was not meant.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use simulator::{DeviceSpec, Fault, Model, Phase};
use tests::{RawDevice, World};

use crate::support::{audit, deliveries, obey, profile_of, record, world_with_clock};

async fn with_return(world: &World, udid: &str) -> Result<i64> {
    let body = json!({
        "targets": [udid], "with_enrollment_profile": true,
        "command": {"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true}},
    });
    let answer = world.api.post("/api/v1/commands", &body).await?;
    answer.body["queued"][0]["delivery"].as_i64().with_context(|| format!("not queued: {answer:?}"))
}

fn code(evidence: &Value) -> &str {
    evidence["conclusion"]["code"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_erase_is_acknowledged_and_never_verified_not_even_by_a_new_enrolment() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 1).await?;
    let delivery = world.api.send(&phone.snapshot().udid, json!({"RequestType": "EraseDevice"})).await?;
    phone.poll().await?;
    let seen = phone.snapshot();
    assert_eq!((seen.counts.erasures, seen.phase, seen.enrolled), (1, Phase::SetupAssistant, false));
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(code(&evidence), "acknowledged", "{evidence:#}");
    assert!(evidence["verification"].is_null());
    phone.poll().await?;
    assert!(!phone.snapshot().enrolled, "it does not come back by itself");
    phone.enroll(&profile_of(&world.api.link("corporate").await?)).await?;
    phone.poll().await?;
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(code(&evidence), "acknowledged", "anybody can enrol: {evidence:#}");
    assert_eq!(phone.snapshot().counts.erasures, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn return_to_service_brings_the_device_back_and_its_challenge_verifies_the_erase() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 2).await?;
    let udid = phone.snapshot().udid;
    let delivery = with_return(&world, &udid).await?;
    let behind = world.api.send(&udid, json!({"RequestType": "CertificateList"})).await?;
    phone.poll().await?;
    let seen = phone.snapshot();
    assert_eq!(
        (seen.counts.erasures, seen.counts.returns_to_service, seen.enrolled),
        (1, 1, true),
        "{:?}",
        seen.problems
    );
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(code(&evidence), "verified", "{evidence:#}");
    assert_eq!(evidence["delivery"]["wording"], "verified");
    assert!(!audit(&world, "device.erase_verified").await?.is_empty());
    let epochs = record(&world, &phone).await?["enrollments"].as_array().cloned().unwrap_or_default();
    assert_eq!(epochs.len(), 2, "{epochs:#?}");
    let state = world.api.state(behind).await?;
    assert!(
        ["superseded", "no_reply"].contains(&state.as_str()),
        "what waited for the old epoch is not for the new one: {state}"
    );
    assert!(phone.poll().await?.complete);
    assert_eq!(phone.snapshot().counts.erasures, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_delivered_without_reply_and_nothing_more() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let phone = world.settled(Model::IPhone, 3).await?;
    phone.with_faults([Fault::LoseReport]);
    let delivery = world.api.send(&phone.snapshot().udid, json!({"RequestType": "EraseDevice"})).await?;
    phone.poll().await?;
    assert_eq!(phone.snapshot().counts.erasures, 1);
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(code(&evidence), "delivered", "{evidence:#}");
    clock.advance(Duration::from_secs(25 * 3_600));
    let evidence = world.api.wait_state(delivery, "no_reply").await?;
    assert_eq!(code(&evidence), "delivered_no_reply", "{evidence:#}");
    assert!(!evidence.to_string().contains("wiped"), "{evidence:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_made_good_by_the_challenge_of_the_return() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 4).await?;
    ipad.with_faults([Fault::LoseReport]);
    let delivery = with_return(&world, &ipad.snapshot().udid).await?;
    ipad.poll().await?;
    assert_eq!(ipad.snapshot().counts.returns_to_service, 1, "{:?}", ipad.snapshot().problems);
    assert_eq!(code(&world.api.evidence(delivery).await?), "verified");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mac_that_answers_error_may_have_erased_and_only_setup_assistant_settles_it() -> Result<()> {
    let world = World::start().await?;
    let spec = DeviceSpec { erase_says_error: true, ..DeviceSpec::new(Model::MacAppleSilicon, 5) };
    let mac = world.enrolled(spec.clone()).await?;
    mac.poll().await?;
    let evidence = obey(&world, &mac, json!({"RequestType": "EraseDevice"})).await?;
    assert_eq!(
        (code(&evidence), &evidence["delivery"]["wording"]),
        ("error_may_have_erased", &json!("error, may have erased"))
    );

    let link = world.api.link("corporate").await?;
    let automated = world.device(DeviceSpec { automated: Some(profile_of(&link)), seed: 6, ..spec });
    automated.set_up().await?;
    automated.poll().await?;
    let evidence = obey(&world, &automated, json!({"RequestType": "EraseDevice"})).await?;
    let seen = automated.snapshot();
    assert_eq!(
        (seen.counts.erasures, seen.enrolled, seen.awaiting_configuration),
        (1, true, true),
        "{:?}",
        seen.problems
    );
    assert_eq!(code(&evidence), "verified", "{evidence:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mac_told_not_to_obliterate_answers_error_and_keeps_its_data() -> Result<()> {
    let world = World::start().await?;
    let mac = world
        .enrolled(DeviceSpec { erase_says_error: true, ..DeviceSpec::new(Model::MacAppleSilicon, 7) })
        .await?;
    mac.poll().await?;
    let command = json!({"RequestType": "EraseDevice", "ObliterationBehavior": "DoNotObliterate"});
    let evidence = obey(&world, &mac, command).await?;
    assert_eq!((code(&evidence), mac.snapshot().counts.erasures), ("error_not_erased", 0), "{evidence:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erase_is_never_handed_to_a_later_epoch() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 8).await?;
    let left = world.api.send(&ipad.snapshot().udid, json!({"RequestType": "EraseDevice"})).await?;
    ipad.remove_enrolment().await?;
    ipad.enroll(&profile_of(&world.api.link("corporate").await?)).await?;
    ipad.poll().await?;
    assert_eq!(ipad.snapshot().counts.erasures, 0, "the new enrolment was erased by the old one's command");
    assert_eq!(world.api.state(left).await?, "cancelled");

    let silent = RawDevice::enrolled(&world, "00008120-0000000000000E51").await?;
    silent.drain().await?;
    let delivery = world.api.send(&silent.udid, json!({"RequestType": "EraseDevice"})).await?;
    let (uuid, kind) = silent.idle().await?.command().context("nothing handed out")?;
    assert_eq!(kind, "EraseDevice");
    let again = RawDevice::enrolled(&world, &silent.udid).await?;
    let given = again.drain().await?;
    assert!(!given.contains(&"EraseDevice".to_owned()), "{given:?}");
    let stray = again.report("Acknowledged", Some(&uuid), plist::Dictionary::new()).await?;
    assert_eq!(stray.status, 200);
    assert_ne!(world.api.state(delivery).await?, "acknowledged", "another epoch has answered for it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erase_that_is_never_answered_is_handed_out_five_times_at_most() -> Result<()> {
    let mut world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000E52").await?;
    device.drain().await?;
    let delivery = world.api.send(&device.udid, json!({"RequestType": "EraseDevice"})).await?;
    let mut handed_out = 0;
    for round in 0..9 {
        if round == 3 {
            world.restart().await?;
        }
        handed_out +=
            usize::from(device.idle().await?.command().is_some_and(|(_, kind)| kind == "EraseDevice"));
    }
    assert_eq!(handed_out, 5);
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(
        (code(&evidence), &evidence["delivery"]["state"]),
        ("delivered_no_reply", &json!("no_reply")),
        "{evidence:#}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_an_erase_says_when_each_thing_was_seen_and_by_which_certificate() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 9).await?;
    let udid = phone.snapshot().udid;
    let body = json!({"targets": [udid], "command": {"RequestType": "EraseDevice"}, "reason": "handed back, ticket 4711"});
    let answer = world.api.post("/api/v1/commands", &body).await?;
    phone.poll().await?;
    let delivery = answer.body["queued"][0]["delivery"].as_i64().context("not queued")?;
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(evidence["reason"], "handed back, ticket 4711");
    let states: Vec<&str> = evidence["history"]
        .as_array()
        .context("no history")?
        .iter()
        .filter_map(|step| step["state"].as_str())
        .collect();
    assert!(states.contains(&"handed_out") && states.last() == Some(&"acknowledged"), "{states:?}");
    let out = evidence["history"]
        .as_array()
        .and_then(|all| all.iter().find(|step| step["state"] == "handed_out"))
        .cloned();
    assert!(
        out.is_some_and(|step| step["identity_id"].is_string() && step["at"].is_string()),
        "{evidence:#}"
    );
    let listed = deliveries(&world, &udid).await?;
    assert!(listed.iter().any(|one| one["request_type"] == "EraseDevice"
        && one["class"].as_str().is_some_and(|class| class != "none")));
    Ok(())
}
