//! What an epoch may not claim: that an earlier device is erased while it speaks, and what is somebody else's to say.

use protocol_mdm::Status;
use store::{Delivery, DeliverySeq};

use super::*;
use crate::testing::{KEYS, challenge_in};

async fn state(bench: &Bench, seq: DeliverySeq) -> DeliveryState {
    bench.tx(move |tx| Ok(Delivery::find(tx, seq)?)).await.progress.state
}

/// Enrols under a name and says that Setup Assistant waits.
async fn in_setup_assistant(bench: &Bench, udid: &str) -> Phone {
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    let phone = bench.unenrolled(&token, udid).await;
    bench.authenticate(&phone).await.unwrap();
    bench.token_update(&phone, |message| message.awaiting_configuration = Some(true)).await.unwrap();
    phone
}

#[tokio::test]
async fn waiting_in_setup_assistant_proves_nothing_against_a_device_that_was_heard_after_its_erase() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
    let (uuid, _) = bench.next(&old).await.unwrap();
    bench.answer(&old, &uuid, Status::Acknowledged, plist::Dictionary::new()).await.unwrap();
    bench.advance(Duration::from_secs(2));
    bench.idle(&old).await.unwrap();
    in_setup_assistant(&bench, UDID).await;
    assert_eq!(state(&bench, seq).await, DeliveryState::Acknowledged);
    assert!(bench.acts("device.erase_verified").await.is_empty());
    assert_eq!(bench.epochs(UDID).await[1].state, EnrollmentState::Enrolled);
}

#[tokio::test]
async fn waiting_in_setup_assistant_does_not_verify_an_erase_that_was_refused_or_put_off() {
    for (status, verified) in [(Status::Error, 0), (Status::NotNow, 0), (Status::Acknowledged, 1)] {
        let bench = Bench::new().await;
        let old = bench.enroll(UDID).await;
        bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
        let (uuid, _) = bench.next(&old).await.unwrap();
        bench.answer(&old, &uuid, status.clone(), plist::Dictionary::new()).await.unwrap();
        in_setup_assistant(&bench, UDID).await;
        assert_eq!(bench.acts("device.erase_verified").await.len(), verified, "{status:?}");
    }
}

#[tokio::test]
async fn an_erase_that_the_device_survived_does_not_switch_the_collision_rule_off() {
    // A single poll after the answer is enough: the command did not take effect.
    for (seconds, collisions) in [(0, 0), (1, 1)] {
        let bench = Bench::new().await;
        let old = bench.enroll(UDID).await;
        bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
        let (uuid, _) = bench.next(&old).await.unwrap();
        bench.answer(&old, &uuid, Status::Acknowledged, plist::Dictionary::new()).await.unwrap();
        bench.advance(Duration::from_secs(seconds));
        bench.idle(&old).await.unwrap();
        bench.enroll(UDID).await;
        assert_eq!(bench.acts("enrollment.collision").await.len(), collisions, "{seconds} s");
    }
}

#[tokio::test]
async fn an_erase_is_found_behind_any_number_of_newer_deliveries() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    let epoch = bench.epoch(UDID).await;
    bench.enqueue(&epoch, command("EraseDevice")).await;
    let (uuid, _) = bench.next(&old).await.unwrap();
    bench.answer(&old, &uuid, Status::Acknowledged, plist::Dictionary::new()).await.unwrap();
    for _ in 0..201 {
        bench.enqueue(&epoch, command("ProfileList")).await;
    }
    bench.enroll(UDID).await;
    assert_eq!(bench.epochs(UDID).await[1].state, EnrollmentState::Ended);
    assert!(bench.acts("enrollment.collision").await.is_empty());
}

#[tokio::test]
async fn a_device_that_is_erased_comes_back_by_its_challenge_although_its_epoch_was_closed_meanwhile() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let mut back = plist::Dictionary::new();
    back.insert("Enabled".to_owned(), true.into());
    let mut erase = command("EraseDevice");
    erase.insert("ReturnToService".to_owned(), back.into());
    let seq = bench.enqueue(&bench.epoch(UDID).await, erase).await;
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    let profile = dictionary["ReturnToService"].as_dictionary().unwrap()["MDMProfileData"].as_data().unwrap();
    bench.check_out(&phone).await.unwrap();
    let certificate = bench.certify(&challenge_in(profile), &KEYS[1]).await.unwrap();
    let returned = Phone { udid: UDID.to_owned(), certificate };
    bench.authenticate(&returned).await.unwrap();
    bench.token_update(&returned, |_| {}).await.unwrap();
    assert_eq!(bench.epoch(UDID).await.state, EnrollmentState::Enrolled);
    assert_eq!(state(&bench, seq).await, DeliveryState::Acknowledged);
}

#[tokio::test]
async fn what_a_replaced_certificate_answers_is_not_recorded() {
    let bench = Bench::new().await;
    let clone = bench.enroll(UDID).await;
    bench.days(200);
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 1);
    let (uuid, dictionary) = bench.next(&clone).await.unwrap();
    let challenge = challenge_in(dictionary["Payload"].as_data().unwrap());
    let certificate = bench.certify(&challenge, &KEYS[1]).await.unwrap();
    let phone = Phone { udid: UDID.to_owned(), certificate };
    bench.answer(&phone, &uuid, Status::Acknowledged, plist::Dictionary::new()).await.unwrap();
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("ProfileList")).await;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    bench.answer(&clone, &uuid, Status::Acknowledged, plist::Dictionary::new()).await.unwrap();
    assert_eq!(state(&bench, seq).await, DeliveryState::HandedOut);
}

#[tokio::test]
async fn a_disputed_epoch_reports_and_does_not_rewrite_the_devices_record() {
    let bench = Bench::new().await;
    let old = bench.enroll(UDID).await;
    let new = bench.enroll(UDID).await;
    let record = |epoch: &store::Enrollment| {
        let id = epoch.device_id;
        bench.tx(move |tx| Ok(store::Device::find(tx, id)?))
    };
    for (phone, told, expected) in [(&new, "9.9", "26.1"), (&old, "26.2", "26.2")] {
        let epochs = bench.epochs(UDID).await;
        let epoch = epochs.iter().find(|epoch| (epoch.epoch == 2) == (told == "9.9")).unwrap();
        bench.enqueue(epoch, command("DeviceInformation")).await;
        let (uuid, _) = bench.next(phone).await.unwrap();
        let mut responses = plist::Dictionary::new();
        responses.insert("OSVersion".to_owned(), told.into());
        let mut body = plist::Dictionary::new();
        body.insert("QueryResponses".to_owned(), responses.into());
        bench.answer(phone, &uuid, Status::Acknowledged, body).await.unwrap();
        assert_eq!(record(epoch).await.os_version.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_foreign_name_under_one_certificate_is_noted_once_an_hour_and_unknown_names_up_to_a_limit() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let liar = Phone { udid: "SOMEBODY".to_owned(), ..phone.clone() };
    for hour in 1..=2 {
        for _ in 0..3 {
            assert!(bench.idle(&liar).await.is_err());
        }
        assert_eq!(bench.acts("identity.mismatch").await.len(), hour);
        bench.advance(Duration::from_secs(3600));
    }
    let stranger = bench.unenrolled(&bench.link(Ownership::Corporate, None).await, "STRANGER").await;
    for number in 0..20 {
        bench.idle(&Phone { udid: format!("INVENTED-{number}"), ..stranger.clone() }).await.unwrap();
    }
    assert_eq!(bench.acts("device.unknown").await.len(), 16);
    let kept = bench.tx(|tx| Ok(store::Quarantined::list(tx, store::Page::first(100))?)).await;
    assert_eq!(kept.len(), 16);
}

#[tokio::test]
async fn a_device_does_not_choose_its_push_topic() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let topic = || Some("com.apple.mgmt.External.invented".to_owned());
    for _ in 0..2 {
        bench.token_update(&phone, |message| message.topic = topic()).await.unwrap();
    }
    let epoch = bench.epoch(UDID).await;
    assert_eq!(epoch.topic, crate::testing::TOPIC);
    assert_eq!(bench.device_channel(&epoch).await.topic, crate::testing::TOPIC);
    assert_eq!(bench.acts("enrollment.topic_refused").await.len(), 1);
}

#[tokio::test]
async fn an_erase_whose_answer_was_lost_is_verified_only_if_nothing_was_heard_after_it_was_fetched() {
    for (heard, verified) in [(false, 1), (true, 0)] {
        let bench = Bench::new().await;
        let old = bench.enroll(UDID).await;
        bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
        bench.next(&old).await.unwrap();
        bench.advance(Duration::from_secs(30));
        if heard {
            bench.token_update(&old, |_| {}).await.unwrap();
        }
        in_setup_assistant(&bench, UDID).await;
        assert_eq!(bench.acts("device.erase_verified").await.len(), verified, "heard: {heard}");
    }
}

#[tokio::test]
async fn an_enrolment_whose_authenticate_names_another_topic_than_its_profile_is_refused() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    let phone = bench.unenrolled(&token, UDID).await;
    let told = |topic: Option<&str>| Authenticate {
        identifiers: phone.ids(),
        topic: topic.map(str::to_owned),
        ..Authenticate::default()
    };
    let refused = bench.check_in(&phone, Checkin::Authenticate(told(Some("com.apple.mgmt.other")))).await;
    assert!(matches!(refused, Err(Error::Malformed(_))), "400, never 401: {refused:?}");
    assert!(bench.epochs(UDID).await.is_empty());
    bench.check_in(&phone, Checkin::Authenticate(told(None))).await.unwrap();
    assert_eq!(bench.epoch(UDID).await.topic, crate::testing::TOPIC, "the profile says it");
    let refused = bench.check_in(&phone, Checkin::Authenticate(told(Some("com.apple.mgmt.other")))).await;
    assert!(matches!(refused, Err(Error::Malformed(_))), "{refused:?}");
    assert_eq!(bench.epochs(UDID).await.len(), 1);
}

#[tokio::test]
async fn new_udids_that_claim_known_serial_numbers_stop_the_link_as_well() {
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
        let claimant = Phone { udid: format!("NEW-{udid}"), certificate };
        let message = Authenticate {
            identifiers: claimant.ids(),
            serial_number: Some(format!("SERIAL{udid}")),
            ..Authenticate::default()
        };
        if bench.check_in(&claimant, Checkin::Authenticate(message)).await.is_err() {
            break;
        }
        accepted += 1;
    }
    assert_eq!(accepted, 3);
    assert!(bench.find_link(&token).await.stopped_at.is_some());
}

#[tokio::test]
async fn a_board_that_was_exchanged_long_after_its_device_fell_silent_is_no_collision() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    bench.days(8);
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    let repaired = bench.unenrolled(&token, "REPAIRED").await;
    let message = Authenticate {
        identifiers: repaired.ids(),
        serial_number: Some(format!("SERIAL{UDID}")),
        ..Authenticate::default()
    };
    bench.check_in(&repaired, Checkin::Authenticate(message)).await.unwrap();
    assert!(bench.acts("enrollment.collision").await.is_empty());
}
