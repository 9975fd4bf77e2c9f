//! Devices, their epochs and the list that operators see.

use std::time::Duration;

use catalog::Platform;

use crate::fixture::Scene;
use crate::{Channel, Device, DeviceFilter, DeviceId, Enrollment, EnrollmentState, Page};

fn names(scene: &Scene, filter: DeviceFilter) -> Vec<String> {
    let found = scene.read(move |c| Device::list(c, &filter, Page::first(100)));
    found.into_iter().map(|row| row.device.udid.unwrap()).collect()
}

#[test]
fn devices_are_found_by_text_and_nothing_in_the_text_is_special() {
    let scene = Scene::new();
    for udid in ["A_1", "AB1", "100%"] {
        scene.channel(udid);
        scene.clock.advance(Duration::from_millis(1));
    }
    let by = |text: &str| DeviceFilter { query: Some(text.to_owned()), ..DeviceFilter::default() };
    assert_eq!(names(&scene, by("a_1")), ["A_1"]);
    assert_eq!(names(&scene, by("%")), ["100%"]);
    assert_eq!(names(&scene, by("\\")), Vec::<String>::new());
    assert_eq!(names(&scene, by("iPad of AB")), ["AB1"]);
    assert_eq!(names(&scene, by("nurse")).len(), 3, "the owner of an epoch counts");
    assert_eq!(names(&scene, by("'; DROP TABLE devices; --")), Vec::<String>::new());
    assert_eq!(names(&scene, DeviceFilter::default()), ["A_1", "AB1", "100%"]);
}

#[test]
fn devices_are_found_by_what_they_are() {
    let scene = Scene::new();
    scene.channel("U1");
    let platform = |platform| DeviceFilter { platform: Some(platform), ..DeviceFilter::default() };
    assert_eq!(names(&scene, platform(Platform::Ipados)), ["U1"]);
    assert!(names(&scene, platform(Platform::MacOs)).is_empty());
    let state = |state| DeviceFilter { state: Some(state), ..DeviceFilter::default() };
    assert_eq!(names(&scene, state(EnrollmentState::Enrolled)), ["U1"]);
    assert!(names(&scene, state(EnrollmentState::Quarantined)).is_empty());
    assert_eq!(names(&scene, DeviceFilter { supervised: Some(true), ..DeviceFilter::default() }), ["U1"]);
    assert!(names(&scene, DeviceFilter { lost_mode: Some(true), ..DeviceFilter::default() }).is_empty());
    assert!(
        names(&scene, DeviceFilter { owner: Some("nobody".to_owned()), ..DeviceFilter::default() })
            .is_empty()
    );
}

#[test]
fn pages_of_devices_follow_each_other_without_gap_or_repetition() {
    let scene = Scene::new();
    for number in 0..7 {
        scene.channel(&format!("U{number}"));
    }
    let (mut seen, mut after): (Vec<String>, Option<DeviceId>) = (Vec::new(), None);
    loop {
        let page = scene.read(move |c| Device::list(c, &DeviceFilter::default(), Page { after, limit: 3 }));
        let Some(last) = page.last() else { break };
        after = Some(last.device.id);
        assert!(page.iter().all(|row| row.channels.len() == 1 && row.enrollment.is_some()));
        seen.extend(page.into_iter().map(|row| row.device.udid.unwrap()));
    }
    seen.sort();
    assert_eq!(seen, ["U0", "U1", "U2", "U3", "U4", "U5", "U6"]);
}

#[test]
fn a_newer_epoch_that_is_kept_apart_does_not_take_the_place_of_the_enrolled_one() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    let device = scene.read(|c| Device::find_by_udid(c, "U1")).unwrap().id;
    let quarantined = scene.epoch(device, "U1", 2, EnrollmentState::Quarantined);
    scene.tx(move |tx| quarantined.insert(tx));
    let current = |scene: &Scene| scene.read(move |c| Enrollment::current(c, device)).unwrap();
    assert_eq!((current(&scene).id, current(&scene).epoch), (channel.enrollment_id, 1));
    let listed = scene.read(|c| Device::list(c, &DeviceFilter::default(), Page::first(10)));
    assert_eq!(listed[0].enrollment.as_ref().map(|epoch| epoch.epoch), Some(1));
    let newest = scene.epoch(device, "U1", 3, EnrollmentState::Enrolled);
    scene.tx(move |tx| newest.insert(tx));
    assert_eq!(current(&scene).epoch, 3);
    let epochs = scene.read(|c| Enrollment::list_by_apple_id(c, "U1"));
    assert_eq!(epochs.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [3, 2, 1]);
    let same = scene.epoch(device, "U1", 3, EnrollmentState::Pending);
    let taken = scene.try_tx(move |tx| same.insert(tx)).unwrap_err();
    assert!(taken.is_conflict_on("enrollments.device_id, enrollments.epoch"));
}

#[test]
fn a_dead_push_token_is_forgotten_when_a_newer_one_has_come() {
    let scene = Scene::new();
    let channel = scene.channel("U1");
    let (id, token_came) = (channel.id, scene.now());
    let earlier = token_came - Duration::from_secs(1);
    assert!(!scene.tx(move |tx| Channel::set_push_dead(tx, id, earlier)));
    let later = token_came + Duration::from_secs(1);
    assert!(scene.tx(move |tx| Channel::set_push_dead(tx, id, later)));
    assert_eq!(scene.read(move |c| Channel::find(c, id)).push_dead_at, Some(later));
}

#[test]
fn all_columns_of_a_row_come_back_as_they_went_in_and_can_be_emptied() {
    let scene = Scene::new();
    let (mut device, mut enrollment, mut channel) = scene.rows("U1");
    device.lost_mode = Some(false);
    enrollment.profile_digest = Some(vec![1, 2]);
    enrollment.ended_at = Some(scene.now());
    channel.user_long_name = Some("Ana Ñandú 護士".to_owned());
    let rows = (device.clone(), enrollment.clone(), channel.clone());
    let to_insert = rows.clone();
    scene.tx(move |tx| {
        to_insert.0.insert(tx)?;
        to_insert.1.insert(tx)?;
        to_insert.2.insert(tx)
    });
    let ids = (rows.0.id, rows.1.id, rows.2.id);
    let read = |scene: &Scene| {
        scene.read(move |c| {
            Ok((Device::find(c, ids.0)?, Enrollment::find(c, ids.1)?, Channel::find(c, ids.2)?))
        })
    };
    assert_eq!(read(&scene), rows);
    device.lost_mode = None;
    enrollment.profile_digest = None;
    channel.token_updated_at = None;
    let emptied = (device.clone(), enrollment.clone(), channel.clone());
    scene.tx(move |tx| {
        device.save(tx)?;
        enrollment.save(tx)?;
        channel.save(tx)
    });
    assert_eq!(read(&scene), emptied);
}
