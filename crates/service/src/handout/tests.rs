use catalog::Ownership;
use plist::{Dictionary, Value};
use protocol_mdm::Status;
use store::{
    Delivery, DeliveryEvent, DeliverySeq, DeliveryState, EnrollmentState, Issuance, IssuancePurpose, Secret,
    SecretId, SecretKind,
};

use super::{FILL_KEY, FILL_RENEWAL, PLAIN_RETURN};
use crate::testing::{Bench, KEYS, Phone, challenge_in, command, handed_out};
use crate::{Error, IdentityRefusal, Reply};

const UDID: &str = "00008030-001A2B3C4D5E6F70";

async fn last(bench: &Bench, seq: DeliverySeq) -> (DeliveryState, String) {
    let (delivery, events) =
        bench.tx(move |tx| Ok((Delivery::find(tx, seq)?, DeliveryEvent::list(tx, seq)?))).await;
    (delivery.progress.state, events.last().and_then(|event| event.detail.clone()).unwrap_or_default())
}

fn returning() -> Dictionary {
    let mut back = Dictionary::new();
    back.insert("Enabled".to_owned(), true.into());
    let mut erase = command("EraseDevice");
    erase.insert("ReturnToService".to_owned(), back.into());
    erase
}

fn profile_of(erase: &Dictionary) -> Option<&[u8]> {
    erase["ReturnToService"].as_dictionary().unwrap().get("MDMProfileData").and_then(Value::as_data)
}

#[tokio::test]
async fn a_pin_is_put_in_when_the_command_leaves_and_stands_nowhere_else() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let enrollment = bench.epoch(UDID).await;
    let context = bench.services.context.clone();
    let epoch = enrollment.clone();
    let seq = bench.enqueue(&enrollment, command("DeviceLock")).await;
    bench
        .tx(move |tx| {
            let id = SecretId::new(&*context.clock);
            let secret = Secret::seal(
                &context.sealer,
                (id, epoch.id),
                SecretKind::LockPin,
                b"246813",
                "ward",
                context.now(),
            )?;
            secret.insert(tx)?;
            let mut command = Delivery::find(tx, seq)?.command(tx)?;
            command.secret_id = Some(id);
            Ok(command.save(tx)?)
        })
        .await;
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    assert_eq!(dictionary["PIN"].as_string(), Some("246813"));
    let stored = bench.tx(move |tx| Ok(Delivery::find(tx, seq)?.command(tx)?)).await;
    assert!(!String::from_utf8(stored.body).unwrap().contains("246813"));
}

#[tokio::test]
async fn clear_passcode_gets_the_newest_unlock_token_or_is_cancelled_with_the_reason() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let without = bench.enqueue(&bench.epoch(UDID).await, command("ClearPasscode")).await;
    assert!(bench.next(&phone).await.is_none());
    let (state, why) = last(&bench, without).await;
    assert_eq!(state, DeliveryState::Cancelled);
    assert!(why.contains("unlock token"), "{why}");
    bench
        .token_update(&phone, |message| message.unlock_token = Some(b"open sesame".to_vec().into()))
        .await
        .unwrap();
    bench.enqueue(&bench.epoch(UDID).await, command("ClearPasscode")).await;
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    assert_eq!(dictionary["UnlockToken"].as_data(), Some(b"open sesame".as_slice()));
}

#[tokio::test]
async fn an_erase_without_an_answer_is_handed_out_five_times_and_then_called_unanswered() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
    let mut uuids = Vec::new();
    while let Some((uuid, _)) = bench.next(&phone).await {
        uuids.push(uuid);
        assert!(uuids.len() < 20, "it never ends");
    }
    assert_eq!(uuids.len(), 5);
    uuids.dedup();
    assert_eq!(uuids.len(), 1);
    assert_eq!(last(&bench, seq).await.0, DeliveryState::NoReply);
    // If the device says something after all, that counts.
    bench.answer(&phone, &uuids[0], Status::Acknowledged, Dictionary::new()).await.unwrap();
    assert_eq!(last(&bench, seq).await.0, DeliveryState::Acknowledged);
}

#[tokio::test]
async fn a_mac_that_answers_an_erase_with_an_error_may_have_erased_itself() {
    for (behavior, product, expected) in [
        (None, "Mac14,2", "error, may have erased"),
        (Some("Default"), "Mac14,2", "error, may have erased"),
        (Some("DoNotObliterate"), "Mac14,2", "error, not erased"),
        (None, "iPhone15,2", "error, not erased"),
    ] {
        let bench = Bench::new().await;
        let phone = bench.enroll(UDID).await;
        let id = bench.epoch(UDID).await.device_id;
        bench
            .tx(move |tx| {
                let mut device = store::Device::find(tx, id)?;
                device.platform = catalog::Platform::from_product_name(product);
                Ok(device.save(tx)?)
            })
            .await;
        let mut erase = command("EraseDevice");
        if let Some(behavior) = behavior {
            erase.insert("ObliterationBehavior".to_owned(), behavior.into());
        }
        let seq = bench.enqueue(&bench.epoch(UDID).await, erase).await;
        let (uuid, _) = bench.next(&phone).await.unwrap();
        bench.answer(&phone, &uuid, Status::Error, Dictionary::new()).await.unwrap();
        assert_eq!(
            last(&bench, seq).await,
            (DeliveryState::Error, expected.to_owned()),
            "{behavior:?} {product}"
        );
    }
}

#[tokio::test]
async fn a_device_returned_to_service_proves_the_erase_and_begins_a_new_epoch() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, returning()).await;
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    let challenge = challenge_in(profile_of(&dictionary).unwrap());
    // The answer is lost; the device erases itself and comes back.
    let certificate = bench.certify(&challenge, &KEYS[1]).await.unwrap();
    let back = Phone { udid: UDID.to_owned(), certificate };
    bench.authenticate(&back).await.unwrap();
    bench.token_update(&back, |_| {}).await.unwrap();
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs[0].state, epochs[1].state), (EnrollmentState::Enrolled, EnrollmentState::Ended));
    assert_eq!(epochs[0].ownership, Ownership::Corporate);
    assert_eq!(last(&bench, seq).await.0, DeliveryState::Acknowledged);
    assert_eq!(bench.acts("device.erase_verified").await.len(), 1);
    assert!(bench.acts("enrollment.collision").await.is_empty());
    let refused = bench.idle(&phone).await.unwrap_err();
    assert!(matches!(refused, Error::Identity(IdentityRefusal::Revoked)));
}

#[tokio::test]
async fn the_challenge_of_an_erase_is_of_no_use_to_another_device() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    bench.enqueue(&bench.epoch(UDID).await, returning()).await;
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    let certificate = bench.certify(&challenge_in(profile_of(&dictionary).unwrap()), &KEYS[1]).await.unwrap();
    let thief = Phone { udid: "THIEF".to_owned(), certificate };
    assert!(matches!(bench.authenticate(&thief).await, Err(Error::Identity(IdentityRefusal::Mismatch))));
    assert_eq!(bench.epoch(UDID).await.state, EnrollmentState::Enrolled);
}

#[tokio::test]
async fn an_erase_can_do_without_a_profile_for_devices_that_return_by_ade() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let mut erase = returning();
    let back = erase.get_mut("ReturnToService").and_then(Value::as_dictionary_mut).unwrap();
    back.insert(PLAIN_RETURN.to_owned(), true.into());
    bench.enqueue(&bench.epoch(UDID).await, erase).await;
    let (_, dictionary) = bench.next(&phone).await.unwrap();
    assert!(profile_of(&dictionary).is_none());
    assert!(!dictionary["ReturnToService"].as_dictionary().unwrap().contains_key(PLAIN_RETURN));
}

#[tokio::test]
async fn a_personal_device_gets_nothing_that_takes_it_from_its_owner_even_if_it_is_in_its_queue() {
    let settings = crate::Settings { allow_personal_links: true, ..crate::Settings::default() };
    let bench = Bench::with(settings).await;
    let token = bench.link(Ownership::Personal, Some(1)).await;
    let phone = bench.enroll_by(&token, UDID).await;
    for request_type in ["EraseDevice", "DeviceLock", "ClearPasscode", "EnableLostMode", "DeviceLocation"] {
        let seq = bench.enqueue(&bench.epoch(UDID).await, command(request_type)).await;
        assert!(bench.next(&phone).await.is_none(), "{request_type}");
        assert_eq!(last(&bench, seq).await.0, DeliveryState::Cancelled, "{request_type}");
    }
}

#[tokio::test]
async fn an_erase_that_was_put_off_is_not_an_erase_that_was_never_answered() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("EraseDevice")).await;
    for round in 0..7 {
        let (uuid, _) = bench.next(&phone).await.unwrap_or_else(|| panic!("not in round {round}"));
        bench.answer(&phone, &uuid, Status::NotNow, Dictionary::new()).await.unwrap();
    }
    assert_eq!(last(&bench, seq).await.0, DeliveryState::NotNow);
    // What is not answered counts as before.
    let mut unanswered = 0;
    while bench.next(&phone).await.is_some() {
        unanswered += 1;
    }
    assert_eq!(unanswered, 5);
    assert_eq!(last(&bench, seq).await.0, DeliveryState::NoReply);
}

#[tokio::test]
async fn an_expired_certificate_gets_its_renewal_lost_mode_and_the_erase_only() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let enrollment = bench.epoch(UDID).await;
    bench.days(400);
    for request_type in ["DeviceInformation", "EnableLostMode", "EraseDevice"] {
        bench.enqueue(&enrollment, command(request_type)).await;
    }
    let mut given = Vec::new();
    let mut reply = bench.idle(&phone).await.unwrap();
    while let Some((uuid, dictionary)) = handed_out(reply) {
        given.push(dictionary["RequestType"].as_string().unwrap().to_owned());
        reply = bench.answer(&phone, &uuid, Status::Acknowledged, Dictionary::new()).await.unwrap();
    }
    assert_eq!(given, ["InstallProfile", "EnableLostMode", "EraseDevice"]);
    let secret = protocol_mdm::GetBootstrapToken { identifiers: phone.ids(), awaiting_configuration: None };
    let refused = bench.check_in(&phone, protocol_mdm::Checkin::GetBootstrapToken(secret)).await;
    assert!(matches!(refused, Err(Error::Identity(IdentityRefusal::Expired))));
}

#[tokio::test]
async fn the_mark_of_a_renewal_never_leaves_and_is_the_servers_own() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let mut forged = command("InstallProfile");
    forged.insert(FILL_KEY.to_owned(), FILL_RENEWAL.into());
    let seq = bench.enqueue(&bench.epoch(UDID).await, forged).await;
    bench
        .tx(move |tx| {
            let mut command = Delivery::find(tx, seq)?.command(tx)?;
            command.created_by = "an operator".to_owned();
            Ok(command.save(tx)?)
        })
        .await;
    assert!(bench.next(&phone).await.is_none());
    assert_eq!(last(&bench, seq).await.0, DeliveryState::Cancelled);
    let id = bench.epoch(UDID).await.id;
    let made = bench.tx(move |tx| Ok(Issuance::list_for_enrollment(tx, id)?)).await;
    assert!(made.iter().all(|issuance| issuance.purpose != IssuancePurpose::Renew));
    assert!(matches!(bench.idle(&phone).await, Ok(Reply::Nothing)));
}
