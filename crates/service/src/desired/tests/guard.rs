//! What is not done at once: changes of many devices, removals from many devices, profiles that the linter refuses.

use store::DeviceItem;

use super::*;

/// So many enrolled devices, all with the profile `lock` installed and seen, and the id of its assignment.
async fn fleet(ward: &Ward, count: usize) -> (Vec<Obedient>, uuid::Uuid) {
    ward.upload(LOCK).await;
    let assignment = ward.assign_everywhere("lock").await.assignment.unwrap();
    let token = ward.bench.link(catalog::Ownership::Corporate, None).await;
    let mut devices = Vec::new();
    for number in 0..count {
        let phone = ward.bench.enroll_by(&token, &format!("D{number}")).await;
        devices.push(Obedient { phone, profiles: BTreeMap::new(), payloads: Vec::new(), refuses: false });
    }
    for device in &mut devices {
        ward.settle(device).await;
        assert_eq!(device.profiles.len(), 1);
    }
    (devices, assignment)
}

#[tokio::test]
async fn above_ten_devices_nothing_is_done_before_the_number_is_repeated() {
    let ward = Ward::new().await;
    let (mut devices, assignment) = fleet(&ward, 12).await;
    let desired = &ward.bench.services.desired;
    let proposed = desired.unassign(&ward.operator, assignment, false).await.unwrap();
    assert_eq!((proposed.outcome.as_str(), proposed.preview.removed), ("proposed", 12));
    assert!(ward.settle(&mut devices[0]).await.is_empty());
    let action = proposed.action.unwrap();
    let wrong = desired.apply_action(&ward.operator, action.id, 11).await;
    assert!(matches!(wrong, Err(Error::Invalid { .. })), "{wrong:?}");

    let done = desired.apply_action(&ward.operator, action.id, 12).await.unwrap();
    assert_eq!(done.outcome, "applied");
    // A person has named the number: the brake lets them all go.
    for device in &mut devices {
        assert_eq!(ward.settle(device).await, ["RemoveProfile"]);
    }
    let again = desired.apply_action(&ward.operator, action.id, 12).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let listed = desired.actions(PageQuery::default()).await.unwrap();
    assert_eq!(listed.items[0].state, "applied");
}

#[tokio::test]
async fn an_action_that_would_do_something_else_by_now_is_refused() {
    let ward = Ward::new().await;
    let (devices, assignment) = fleet(&ward, 12).await;
    let desired = &ward.bench.services.desired;
    let action = desired.unassign(&ward.operator, assignment, false).await.unwrap().action.unwrap();
    ward.bench.check_out(&devices[3].phone).await.unwrap();
    let stale = desired.apply_action(&ward.operator, action.id, 12).await;
    assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
}

#[tokio::test]
async fn a_dry_run_shows_and_does_nothing() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    ward.upload(LOCK).await;
    let request =
        AssignmentRequest { profile: "lock".to_owned(), dry_run: true, ..AssignmentRequest::default() };
    let shown = ward.assign(request).await;
    assert_eq!((shown.outcome.as_str(), shown.preview.added), ("preview", 1));
    assert!(ward.settle(&mut device).await.is_empty());
    assert!(ward.bench.services.desired.assignments().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_brake_stops_removals_that_nobody_confirmed() {
    let ward = Ward::new().await;
    let (mut devices, _) = fleet(&ward, 12).await;
    // A defect elsewhere: the assignment is gone, and nobody has said so.
    ward.bench
        .tx(|tx| {
            let mut all = store::Assignment::list_active(tx)?;
            let mut row = all.remove(0);
            row.state = store::AssignmentState::Removed;
            Ok(row.save(tx)?)
        })
        .await;
    let mut removed = 0;
    for device in &mut devices {
        device.tell_profiles(&ward).await;
        removed += usize::from(device.profiles.is_empty());
    }
    assert_eq!(removed, 10);
    let incidents = ward.open_incidents().await;
    assert_eq!((incidents.len(), incidents[0].kind.as_str()), (1, "removal_brake"));
    let waiting = ward.item(&devices[11], "lock").await;
    assert_eq!((waiting.state.as_str(), waiting.why[0].code.as_str()), ("waiting", "brake"));

    let desired = &ward.bench.services.desired;
    let close = |allow| CloseIncidentRequest { reason: "meant so".to_owned(), allow_devices: allow };
    let without = desired.close_incident(&ward.operator, incidents[0].id, close(None)).await;
    assert!(matches!(without, Err(Error::Invalid { .. })), "{without:?}");
    desired.close_incident(&ward.operator, incidents[0].id, close(Some(1))).await.unwrap();
    let mut more = 0;
    for device in &mut devices {
        more += ward.settle(device).await.len();
    }
    assert_eq!(more, 1);
}

#[tokio::test]
async fn a_profile_with_errors_of_the_linter_needs_a_written_reason() {
    let ward = Ward::new().await;
    let erasing = LOCK.replace("maxInactivity = 2", "maxInactivity = 2\nmaxFailedAttempts = 3");
    let request = |reason: Option<&str>| ProfileRequest {
        name: None,
        toml: Some(erasing.clone()),
        mobileconfig: None,
        encrypt: false,
        override_reason: reason.map(str::to_owned),
    };
    let desired = &ward.bench.services.desired;
    let refused = desired.upload(&ward.operator, request(None)).await;
    assert!(
        matches!(&refused, Err(Error::Invalid { reason, .. }) if reason.contains("failed-attempts")),
        "{refused:?}"
    );
    let taken = desired.upload(&ward.operator, request(Some("a test device"))).await.unwrap();
    assert_eq!(taken.profile.newest.override_reason.as_deref(), Some("a test device"));
    assert!(taken.profile.newest.lint.iter().any(|finding| finding.severity == "error"));
}

#[tokio::test]
async fn two_profiles_cannot_have_one_identifier() {
    let ward = Ward::new().await;
    ward.upload(&LOCK.replace("title =", "identifier = \"org.example.lock\"\ntitle =")).await;
    let other = LOCK
        .replace("title =", "identifier = \"org.example.lock\"\ntitle =")
        .replace("\"lock\"", "\"other\"");
    let request = ProfileRequest {
        name: None,
        toml: Some(other),
        mobileconfig: None,
        encrypt: false,
        override_reason: None,
    };
    let refused = ward.bench.services.desired.upload(&ward.operator, request).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn an_enrolment_that_is_over_is_left_alone() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    ward.upload(LOCK).await;
    ward.assign_everywhere("lock").await;
    ward.settle(&mut device).await;
    let epoch = ward.bench.epoch("A").await;
    ward.bench.check_out(&device.phone).await.unwrap();
    let context = ward.bench.services.context.clone();
    let id = epoch.id;
    ward.bench.tx(move |tx| super::super::trigger::reconcile(tx, &context, id)).await;
    ward.reconcile().await;
    let rows = ward.bench.tx(move |tx| Ok(DeviceItem::list_of(tx, id)?)).await;
    assert_eq!(rows[0].command_id, None);
}

#[tokio::test]
async fn a_variable_a_label_and_a_secret_ask_for_the_number_of_devices_as_well() {
    let ward = Ward::new().await;
    let (mut devices, _) = fleet(&ward, 12).await;
    let (desired, organisation) = (&ward.bench.services.desired, &ward.bench.services.organisation);
    let consent = |confirm_devices| Consent { confirm_devices, ..Consent::default() };
    let root = organisation.places(false).await.unwrap()[0].id.to_string();
    let set = async |name: &str, value: &str, consent| {
        let request = serde_json::from_value(serde_json::json!({ "value": value })).unwrap();
        organisation.set_variable(&ward.operator, (root.clone(), name.to_owned()), request, consent).await
    };
    // A variable that no profile uses touches no device, and needs no number.
    set("unused", "1", consent(None)).await.unwrap();

    set("name", "Clinic", consent(None)).await.unwrap();
    ward.upload(CLIP).await;
    let action = ward.assign_everywhere("clip").await.action.unwrap();
    desired.apply_action(&ward.operator, action.id, 12).await.unwrap();
    for device in &mut devices {
        assert_eq!(ward.settle(device).await, ["InstallProfile"]);
    }

    let refused = set("name", "Other", consent(None)).await;
    let Err(Error::Unconfirmed(preview)) = refused else { panic!("{refused:?}") };
    assert_eq!((preview.devices, preview.replaced), (12, 12));
    let wrong = set("name", "Other", consent(Some(11))).await;
    assert!(matches!(wrong, Err(Error::Unconfirmed(_))), "{wrong:?}");
    let shown = set("name", "Other", Consent { dry_run: true, confirm_devices: Some(12) }).await;
    assert!(matches!(&shown, Err(Error::Shown(preview)) if preview.replaced == 12), "{shown:?}");
    assert!(ward.settle(&mut devices[0]).await.is_empty(), "nothing was done yet");
    set("name", "Other", consent(Some(12))).await.unwrap();
    assert_eq!(ward.settle(&mut devices[0]).await, ["InstallProfile"]);
}

#[tokio::test]
async fn what_a_label_does_through_a_rule_is_shown_before_it_is_done() {
    let ward = Ward::new().await;
    let mut device = ward.device("A").await;
    let request =
        serde_json::json!({ "name": "Bedside", "rule": "has(labels.use) && labels.use == 'bedside'" });
    ward.bench
        .services
        .groups
        .create(&ward.operator, serde_json::from_value(request).unwrap())
        .await
        .unwrap();
    ward.upload(LOCK).await;
    let (profile, group) = ("lock".to_owned(), Some("Bedside".to_owned()));
    ward.assign(AssignmentRequest { profile, group, ..AssignmentRequest::default() }).await;
    let label = async |consent| {
        let request = serde_json::from_value(serde_json::json!({ "value": "bedside" })).unwrap();
        let which = ("A".to_owned(), "use".to_owned());
        ward.bench.services.organisation.set_label(&ward.operator, which, request, consent).await
    };
    let shown = label(Consent { dry_run: true, confirm_devices: None }).await;
    assert!(matches!(&shown, Err(Error::Shown(preview)) if preview.added == 1), "{shown:?}");
    assert!(ward.settle(&mut device).await.is_empty(), "nothing was done yet");
    label(Consent::default()).await.unwrap();
    ward.bench.services.groups.evaluator().run_once().await.unwrap();
    assert_eq!(ward.settle(&mut device).await, ["InstallProfile"]);
}
