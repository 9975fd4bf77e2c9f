use serde_json::json;

use super::*;
use crate::fixture::Scene;
use crate::{Enrollment, Report, ReportId};

/// Five iPads with systems, batteries and lists of applications.
fn fleet() -> (Scene, Vec<DeviceId>) {
    let scene = Scene::new();
    let told = [
        ("U1", json!({"D.OS": "9.3", "D.Battery": 0.5, "D.Note": "Bed 12, ward 3", "D.Pin": true})),
        ("U2", json!({"D.OS": "26.0", "D.Battery": 0.05, "D.Note": "bed 2", "D.Pin": false})),
        ("U3", json!({"D.OS": "26.1", "D.Battery": 1, "D.Apps": ["org.ward.notes"], "D.Pin": true})),
        ("U4", json!({"D.OS": "15.7.10", "D.Note": "100% \"spare\""})),
        ("U5", json!({})),
    ];
    let ids = told.map(|(udid, facts)| {
        scene.clock.advance(std::time::Duration::from_millis(1));
        let channel = scene.channel(udid);
        let now = scene.now();
        let id = ReportId::new(&scene.clock);
        scene.tx(move |tx| {
            let epoch = Enrollment::find(tx, channel.enrollment_id)?;
            let report = Report {
                id,
                device_id: epoch.device_id,
                enrollment_id: epoch.id,
                source: "D".to_owned(),
                command_uuid: None,
                observed_at: now,
                recorded_at: now,
                facts: facts.to_string(),
            };
            report.keep(tx)?;
            Ok(epoch.device_id)
        })
    });
    (scene, ids.to_vec())
}

fn all(wanted: Vec<Wanted>) -> Search {
    Search { wanted, order: None, descending: false, after: None, limit: 100 }
}

/// The numbers of the devices that were found.
fn found(scene: &Scene, ids: &[DeviceId], search: Search) -> Vec<usize> {
    let hits = scene.read(move |c| Device::search(c, &search));
    hits.iter().map(|hit| ids.iter().position(|id| *id == hit.id).unwrap() + 1).collect()
}

fn fact(key: &str, test: Test) -> Wanted {
    Wanted::Fact(key.to_owned(), test)
}

fn from(key: &SortKey, kind: FactKind) -> Test {
    Test::Within(vec![Range { from: (key.as_str().to_owned(), true), to: (kind.end().to_owned(), false) }])
}

#[test]
fn devices_are_found_by_what_they_told() {
    let (scene, ids) = fleet();
    for (test, expected) in [
        (fact("D.OS", Test::Exists), vec![1, 2, 3, 4]),
        (fact("D.OS", Test::Missing), vec![5]),
        (fact("D.OS", Test::Is(vec![SortKey::text("26.0")])), vec![2]),
        (fact("D.OS", Test::IsNot(vec![SortKey::text("26.0")])), vec![1, 3, 4]),
        (fact("D.OS", from(&SortKey::text("15.7.9"), FactKind::Text)), vec![2, 3, 4]),
        (fact("D.Battery", from(&SortKey::number(0.5), FactKind::Number)), vec![1, 3]),
        (fact("D.Pin", Test::Is(vec![SortKey::flag(true), SortKey::text("true")])), vec![1, 3]),
        (fact("device.serial_number", Test::Is(vec![SortKey::text("su4")])), vec![4]),
        (fact("Nobody.Said", Test::Exists), vec![]),
        (Wanted::Words("iPad of U3".to_owned()), vec![3]),
        (Wanted::Not(Box::new(Wanted::Words("U3".to_owned()))), vec![1, 2, 4, 5]),
        (Wanted::AnyState(EnrollmentState::Enrolled), vec![1, 2, 3, 4, 5]),
        (Wanted::Owner("A.Nurse".to_owned()), vec![1, 2, 3, 4, 5]),
        (Wanted::SeenSince(scene.now()), vec![]),
    ] {
        assert_eq!(found(&scene, &ids, all(vec![test.clone()])), expected, "{test:?}");
    }
    let both = vec![
        fact("D.Pin", Test::Is(vec![SortKey::flag(true)])),
        fact("D.OS", from(&SortKey::text("26"), FactKind::Text)),
    ];
    assert_eq!(found(&scene, &ids, all(both)), [3]);
}

#[test]
fn a_part_of_a_text_is_found_wherever_it_stands() {
    let (scene, ids) = fleet();
    for (text, expected) in [
        ("bed", vec![1, 2]),
        ("BED 1", vec![1]),
        ("2, ward", vec![1]),
        ("12, ward 3", vec![1]),
        ("12", vec![1]),
        ("% \"", vec![4]),
        ("00%", vec![4]),
        ("_", vec![]),
        ("bed  2", vec![]),
    ] {
        let test = fact("D.Note", Test::Contains(text.to_owned()));
        assert_eq!(found(&scene, &ids, all(vec![test])), expected, "{text}");
    }
    assert_eq!(found(&scene, &ids, all(vec![fact("D.Apps", Test::Contains("ward.notes".to_owned()))])), [3]);
}

#[test]
fn pages_in_the_order_of_a_fact_follow_each_other_and_end_with_those_without_it() {
    let (scene, ids) = fleet();
    for (descending, expected) in [(false, [1, 4, 2, 3, 5]), (true, [3, 2, 4, 1, 5])] {
        for limit in 1..=5 {
            let mut seen = Vec::new();
            let mut search = Search { order: Some("D.OS".to_owned()), descending, limit, ..all(Vec::new()) };
            loop {
                let page = search.clone();
                let hits = scene.read(move |c| Device::search(c, &page));
                seen.extend(hits.iter().map(|hit| ids.iter().position(|id| *id == hit.id).unwrap() + 1));
                let Some(last) = hits.last() else { break };
                search.after = Some(last.clone());
            }
            assert_eq!(seen, expected, "descending {descending}, {limit} a page");
        }
    }
}

#[test]
fn what_a_fact_is_and_which_there_are_can_be_asked() {
    let (scene, _) = fleet();
    assert_eq!(scene.read(|c| DeviceFact::kinds(c, "D.OS")), [FactKind::Text]);
    assert_eq!(scene.read(|c| DeviceFact::kinds(c, "D.Pin")), [FactKind::Flag]);
    assert!(scene.read(|c| DeviceFact::kinds(c, "D.Nothing")).is_empty());
    let keys = scene.read(DeviceFact::keys);
    for key in ["D.Apps", "D.OS", "device.os_version"] {
        assert!(keys.iter().any(|known| known == key), "{key}");
    }
    assert!(keys.is_sorted());
}
