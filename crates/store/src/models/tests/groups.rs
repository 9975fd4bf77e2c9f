//! Groups: who is in them is written once, and leaves no trace where nothing changed.

use std::time::Duration;

use crate::fixture::Scene;
use crate::{DeviceId, Enrollment, Error, Group, GroupId, GroupKind, GroupMember, GroupTrouble, Page};

fn group(scene: &Scene, name: &str, rule: Option<&str>) -> Group {
    Group {
        id: GroupId::new(&scene.clock),
        name: name.to_owned(),
        kind: if rule.is_some() { GroupKind::Rule } else { GroupKind::Manual },
        rule: rule.map(str::to_owned),
        description: String::new(),
        created_at: scene.now(),
        created_by: "test".to_owned(),
        changed_at: scene.now(),
        archived_at: None,
    }
}

fn device(scene: &Scene, udid: &str) -> DeviceId {
    let enrollment = scene.channel(udid).enrollment_id;
    scene.read(move |c| Enrollment::find(c, enrollment)).device_id
}

#[test]
fn a_name_belongs_to_one_group_until_that_is_archived() {
    let scene = Scene::new();
    let (first, second) = (group(&scene, "Lab", None), group(&scene, "Lab", Some("true")));
    let (kept, taken) = (first.clone(), second.clone());
    scene.tx(move |tx| first.insert(tx));
    assert!(matches!(scene.try_tx(move |tx| taken.insert(tx)), Err(Error::Conflict(_))));
    assert!(!scene.read(Group::any_with_rule));
    let now = scene.now();
    scene.tx(move |tx| {
        Group { archived_at: Some(now), ..kept.clone() }.save(tx)?;
        second.insert(tx)
    });
    let found = scene.read(|c| Group::find_by_name(c, "Lab")).unwrap();
    assert_eq!(found.kind, GroupKind::Rule);
    assert!(scene.read(Group::any_with_rule));
    assert_eq!(scene.read(|c| Group::list(c, None, Page::first(10))).len(), 1);
}

#[test]
fn a_device_is_in_a_group_once_and_since_the_first_time() {
    let scene = Scene::new();
    let (id, lab) = (device(&scene, "U1"), group(&scene, "Lab", None));
    let group_id = lab.id;
    let member = GroupMember { group_id, device_id: id, since: scene.now(), why: "test".to_owned() };
    let later = GroupMember { since: scene.now() + Duration::from_secs(9), ..member.clone() };
    let first = member.clone();
    let added = scene.tx(move |tx| {
        lab.insert(tx)?;
        Ok((first.add(tx)?, later.add(tx)?))
    });
    assert_eq!(added, (true, false));
    assert_eq!(scene.read(move |c| GroupMember::members(c, group_id, Page::first(9))), [member]);
    assert_eq!(scene.read(move |c| GroupMember::of_device(c, id)), [group_id]);
    let removed = scene
        .tx(move |tx| Ok((GroupMember::remove(tx, group_id, id)?, GroupMember::remove(tx, group_id, id)?)));
    assert_eq!(removed, (true, false));
}

#[test]
fn the_same_trouble_is_written_once_and_keeps_its_time() {
    let scene = Scene::new();
    let (id, lab, now) = (device(&scene, "U1"), group(&scene, "Lab", Some("true")), scene.now());
    let group_id = lab.id;
    scene.tx(move |tx| lab.insert(tx));
    let note = |error: &str, after: u64| {
        let at = now + Duration::from_secs(after);
        let trouble = GroupTrouble { group_id, device_id: id, error: error.to_owned(), at };
        scene.tx(move |tx| trouble.note(tx))
    };
    assert_eq!((note("a", 0), note("a", 5), note("b", 9)), (true, false, true));
    let kept = scene.read(move |c| GroupTrouble::of_device(c, id));
    assert_eq!(
        kept.iter().map(|one| (one.error.as_str(), one.at)).collect::<Vec<_>>(),
        [("b", now + Duration::from_secs(9))]
    );
    assert!(scene.tx(move |tx| GroupTrouble::clear(tx, group_id, id)));
    assert_eq!(scene.read(move |c| GroupTrouble::count(c, group_id)), 0);
}
