use std::time::Duration;

use apple_client::PushError;
use clock::{Clock, Timestamp};
use pki::{Authority, AuthorityKind, CertificateRequest, NewCertificate, PrivateKey, Usage};
use store::{Job, JobState};

use super::*;
use crate::testing::operators::{ScriptedPush, plain};
use crate::testing::{Bench, Phone, TOPIC};
use crate::views::{InstallPushCertificateRequest, PushCertificateRequestRequest, PushRequest};

/// A device whose first pushes are done with, and the worker over a scripted APNs.
async fn woken() -> (Bench, Phone, PushWorker, std::sync::Arc<ScriptedPush>, Alarms) {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let (worker, apns, alarms) = bench.worker();
    worker.run_once().await.unwrap();
    bench.advance(Duration::from_secs(60));
    apns.sent.lock().clear();
    (bench, phone, worker, apns, alarms)
}

async fn channel(bench: &Bench) -> Channel {
    let enrollment = bench.epoch("A").await;
    bench.device_channel(&enrollment).await
}

async fn ready_jobs(bench: &Bench) -> i64 {
    bench.tx(|tx| Ok(Job::count(tx, JobState::Ready)?)).await
}

#[tokio::test]
async fn a_push_marks_what_waits_and_the_next_one_keeps_its_distance() {
    let (bench, _, worker, apns, _) = woken().await;
    let first = bench.send(&["A"], plain("ProfileList")).await.queued[0].delivery;
    assert_eq!(worker.run_once().await.unwrap(), 1);
    assert_eq!(bench.evidence(first).await.delivery.state, "pushed");
    assert_eq!(channel(&bench).await.last_pushed_at, Some(bench.clock.now()));
    let second = bench.send(&["A"], plain("SecurityInfo")).await.queued[0].delivery;
    worker.run_once().await.unwrap();
    assert_eq!(apns.sent.lock().len(), 1, "too soon");
    bench.advance(bench.services.context.settings.push_interval);
    worker.run_once().await.unwrap();
    assert_eq!(apns.sent.lock().len(), 2);
    assert_eq!(bench.evidence(second).await.delivery.state, "pushed");
}

#[tokio::test]
async fn nothing_is_pushed_for_a_device_that_has_fetched_everything_meanwhile() {
    let (bench, phone, worker, apns, _) = woken().await;
    bench.send(&["A"], plain("ProfileList")).await;
    bench.clear_queue(&phone).await;
    worker.run_once().await.unwrap();
    assert!(apns.sent.lock().is_empty());
    let answer = bench
        .services
        .commands
        .wake(&bench.operator().await, PushRequest { targets: vec!["A".to_owned()] })
        .await
        .unwrap();
    assert_eq!(answer.queued, ["A"]);
    worker.run_once().await.unwrap();
    assert_eq!(apns.sent.lock().len(), 1, "an operator wakes it all the same");
}

#[tokio::test]
async fn a_dead_token_is_left_alone_until_a_new_one_comes_and_the_device_stays_enrolled() {
    let (bench, phone, worker, apns, _) = woken().await;
    apns.answers.lock().push_back(PushError::Unregistered { since: Some(bench.clock.now()) });
    bench.send(&["A"], plain("ProfileList")).await;
    worker.run_once().await.unwrap();
    assert!(channel(&bench).await.push_dead_at.is_some());
    assert_eq!(bench.epoch("A").await.state, store::EnrollmentState::Enrolled);
    bench.advance(Duration::from_secs(3_600));
    bench.send(&["A"], plain("SecurityInfo")).await;
    worker.run_once().await.unwrap();
    assert_eq!(apns.sent.lock().len(), 1);
    bench.token_update(&phone, |_| {}).await.unwrap();
    bench.send(&["A"], plain("CertificateList")).await;
    worker.run_once().await.unwrap();
    assert_eq!(apns.sent.lock().len(), 2);
}

#[tokio::test]
async fn apple_calling_an_older_token_dead_does_not_retire_the_newer_one() {
    let (bench, _, worker, apns, _) = woken().await;
    let updated = channel(&bench).await.token_updated_at.unwrap();
    apns.answers.lock().push_back(PushError::Unregistered { since: Some(updated - Duration::from_secs(60)) });
    bench.send(&["A"], plain("ProfileList")).await;
    worker.run_once().await.unwrap();
    assert_eq!(channel(&bench).await.push_dead_at, None);
    bench.advance(Duration::from_secs(60));
    worker.run_once().await.unwrap();
    assert_eq!(apns.sent.lock().len(), 2);
}

#[tokio::test]
async fn a_wrong_certificate_raises_an_alarm_and_retires_no_token() {
    let (bench, _, worker, apns, alarms) = woken().await;
    let mut watcher = bench.services.context.events.watch();
    apns.answers.lock().push_back(PushError::Rejected("BadDeviceToken".to_owned()));
    apns.answers.lock().push_back(PushError::NoCertificate(TOPIC.to_owned()));
    let seq = bench.send(&["A"], plain("ProfileList")).await.queued[0].delivery;
    worker.run_once().await.unwrap();
    assert!(alarms.list()[TOPIC].reason.contains("BadDeviceToken"));
    let mut kinds = Vec::new();
    while kinds.len() < 2 {
        let Some(crate::events::Watched::Event(event)) = watcher.next().await else {
            panic!("an event is missing")
        };
        kinds.push(event.kind.clone());
    }
    assert!(kinds.contains(&"push.alarm".to_owned()), "{kinds:?}");
    bench.advance(Duration::from_secs(3_600));
    worker.run_once().await.unwrap();
    assert!(alarms.list()[TOPIC].reason.contains("no push certificate"));
    assert_eq!(channel(&bench).await.push_dead_at, None);
    bench.advance(Duration::from_secs(3_600));
    worker.run_once().await.unwrap();
    assert!(alarms.list().is_empty());
    assert_eq!(bench.evidence(seq).await.delivery.state, "pushed");
}

#[tokio::test]
async fn what_apple_cannot_take_now_is_tried_again_and_what_nobody_understands_is_given_up_and_listed() {
    let (bench, _, worker, apns, _) = woken().await;
    let busy = || PushError::Unavailable { reason: "503".to_owned(), after: Some(Duration::from_secs(120)) };
    apns.answers.lock().extend([busy(), PushError::Throttled(None)]);
    bench.send(&["A"], plain("ProfileList")).await;
    worker.run_once().await.unwrap();
    bench.advance(Duration::from_secs(119));
    assert_eq!(worker.run_once().await.unwrap(), 0, "Apple asked for two minutes");
    for _ in 0..2 {
        bench.advance(Duration::from_secs(3_600));
        worker.run_once().await.unwrap();
    }
    assert_eq!(apns.sent.lock().len(), 3);
    apns.answers.lock().extend((0..9).map(|_| PushError::Unexpected("418".to_owned())));
    bench.send(&["A"], plain("SecurityInfo")).await;
    for _ in 0..9 {
        bench.advance(Duration::from_secs(3_600));
        worker.run_once().await.unwrap();
    }
    assert_eq!(apns.sent.lock().len(), 3 + 5);
    let given_up = bench
        .services
        .health
        .jobs(crate::views::JobQuery { state: Some("dead".to_owned()), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(given_up.items[0].kind, SEND_PUSH);
    assert!(given_up.items[0].last_error.as_deref().unwrap().contains("418"));
}

#[tokio::test]
async fn what_was_not_fetched_or_put_off_is_pushed_again_on_a_schedule() {
    let (bench, phone, worker, apns, _) = woken().await;
    bench.send(&["A"], plain("InstalledApplicationList")).await;
    worker.run_once().await.unwrap();
    let (uuid, _) = bench.next(&phone).await.unwrap();
    bench.answer(&phone, &uuid, protocol_mdm::Status::NotNow, plist::Dictionary::new()).await.unwrap();
    let scheduler = bench.services.scheduler();
    scheduler.run_once().await.unwrap();
    assert_eq!(ready_jobs(&bench).await, 1, "only the refresh of tomorrow");
    bench.advance(bench.services.context.settings.repush_after + Duration::from_secs(1));
    scheduler.run_once().await.unwrap();
    scheduler.run_once().await.unwrap();
    worker.run_once().await.unwrap();
    assert_eq!(apns.sent.lock().len(), 2);
}

/// A push certificate in PEM with its key, as the portal and `openssl` would give them.
fn certificate(topic: &str, key: &PrivateKey, until: Timestamp) -> String {
    let apple =
        Authority::create(AuthorityKind::P256, "Apple in the test", Timestamp::from_millis(0), 36_500)
            .unwrap();
    let request =
        CertificateRequest::from_der(&CertificateRequest::create(key, &vec![], None).unwrap()).unwrap();
    let new = NewCertificate {
        public_key_der: request.public_key_der().to_vec(),
        subject: vec![("UID".to_owned(), topic.to_owned()), ("CN".to_owned(), "APSP:1".to_owned())],
        not_before: until - Duration::from_secs(365 * 86_400),
        not_after: until,
        usage: Usage::Client,
        serial: None,
    };
    apple.issue(&new).unwrap().to_pem()
}

fn pem_of(key: &PrivateKey) -> String {
    String::from_utf8(key.to_pkcs8_pem().unwrap().to_vec()).unwrap()
}

fn service(bench: &Bench) -> (PushCertificates, std::sync::Arc<ScriptedPush>) {
    let push = std::sync::Arc::new(ScriptedPush::default());
    (PushCertificates::new(bench.services.context.clone(), push.clone(), Alarms::default()), push)
}

fn with_pem(pem: String) -> InstallPushCertificateRequest {
    InstallPushCertificateRequest { pem: Some(pem), ..InstallPushCertificateRequest::default() }
}

#[tokio::test]
async fn a_renewed_certificate_takes_the_place_of_its_topic_and_another_topic_stands_beside_it() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let (certificates, apns) = service(&bench);
    let (operator, key) = (bench.operator().await, PrivateKey::generate_p256().unwrap());
    let until = bench.clock.now() + Duration::from_secs(365 * 86_400);
    let renewed = certificate(TOPIC, &key, until) + &pem_of(&key);
    let installed = certificates.install(&operator, with_pem(renewed)).await.unwrap();
    assert_eq!(installed.certificate.enrollments, 1);
    assert!(installed.warnings.is_empty(), "{:?}", installed.warnings);
    let other =
        pem_of(&key).trim_end().to_owned() + &certificate("com.apple.mgmt.External.other", &key, until);
    let installed = certificates.install(&operator, with_pem(other)).await.unwrap();
    assert!(installed.warnings[0].contains("No enrolled device uses the topic"), "{:?}", installed.warnings);
    let listed = certificates.list().await.unwrap();
    let active: Vec<&str> = listed.iter().filter(|row| row.active).map(|row| row.topic.as_str()).collect();
    assert_eq!(active.len(), 2);
    assert!(active.contains(&TOPIC));
    assert_eq!(
        *apns.installed.lock(),
        [TOPIC, "com.apple.mgmt.External.other"],
        "at once, without a restart"
    );
    assert!(listed.iter().any(|row| !row.active && row.topic == TOPIC), "the one before is kept");
}

#[tokio::test]
async fn a_certificate_for_wards_own_request_needs_no_key_and_a_foreign_one_is_refused() {
    let bench = Bench::new().await;
    let (certificates, _) = service(&bench);
    let operator = bench.operator().await;
    let asked = certificates.request(&operator, PushCertificateRequestRequest::default()).await.unwrap();
    assert!(asked.csr_pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
    assert!(asked.csr_pem.lines().all(|line| line.len() <= 64));
    use base64::Engine as _;
    let der = base64::engine::general_purpose::STANDARD.decode(&asked.csr_der_base64).unwrap();
    let request = CertificateRequest::from_der(&der).unwrap();
    let until = bench.clock.now() + Duration::from_secs(365 * 86_400);
    let apple =
        Authority::create(AuthorityKind::P256, "Apple in the test", Timestamp::from_millis(0), 36_500)
            .unwrap();
    let issue = |public_key_der: Vec<u8>| {
        let subject = vec![("UID".to_owned(), TOPIC.to_owned())];
        let new = NewCertificate {
            public_key_der,
            subject,
            not_before: bench.clock.now(),
            not_after: until,
            usage: Usage::Client,
            serial: None,
        };
        apple.issue(&new).unwrap().to_pem()
    };
    let installed =
        certificates.install(&operator, with_pem(issue(request.public_key_der().to_vec()))).await.unwrap();
    assert_eq!(installed.certificate.topic, TOPIC);
    let foreign = PrivateKey::generate_p256().unwrap();
    let error = certificates
        .install(&operator, with_pem(issue(foreign.public_key_der().unwrap())))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("fits no request"), "{error}");
}

#[tokio::test]
async fn after_a_restart_every_usable_certificate_is_in_force_and_a_broken_one_raises_an_alarm() {
    let bench = Bench::new().await;
    let (certificates, _) = service(&bench);
    let (operator, key) = (bench.operator().await, PrivateKey::generate_p256().unwrap());
    let until = bench.clock.now() + Duration::from_secs(365 * 86_400);
    let other = certificate("com.apple.mgmt.External.other", &key, until) + &pem_of(&key);
    certificates.install(&operator, with_pem(other)).await.unwrap();
    let (push, alarms) = (std::sync::Arc::new(ScriptedPush::default()), Alarms::default());
    PushCertificates::new(bench.services.context.clone(), push.clone(), alarms.clone()).load().await.unwrap();
    assert_eq!(*push.installed.lock(), ["com.apple.mgmt.External.other"]);
    assert_eq!(
        alarms.list().into_keys().collect::<Vec<_>>(),
        [TOPIC],
        "the bench's own certificate is empty"
    );
}

#[tokio::test]
async fn unusable_certificates_are_refused_in_words() {
    let bench = Bench::new().await;
    let (certificates, apns) = service(&bench);
    let operator = bench.operator().await;
    let (key, other) = (PrivateKey::generate_p256().unwrap(), PrivateKey::generate_p256().unwrap());
    let now = bench.clock.now();
    let year = Duration::from_secs(365 * 86_400);
    let table = [
        (certificate(TOPIC, &key, now + year) + &pem_of(&other), "key"),
        (certificate("com.example.app", &key, now + year) + &pem_of(&key), "topic"),
        (certificate(TOPIC, &key, now - Duration::from_secs(1)) + &pem_of(&key), "expired"),
        (
            certificate(TOPIC, &key, now + year)
                + "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAEC\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "encrypted",
        ),
        ("nothing".to_owned(), ""),
    ];
    for (pem, word) in table {
        let error = certificates.install(&operator, with_pem(pem)).await.unwrap_err();
        assert!(
            matches!(error, Error::Invalid { .. }) && error.to_string().contains(word),
            "{word}: {error}"
        );
    }
    assert!(apns.installed.lock().is_empty());
}
