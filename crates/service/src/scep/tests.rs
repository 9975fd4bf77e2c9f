use std::time::Duration;

use catalog::Ownership;
use protocol_scep::client::Reply as Answer;
use store::{Enrollment, EnrollmentState, Identity, Issuance, IssuancePurpose};
use uuid::Uuid;

use super::list::LIST_KEPT;
use super::*;
use crate::testing::{Bench, KEYS, Phone, START};

const UDID: &str = "00008030-001A2B3C4D5E6F70";

#[tokio::test]
async fn a_challenge_gives_a_certificate_for_a_client_back_dated_and_with_a_subject_of_our_own() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let certificate = bench.certify(&bench.challenge(&token).await, &KEYS[0]).await.unwrap();
    assert!(certificate.has_client_auth() && certificate.matches_key(&KEYS[0]));
    let start: Timestamp = START.parse().unwrap();
    assert_eq!(certificate.not_before(), start - Duration::from_secs(600));
    assert_eq!(certificate.not_after(), start + Duration::from_secs(365 * 86_400));
    let name = certificate.common_name().unwrap();
    assert!(name.starts_with("Ward device "), "not what the device likes: {name}");
    assert!(bench.services.authorities.current().issued(&certificate));
}

#[tokio::test]
async fn a_wrong_challenge_and_none_get_a_failure_message_and_no_certificate() {
    let bench = Bench::new().await;
    assert!(bench.certify("guessed", &KEYS[0]).await.is_none());
    assert!(bench.certify("", &KEYS[0]).await.is_none());
}

#[tokio::test]
async fn the_same_key_and_transaction_may_repeat_for_a_quarter_of_an_hour() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let challenge = bench.challenge(&token).await;
    let first = bench.certify(&challenge, &KEYS[0]).await.unwrap();
    bench.advance(Duration::from_secs(15 * 60));
    let again = bench.certify(&challenge, &KEYS[0]).await.unwrap();
    assert_eq!(first.fingerprint(), again.fingerprint(), "the same certificate, not a second one");
    assert!(bench.certify(&challenge, &KEYS[1]).await.is_none(), "another key");
    bench.advance(Duration::from_secs(1));
    assert!(bench.certify(&challenge, &KEYS[0]).await.is_none(), "too late");
}

#[tokio::test]
async fn a_challenge_that_was_not_used_within_its_time_is_of_no_use() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let challenge = bench.challenge(&token).await;
    bench.advance(bench.services.context.settings.challenge_lifetime);
    assert!(bench.certify(&challenge, &KEYS[0]).await.is_none());
}

#[tokio::test]
async fn a_challenge_is_stored_as_a_hash() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let challenge = bench.challenge(&token).await;
    let hash = pki::sha256(challenge.as_bytes());
    let row = bench.tx(move |tx| Ok(Issuance::find_by_challenge_hash(tx, &hash)?)).await.unwrap();
    assert_eq!(row.purpose, IssuancePurpose::Enroll);
    assert!(!format!("{row:?}").contains(&challenge));
}

#[tokio::test]
async fn a_link_that_was_revoked_in_between_gives_no_certificate() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let challenge = bench.challenge(&token).await;
    let (id, now) = (bench.find_link(&token).await.id, bench.services.context.now());
    bench.tx(move |tx| Ok(store::EnrollmentLink::revoke(tx, id, now)?)).await;
    assert!(bench.certify(&challenge, &KEYS[0]).await.is_none());
}

#[tokio::test]
async fn requests_that_race_with_the_same_challenge_get_one_certificate_between_them() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let challenge = bench.challenge(&token).await;
    let request = bench.scep_request(&challenge, &KEYS[0], None);
    let other = bench.scep_request(&challenge, &KEYS[1], None);
    let send = |message: Vec<u8>| bench.services.scep.receive("operation=PKIOperation", message);
    let (one, two, three) = tokio::join!(
        send(request.message.clone()),
        send(request.message.clone()),
        send(other.message.clone())
    );
    let of = |request: &protocol_scep::client::ClientRequest, reply: Result<ScepReply, Error>| match request
        .parse_reply(&reply.unwrap().body)
        .unwrap()
    {
        Answer::Success(certificate) => Some(certificate.fingerprint()),
        _ => None,
    };
    let mut issued: Vec<_> =
        [of(&request, one), of(&request, two), of(&other, three)].into_iter().flatten().collect();
    issued.dedup();
    assert_eq!(issued.len(), 1);
}

#[tokio::test]
async fn the_old_certificate_renews_itself_and_the_new_one_is_pinned_to_the_same_epoch() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let renew = Some((phone.certificate.clone(), KEYS[0].clone()));
    let renewed = bench.request("", &KEYS[1], renew.clone()).await.unwrap();
    let repeated = bench.request("", &KEYS[1], renew.clone()).await.unwrap();
    assert_eq!(renewed.fingerprint(), repeated.fingerprint());
    let new = Phone { udid: UDID.to_owned(), certificate: renewed.clone() };
    bench.idle(&new).await.unwrap();
    assert_eq!(bench.epochs(UDID).await.len(), 1);
    assert_eq!(bench.acts("identity.renewed").await.len(), 1);
    assert!(bench.request("", &KEYS[2], renew).await.is_none(), "the replaced certificate renews nothing");
}

#[tokio::test]
async fn a_certificate_that_no_device_enrolled_with_renews_nothing() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let phone = bench.unenrolled(&token, UDID).await;
    let renew = Some((phone.certificate, KEYS[0].clone()));
    assert!(bench.request("", &KEYS[1], renew).await.is_none());
}

#[tokio::test]
async fn a_device_that_checked_out_cannot_renew() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    bench.check_out(&phone).await.unwrap();
    let renew = Some((phone.certificate, KEYS[0].clone()));
    assert!(bench.request("", &KEYS[1], renew).await.is_none());
}

#[tokio::test]
async fn what_is_no_scep_message_is_malformed_and_an_unknown_operation_too() {
    let bench = Bench::new().await;
    let scep = &bench.services.scep;
    for (query, body) in [
        ("operation=PKIOperation", b"hello".to_vec()),
        ("operation=PKIOperation", Vec::new()),
        ("operation=PKIOperation&message=%%%", Vec::new()),
        ("operation=Dance", Vec::new()),
        ("", Vec::new()),
    ] {
        let answer = scep.receive(query, body).await;
        assert!(matches!(answer, Err(Error::Malformed(_))), "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn a_message_in_the_query_works_like_one_in_the_body_and_a_long_query_beside_a_body_does_no_harm() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let challenge = bench.challenge(&token).await;
    let request = bench.scep_request(&challenge, &KEYS[0], None);
    let by_get = bench.services.scep.receive(&request.query(), Vec::new()).await.unwrap();
    assert!(matches!(request.parse_reply(&by_get.body).unwrap(), Answer::Success(_)));
    let long = format!("{}&filler={}", request.query(), "x".repeat(100_000));
    let by_post = bench.services.scep.receive(&long, request.message.clone()).await.unwrap();
    assert!(matches!(request.parse_reply(&by_post.body).unwrap(), Answer::Success(_)));
}

#[tokio::test]
async fn the_authority_tells_what_it_can_and_who_it_is_in_exact_types() {
    let bench = Bench::new().await;
    let caps = bench.services.scep.receive("operation=GetCACaps&message=Ward", Vec::new()).await.unwrap();
    assert_eq!(caps.content_type, "text/plain");
    let text = String::from_utf8(caps.body).unwrap();
    for word in ["POSTPKIOperation", "SHA-256", "AES", "SCEPStandard", "Renewal"] {
        assert!(text.lines().any(|line| line == word), "{text}");
    }
    let authority =
        bench.services.scep.receive("operation=GetCACert&message=Ward", Vec::new()).await.unwrap();
    assert_eq!(authority.content_type, "application/x-x509-ca-cert");
    assert!(Certificate::from_der(&authority.body).unwrap().is_authority());
}

#[tokio::test]
async fn a_revoked_certificate_is_on_the_list() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    let empty = bench.services.scep.revocation_list(None).await.unwrap();
    let (id, now) = (bench.epoch(UDID).await.identity_id.unwrap(), bench.services.context.now());
    bench.tx(move |tx| Ok(Identity::revoke(tx, id, now, "key_compromise")?)).await;
    bench.advance(LIST_KEPT);
    let list = bench.services.scep.revocation_list(None).await.unwrap();
    let serial = bench.tx(move |tx| Ok(Identity::find(tx, id)?.serial_hex)).await;
    let serial = hex::decode(if serial.len() % 2 == 1 { format!("0{serial}") } else { serial }).unwrap();
    assert!(list.windows(serial.len()).any(|window| window == serial));
    assert!(!empty.windows(serial.len()).any(|window| window == serial));
}

#[tokio::test]
async fn an_authority_with_an_elliptic_curve_issues_through_its_rsa_registration_authority() {
    let bench = Bench::new().await;
    bench
        .services
        .authorities
        .roll(pki::AuthorityKind::P256, crate::audit::Act::by_ward("authority.roll"))
        .await
        .unwrap();
    let scep = &bench.services.scep;
    let reply = scep.receive("operation=GetCACert", Vec::new()).await.unwrap();
    assert_eq!(reply.content_type, "application/x-x509-ca-ra-cert");
    let certificates = protocol_scep::client::parse_ca_certificates(reply.content_type, &reply.body).unwrap();
    let challenge = bench.challenge(&bench.link(Ownership::Corporate, None).await).await;
    let request = bench.scep_request_to(&certificates, &challenge, &KEYS[0], None);
    let answer = scep.receive("operation=PKIOperation", request.message.clone()).await.unwrap();
    let Answer::Success(issued) = request.parse_reply(&answer.body).unwrap() else {
        panic!("no certificate")
    };
    let loaded = bench.services.authorities.current();
    assert!(issued.is_issued_by(loaded.active.authority.certificate()));
}

#[tokio::test]
async fn after_the_authority_was_rolled_old_devices_are_known_and_their_renewal_is_due() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let before = bench.services.authorities.current().active.id;
    bench
        .services
        .authorities
        .roll(pki::AuthorityKind::Rsa2048, crate::audit::Act::by_ward("authority.roll"))
        .await
        .unwrap();
    bench.services.identities.forget_all();
    bench.idle(&phone).await.unwrap();
    assert_eq!(bench.services.renewals.enqueue_due(100).await.unwrap(), 1);
    let state = bench.tx(|tx| Ok(Enrollment::list_by_apple_id(tx, UDID)?.remove(0).state)).await;
    assert_eq!(state, EnrollmentState::Enrolled);
    let scep = &bench.services.scep;
    let (new, old) =
        (scep.revocation_list(None).await.unwrap(), scep.revocation_list(Some(before.0)).await.unwrap());
    assert_ne!(new, old, "the older authority still publishes a list of its own");
    assert!(scep.revocation_list(Some(Uuid::nil())).await.is_err());
}
