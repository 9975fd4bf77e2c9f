use catalog::Ownership;
use pki::{Authority, AuthorityKind, NewCertificate, Usage};
use store::EnrollmentState;

use super::*;
use crate::Reply;
use crate::testing::{Bench, KEYS, Phone, START, command};

const UDID: &str = "00008030-001A2B3C4D5E6F70";

fn issue(authority: &Authority, usage: Usage) -> Certificate {
    let start: Timestamp = START.parse().unwrap();
    authority
        .issue(&NewCertificate {
            public_key_der: KEYS[2].public_key_der().unwrap(),
            subject: vec![("CN".to_owned(), "nobody".to_owned())],
            not_before: start,
            not_after: start + std::time::Duration::from_secs(86_400),
            usage,
            serial: None,
        })
        .unwrap()
}

async fn refusal(bench: &Bench, certificate: &Certificate) -> Option<IdentityRefusal> {
    match bench.services.identities.recognize(certificate).await {
        Err(Error::Identity(refusal)) => Some(refusal),
        _ => None,
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_foreign() {
    let bench = Bench::new().await;
    let other = Authority::create(AuthorityKind::P256, "Test authority", START.parse().unwrap(), 10).unwrap();
    let certificate = issue(&other, Usage::Client);
    assert_eq!(refusal(&bench, &certificate).await, Some(IdentityRefusal::Untrusted));
}

#[tokio::test]
async fn a_certificate_of_our_authority_without_a_row_makes_a_stranger_and_no_device() {
    let bench = Bench::new().await;
    let authorities = bench.services.authorities.current();
    let certificate = issue(&authorities.active.authority, Usage::Client);
    let phone = Phone { udid: UDID.to_owned(), certificate };
    assert!(matches!(bench.idle(&phone).await, Ok(Reply::Nothing)));
    let refused = bench.authenticate(&phone).await.unwrap_err();
    assert!(
        matches!(refused, Error::Identity(IdentityRefusal::Untrusted)),
        "the signature alone pins nothing"
    );
    assert!(bench.epochs(UDID).await.is_empty());
    let server = issue(&authorities.active.authority, Usage::ProfileSigning);
    assert_eq!(refusal(&bench, &server).await, Some(IdentityRefusal::Untrusted));
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_also_when_it_is_remembered() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    assert_eq!(refusal(&bench, &phone.certificate).await, None);
    let id = bench.epoch(UDID).await.identity_id.unwrap();
    let now = bench.services.context.now();
    bench.tx(move |tx| Ok(Identity::revoke(tx, id, now, "key_compromise")?)).await;
    bench.enqueue(&bench.epoch(UDID).await, command("DeviceInformation")).await;
    let written = bench.idle(&phone).await.unwrap_err();
    assert!(matches!(written, Error::Identity(IdentityRefusal::Revoked)), "what hands out looks at the row");
    bench.services.identities.forget_all();
    assert_eq!(refusal(&bench, &phone.certificate).await, Some(IdentityRefusal::Revoked));
}

#[tokio::test]
async fn an_expired_certificate_is_served_for_two_years_and_then_refused() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    bench.days(365 + 729);
    assert_eq!(refusal(&bench, &phone.certificate).await, None);
    bench.days(2);
    assert_eq!(refusal(&bench, &phone.certificate).await, Some(IdentityRefusal::Expired));
}

#[tokio::test]
async fn an_idle_device_is_answered_from_memory_and_one_with_work_is_not() {
    let bench = Bench::new().await;
    let phone = bench.enroll(UDID).await;
    let key = protocol_mdm::Checkin::TokenUpdate(protocol_mdm::TokenUpdate {
        identifiers: phone.ids(),
        ..protocol_mdm::TokenUpdate::default()
    });
    let key = key.identifiers().resolve().unwrap();
    let identities = &bench.services.identities;
    let caller = identities.recognize(&phone.certificate).await.unwrap();
    let channel = identities.quiet_channel(&caller, &key);
    assert_eq!(channel, Some(bench.device_channel(&bench.epoch(UDID).await).await.id));

    bench.enqueue(&bench.epoch(UDID).await, command("DeviceInformation")).await;
    assert_eq!(identities.quiet_channel(&caller, &key), None, "something waits");

    let other = EnrollmentKey { device: "OTHER".to_owned(), user: None, kind: key.kind };
    assert_eq!(identities.quiet_channel(&caller, &other), None, "another name is looked at closely");
}

#[tokio::test]
async fn what_changes_an_enrolment_is_seen_by_the_next_request() {
    let bench = Bench::new().await;
    let token = bench.link(Ownership::Corporate, None).await;
    let phone = bench.unenrolled(&token, UDID).await;
    bench.services.identities.recognize(&phone.certificate).await.unwrap();
    bench.authenticate(&phone).await.unwrap();
    let caller = bench.services.identities.recognize(&phone.certificate).await.unwrap();
    assert_eq!(caller.enrollment_id(), Some(bench.epoch(UDID).await.id));
    bench.check_out(&phone).await.unwrap();
    assert_eq!(bench.epoch(UDID).await.state, EnrollmentState::CheckedOut);
    assert!(bench.idle(&phone).await.is_err());
}

#[test]
fn what_was_read_before_a_change_is_not_remembered_after_it() {
    let memory = Memory::default();
    let known = || {
        Arc::new(Known {
            identity: IdentityId::from(uuid::Uuid::nil()),
            not_after: START.parse().unwrap(),
            revoked: false,
            epoch: None,
        })
    };
    let fingerprint = Fingerprint([1; 32]);
    let version = memory.version();
    memory.forget(|_| false);
    memory.put(version, fingerprint, &known());
    assert!(memory.find(&fingerprint).is_none());
    memory.put(memory.version(), fingerprint, &known());
    assert!(memory.find(&fingerprint).is_some());
}
