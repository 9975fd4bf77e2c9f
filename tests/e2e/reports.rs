//! Reports that come twice, late, never, broken, too large, or about nothing that was asked.

use anyhow::Result;
use plist::Dictionary;
use serde_json::json;
use simulator::{Fault, Model};
use tests::{RawDevice, World};

use crate::support::deliveries;

#[tokio::test(flavor = "multi_thread")]
async fn reports_that_come_twice_or_about_nothing_change_nothing() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 1).await?;
    let udid = ipad.snapshot().udid;
    for fault in [Fault::DuplicateReport, Fault::StrayReport, Fault::LoseAnswer, Fault::MalformedReport] {
        let before = ipad.snapshot().executed.len();
        let name = format!("{fault:?}");
        ipad.with_faults([fault]);
        let first = world.api.send(&udid, json!({"RequestType": "CertificateList"})).await?;
        let second = world.api.send(&udid, json!({"RequestType": "SecurityInfo"})).await?;
        for _ in 0..3 {
            ipad.poll().await?;
        }
        assert_eq!(world.api.state(first).await?, "acknowledged", "{name}");
        assert_eq!(world.api.state(second).await?, "acknowledged", "{name}: the queue behind it is stuck");
        assert_eq!(ipad.snapshot().executed.len(), before + 2, "{name}: something was executed twice");
    }
    assert!(ipad.snapshot().enrolled);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_status_is_kept_and_does_not_fail() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000D01").await?;
    device.drain().await?;
    let delivery = world.api.send(&device.udid, json!({"RequestType": "CertificateList"})).await?;
    let (uuid, _) = device.idle().await?.command().unwrap_or_default();
    assert_eq!(device.report("Confused", Some(&uuid), Dictionary::new()).await?.status, 200);
    let evidence = world.api.evidence(delivery).await?;
    assert_eq!(evidence["delivery"]["state"], "no_reply", "{evidence:#}");
    assert!(evidence["history"].to_string().contains("Confused"), "the word is kept: {evidence:#}");
    let next = world.api.send(&device.udid, json!({"RequestType": "SecurityInfo"})).await?;
    assert_eq!(device.drain().await?, ["SecurityInfo"], "the queue goes on");
    assert_eq!(world.api.state(next).await?, "acknowledged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_report_does_not_change_what_was_answered_finally() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000D02").await?;
    device.drain().await?;
    let delivery = world.api.send(&device.udid, json!({"RequestType": "CertificateList"})).await?;
    let (uuid, _) = device.idle().await?.command().unwrap_or_default();
    assert_eq!(device.report("Acknowledged", Some(&uuid), Dictionary::new()).await?.status, 200);
    for status in ["Error", "NotNow", "CommandFormatError", "Acknowledged"] {
        assert_eq!(device.report(status, Some(&uuid), Dictionary::new()).await?.status, 200, "{status}");
        assert_eq!(world.api.state(delivery).await?, "acknowledged", "{status}");
    }
    assert_eq!(device.report("Acknowledged", Some("no-such-command"), Dictionary::new()).await?.status, 200);
    assert_eq!(
        device.report("Acknowledged", None, Dictionary::new()).await?.status,
        200,
        "a report without a UUID"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_format_error_and_an_error_chain_with_gaps_are_read() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000D03").await?;
    device.drain().await?;
    let chain = |items: Vec<plist::Value>| {
        let mut keys = Dictionary::new();
        keys.insert("ErrorChain".to_owned(), plist::Value::Array(items));
        keys
    };
    let mut item = Dictionary::new();
    item.insert("USEnglishDescription".to_owned(), "It does not fit.".into());
    for (status, state, keys) in [
        ("CommandFormatError", "format_error", chain(vec![plist::Value::Dictionary(item.clone())])),
        ("Error", "error", chain(vec![plist::Value::Dictionary(item), "no dictionary".into()])),
        ("Error", "error", Dictionary::new()),
    ] {
        let delivery = world.api.send(&device.udid, json!({"RequestType": "CertificateList"})).await?;
        let (uuid, _) = device.idle().await?.command().unwrap_or_default();
        assert_eq!(device.report(status, Some(&uuid), keys).await?.status, 200, "{status}");
        assert_eq!(world.api.state(delivery).await?, state);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_many_megabytes_is_kept_and_one_above_the_limit_is_refused_and_harms_nothing()
-> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 2).await?;
    let udid = ipad.snapshot().udid;
    ipad.with_faults([Fault::OversizedReport(9 << 20)]);
    let large = world.api.send(&udid, json!({"RequestType": "CertificateList"})).await?;
    ipad.poll().await?;
    assert_eq!(world.api.state(large).await?, "acknowledged");
    ipad.with_faults([Fault::OversizedReport(17 << 20)]);
    let refused = world.api.send(&udid, json!({"RequestType": "SecurityInfo"})).await?;
    let _ = ipad.poll().await;
    assert_eq!(world.api.state(refused).await?, "handed_out");
    ipad.poll().await?;
    assert_eq!(world.api.state(refused).await?, "acknowledged", "the right report follows");
    assert!(ipad.snapshot().enrolled);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_report_belongs_to_its_command_and_the_wrong_clock_of_a_device_decides_nothing()
-> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 3).await?;
    let udid = ipad.snapshot().udid;
    ipad.with_faults([Fault::ClockSkew(-400), Fault::DelayReport(std::time::Duration::from_millis(300))]);
    let delivery = world.api.send(&udid, json!({"RequestType": "CertificateList"})).await?;
    ipad.poll().await?;
    assert_eq!(world.api.state(delivery).await?, "acknowledged");
    let listed = deliveries(&world, &udid).await?;
    assert!(listed.iter().all(|one| one["state"] == "acknowledged"), "{listed:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_enrolment_profile_is_never_acknowledged_and_blocks_nothing_afterwards() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 4).await?;
    let udid = ipad.snapshot().udid;
    let mine = ipad.snapshot().profiles.first().cloned().unwrap_or_default();
    let remove = world.api.send(&udid, json!({"RequestType": "RemoveProfile", "Identifier": mine})).await?;
    ipad.poll().await?;
    assert!(!ipad.snapshot().enrolled);
    assert_ne!(world.api.state(remove).await?, "acknowledged");
    let link = world.api.link("corporate").await?;
    ipad.enroll(&crate::support::profile_of(&link)).await?;
    assert!(ipad.poll().await?.complete);
    let seen = ipad.snapshot();
    assert!(
        seen.enrolled && seen.counts.unenrolments == 1,
        "the old RemoveProfile reached the new enrolment: {seen:?}"
    );
    Ok(())
}
