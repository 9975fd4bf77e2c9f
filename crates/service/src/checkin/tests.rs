use std::time::Duration;

use catalog::Ownership;
use protocol_mdm::{
    Authenticate, Checkin, GetBootstrapToken, GetToken, Identifiers, ReturnToService, SetBootstrapToken,
    UserAuthenticate,
};
use store::{DeliveryState, EnrollmentState, Secret, SecretKind};

use super::*;
use crate::testing::{Bench, Phone, command, handed_out};
use crate::{Error, IdentityRefusal};

const UDID: &str = "00008030-001A2B3C4D5E6F70";

mod claims;
mod epochs;

async fn secret(bench: &Bench, udid: &str, kind: SecretKind) -> Option<(Vec<u8>, bool)> {
    let enrollment = bench.epoch(udid).await;
    let sealer = Arc::clone(&bench.services.context.sealer);
    let found = bench.tx(move |tx| Ok(Secret::latest(tx, enrollment.id, kind)?)).await;
    found.map(|secret| (secret.open(&sealer).unwrap().to_vec(), secret.from_before))
}

fn set_token(phone: &Phone, token: Option<&[u8]>) -> Checkin {
    let bootstrap_token = token.map(|token| token.to_vec().into());
    Checkin::SetBootstrapToken(SetBootstrapToken {
        identifiers: phone.ids(),
        bootstrap_token,
        awaiting_configuration: None,
    })
}

fn get_token(phone: &Phone) -> Checkin {
    Checkin::GetBootstrapToken(GetBootstrapToken { identifiers: phone.ids(), awaiting_configuration: None })
}

fn user(phone: &Phone, id: &str, name: Option<&str>) -> Identifiers {
    Identifiers { user_id: Some(id.to_owned()), user_short_name: name.map(str::to_owned), ..phone.ids() }
}

#[tokio::test]
async fn an_enrolment_is_complete_with_the_first_token_update_and_not_before() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, Some(1)).await;
    let phone = bench.unenrolled(&token, UDID).await;
    bench.authenticate(&phone).await.unwrap();
    let pending = bench.epoch(UDID).await;
    assert_eq!((pending.state, pending.epoch, pending.enrolled_at), (EnrollmentState::Pending, 1, None));
    assert!(!bench.device_channel(&pending).await.enabled);

    bench.token_update(&phone, |_| {}).await.unwrap();
    let enrolled = bench.epoch(UDID).await;
    assert_eq!((enrolled.state, enrolled.owner.as_deref()), (EnrollmentState::Enrolled, Some("Nurse Joy")));
    let channel = bench.device_channel(&enrolled).await;
    assert!(channel.enabled && channel.token_update_tally == 1 && channel.key == UDID);
    let (token, _) = channel.push_address(&bench.services.context.sealer).unwrap().unwrap();
    assert_eq!(*token, vec![7; 32]);
}

#[tokio::test]
async fn after_enrolment_the_device_is_asked_what_it_is() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let phone = bench.unenrolled(&token, UDID).await;
    bench.authenticate(&phone).await.unwrap();
    bench.token_update(&phone, |_| {}).await.unwrap();
    let channel = bench.device_channel(&bench.epoch(UDID).await).await;
    let asked = bench.tx(move |tx| Ok(tx.pending(channel.id))).await;
    let asked: Vec<&str> = asked.iter().map(|pending| &*pending.request_type).collect();
    for question in ["DeviceInformation", "SecurityInfo", "ProfileList"] {
        assert!(asked.contains(&question), "{asked:?}");
    }
}

#[tokio::test]
async fn what_a_token_update_does_not_say_stays_as_it_was() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    bench
        .token_update(&phone, |message| {
            message.unlock_token = Some(b"unlock".to_vec().into());
            message.awaiting_configuration = Some(true);
        })
        .await
        .unwrap();
    bench.token_update(&phone, |_| {}).await.unwrap();
    bench.token_update(&phone, |message| message.unlock_token = Some(Vec::new().into())).await.unwrap();
    assert_eq!(secret(&bench, UDID, SecretKind::UnlockToken).await, Some((b"unlock".to_vec(), false)));
    assert!(bench.epoch(UDID).await.awaiting_configuration);
    bench.token_update(&phone, |message| message.awaiting_configuration = Some(false)).await.unwrap();
    assert!(!bench.epoch(UDID).await.awaiting_configuration);
}

#[tokio::test]
async fn setup_assistant_is_released_once_and_after_everything_else() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    for _ in 0..2 {
        bench.token_update(&phone, |message| message.awaiting_configuration = Some(true)).await.unwrap();
    }
    bench.enqueue(&bench.epoch(UDID).await, command("CertificateList")).await;
    let (first, dictionary) = bench.next(&phone).await.unwrap();
    assert_eq!(dictionary["RequestType"].as_string(), Some("CertificateList"));
    let reply =
        bench.answer(&phone, &first, protocol_mdm::Status::Acknowledged, plist::Dictionary::new()).await;
    let (second, dictionary) = handed_out(reply.unwrap()).unwrap();
    assert_eq!(dictionary["RequestType"].as_string(), Some("DeviceConfigured"));
    let reply =
        bench.answer(&phone, &second, protocol_mdm::Status::Acknowledged, plist::Dictionary::new()).await;
    assert!(handed_out(reply.unwrap()).is_none());
    assert!(!bench.epoch(UDID).await.awaiting_configuration);
}

#[tokio::test]
async fn a_user_channel_has_its_own_address_and_leaves_the_devices_alone() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let before = bench.device_channel(&bench.epoch(UDID).await).await;
    bench
        .token_update(&phone, |message| {
            message.identifiers = user(&phone, "9C4D6F0E-1111-2222-3333-444455556666", Some("joy"));
            message.token = Some(vec![1; 32].into());
        })
        .await
        .unwrap();
    let enrollment = bench.epoch(UDID).await;
    assert_eq!(bench.device_channel(&enrollment).await.push_token, before.push_token);
    let key = format!("{UDID}:9C4D6F0E-1111-2222-3333-444455556666");
    let channel = bench.tx(move |tx| Ok(Channel::find_by_key(tx, enrollment.id, &key)?)).await.unwrap();
    assert_eq!(channel.user_short_name.as_deref(), Some("joy"));
    assert_eq!(channel.token_update_tally, 1);
}

#[tokio::test]
async fn shared_ipad_users_are_told_apart_by_name_and_a_nameless_session_is_declined() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    for name in ["joy@example.org", "chansey@example.org"] {
        let ids = user(&phone, protocol_mdm::SHARED_IPAD_USER_ID, Some(name));
        bench.token_update(&phone, |message| message.identifiers = ids).await.unwrap();
        let (id, key) = (bench.epoch(UDID).await.id, format!("{UDID}:{name}"));
        assert!(bench.tx(move |tx| Ok(Channel::find_by_key(tx, id, &key)?)).await.is_some());
    }
    let ids = user(&phone, protocol_mdm::SHARED_IPAD_USER_ID, None);
    let reply = bench.token_update(&phone, |message| message.identifiers = ids).await.unwrap();
    assert!(matches!(reply, Reply::UserDeclined(_)));
}

#[tokio::test]
async fn network_users_of_a_mac_are_declined() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let message = UserAuthenticate { identifiers: user(&phone, "ABC", None), digest_response: None };
    let reply = bench.check_in(&phone, Checkin::UserAuthenticate(message)).await.unwrap();
    assert!(matches!(reply, Reply::UserDeclined(_)));
}

#[tokio::test]
async fn an_authenticate_on_a_user_channel_is_malformed() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let message = Authenticate { identifiers: user(&phone, "ABC", None), ..Authenticate::default() };
    let refused = bench.check_in(&phone, Checkin::Authenticate(message)).await.unwrap_err();
    assert!(matches!(refused, Error::Malformed(_)));
}

#[tokio::test]
async fn a_bootstrap_token_is_given_back_and_an_empty_one_removes_it() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    assert!(matches!(bench.check_in(&phone, get_token(&phone)).await, Ok(Reply::Nothing)));
    bench.check_in(&phone, set_token(&phone, Some(b"first"))).await.unwrap();
    bench.check_in(&phone, set_token(&phone, Some(b"second"))).await.unwrap();
    let Reply::OwnSecret(body) = bench.check_in(&phone, get_token(&phone)).await.unwrap() else {
        panic!("no token")
    };
    let answer: plist::Dictionary = plist::from_bytes(&body).unwrap();
    assert_eq!(answer["BootstrapToken"].as_data(), Some(b"second".as_slice()));
    for empty in [None, Some(b"".as_slice())] {
        bench.check_in(&phone, set_token(&phone, Some(b"third"))).await.unwrap();
        bench.check_in(&phone, set_token(&phone, empty)).await.unwrap();
        assert!(matches!(bench.check_in(&phone, get_token(&phone)).await, Ok(Reply::Nothing)));
    }
}

#[tokio::test]
async fn unknown_tokens_are_malformed_and_known_ones_have_no_key_yet() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let ask = |kind: &str| {
        Checkin::GetToken(GetToken {
            identifiers: phone.ids(),
            token_service_type: kind.to_owned(),
            token_parameters: None,
        })
    };
    assert!(matches!(bench.check_in(&phone, ask("com.apple.maid")).await, Err(Error::Unavailable(_))));
    assert!(matches!(
        bench.check_in(&phone, ask("com.apple.watch.pairing")).await,
        Err(Error::Unavailable(_))
    ));
    assert!(matches!(bench.check_in(&phone, ask("org.example")).await, Err(Error::Malformed(_))));
}

#[tokio::test]
async fn a_device_that_asks_to_return_to_service_is_told_to_stay() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let message = Checkin::ReturnToService(ReturnToService { identifiers: phone.ids() });
    let Reply::Plist { body, .. } = bench.check_in(&phone, message).await.unwrap() else {
        panic!("no answer")
    };
    let answer: plist::Dictionary = plist::from_bytes(&body).unwrap();
    assert_eq!(answer["ReturnToService"].as_dictionary().unwrap()["Enabled"].as_boolean(), Some(false));
}

#[tokio::test]
async fn check_out_ends_the_epoch_and_its_queue_and_may_be_repeated() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("DeviceInformation")).await;
    for _ in 0..2 {
        assert!(matches!(bench.check_out(&phone).await, Ok(Reply::Nothing)));
    }
    let enrollment = bench.epoch(UDID).await;
    assert_eq!(enrollment.state, EnrollmentState::CheckedOut);
    assert!(!bench.device_channel(&enrollment).await.enabled);
    let delivery = bench.tx(move |tx| Ok(store::Delivery::find(tx, seq)?)).await;
    assert_eq!(delivery.progress.state, DeliveryState::Cancelled);
    let refused = bench.idle(&phone).await.unwrap_err();
    assert!(matches!(refused, Error::Identity(IdentityRefusal::Revoked)));
}

#[tokio::test]
async fn a_users_check_out_ends_that_channel_alone() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let ids = user(&phone, "ABC", None);
    bench.token_update(&phone, |message| message.identifiers = ids.clone()).await.unwrap();
    let message = protocol_mdm::CheckOut { identifiers: ids, topic: None };
    bench.check_in(&phone, Checkin::CheckOut(message)).await.unwrap();
    let enrollment = bench.epoch(UDID).await;
    assert_eq!(enrollment.state, EnrollmentState::Enrolled);
    assert!(bench.device_channel(&enrollment).await.enabled);
    let (id, key) = (enrollment.id, format!("{UDID}:ABC"));
    assert!(!bench.tx(move |tx| Ok(Channel::find_by_key(tx, id, &key)?)).await.unwrap().enabled);
}

#[tokio::test]
async fn another_devices_name_with_ones_own_certificate_is_refused_and_recorded() {
    let bench = Bench::new().await;
    let thief = bench.enroll("THIEF").await;
    bench.enroll(UDID).await;
    let disguised = Phone { udid: UDID.to_owned(), certificate: thief.certificate.clone() };
    for attempt in [
        bench.authenticate(&disguised).await,
        bench.token_update(&disguised, |_| {}).await,
        bench.check_out(&disguised).await,
        bench.check_in(&disguised, get_token(&disguised)).await,
        bench.idle(&disguised).await,
    ] {
        assert!(matches!(attempt, Err(Error::Identity(IdentityRefusal::Mismatch))), "{attempt:?}");
    }
    assert_eq!(bench.acts("identity.mismatch").await.len(), 1, "once an hour");
    assert_eq!(bench.epoch(UDID).await.state, EnrollmentState::Enrolled);
}

#[tokio::test]
async fn a_certificate_that_nobody_enrolled_with_changes_nothing_and_is_shown() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let stranger = bench.unenrolled(&token, UDID).await;
    assert!(matches!(bench.idle(&stranger).await, Ok(Reply::Nothing)));
    assert!(matches!(bench.token_update(&stranger, |_| {}).await, Ok(Reply::Nothing)));
    let declarations = protocol_mdm::DeclarativeManagement {
        identifiers: stranger.ids(),
        endpoint: "declaration-items".to_owned(),
        data: None,
    };
    let answer = bench.check_in(&stranger, Checkin::DeclarativeManagement(declarations)).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    assert!(bench.epochs(UDID).await.is_empty());
    let shown = bench.tx(|tx| Ok(store::Quarantined::list(tx, store::Page::first(10))?)).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].apple_id.as_str(), shown[0].count), (UDID, 3));
    bench.advance(Duration::from_secs(1));
}
