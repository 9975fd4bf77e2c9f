use plist::{Dictionary, Value};
use protocol_mdm::{Checkin, GetBootstrapToken, SetBootstrapToken, Status};
use store::EnrollmentState;

use crate::testing::{Bench, KEYS, Phone, challenge_in, command, payload};
use crate::{Error, IdentityRefusal, Reply};

const UDID: &str = "00008030-001A2B3C4D5E6F70";

/// Lets a device renew its certificate and returns it with the new one.
async fn renew(bench: &Bench, phone: &Phone) -> Phone {
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 1);
    let (uuid, dictionary) = bench.next(phone).await.unwrap();
    assert_eq!(dictionary["RequestType"].as_string(), Some("InstallProfile"));
    assert_eq!(dictionary.len(), 2, "nothing but Apple's keys");
    let profile = dictionary["Payload"].as_data().unwrap();
    let certificate = bench.certify(&challenge_in(profile), &KEYS[1]).await.unwrap();
    bench.answer(phone, &uuid, Status::Acknowledged, Dictionary::new()).await.unwrap();
    Phone { udid: phone.udid.clone(), certificate }
}

#[tokio::test]
async fn a_certificate_is_renewed_after_half_its_life_and_once() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    bench.days(182);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0);
    bench.days(1);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 1);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0, "it waits already");
    let (uuid, _) = bench.next(&phone).await.unwrap();
    bench.answer(&phone, &uuid, Status::Error, Dictionary::new()).await.unwrap();
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0, "not at once again");
    bench.days(1);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 1);
}

#[tokio::test]
async fn the_renewed_certificate_goes_on_where_the_old_one_was() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let set = SetBootstrapToken {
        identifiers: phone.ids(),
        bootstrap_token: Some(b"bootstrap".to_vec().into()),
        awaiting_configuration: None,
    };
    bench.check_in(&phone, Checkin::SetBootstrapToken(set)).await.unwrap();
    bench.days(200);
    let new = renew(&bench, &phone).await;
    // Both are good until the new one is seen.
    assert!(matches!(bench.idle(&phone).await, Ok(Reply::Nothing)));
    assert!(bench.acts("identity.clone_suspected").await.is_empty());
    assert!(matches!(bench.idle(&new).await, Ok(Reply::Nothing)), "no Authenticate is needed");
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs.len(), epochs[0].state), (1, EnrollmentState::Enrolled));
    let get = GetBootstrapToken { identifiers: new.ids(), awaiting_configuration: None };
    let answer = bench.check_in(&new, Checkin::GetBootstrapToken(get)).await;
    assert!(matches!(answer, Ok(Reply::OwnSecret(_))), "a Mac would not send it again");
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0);
}

#[tokio::test]
async fn an_authenticate_with_the_renewed_certificate_is_no_new_enrolment() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    bench.days(200);
    let new = renew(&bench, &phone).await;
    bench.authenticate(&new).await.unwrap();
    bench.token_update(&new, |_| {}).await.unwrap();
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs.len(), epochs[0].state), (1, EnrollmentState::Enrolled));
    assert!(bench.acts("enrollment.collision").await.is_empty());
}

#[tokio::test]
async fn an_old_certificate_that_is_used_after_the_new_one_raises_a_clone_alarm_and_gets_nothing() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    bench.days(200);
    let new = renew(&bench, &phone).await;
    bench.idle(&new).await.unwrap();
    bench.enqueue(&bench.epoch(UDID).await, command("DeviceInformation")).await;
    for _ in 0..3 {
        assert!(bench.next(&phone).await.is_none());
    }
    assert_eq!(bench.acts("identity.clone_suspected").await.len(), 1, "said once, not with every poll");
    let address = bench.device_channel(&bench.epoch(UDID).await).await.push_token;
    bench.token_update(&phone, |message| message.token = Some(vec![9; 32].into())).await.unwrap();
    assert_eq!(bench.device_channel(&bench.epoch(UDID).await).await.push_token, address);
    let refused = bench.authenticate(&phone).await.unwrap_err();
    assert!(matches!(refused, Error::Identity(IdentityRefusal::Revoked)));
    assert!(bench.next(&new).await.is_some(), "the new one is served");
    bench.days(1);
    bench.idle(&phone).await.unwrap();
    assert_eq!(bench.acts("identity.clone_suspected").await.len(), 2);
}

#[tokio::test]
async fn the_challenge_of_a_renewal_pins_to_its_own_epoch_only() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    bench.enroll("OTHER").await;
    bench.days(200);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 2);
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    let challenge = challenge_in(dictionary["Payload"].as_data().unwrap());
    let certificate = bench.certify(&challenge, &KEYS[1]).await.unwrap();
    let thief = Phone { udid: "OTHER".to_owned(), certificate };
    let refused = bench.idle(&thief).await.unwrap_err();
    assert!(matches!(refused, Error::Identity(IdentityRefusal::Mismatch)));
}

#[tokio::test]
async fn the_renewal_profile_changes_neither_topic_nor_rights_nor_identifiers() {
    let bench = Bench::new().await;
    let token = bench.link(catalog::Ownership::Corporate, None).await;
    let (first, _permit) = bench.services.enrollments.profile(&token).await.unwrap();
    let phone = bench.enroll(UDID).await;
    bench.days(200);
    bench.services.renewals.enqueue_due(100).await.unwrap();
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    let second = dictionary["Payload"].as_data().unwrap().to_vec();
    let (before, after) = (payload(&first, "com.apple.mdm"), payload(&second, "com.apple.mdm"));
    for key in
        ["Topic", "ServerURL", "AccessRights", "PayloadUUID", "PayloadIdentifier", "ServerCapabilities"]
    {
        assert_eq!(before.get(key), after.get(key), "{key}");
    }
    let challenge = |profile: &[u8]| Value::from(challenge_in(profile));
    assert_ne!(challenge(&first), challenge(&second));
}

#[tokio::test]
async fn a_device_whose_profile_is_not_what_it_should_be_is_sent_it_again() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let mut enrollment = bench.epoch(UDID).await;
    assert!(enrollment.profile_digest.is_some());
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0);
    enrollment.profile_digest = Some(vec![0; 32]);
    bench.tx(move |tx| Ok(enrollment.save(tx)?)).await;
    let new = renew(&bench, &phone).await;
    bench.idle(&new).await.unwrap();
    bench.days(2);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0, "now it is");
}

#[tokio::test]
async fn a_renewal_nobody_fetched_is_made_anew_after_a_month() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    bench.days(200);
    bench.services.renewals.enqueue_due(100).await.unwrap();
    bench.days(31);
    let now = bench.services.context.now();
    bench.tx(move |tx| Ok(tx.expire(now, 100)?)).await;
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 1);
}

#[tokio::test]
async fn the_schedule_looks_for_renewals_by_itself() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let scheduler = bench.services.scheduler();
    scheduler.run_once().await.unwrap();
    bench.days(184);
    scheduler.run_once().await.unwrap();
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    assert_eq!(dictionary["RequestType"].as_string(), Some("InstallProfile"));
}

#[tokio::test]
async fn when_a_renewal_is_due_follows_from_the_dates_of_the_certificate() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    let id = bench.epoch(UDID).await.identity_id.unwrap();
    bench
        .tx(move |tx| {
            let mut identity = store::Identity::find(tx, id)?;
            identity.not_after = identity.not_before + std::time::Duration::from_secs(100 * 86_400);
            Ok(identity.save(tx)?)
        })
        .await;
    bench.days(49);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0);
    bench.days(1);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 1);
}

#[tokio::test]
async fn an_authority_that_ends_soon_does_not_renew_its_devices_for_nothing() {
    let bench = Bench::new().await;
    bench.days(3_500);
    let phone = bench.enroll(UDID).await;
    bench.days(120);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0);
    let checks = bench.services.health.checks().await.unwrap();
    let found = checks.iter().find(|check| check.name == "identities.renewal").unwrap();
    assert_eq!(found.severity, crate::views::CheckSeverity::Warning);
    bench
        .services
        .authorities
        .roll(pki::AuthorityKind::Rsa2048, crate::audit::Act::by_ward("authority.roll"))
        .await
        .unwrap();
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 1);
    assert!(bench.next(&phone).await.is_some());
}

#[tokio::test]
async fn an_expired_device_is_not_asked_to_renew_for_nothing() {
    let bench = Bench::new().await;
    bench.days(3_500);
    let phone = bench.enroll(UDID).await;
    // The certificate ends with its authority: a new one would end at the same moment.
    bench.days(200);
    assert!(bench.next(&phone).await.is_none());
    let roll = crate::audit::Act::by_ward("authority.roll");
    bench.services.authorities.roll(pki::AuthorityKind::Rsa2048, roll).await.unwrap();
    assert!(bench.next(&phone).await.is_some(), "now a renewal helps");
}

#[tokio::test]
async fn a_profile_that_was_fetched_before_a_roll_and_installed_after_it_is_known_to_be_old() {
    let bench = Bench::new().await;
    let token = bench.link(catalog::Ownership::Corporate, Some(1)).await;
    let challenge = bench.challenge(&token).await;
    let roll = crate::audit::Act::by_ward("authority.roll");
    bench.services.authorities.roll(pki::AuthorityKind::Rsa2048, roll).await.unwrap();
    let certificate = bench.certify(&challenge, &KEYS[0]).await.unwrap();
    let phone = Phone { udid: UDID.to_owned(), certificate };
    bench.authenticate(&phone).await.unwrap();
    bench.token_update(&phone, |_| {}).await.unwrap();
    bench.clear_queue(&phone).await;
    let renewed = renew(&bench, &phone).await;
    assert!(matches!(bench.idle(&renewed).await, Ok(Reply::Nothing)));
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 0, "it has the new profile");
}
