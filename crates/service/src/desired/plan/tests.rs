use store::{DeviceId, EnrollmentId, ItemId};
use uuid::Uuid;

use super::*;

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn row(state: ItemState) -> DeviceItem {
    DeviceItem {
        enrollment_id: EnrollmentId(Uuid::from_u128(1)),
        item_id: ItemId(Uuid::from_u128(2)),
        device_id: DeviceId(Uuid::from_u128(3)),
        state,
        why: "[]".to_owned(),
        desired_version_id: None,
        desired_uuid: None,
        profile_identifier: "org.example".to_owned(),
        sent_version_id: None,
        sent_uuid: None,
        sent_at: None,
        command_id: None,
        answered_at: None,
        observed_uuid: None,
        observed_at: None,
        losses: 0,
        attempts: 0,
        next_try_at: None,
        last_error: None,
        left_at: None,
        changed_at: START,
    }
}

fn want(uuid: &str) -> Target {
    Target::Want {
        version: ItemVersionId(Uuid::from_u128(4)),
        uuid: uuid.to_owned(),
        identifier: "org.example".to_owned(),
        hold: None,
    }
}

fn seen(seconds: u64, uuid: Option<&str>) -> Option<Seen> {
    Some(Seen { at: at(seconds), uuid: uuid.map(str::to_owned) })
}

fn step(
    row: &mut DeviceItem,
    target: &Target,
    on_its_way: OnItsWay,
    list: impl Into<Option<Seen>>,
    now: u64,
) -> Step {
    plan(row, target, on_its_way, list.into().as_ref(), at(now)).0
}

/// A row of a profile that was installed and seen.
fn installed(uuid: &str) -> DeviceItem {
    DeviceItem {
        desired_uuid: Some(uuid.to_owned()),
        sent_uuid: Some(uuid.to_owned()),
        sent_at: Some(at(1)),
        answered_at: Some(at(2)),
        observed_uuid: Some(uuid.to_owned()),
        observed_at: Some(at(3)),
        ..row(ItemState::Observed)
    }
}

#[test]
fn what_differs_is_sent_once_and_verified_by_the_list() {
    let mut item = row(ItemState::Waiting);
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, None, 0), Step::Install);
    item.state = ItemState::Queued;
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Waiting, None, 1), Step::Rest);
    item.state = ItemState::Sent;
    item.sent_uuid = Some("A".to_owned());
    item.sent_at = Some(at(2));
    assert_eq!(step(&mut item, &want("A"), OnItsWay::HandedOut, seen(1, None), 2), Step::Rest);
    item.state = ItemState::Answered;
    item.answered_at = Some(at(3));
    // An older list says nothing about it.
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, seen(1, None), 4), Step::Rest);
    assert_eq!(item.state, ItemState::Answered);
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, seen(5, Some("A")), 5), Step::Rest);
    assert_eq!(item.state, ItemState::Observed);
}

#[test]
fn what_a_device_has_already_is_not_sent() {
    let mut item = row(ItemState::Waiting);
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, seen(0, Some("A")), 1), Step::Rest);
    assert_eq!(item.state, ItemState::Observed);
}

#[test]
fn another_version_replaces_in_place_after_the_first_was_answered() {
    let mut item = installed("A");
    item.state = ItemState::Sent;
    assert_eq!(step(&mut item, &want("B"), OnItsWay::HandedOut, None, 5), Step::Rest);
    item.state = ItemState::Answered;
    assert_eq!(step(&mut item, &want("B"), OnItsWay::Nothing, None, 6), Step::Install);
}

#[test]
fn an_acknowledged_profile_that_the_list_does_not_show_has_failed() {
    let mut item = DeviceItem { observed_uuid: None, observed_at: None, ..installed("A") };
    item.state = ItemState::Answered;
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, seen(9, None), 9), Step::Rest);
    assert_eq!((item.state, item.attempts, item.next_try_at), (ItemState::Failed, 1, Some(at(69))));
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, seen(9, None), 68), Step::Rest);
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, seen(9, None), 69), Step::Install);
}

#[test]
fn a_profile_that_is_lost_comes_back_with_growing_pauses_and_is_an_incident_the_third_time() {
    let mut item = installed("A");
    let mut now = 10;
    for pause in [60, 600] {
        assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, seen(now, None), now), Step::Rest);
        assert_eq!((item.state, item.next_try_at), (ItemState::Lost, Some(at(now + pause))));
        now += pause;
        assert_eq!(
            step(&mut item, &want("A"), OnItsWay::Nothing, seen(now - pause, None), now),
            Step::Install
        );
        item.state = ItemState::Answered;
        item.answered_at = Some(at(now));
        assert_eq!(
            step(&mut item, &want("A"), OnItsWay::Nothing, seen(now + 1, Some("A")), now + 1),
            Step::Rest
        );
        now += 2;
    }
    let third = step(&mut item, &want("A"), OnItsWay::Nothing, seen(now, None), now);
    assert!(matches!(third, Step::Report("item_keeps_leaving", _)), "{third:?}");
    assert_eq!(item.state, ItemState::Incident);
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Nothing, None, now + 90_000), Step::Rest);
    // A new version is a new chance.
    assert_eq!(step(&mut item, &want("B"), OnItsWay::Nothing, None, now + 90_001), Step::Install);
}

#[test]
fn what_is_blocked_keeps_what_is_there() {
    let mut item = installed("A");
    assert_eq!(step(&mut item, &Target::Blocked, OnItsWay::Nothing, seen(5, Some("A")), 5), Step::Rest);
    assert_eq!(item.state, ItemState::Blocked);
    assert_eq!(step(&mut item, &Target::Blocked, OnItsWay::Waiting, None, 6), Step::TakeBack);
}

#[test]
fn what_is_not_wanted_is_removed_once_and_only_if_it_is_there() {
    let mut item = installed("A");
    assert_eq!(step(&mut item, &Target::Gone, OnItsWay::Nothing, seen(5, Some("A")), 5), Step::Remove);
    (item.state, item.left_at) = (ItemState::Removing, Some(at(5)));
    assert_eq!(step(&mut item, &Target::Gone, OnItsWay::Waiting, None, 6), Step::Rest);
    assert_eq!(step(&mut item, &Target::Gone, OnItsWay::HandedOut, None, 7), Step::Rest);
    (item.answered_at, item.observed_uuid) = (Some(at(8)), None);
    assert_eq!(step(&mut item, &Target::Gone, OnItsWay::Nothing, seen(5, Some("A")), 8), Step::Rest);
    assert_eq!(step(&mut item, &Target::Gone, OnItsWay::Nothing, seen(9, None), 9), Step::Rest);
    assert_eq!(item.state, ItemState::Removed);

    let mut never_sent = row(ItemState::Waiting);
    assert_eq!(step(&mut never_sent, &Target::Gone, OnItsWay::Nothing, None, 1), Step::Rest);
    assert_eq!(never_sent.state, ItemState::Removed);
}

#[test]
fn a_removal_that_nobody_wants_any_more_is_taken_back() {
    let mut item = installed("A");
    (item.state, item.left_at) = (ItemState::Removing, Some(at(5)));
    assert_eq!(step(&mut item, &want("A"), OnItsWay::Waiting, None, 6), Step::TakeBack);
}

#[test]
fn a_ring_that_is_not_open_holds_back_what_was_not_handed_out() {
    let reason = Reason::new("ring", "ring 1 comes first");
    let Target::Want { version, uuid, identifier, .. } = want("A") else { return };
    let held = Target::Want { version, uuid, identifier, hold: Some(reason.clone()) };
    let mut item = row(ItemState::Waiting);
    let (next, said) = plan(&mut item, &held, OnItsWay::Nothing, None, at(1));
    assert_eq!((next, said, item.state), (Step::Rest, Some(reason), ItemState::Waiting));
    item.state = ItemState::Queued;
    assert_eq!(step(&mut item, &held, OnItsWay::Waiting, None, 2), Step::TakeBack);
}
