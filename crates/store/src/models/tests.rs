//! Rows on the real engine: what a caller relies on beyond "it inserts".

mod devices;
mod groups;
mod jobs;
mod sealed;

use std::time::Duration;

use catalog::Ownership;
use clock::Timestamp;

use crate::fixture::Scene;
use crate::{
    ApiToken, AuditEvent, AuditFilter, EnrollmentLink, Error, IdempotencyKey, Issuance, IssuanceId,
    IssuancePurpose, LinkId, NewAuditEvent, Page, Quarantined, Report, ReportId, Setting, TokenId,
};

fn link(scene: &Scene, uses_limit: Option<i32>) -> EnrollmentLink {
    let id = LinkId::new(&scene.clock);
    let link = EnrollmentLink {
        id,
        token_hash: id.as_bytes().to_vec(),
        label: None,
        owner: None,
        ownership: Ownership::Shared,
        uses_limit,
        uses: 0,
        expires_at: scene.now() + Duration::from_secs(60),
        revoked_at: None,
        stopped_at: None,
        stopped_reason: None,
        created_at: scene.now(),
        created_by: "test".to_owned(),
    };
    let kept = link.clone();
    scene.tx(move |tx| link.insert(tx));
    kept
}

#[test]
fn a_link_counts_its_uses_up_to_its_limit() {
    let scene = Scene::new();
    let (limited, open) = (link(&scene, Some(2)).id, link(&scene, None).id);
    let counted: Vec<bool> =
        (0..3).map(|_| scene.tx(move |tx| EnrollmentLink::count_use(tx, limited))).collect();
    assert_eq!(counted, [true, true, false]);
    for _ in 0..3 {
        assert!(scene.tx(move |tx| EnrollmentLink::count_use(tx, open)));
    }
    let used = scene.read(move |c| EnrollmentLink::find(c, limited));
    assert_eq!(used.uses, 2);
    assert!(!used.is_usable(scene.now()));
}

#[test]
fn a_link_that_is_over_taken_back_or_stopped_admits_nobody() {
    let scene = Scene::new();
    let fresh = link(&scene, None);
    assert!(fresh.is_usable(scene.now()));
    assert!(!fresh.is_usable(fresh.expires_at));
    let (id, now) = (fresh.id, scene.now());
    assert!(scene.tx(move |tx| EnrollmentLink::stop(tx, id, now, "three collisions in an hour")));
    assert!(!scene.tx(move |tx| EnrollmentLink::stop(tx, id, now, "another reason")));
    let stopped = scene.read(move |c| EnrollmentLink::find(c, id));
    assert_eq!(stopped.stopped_reason.as_deref(), Some("three collisions in an hour"));
    assert!(!stopped.is_usable(now));
    let other = link(&scene, None).id;
    assert!(scene.tx(move |tx| EnrollmentLink::revoke(tx, other, now)));
    assert!(!scene.read(move |c| EnrollmentLink::find(c, other)).is_usable(now));
}

#[test]
fn pages_of_links_follow_each_other_without_gap_or_repetition() {
    let scene = Scene::new();
    let mut made: Vec<LinkId> = (0..7)
        .map(|_| {
            scene.clock.advance(Duration::from_millis(1));
            link(&scene, None).id
        })
        .collect();
    made.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = scene.read(move |c| EnrollmentLink::list(c, Page { after, limit: 3 }));
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.iter().map(|link| link.id));
    }
    assert_eq!(seen, made);
}

#[test]
fn a_challenge_belongs_to_one_issuance() {
    let scene = Scene::new();
    let issuance = Issuance {
        id: IssuanceId::new(&scene.clock),
        purpose: IssuancePurpose::Enroll,
        challenge_hash: vec![7; 32],
        link_id: None,
        enrollment_id: None,
        delivery_seq: None,
        ownership: Ownership::Corporate,
        owner: None,
        subject: "CN=device".to_owned(),
        created_at: scene.now(),
        expires_at: scene.now(),
        transaction_id: None,
        key_digest: None,
        first_used_at: None,
        identity_id: None,
        topic: None,
        profile_digest: None,
        revoked_at: None,
    };
    let again = Issuance { id: IssuanceId::new(&scene.clock), ..issuance.clone() };
    let expected = issuance.clone();
    scene.tx(move |tx| issuance.insert(tx));
    assert_eq!(scene.read(|c| Issuance::find_by_challenge_hash(c, &[7; 32])), Some(expected));
    assert_eq!(scene.read(|c| Issuance::find_by_challenge_hash(c, &[8; 32])), None);
    assert!(scene.try_tx(move |tx| again.insert(tx)).unwrap_err().is_conflict_on("issuances.challenge_hash"));
}

fn report(scene: &Scene, (source, observed): (&str, u64), facts: &str) {
    let device = scene.read(|c| crate::Device::find_by_udid(c, "U1")).unwrap();
    let id = device.id;
    let epoch = scene.read(move |c| crate::Enrollment::current(c, id)).unwrap();
    let report = Report {
        id: ReportId::new(&scene.clock),
        device_id: id,
        enrollment_id: epoch.id,
        source: source.to_owned(),
        command_uuid: None,
        observed_at: Timestamp::from_millis(1000) + Duration::from_millis(observed),
        recorded_at: scene.now(),
        facts: facts.to_owned(),
    };
    scene.tx(move |tx| report.insert(tx));
}

#[test]
fn the_newest_value_of_each_fact_counts_and_any_time_can_be_asked_for() {
    let scene = Scene::new();
    scene.channel("U1");
    report(&scene, ("DeviceInformation", 10), r#"{"OSVersion":"18.0","DeviceName":"old"}"#);
    report(&scene, ("DeviceInformation", 20), r#"{"OSVersion":"18.1"}"#);
    report(&scene, ("SecurityInfo", 15), r#"{"PasscodePresent":true}"#);
    // It was observed before the others and came late.
    report(&scene, ("DeviceInformation", 5), r#"{"OSVersion":"17.0","DeviceName":"oldest"}"#);
    report(&scene, ("DeviceInformation", 30), "not JSON");
    let id = scene.read(|c| crate::Device::find_by_udid(c, "U1")).unwrap().id;
    let now = scene.read(move |c| Report::current_facts(c, id));
    assert_eq!(now["OSVersion"].value, "18.1");
    assert_eq!(now["DeviceName"].value, "old");
    assert_eq!(now["PasscodePresent"].source, "SecurityInfo");
    assert_eq!(now["OSVersion"].observed_at, Timestamp::from_millis(1020));
    let then = scene.read(move |c| Report::facts_at(c, id, Timestamp::from_millis(1012)));
    assert_eq!(then["OSVersion"].value, "18.0");
    assert!(!then.contains_key("PasscodePresent"));
}

#[test]
fn an_unknown_device_is_counted_once_per_name_and_certificate() {
    let scene = Scene::new();
    let clock = scene.clock.clone();
    for (fingerprint, new) in [([1; 32], true), ([1; 32], false), ([2; 32], true)] {
        let clock = clock.clone();
        let noted = scene.tx(move |tx| Quarantined::note(tx, &clock, ("U9", &fingerprint), "unknown"));
        let noted = noted.unwrap();
        assert_eq!(noted.1, new);
    }
    let rows = scene.read(|c| Quarantined::list(c, Page::first(10)));
    let mut counts: Vec<i64> = rows.iter().map(|row| row.count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn a_key_of_idempotency_is_used_once_by_one_token_and_its_answer_is_not_printed() {
    let scene = Scene::new();
    let tokens = [1_u8, 2].map(|number| ApiToken {
        id: TokenId::new(&scene.clock),
        name: "first".to_owned(),
        token_hash: vec![number; 32],
        prefix: "ward_".to_owned(),
        created_at: scene.now(),
        last_used_at: None,
        revoked_at: None,
    });
    let keys = tokens.clone().map(|token| IdempotencyKey {
        token_id: token.id,
        key: "k".to_owned(),
        request_digest: vec![0; 32],
        status: 201,
        body: b"a token that is shown once".to_vec(),
        created_at: scene.now(),
    });
    assert!(!format!("{:?}", keys[0]).contains("body"));
    scene.tx(move |tx| tokens.iter().try_for_each(|token| token.insert(tx)));
    let again = keys[0].clone();
    scene.tx(move |tx| keys.iter().try_for_each(|key| key.insert(tx)));
    let conflict = scene.try_tx(move |tx| again.insert(tx)).unwrap_err();
    assert!(matches!(conflict, Error::Conflict(_)));
    let later = scene.now() + Duration::from_secs(1);
    assert_eq!(scene.tx(move |tx| IdempotencyKey::delete_before(tx, later)), 2);
}

#[test]
fn acts_are_listed_newest_first_and_by_what_is_asked() {
    let scene = Scene::new();
    for (actor, action) in [("anna", "command.enqueue"), ("ben", "command.enqueue"), ("anna", "link.create")]
    {
        let event = NewAuditEvent {
            at: scene.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            class: None,
            target: None,
            detail: "{}".to_owned(),
        };
        scene.tx(move |tx| event.insert(tx));
    }
    let filter = AuditFilter { actor: Some("anna".to_owned()), ..AuditFilter::default() };
    let acts = scene.read(move |c| AuditEvent::list(c, &filter, Page::first(10)));
    assert_eq!(
        acts.iter().map(|act| act.action.as_str()).collect::<Vec<_>>(),
        ["link.create", "command.enqueue"]
    );
}

#[test]
fn a_setting_is_overwritten() {
    let scene = Scene::new();
    for value in ["1", "2"] {
        scene.tx(move |tx| Setting::write(tx, "crl_number", value));
    }
    assert_eq!(scene.read(|c| Setting::read(c, "crl_number")).as_deref(), Some("2"));
}
