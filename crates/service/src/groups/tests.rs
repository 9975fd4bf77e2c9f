//! Groups over a real store: who joins, who leaves, and who stays because nothing is known.

use serde_json::json;

use super::*;
use crate::testing::{Bench, Phone};
use crate::views::{Consent, RuleTestRequest};

async fn by_rule(bench: &Bench, name: &str, rule: &str) -> Result<GroupView, Error> {
    let request = GroupRequest { name: name.to_owned(), rule: Some(rule.to_owned()), description: None };
    bench.services.groups.create(&bench.operator().await, request).await
}

async fn members(bench: &Bench, group: &str) -> Vec<String> {
    let page = bench.services.groups.members(group.to_owned(), PageQuery::default()).await.unwrap();
    let mut serials: Vec<String> = page.items.into_iter().filter_map(|member| member.serial_number).collect();
    serials.sort();
    serials
}

/// An assignment of an empty profile to a group.
fn assign(tx: &mut Tx<'_>, clock: &dyn clock::Clock, group: GroupId) -> Result<(), Error> {
    let now = clock.now();
    let item = store::Item {
        id: store::ItemId::new(clock),
        name: "Passcode".to_owned(),
        kind: "profile".to_owned(),
        created_at: now,
        created_by: "test".to_owned(),
        archived_at: None,
    };
    let version = store::ItemVersion {
        id: store::ItemVersionId::new(clock),
        item_id: item.id,
        version: 1,
        source: "toml".to_owned(),
        sealed_source: store::SealedBytes(Vec::new()),
        sealed_template: store::SealedBytes(Vec::new()),
        digest: vec![0; 32],
        identifier: "org.ward.passcode".to_owned(),
        payload_types: "[]".to_owned(),
        carries_network: false,
        class: "none".to_owned(),
        class_reason: "test".to_owned(),
        lint: "[]".to_owned(),
        override_reason: None,
        created_at: now,
        created_by: "test".to_owned(),
    };
    let assignment = Assignment {
        id: store::AssignmentId::new(clock),
        item_id: item.id,
        item_version_id: version.id,
        group_id: Some(group),
        place_id: None,
        excluded: "[]".to_owned(),
        version: 1,
        state: store::AssignmentState::Active,
        confirmed_by: "test".to_owned(),
        confirmed_count: 0,
        created_at: now,
        changed_at: now,
    };
    item.insert(tx)?;
    version.insert(tx)?;
    Ok(assignment.insert(tx)?)
}

/// Something about the device has changed, and the worker has looked at it.
async fn told(bench: &Bench, phone: &Phone, facts: serde_json::Value) {
    bench.learn(phone, "SecurityInfo", facts).await;
    changed(bench, phone).await;
}

async fn changed(bench: &Bench, phone: &Phone) {
    let (device, context) = (bench.epoch(&phone.udid).await.device_id, bench.services.context.clone());
    bench.tx(move |tx| device_changed(tx, &context, device, Changed::Facts)).await;
    while bench.services.groups.evaluator().run_once().await.unwrap() > 0 {}
}

#[tokio::test]
async fn a_device_joins_and_leaves_as_its_facts_change_and_stays_while_nothing_is_known() {
    let bench = Bench::new().await;
    let (a, b) = (bench.enroll("A").await, bench.enroll("B").await);
    let group =
        by_rule(&bench, "No passcode", "facts['SecurityInfo.PasscodePresent'] == false").await.unwrap();
    assert_eq!((group.members, group.troubles), (0, 2), "nothing is known of either");
    told(&bench, &a, json!({"SecurityInfo.PasscodePresent": false})).await;
    assert_eq!(members(&bench, "No passcode").await, ["SERIALA"]);
    told(&bench, &b, json!({"SecurityInfo.PasscodePresent": true})).await;
    assert_eq!(members(&bench, "No passcode").await, ["SERIALA"]);
    assert_eq!(bench.services.groups.show(group.id.to_string()).await.unwrap().troubles, 0);
    let id = bench.epoch("A").await.device_id;
    bench.tx(move |tx| Ok(store::DeviceFact::forget(tx, id, |_| false)?)).await;
    changed(&bench, &a).await;
    assert_eq!(members(&bench, "No passcode").await, ["SERIALA"], "a fact that is missing moves nobody");
    let seen = bench.services.groups.of_device("A".to_owned()).await.unwrap();
    assert!(seen[0].member && seen[0].trouble.as_ref().unwrap().contains("PasscodePresent"), "{seen:?}");
    told(&bench, &a, json!({"SecurityInfo.PasscodePresent": true})).await;
    assert!(members(&bench, "No passcode").await.is_empty());
    assert!(bench.services.groups.of_device("A".to_owned()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_changed_rule_is_evaluated_for_every_device_in_steps() {
    let bench = Bench::new().await;
    let token = bench.link(catalog::Ownership::Corporate, None).await;
    for udid in ["A", "B", "C"] {
        bench.enroll_by(&token, udid).await;
    }
    let group = by_rule(&bench, "Phones", "device.serial == 'SERIALA'").await.unwrap();
    assert_eq!(group.members, 1);
    let change =
        GroupChangeRequest { rule: Some("device.serial != 'SERIALA'".to_owned()), ..Default::default() };
    let operator = bench.operator().await;
    let group = bench.services.groups.change(&operator, "Phones".to_owned(), change).await.unwrap();
    assert_eq!(group.members, 2);
    assert_eq!(members(&bench, "Phones").await, ["SERIALB", "SERIALC"]);
    let acts = bench.acts("group.change").await;
    assert!(acts[0].detail.contains("rule_before"), "{:?}", acts[0]);
}

#[tokio::test]
async fn a_finding_of_the_rule_before_is_void() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let group = by_rule(&bench, "G", "device.serial == 'nobody'").await.unwrap();
    let device = bench.epoch(&phone.udid).await.device_id;
    let (rules, id) = (Rules::default(), GroupId(group.id));
    let found = bench
        .tx(move |tx| {
            let mut old = Group::find(tx, id)?;
            old.rule = Some("true".to_owned());
            evaluate::look(tx, &rules, &[old], device)
        })
        .await;
    assert_eq!(found.len(), 1);
    let operator = bench.operator().await;
    let change = GroupChangeRequest { description: Some("x".to_owned()), ..Default::default() };
    bench.services.groups.change(&operator, "G".to_owned(), change).await.unwrap();
    let context = bench.services.context.clone();
    let events = bench.tx(move |tx| evaluate::settle(tx, &context, &found)).await;
    assert!(events.is_empty());
    assert!(members(&bench, "G").await.is_empty());
}

#[tokio::test]
async fn members_by_hand_are_put_in_and_taken_out_once() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let operator = bench.operator().await;
    let groups = &bench.services.groups;
    let request = GroupRequest { name: "Lab".to_owned(), rule: None, description: None };
    groups.create(&operator, request.clone()).await.unwrap();
    assert!(matches!(groups.create(&operator, request).await, Err(Error::Conflict(_))));
    for _ in 0..2 {
        groups.add(&operator, ("Lab".to_owned(), "SERIALA".to_owned()), Consent::default()).await.unwrap();
    }
    assert_eq!(members(&bench, "Lab").await, ["SERIALA"]);
    assert_eq!(bench.acts("group.add").await.len(), 1);
    groups.remove(&operator, ("Lab".to_owned(), "A".to_owned()), Consent::default()).await.unwrap();
    assert!(members(&bench, "Lab").await.is_empty());
    let unknown = groups.add(&operator, ("Lab".to_owned(), "nobody".to_owned()), Consent::default()).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
    by_rule(&bench, "Ruled", "true").await.unwrap();
    let refused = groups.remove(&operator, ("Ruled".to_owned(), "A".to_owned()), Consent::default()).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "the rule decides");
}

#[tokio::test]
async fn a_rule_is_tried_without_storing_anything() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    bench.enroll("B").await;
    let test = async |rule: &str, device: Option<&str>| {
        let request = RuleTestRequest { rule: rule.to_owned(), device: device.map(str::to_owned) };
        bench.services.groups.test(request).await
    };
    let all = test("device.serial == 'SERIALA' || labels.use == 'x'", None).await.unwrap();
    assert_eq!((all.devices, all.members, all.others, all.troubles), (2, 1, 0, 1));
    let one = test("device.serial == 'SERIALA'", Some("B")).await.unwrap();
    assert_eq!(one.sample[0].answer, "not_member");
    let wrong = test("devise", None).await;
    assert!(matches!(wrong, Err(Error::Invalid { field, .. }) if field == "rule"));
    assert!(bench.services.groups.list(PageQuery::default()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_group_that_is_deleted_frees_its_name_and_has_no_members() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    by_rule(&bench, "All", "true").await.unwrap();
    let operator = bench.operator().await;
    let gone = bench.services.groups.delete(&operator, "All".to_owned()).await.unwrap();
    assert_eq!(gone.members, 1);
    assert!(bench.services.groups.of_device("A".to_owned()).await.unwrap().is_empty());
    assert!(matches!(bench.services.groups.show(gone.id.to_string()).await, Err(Error::NotFound { .. })));
    by_rule(&bench, "All", "true").await.unwrap();
}

#[tokio::test]
async fn a_rule_that_moves_many_devices_of_an_assigned_group_asks_for_their_number() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let group = by_rule(&bench, "Phones", "device.serial == 'nobody'").await.unwrap();
    let (clock, epoch) = (bench.clock.clone(), bench.epoch("A").await);
    bench
        .tx(move |tx| {
            let device = store::Device::find(tx, epoch.device_id)?;
            for number in 0..11 {
                let id = DeviceId::new(&clock);
                store::Device { id, udid: Some(format!("U{number}")), ..device.clone() }.insert(tx)?;
            }
            assign(tx, &clock, GroupId(group.id))
        })
        .await;
    let operator = bench.operator().await;
    let change = async |confirm_devices: Option<i64>| {
        let rule = Some("device.serial == 'SERIALA'".to_owned());
        let request = GroupChangeRequest { rule, confirm_devices, ..Default::default() };
        bench.services.groups.change(&operator, "Phones".to_owned(), request).await
    };
    for wrong in [None, Some(11)] {
        let Err(Error::Conflict(why)) = change(wrong).await else { panic!("{wrong:?} is not the number") };
        assert!(why.contains("12 devices would join") && why.contains("1 assignments"), "{why}");
    }
    assert_eq!(change(Some(12)).await.unwrap().members, 12);
    let refused = bench.services.groups.delete(&operator, "Phones".to_owned()).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "an assignment names it");
}
