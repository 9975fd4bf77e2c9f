//! Access that is given, withdrawn and given back, and doors that stay apart.

use std::time::Duration;

use catalog::Ownership;
use pki::{Certificate, PrivateKey};
use plist::Dictionary;
use store::NetworkHold;

use super::*;
use crate::testing::{Bench, KEYS, Phone};
use crate::views::{RevokeRequest, RollRequest};

const UDID: &str = "00008030-00000000000000AA";

/// The content of the SCEP payload that a device would get now.
async fn content(bench: &Bench, udid: &str) -> Result<Dictionary, String> {
    let (context, enrollment) = (bench.services.context.clone(), bench.epoch(udid).await);
    bench.tx(move |tx| scep_payload(tx, &context, &enrollment)).await
}

async fn challenge(bench: &Bench, udid: &str) -> String {
    let content = content(bench, udid).await.unwrap();
    content.get("Challenge").unwrap().as_string().unwrap().to_owned()
}

/// What a device gets that asks at the network's address.
async fn ask(bench: &Bench, challenge: &str, key: &PrivateKey) -> Option<Certificate> {
    let loaded = bench.services.authorities.with_network().await.unwrap();
    let authority = loaded.network.first().unwrap().authority.scep_recipient().0.clone();
    let request = bench.scep_request_to(&[authority], challenge, key, None);
    let query = "operation=PKIOperation";
    let answer = bench.services.scep.receive_for_network(query, request.message.clone()).await.unwrap();
    match request.parse_reply(&answer.body).unwrap() {
        protocol_scep::client::Reply::Success(certificate) => Some(certificate),
        _ => None,
    }
}

async fn joined(bench: &Bench, udid: &str) -> (Phone, Certificate) {
    let phone = bench.enroll(udid).await;
    let certificate = ask(bench, &challenge(bench, udid).await, &KEYS[1]).await.unwrap();
    (phone, certificate)
}

async fn due(bench: &Bench) -> Vec<EnrollmentId> {
    let context = bench.services.context.clone();
    bench.tx(move |tx| due_for_renewal(tx, &context, 100)).await
}

async fn withdraw_from(bench: &Bench, udid: &str, reason: Reason) -> usize {
    let (context, device) = (bench.services.context.clone(), bench.epoch(udid).await.device_id);
    bench.tx(move |tx| revoke_for_device(tx, &context, device, reason, "test")).await
}

async fn serials_on_list(bench: &Bench) -> Vec<String> {
    serials(&bench.services.scep.network_list().await.unwrap())
}

/// The serial numbers in a list (DER): the integers of 16 bytes that a UTCTime follows.
fn serials(list: &[u8]) -> Vec<String> {
    let entries = list.windows(20).filter(|at| at.starts_with(&[0x02, 0x10]) && at.ends_with(&[0x17, 0x0d]));
    entries.map(|at| hex::encode(&at[2..18])).collect()
}

fn because(reason: &str) -> RevokeRequest {
    RevokeRequest { reason: reason.to_owned() }
}

#[tokio::test]
async fn an_enrolled_device_gets_an_identity_of_the_network_authority_once() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let content = content(&bench, UDID).await.unwrap();
    let text = |key: &str| content.get(key).unwrap().as_string().unwrap().to_owned();
    assert_eq!(text("URL"), "https://localhost:8443/scep/network");
    let certificate = ask(&bench, &text("Challenge"), &KEYS[1]).await.unwrap();
    assert!(certificate.has_client_auth() && certificate.matches_key(&KEYS[1]));
    assert!(certificate.subject().contains("Network access"), "{}", certificate.subject());
    assert!(
        !certificate.subject().contains("SERIAL"),
        "whoever is in range reads: {}",
        certificate.subject()
    );
    assert_eq!(certificate.not_after().since(bench.services.context.now()), Duration::from_secs(90 * 86_400));
    let other = ask(&bench, &text("Challenge"), &KEYS[2]).await;
    assert!(other.is_none(), "another key got an identity by the same challenge");
    let shown = bench.services.network.of_device(UDID.to_owned()).await.unwrap();
    assert_eq!((shown.identities.len(), shown.identities[0].state.as_str()), (1, "valid"));
    assert_ne!(certificate.fingerprint(), phone.certificate.fingerprint());
    let issued = bench.epoch(UDID).await;
    let pinned = bench.tx(move |tx| Ok(store::Identity::list_for_enrollment(tx, issued.id)?)).await;
    assert_eq!(pinned.len(), 1, "the identity for the network is pinned");
}

#[tokio::test]
async fn the_same_request_is_answered_again_until_access_is_withdrawn() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    let challenge = challenge(&bench, UDID).await;
    let loaded = bench.services.authorities.with_network().await.unwrap();
    let authority = loaded.network[0].authority.scep_recipient().0.clone();
    let request = bench.scep_request_to(&[authority], &challenge, &KEYS[1], None);
    let ask = async || {
        let query = "operation=PKIOperation";
        let answer = bench.services.scep.receive_for_network(query, request.message.clone()).await.unwrap();
        match request.parse_reply(&answer.body).unwrap() {
            protocol_scep::client::Reply::Success(certificate) => Some(certificate.fingerprint()),
            _ => None,
        }
    };
    let first = ask().await;
    assert!(first.is_some());
    assert_eq!(ask().await, first);
    withdraw_from(&bench, UDID, Reason::Operator).await;
    assert_eq!(ask().await, None);
}

#[tokio::test]
async fn a_challenge_is_good_at_its_own_address_only() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    bench.enroll(UDID).await;
    let for_network = challenge(&bench, UDID).await;
    assert!(bench.certify(&for_network, &KEYS[1]).await.is_none(), "an MDM identity for a network challenge");
    let for_door = bench.challenge(&token).await;
    assert!(
        ask(&bench, &for_door, &KEYS[1]).await.is_none(),
        "a network identity for an enrolment challenge"
    );
    assert!(
        bench.certify(&for_door, &KEYS[1]).await.is_some(),
        "the challenge was spent at the wrong address"
    );
    assert!(ask(&bench, &for_network, &KEYS[1]).await.is_some());
}

#[tokio::test]
async fn an_identity_for_the_network_opens_no_door_and_changes_nothing() {
    let bench = Bench::new().await;
    let (phone, certificate) = joined(&bench, UDID).await;
    let (before, acts) = (bench.epochs(UDID).await, bench.acts("enrollment.authenticated").await.len());
    let thief = Phone { udid: UDID.to_owned(), certificate };
    assert!(matches!(bench.idle(&thief).await, Err(Error::Identity(crate::IdentityRefusal::Untrusted))));
    assert!(matches!(
        bench.authenticate(&thief).await,
        Err(Error::Identity(crate::IdentityRefusal::Untrusted))
    ));
    assert_eq!(bench.epochs(UDID).await, before);
    assert_eq!(bench.acts("enrollment.authenticated").await.len(), acts);
    let strangers = bench.services.devices.quarantine(crate::views::PageQuery::default()).await.unwrap();
    assert!(strangers.items.is_empty(), "{strangers:?}");
    assert!(bench.idle(&phone).await.is_ok());
}

#[tokio::test]
async fn a_network_certificate_renews_no_mdm_identity() {
    let bench = Bench::new().await;
    let (_, certificate) = joined(&bench, UDID).await;
    let renewed = bench.request("", &KEYS[0], Some((certificate, KEYS[1].clone()))).await;
    assert!(renewed.is_none());
}

#[tokio::test]
async fn withdrawn_access_shows_on_the_list_within_a_minute_and_the_device_still_obeys() {
    let bench = Bench::new().await;
    let (phone, certificate) = joined(&bench, UDID).await;
    assert!(serials_on_list(&bench).await.is_empty());
    let operator = bench.operator().await;
    let shown = bench.services.network.revoke(&operator, UDID.to_owned(), because("stolen")).await.unwrap();
    assert_eq!(shown.withdrawn.unwrap().note.as_deref(), Some("stolen"));
    assert_eq!(shown.identities[0].state, "revoked");
    bench.advance(Duration::from_secs(60));
    assert_eq!(serials_on_list(&bench).await, [certificate.serial_hex()]);
    assert!(content(&bench, UDID).await.unwrap_err().contains("withdrawn"));
    assert!(due(&bench).await.is_empty(), "it would get a new one at once");
    let epoch = bench.epoch(UDID).await;
    let mut lock = Dictionary::new();
    lock.insert("RequestType".to_owned(), "DeviceInformation".into());
    bench.enqueue(&epoch, lock).await;
    assert!(bench.next(&phone).await.is_some(), "the MDM identity was cut");
    assert_eq!(bench.acts("network.revoke").await.len(), 1);
}

#[tokio::test]
async fn a_challenge_that_is_out_is_taken_back_with_the_access() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    let challenge = challenge(&bench, UDID).await;
    withdraw_from(&bench, UDID, Reason::Leaver).await;
    assert!(ask(&bench, &challenge, &KEYS[1]).await.is_none());
    let operator = bench.operator().await;
    bench.services.network.restore(&operator, UDID.to_owned(), because("new owner")).await.unwrap();
    assert!(ask(&bench, &challenge, &KEYS[1]).await.is_none(), "the old challenge came back to life");
    assert!(content(&bench, UDID).await.is_ok());
}

#[tokio::test]
async fn a_restored_device_is_due_for_a_new_identity_until_it_is_asked_for() {
    let bench = Bench::new().await;
    joined(&bench, UDID).await;
    withdraw_from(&bench, UDID, Reason::Operator).await;
    let operator = bench.operator().await;
    bench.services.network.restore(&operator, UDID.to_owned(), because("found")).await.unwrap();
    assert!(due(&bench).await.is_empty(), "it has been asked for");
    bench.days(8);
    assert_eq!(due(&bench).await, [bench.epoch(UDID).await.id], "it never came for it");
    assert_eq!(round(&bench.services.context).await.unwrap(), 1);
    assert_eq!(round(&bench.services.context).await.unwrap(), 0);
    let device = bench.epoch(UDID).await.device_id;
    assert_eq!(bench.tx(move |tx| version(tx, device)).await, "2", "its profile is another one by now");
    let challenge = challenge(&bench, UDID).await;
    assert!(due(&bench).await.is_empty(), "it was sent its profile a moment ago");
    assert!(ask(&bench, &challenge, &KEYS[2]).await.is_some());
    bench.days(2);
    assert!(due(&bench).await.is_empty());
}

#[tokio::test]
async fn what_was_said_of_a_device_outlives_its_being_found_unless_it_was_only_lost() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    let device = bench.epoch(UDID).await.device_id;
    let context = bench.services.context.clone();
    let after = async |reasons: &'static [Reason]| {
        let ground = context.clone();
        bench
            .tx(move |tx| {
                NetworkHold::lift(tx, device)?;
                for reason in reasons {
                    revoke_for_device(tx, &ground, device, *reason, "test")?;
                }
                found(tx, &ground, device)?;
                Ok(NetworkHold::of(tx, device)?.map(|hold| hold.reason))
            })
            .await
    };
    assert_eq!(after(&[Reason::Lost]).await, None);
    assert_eq!(after(&[Reason::Lost, Reason::Leaver]).await, Some(Reason::Leaver));
    assert_eq!(after(&[Reason::Operator, Reason::Lost]).await, Some(Reason::Operator));
    assert_eq!(after(&[Reason::Ended]).await, None);
}

#[tokio::test]
async fn the_end_of_an_enrolment_revokes_what_it_had_for_the_network() {
    let bench = Bench::new().await;
    let (phone, certificate) = joined(&bench, UDID).await;
    bench.check_out(&phone).await.unwrap();
    bench.advance(Duration::from_secs(60));
    assert_eq!(serials_on_list(&bench).await, [certificate.serial_hex()]);
    assert!(content(&bench, UDID).await.unwrap_err().contains("only an enrolled device"));
    assert!(due(&bench).await.is_empty());
}

#[tokio::test]
async fn lost_mode_withdraws_access_when_it_is_asked_for_and_gives_it_back_when_it_ends() {
    let bench = Bench::new().await;
    let (phone, certificate) = joined(&bench, UDID).await;
    bench.change_device(&phone, |device| device.supervised = Some(true)).await;
    let lost = json!({ "RequestType": "EnableLostMode", "Message": "Please call the ward" });
    bench.send(&[UDID], lost).await;
    bench.advance(Duration::from_secs(60));
    assert_eq!(serials_on_list(&bench).await, [certificate.serial_hex()], "it never came to hear of it");
    bench.clear_queue(&phone).await;
    assert!(content(&bench, UDID).await.unwrap_err().contains("lost"));
    bench.send(&[UDID], json!({ "RequestType": "DisableLostMode" })).await;
    assert!(content(&bench, UDID).await.is_err(), "it is not found yet");
    bench.clear_queue(&phone).await;
    assert!(content(&bench, UDID).await.is_ok());
    bench.advance(Duration::from_secs(60));
    assert_eq!(serials_on_list(&bench).await, [certificate.serial_hex()], "what was revoked stays revoked");
}

#[tokio::test]
async fn identities_are_due_at_half_life_and_when_the_authority_is_rolled() {
    let bench = Bench::new().await;
    joined(&bench, UDID).await;
    bench.days(44);
    assert!(due(&bench).await.is_empty());
    bench.days(2);
    assert_eq!(due(&bench).await.len(), 1);
    let challenge = challenge(&bench, UDID).await;
    let second = ask(&bench, &challenge, &KEYS[2]).await.unwrap();
    assert!(due(&bench).await.is_empty());
    bench.advance(Duration::from_secs(60));
    assert!(serials_on_list(&bench).await.is_empty(), "the old one is still in use");
    let (operator, why) = (bench.operator().await, "yearly".to_owned());
    let request = RollRequest { reason: why, elliptic: None };
    let view = bench.services.network.roll(&operator, request).await.unwrap();
    assert_eq!(view.authorities.len(), 2);
    assert_eq!(bench.services.authorities.list().len(), 1, "the authority of the devices was rolled");
    assert_eq!(due(&bench).await.len(), 1);
    withdraw_from(&bench, UDID, Reason::Operator).await;
    bench.advance(Duration::from_secs(60));
    assert!(serials_on_list(&bench).await.is_empty(), "the list of the new authority names the old one's");
    let both = bench.services.scep.network_lists_pem().await.unwrap();
    assert_eq!(both.matches("BEGIN X509 CRL").count(), 2);
    let old = view.authorities[1].id;
    let list = bench.services.scep.revocation_list(Some(old)).await.unwrap();
    assert!(serials(&list).contains(&second.serial_hex()));
}

#[tokio::test]
async fn a_disputed_enrolment_gets_nothing_for_the_network() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    let token = bench.link(Ownership::Corporate, None).await;
    let challenge_of_link = bench.challenge(&token).await;
    let certificate = bench.certify(&challenge_of_link, &KEYS[2]).await.unwrap();
    let claimant = Phone { udid: UDID.to_owned(), certificate };
    bench.authenticate(&claimant).await.unwrap();
    bench.token_update(&claimant, |_| {}).await.unwrap();
    let newer = bench.epoch(UDID).await;
    assert!(
        bench
            .tx({
                let newer = newer.clone();
                move |tx| lifecycle::is_disputed(tx, &newer)
            })
            .await
    );
    assert!(content(&bench, UDID).await.unwrap_err().contains("earlier enrolment"));
}
