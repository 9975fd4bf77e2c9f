//! One test for each row of the table in the README: what an event clears, keeps, or marks as being from before.

use super::*;
use crate::testing::KEYS;

async fn escrow(bench: &Bench, phone: &Phone) {
    bench
        .token_update(phone, |message| message.unlock_token = Some(b"unlock".to_vec().into()))
        .await
        .unwrap();
    bench.check_in(phone, set_token(phone, Some(b"bootstrap"))).await.unwrap();
}

#[tokio::test]
async fn an_authenticate_with_the_pinned_certificate_keeps_the_secrets_and_marks_them() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    escrow(&bench, &phone).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("DeviceInformation")).await;
    bench.authenticate(&phone).await.unwrap();
    assert_eq!(bench.epochs(UDID).await.len(), 1);
    assert_eq!(bench.epoch(UDID).await.state, EnrollmentState::Enrolled);
    assert_eq!(secret(&bench, UDID, SecretKind::BootstrapToken).await, Some((b"bootstrap".to_vec(), true)));
    assert_eq!(secret(&bench, UDID, SecretKind::UnlockToken).await, Some((b"unlock".to_vec(), true)));
    assert!(bench.tx(move |tx| Ok(tx.pending_by_seq(seq).is_some())).await, "the queue goes on");
    assert!(matches!(bench.check_in(&phone, get_token(&phone)).await, Ok(Reply::OwnSecret(_))));

    bench
        .token_update(&phone, |message| message.unlock_token = Some(b"newer".to_vec().into()))
        .await
        .unwrap();
    assert_eq!(secret(&bench, UDID, SecretKind::UnlockToken).await, Some((b"newer".to_vec(), false)));
}

#[tokio::test]
async fn a_new_enrolment_of_a_known_device_is_a_new_epoch_that_inherits_nothing() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    escrow(&bench, &old).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
    let new = bench.enroll(UDID).await;
    let epochs = bench.epochs(UDID).await;
    assert_eq!(epochs.len(), 2);
    assert_eq!((epochs[0].epoch, epochs[0].previous_id), (2, Some(epochs[1].id)));
    assert_eq!(epochs[0].device_id, epochs[1].device_id);
    assert_eq!(secret(&bench, UDID, SecretKind::UnlockToken).await, None);
    assert!(matches!(bench.check_in(&new, get_token(&new)).await, Ok(Reply::Nothing)));
    assert!(bench.next(&new).await.is_none(), "the erase of the earlier epoch must not reach this one");
    let kept = bench.tx(move |tx| Ok(store::Delivery::find(tx, seq)?)).await;
    assert_eq!(kept.enrollment_id, epochs[1].id);
}

#[tokio::test]
async fn an_earlier_enrolment_that_speaks_is_believed_and_the_newer_one_set_apart() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    bench.days(1);
    let new = bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epochs(UDID).await[0], command("DeviceInformation")).await;
    bench.days(6);
    assert!(matches!(bench.idle(&old).await, Ok(Reply::Nothing)));
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs[0].state, epochs[1].state), (EnrollmentState::Quarantined, EnrollmentState::Enrolled));
    assert!(epochs[0].quarantine_reason.is_some());
    assert_eq!(bench.acts("enrollment.quarantined").await.len(), 1);
    assert!(bench.next(&new).await.is_none(), "a quarantined epoch gets no commands");
    assert!(bench.tx(move |tx| Ok(tx.pending_by_seq(seq).is_some())).await);
    // And the older one goes on as if nothing had happened.
    bench.enqueue(&epochs[1], command("ProfileList")).await;
    assert!(bench.next(&old).await.is_some());
}

#[tokio::test]
async fn the_device_of_an_earlier_enrolment_is_woken_at_once_so_that_it_can_object() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    let old = bench.device_channel(&bench.epoch(UDID).await).await.id.to_string();
    let now = bench.services.context.now();
    let due = move |tx: &mut store::Tx<'_>| {
        let jobs = store::Job::lease(tx, &[crate::push::SEND_PUSH], now, now + Duration::from_secs(60), 100)?;
        let keys: Vec<String> = jobs.iter().map(|job| job.key.clone()).collect();
        for job in jobs {
            job.finish(tx)?;
        }
        Ok(keys)
    };
    bench.tx(due).await;
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    let claim = bench.unenrolled(&token, UDID).await;
    bench.authenticate(&claim).await.unwrap();
    assert_eq!(bench.tx(due).await, [old]);
}

#[tokio::test]
async fn an_earlier_enrolment_that_was_silent_for_a_week_no_longer_counts() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    let new = bench.enroll(UDID).await;
    bench.days(7);
    let refused = bench.idle(&old).await.unwrap_err();
    assert!(matches!(refused, Error::Identity(IdentityRefusal::Revoked)));
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs[0].state, epochs[1].state), (EnrollmentState::Enrolled, EnrollmentState::Superseded));
    assert!(matches!(bench.idle(&new).await, Ok(Reply::Nothing)));
}

#[tokio::test]
async fn an_epoch_that_is_set_apart_itself_has_no_say_against_a_newer_one() {
    let bench = Bench::new().await;
    let first = bench.enroll(UDID).await;
    let impostor = bench.enroll(UDID).await;
    bench.idle(&first).await.unwrap();
    bench.check_out(&first).await.unwrap();
    let third = bench.enroll(UDID).await;
    assert!(matches!(bench.idle(&impostor).await, Ok(Reply::Nothing)));
    let states: Vec<_> = bench.epochs(UDID).await.iter().map(|epoch| epoch.state).collect();
    assert_eq!(
        states,
        [EnrollmentState::Enrolled, EnrollmentState::Quarantined, EnrollmentState::CheckedOut]
    );
    assert!(matches!(bench.idle(&third).await, Ok(Reply::Nothing)));
}

#[tokio::test]
async fn an_enrolment_that_was_never_completed_has_its_say_for_an_hour() {
    for (minutes, expected) in [(59, EnrollmentState::Quarantined), (60, EnrollmentState::Enrolled)] {
        let bench = Bench::new().await;
        let token = bench.link(Ownership::Corporate, None).await;
        let begun = bench.unenrolled(&token, UDID).await;
        bench.authenticate(&begun).await.unwrap();
        bench.enroll(UDID).await;
        bench.advance(Duration::from_secs(60 * minutes));
        let spoken = bench.token_update(&begun, |_| {}).await;
        assert_eq!(bench.epoch(UDID).await.state, expected, "{minutes}: {spoken:?}");
    }
}

#[tokio::test]
async fn the_check_out_of_an_earlier_enrolment_is_not_an_objection() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    bench.enroll(UDID).await;
    bench.check_out(&old).await.unwrap();
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs[0].state, epochs[1].state), (EnrollmentState::Enrolled, EnrollmentState::CheckedOut));
}

#[tokio::test]
async fn a_link_with_which_somebody_claims_known_devices_is_stopped() {
    let bench = Bench::new().await;
    let known: Vec<String> = (0..5).map(|number| format!("KNOWN-{number}")).collect();
    for udid in &known {
        bench.enroll(udid).await;
    }
    let token = bench.link(Ownership::Corporate, Some(100)).await;
    let mut accepted = 0;
    for udid in &known {
        let challenge = bench.challenge(&token).await;
        let Some(certificate) = bench.certify(&challenge, &KEYS[1]).await else { break };
        let claim = bench.authenticate(&Phone { udid: udid.clone(), certificate }).await;
        if claim.is_err() {
            break;
        }
        accepted += 1;
    }
    assert_eq!(accepted, 3);
    assert!(bench.find_link(&token).await.stopped_at.is_some());
    assert!(matches!(bench.services.enrollments.open(&token).await, Err(Error::Gone(_))));
    for udid in &known {
        let oldest = bench.epochs(udid).await.pop().unwrap();
        assert_eq!(oldest.state, EnrollmentState::Enrolled, "nobody was evicted");
    }
}

#[tokio::test]
async fn writing_the_udid_in_other_letters_does_not_hide_the_collision() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    bench.enroll(&UDID.to_ascii_lowercase()).await;
    assert_eq!(bench.acts("enrollment.collision").await.len(), 1);
    assert_eq!(bench.epoch(&UDID.to_ascii_lowercase()).await.epoch, 2);
}

#[tokio::test]
async fn a_link_counts_devices_and_not_attempts() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    for _ in 0..3 {
        bench.challenge(&token).await;
    }
    let phone = bench.unenrolled(&token, UDID).await;
    let other = bench.unenrolled(&token, "OTHER").await;
    assert_eq!(bench.find_link(&token).await.uses, 0);
    bench.authenticate(&phone).await.unwrap();
    bench.authenticate(&phone).await.unwrap();
    assert_eq!(bench.find_link(&token).await.uses, 1);
    assert!(matches!(bench.authenticate(&other).await, Err(Error::Forbidden(_))));
    assert!(bench.epochs("OTHER").await.is_empty());
}

#[tokio::test]
async fn waiting_in_setup_assistant_proves_that_the_earlier_epoch_was_erased() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
    assert!(bench.next(&old).await.is_some());
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    let new = bench.unenrolled(&token, UDID).await;
    bench.authenticate(&new).await.unwrap();
    bench.token_update(&new, |message| message.awaiting_configuration = Some(true)).await.unwrap();
    let delivery = bench.tx(move |tx| Ok(store::Delivery::find(tx, seq)?)).await;
    assert_eq!(delivery.progress.state, DeliveryState::Acknowledged);
    assert_eq!(bench.acts("device.erase_verified").await.len(), 1);
    assert_eq!(bench.epochs(UDID).await[1].state, EnrollmentState::Ended);
}

#[tokio::test]
async fn an_ordinary_re_enrolment_proves_nothing_about_an_erase() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
    assert!(bench.next(&old).await.is_some());
    bench.enroll(UDID).await;
    assert!(bench.acts("device.erase_verified").await.is_empty());
    let delivery = bench.tx(move |tx| Ok(store::Delivery::find(tx, seq)?)).await;
    assert_eq!(delivery.progress.state, DeliveryState::HandedOut);
}
