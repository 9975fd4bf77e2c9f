use catalog::{ChannelKind, EnrollmentType, Ownership};
use uuid::Uuid;

use super::*;

const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

const NURSES: GroupId = GroupId(id(1));
const LAB: GroupId = GroupId(id(2));
const HOSPITAL: PlaceId = PlaceId(id(10));
const WARD_3: PlaceId = PlaceId(id(13));
const WIFI: ItemId = ItemId(id(20));

fn subject(groups: &[GroupId], platform: Option<Platform>) -> Subject {
    let mut facts = DeviceFacts::unknown(EnrollmentType::Device, Ownership::Corporate, ChannelKind::Device);
    facts.platform = platform;
    Subject {
        facts,
        groups: groups.iter().copied().collect(),
        troubled: BTreeSet::new(),
        places: vec![WARD_3, HOSPITAL],
    }
}

fn assignment(number: u128, version: i32) -> AssignmentView {
    AssignmentView {
        id: AssignmentId(id(100 + number)),
        version: 1,
        item: WIFI,
        item_version: ItemVersionId(id(200 + u128::try_from(version).unwrap())),
        number: version,
        platforms: Vec::new(),
        group: None,
        place: None,
        excluded: Vec::new(),
        names: [(NURSES.0, "nurses".to_owned()), (LAB.0, "lab".to_owned())].into(),
    }
}

fn codes(resolved: &Resolved) -> Vec<&str> {
    resolved.why.iter().map(|reason| reason.code.as_str()).collect()
}

#[test]
fn an_item_reaches_a_device_by_group_and_place_and_by_nothing_else() {
    let everywhere = assignment(1, 1);
    let to = |group, place| AssignmentView { group, place, ..everywhere.clone() };
    let elsewhere = PlaceId(id(14));
    let table = [
        (to(None, None), true),
        (to(Some(NURSES), None), true),
        (to(Some(LAB), None), false),
        (to(None, Some(HOSPITAL)), true),
        (to(None, Some(elsewhere)), false),
        (to(Some(NURSES), Some(WARD_3)), true),
        (to(Some(NURSES), Some(elsewhere)), false),
        (to(Some(LAB), Some(WARD_3)), false),
    ];
    for (assignment, reaches) in table {
        let resolved = resolve(&subject(&[NURSES], None), std::slice::from_ref(&assignment));
        assert_eq!(!resolved.is_empty(), reaches, "{assignment:?}");
    }
}

#[test]
fn an_exclusion_goes_before_every_assignment_of_the_item() {
    let excluding = AssignmentView { excluded: vec![LAB], ..assignment(1, 1) };
    let resolved = resolve(&subject(&[NURSES, LAB], None), &[assignment(2, 2), excluding]);
    assert_eq!(resolved[0].outcome, Outcome::Excluded);
    assert_eq!(codes(&resolved[0])[0], "excluded");
    assert_eq!(resolved[0].why[0].text, "the device is in the excluded group 'lab'");
    assert_eq!(resolved[0].why[0].group, Some(LAB));
}

#[test]
fn of_several_assignments_the_highest_version_counts_and_all_are_named() {
    let resolved = resolve(&subject(&[], None), &[assignment(1, 1), assignment(2, 3), assignment(3, 2)]);
    assert_eq!(resolved.len(), 1);
    assert_eq!(resolved[0].outcome, Outcome::Want(ItemVersionId(id(203))));
    assert_eq!(resolved[0].assignment, Some(AssignmentId(id(102))));
    assert_eq!(codes(&resolved[0]), ["assigned"; 3]);
}

#[test]
fn a_profile_for_another_platform_is_blocked_and_says_which() {
    let for_macs = AssignmentView { platforms: vec![Platform::MacOs], ..assignment(1, 1) };
    for (platform, outcome) in [
        (Some(Platform::MacOs), Outcome::Want(for_macs.item_version)),
        (Some(Platform::Ios), Outcome::Blocked),
        (None, Outcome::Blocked),
    ] {
        let resolved = resolve(&subject(&[], platform), std::slice::from_ref(&for_macs));
        assert_eq!(resolved[0].outcome, outcome, "{platform:?}");
        if outcome == Outcome::Blocked {
            assert_eq!(codes(&resolved[0])[0], "platform");
        }
    }
}

#[test]
fn a_rule_in_trouble_is_named_and_changes_nothing() {
    let by_rule = AssignmentView { group: Some(NURSES), ..assignment(1, 1) };
    let mut member = subject(&[NURSES], None);
    member.troubled.insert(NURSES);
    let resolved = resolve(&member, std::slice::from_ref(&by_rule));
    assert_eq!(resolved[0].outcome, Outcome::Want(by_rule.item_version));
    assert_eq!(codes(&resolved[0]), ["assigned", "rule_trouble"]);
}
