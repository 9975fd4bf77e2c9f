//! What a device is sent, and what is known of it afterwards.

use super::*;

#[tokio::test]
async fn an_assigned_profile_is_installed_once_signed_and_seen() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    ward.upload(LOCK).await;
    let change = ward.assign_everywhere("lock").await;
    assert_eq!((change.outcome.as_str(), change.preview.added, change.preview.devices), ("applied", 1, 1));

    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
    let item = ward.item(&device, "lock").await;
    assert_eq!(item.state, "observed");
    assert_eq!(
        (item.desired_uuid.clone(), item.sent_uuid.clone()),
        (item.observed_uuid.clone(), item.observed_uuid.clone())
    );
    assert_eq!(item.why[0].code, "assigned");
    assert_eq!(item.why[0].text, "version 1 is assigned to every device");

    // Nothing is sent twice, whatever asks for the device to be looked at again.
    assert!(device.tell_profiles(&ward).await.is_empty());
    assert!(ward.settle(&mut device).await.is_empty());
}

#[tokio::test]
async fn a_device_that_enrols_later_gets_it_without_a_new_approval() {
    let ward = Ward::new().await;
    ward.upload(LOCK).await;
    assert_eq!(ward.assign_everywhere("lock").await.preview.devices, 0);
    let phone = ward.bench.enroll("LATER").await;
    let mut device = Obedient { phone, profiles: BTreeMap::new(), payloads: Vec::new(), refuses: false };
    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
    assert_eq!(ward.item(&device, "lock").await.state, "observed");
}

#[tokio::test]
async fn a_new_version_replaces_the_profile_in_place() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    ward.upload(LOCK).await;
    let assignment = ward.assign_everywhere("lock").await.assignment.unwrap();
    ward.settle(&mut device).await;
    let before = device.profiles.clone();

    assert_eq!(ward.upload(&LOCK.replace("maxInactivity = 2", "maxInactivity = 1")).await, 2);
    assert!(ward.settle(&mut device).await.is_empty(), "a version that is not assigned is sent to nobody");
    let change = AssignmentChange { version: Some(0), ..AssignmentChange::default() };
    let change = ward.bench.services.desired.reassign(&ward.operator, assignment, change).await.unwrap();
    assert_eq!((change.preview.replaced, change.preview.removed), (1, 0));
    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
    assert_eq!(device.profiles.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert_ne!(device.profiles, before);
    let item = ward.item(&device, "lock").await;
    assert_eq!((item.state.as_str(), item.sent_version), ("observed", Some(2)));
}

#[tokio::test]
async fn an_upload_that_changes_nothing_makes_no_version() {
    let ward = Ward::new().await;
    assert_eq!((ward.upload(LOCK).await, ward.upload(LOCK).await), (1, 1));
}

#[tokio::test]
async fn what_is_assigned_no_more_is_removed_once() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    ward.upload(LOCK).await;
    let assignment = ward.assign_everywhere("lock").await.assignment.unwrap();
    ward.settle(&mut device).await;
    ward.bench.services.desired.unassign(&ward.operator, assignment, false).await.unwrap();
    assert_eq!(ward.settle(&mut device).await, ["RemoveProfile"]);
    assert!(device.profiles.is_empty());
    let item = ward.item(&device, "lock").await;
    assert_eq!((item.state.as_str(), item.why[0].code.as_str()), ("removed", "not_assigned"));
    assert!(device.tell_profiles(&ward).await.is_empty());
}

#[tokio::test]
async fn an_exclusion_takes_the_profile_away_and_says_which() {
    let ward = Ward::new().await;
    let (mut one, mut two) = (ward.device("A").await, ward.device("B").await);
    ward.group("lab", &[&two]).await;
    ward.upload(LOCK).await;
    let assignment = ward.assign_everywhere("lock").await.assignment.unwrap();
    ward.settle(&mut one).await;
    ward.settle(&mut two).await;
    let change = AssignmentChange { excluded: Some(vec!["lab".to_owned()]), ..AssignmentChange::default() };
    let change = ward.bench.services.desired.reassign(&ward.operator, assignment, change).await.unwrap();
    assert_eq!((change.preview.devices, change.preview.removed), (1, 1));
    assert!(ward.settle(&mut one).await.is_empty());
    assert_eq!(ward.settle(&mut two).await, ["RemoveProfile"]);
    assert_eq!(ward.item(&two, "lock").await.why[0].text, "the device is in the excluded group 'lab'");
}

#[tokio::test]
async fn an_unset_variable_blocks_that_profile_on_that_device_and_a_value_frees_it() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    ward.upload(CLIP).await;
    ward.upload(LOCK).await;
    ward.assign_everywhere("lock").await;
    assert_eq!(ward.assign_everywhere("clip").await.preview.blocked, 1);
    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"], "the other profile goes its way");
    let item = ward.item(&device, "clip").await;
    assert_eq!((item.state.as_str(), item.why[0].code.as_str()), ("blocked", "unset"));
    assert_eq!(item.why[0].key.as_deref(), Some("$site.name"));

    let context = ward.bench.services.context.clone();
    let udid = device.phone.udid.clone();
    ward.bench
        .tx(move |tx| {
            let place_id = store::Place::root(tx)?.id;
            let (name, value) = ("name".to_owned(), "Ward 3".to_owned());
            PlaceVariable { place_id, name, value, set_at: context.now(), set_by: "test".to_owned() }
                .set(tx)?;
            let device = store::Device::find_by_udid(tx, &udid)?.unwrap().id;
            super::super::trigger::device_changed(
                tx,
                &context,
                device,
                super::super::trigger::Changed::Placement,
            )
        })
        .await;
    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
    let query = RenderQuery { device: device.phone.udid.clone(), version: None };
    let rendered = ward.bench.services.desired.render("clip".to_owned(), query).await.unwrap();
    assert!(rendered.xml.unwrap().contains("Help of Ward 3"));
}

#[tokio::test]
async fn a_profile_that_the_user_removes_comes_back_and_is_an_incident_the_third_time() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    ward.upload(LOCK).await;
    ward.assign_everywhere("lock").await;
    ward.settle(&mut device).await;
    for pause in [60, 600] {
        device.profiles.clear();
        assert!(device.tell_profiles(&ward).await.is_empty(), "not at once");
        assert_eq!(ward.item(&device, "lock").await.state, "lost");
        ward.bench.advance(Duration::from_secs(pause));
        assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
        assert_eq!(ward.item(&device, "lock").await.state, "observed");
    }
    device.profiles.clear();
    device.tell_profiles(&ward).await;
    ward.bench.days(1);
    assert!(ward.settle(&mut device).await.is_empty());
    assert_eq!(ward.item(&device, "lock").await.state, "incident");
    let incidents = ward.open_incidents().await;
    assert_eq!(incidents.len(), 1);
    assert_eq!(
        (incidents[0].kind.as_str(), incidents[0].item_name.as_deref()),
        ("item_keeps_leaving", Some("lock"))
    );

    let close = CloseIncidentRequest { reason: "the user was told".to_owned(), allow_devices: None };
    ward.bench.services.desired.close_incident(&ward.operator, incidents[0].id, close).await.unwrap();
    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
}

#[tokio::test]
async fn a_refused_profile_is_tried_again_later_with_the_reason_kept() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    device.refuses = true;
    ward.upload(LOCK).await;
    ward.assign_everywhere("lock").await;
    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
    let item = ward.item(&device, "lock").await;
    assert_eq!((item.state.as_str(), item.attempts), ("failed", 1));
    assert!(item.last_error.is_some() && item.next_try_at.is_some());
    device.refuses = false;
    ward.bench.advance(Duration::from_secs(60));
    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
    assert_eq!(ward.item(&device, "lock").await.state, "observed");
}

#[tokio::test]
async fn a_secret_is_filled_in_at_the_hand_out_and_a_new_value_is_installed() {
    let wifi = r#"
[profile]
name = "wifi"
title = "Wi-Fi"

[[payload]]
type = "com.apple.wifi.managed"
name = "wifi"
SSID_STR = "Clinical"
EncryptionType = "WPA2"
Password = { secret = "wifi" }
"#;
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    ward.upload(wifi).await;
    assert_eq!(ward.assign_everywhere("wifi").await.preview.blocked, 1, "the secret is not set");
    for (value, other) in [("hunter-two", "nothing"), ("hunter-three", "hunter-two")] {
        let request = NamedSecretRequest { value: value.to_owned() };
        ward.bench
            .services
            .desired
            .set_secret(&ward.operator, "wifi".to_owned(), request, Consent::default())
            .await
            .unwrap();
        let mut sent = ward.settle(&mut device).await;
        // What carries the network goes in rings, and the first one gathers for a while.
        ward.bench.advance(Duration::from_secs(120));
        sent.extend(ward.settle(&mut device).await);
        assert_eq!(sent, ["InstallProfile"]);
        let payload = device.payloads.last().unwrap();
        let text = String::from_utf8_lossy(payload);
        assert!(text.contains(value) && !text.contains(other));
    }
    let query = RenderQuery { device: device.phone.udid.clone(), version: None };
    let shown = ward.bench.services.desired.render("wifi".to_owned(), query).await.unwrap().xml.unwrap();
    assert!(shown.contains("(secret)") && !shown.contains("hunter"));
}

#[tokio::test]
async fn a_new_device_waits_for_the_rules_about_it_before_it_is_sent_anything() {
    let ward = Ward::new().await;
    let evaluator = ward.bench.services.groups.evaluator();
    let request = serde_json::json!({ "name": "Excluded", "rule": "device.serial == 'SERIALOUT'" });
    ward.bench
        .services
        .groups
        .create(&ward.operator, serde_json::from_value(request).unwrap())
        .await
        .unwrap();
    evaluator.run_once().await.unwrap();
    ward.upload(LOCK).await;
    let request = AssignmentRequest {
        profile: "lock".to_owned(),
        excluded: vec!["Excluded".to_owned()],
        ..AssignmentRequest::default()
    };
    ward.assign(request).await;

    for (udid, expected) in [("OUT", &[][..]), ("IN", &["InstallProfile"][..])] {
        let phone = ward.bench.enroll(udid).await;
        let mut device = Obedient { phone, profiles: BTreeMap::new(), payloads: Vec::new(), refuses: false };
        let before = ward.settle(&mut device).await;
        assert!(before.is_empty(), "sent before the rule was asked: {before:?}");
        while evaluator.run_once().await.unwrap() > 0 {}
        // What it tells of itself has the rules asked again, so that the worker for them runs as often as the other.
        let mut sent = Vec::new();
        for _ in 0..3 {
            sent.extend(ward.settle(&mut device).await);
            while evaluator.run_once().await.unwrap() > 0 {}
        }
        assert_eq!(sent, expected);
    }
}
