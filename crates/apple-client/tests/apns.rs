//! The client against a simulated APNs: real HTTP/2, real TLS, every fault that it can be told to make.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use apple_client::{ApnsClient, ApnsSettings, Push, PushError, PushMessage};
use clock::{Clock as _, SystemClock, Timestamp};
use pki::PushCertificate;
use secrecy::SecretString;
use simulator::{PushFault, SimulatedApns, SimulatedApple};
use zeroize::Zeroizing;

const TOKEN: [u8; 32] = [0xA7; 32];

/// Keys are slow to make: one Apple and one certificate serve all tests, each with an APNs and a topic list of its own.
static APPLE: LazyLock<SimulatedApple> =
    LazyLock::new(|| SimulatedApple::new(Arc::new(SystemClock)).unwrap());
static PUSH: LazyLock<(String, Vec<u8>)> = LazyLock::new(|| {
    let issued = APPLE.issue_push_certificate(1, 365).unwrap();
    (issued.topic.clone(), issued.pem.to_vec())
});

struct Bench {
    apns: SimulatedApns,
    client: ApnsClient,
}

fn settings(apns: &SimulatedApns) -> ApnsSettings {
    ApnsSettings {
        host: apns.host().to_owned(),
        port: apns.port(),
        roots_pem: Some(APPLE.ca_pem()),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(5),
        reconnect_pause: Duration::ZERO,
        ..ApnsSettings::default()
    }
}

async fn bench(adjust: impl FnOnce(&mut ApnsSettings)) -> Bench {
    let apns = APPLE.start_apns("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut settings = settings(&apns);
    adjust(&mut settings);
    let client = ApnsClient::new(settings);
    client.install(PushCertificate::from_pem(&PUSH.1).unwrap()).unwrap();
    APPLE.registry().give_out(&TOKEN, &PUSH.0);
    Bench { apns, client }
}

fn message() -> PushMessage {
    PushMessage {
        topic: PUSH.0.clone(),
        token: Zeroizing::new(TOKEN.to_vec()),
        magic: SecretString::from("MAGIC \"1\""),
        expiration: Some(Timestamp::from_millis(1_900_000_000_000)),
    }
}

#[tokio::test]
async fn a_push_arrives_as_an_mdm_push_and_nothing_else() {
    let bench = bench(|_| {}).await;
    let receipt = bench.client.send(message()).await.unwrap();
    assert!(receipt.apns_id.is_some());
    let received = bench.apns.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].topic, PUSH.0);
    assert_eq!(received[0].token, TOKEN);
    assert_eq!(received[0].magic, "MAGIC \"1\"");
    assert_eq!(received[0].push_type.as_deref(), Some("mdm"));
    assert_eq!(received[0].priority.as_deref(), Some("10"));
    assert_eq!(received[0].expiration, Some(1_900_000_000));
}

#[tokio::test]
async fn many_pushes_share_the_connections() {
    let bench = bench(|settings| settings.connections = 2).await;
    let sends = (0..600).map(|_| bench.client.send(message()));
    let results = futures_util::future::join_all(sends).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(bench.apns.count(), 600);
    assert_eq!(bench.apns.connections(), 2);
}

#[tokio::test]
async fn an_unregistered_token_is_reported_with_apples_time() {
    let bench = bench(|_| {}).await;
    let at = Timestamp::from_millis(1_508_249_865_488);
    bench.apns.faults().next(1, &PushFault::unregistered(at));
    assert_eq!(bench.client.send(message()).await, Err(PushError::Unregistered { since: Some(at) }));
}

#[tokio::test]
async fn throttling_and_server_errors_may_be_retried_and_carry_the_wait() {
    let bench = bench(|_| {}).await;
    bench.apns.faults().next(1, &PushFault::throttled(Duration::from_secs(9)));
    assert_eq!(bench.client.send(message()).await, Err(PushError::Throttled(Some(Duration::from_secs(9)))));
    for (status, reason) in [(500, "InternalServerError"), (503, "ServiceUnavailable"), (503, "Shutdown")] {
        bench.apns.faults().next(1, &PushFault::answer(status, reason));
        let error = bench.client.send(message()).await.unwrap_err();
        assert!(error.may_retry(), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert!(bench.client.send(message()).await.is_ok());
    assert_eq!(bench.apns.connections(), 1);
}

#[tokio::test]
async fn refusals_are_faults_of_the_configuration_and_retire_no_token() {
    let bench = bench(|_| {}).await;
    for (status, reason) in [
        (400, "BadDeviceToken"),
        (400, "DeviceTokenNotForTopic"),
        (400, "TopicDisallowed"),
        (403, "BadCertificate"),
        (403, "BadCertificateEnvironment"),
    ] {
        bench.apns.faults().next(1, &PushFault::answer(status, reason));
        let error = bench.client.send(message()).await.unwrap_err();
        assert!(matches!(&error, PushError::Rejected(text) if text.contains(reason)), "{error:?}");
    }
}

#[tokio::test]
async fn a_push_survives_goaway_and_the_next_one_uses_a_new_connection() {
    let bench = bench(|_| {}).await;
    bench.apns.faults().next(1, &PushFault::GoAway);
    for _ in 0..20 {
        bench.client.send(message()).await.unwrap();
    }
    assert_eq!(bench.apns.connections(), 2);
}

#[tokio::test]
async fn pushes_lost_with_their_connection_go_out_once_more() {
    let bench = bench(|_| {}).await;
    bench.client.send(message()).await.unwrap();
    bench.apns.faults().next(1, &PushFault::Cut);
    let sends = (0..50).map(|_| bench.client.send(message()));
    let results = futures_util::future::join_all(sends).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(bench.apns.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_is_cut_twice_is_an_error_and_not_a_loop() {
    let bench = bench(|_| {}).await;
    bench.apns.faults().always(Some(PushFault::Cut));
    let error = bench.client.send(message()).await.unwrap_err();
    assert!(error.may_retry(), "{error:?}");
    assert_eq!(bench.apns.count(), 2);
}

#[tokio::test]
async fn an_idle_timeout_is_answered_with_a_new_connection() {
    let bench = bench(|_| {}).await;
    bench.apns.faults().next(1, &PushFault::answer(400, "IdleTimeout"));
    bench.client.send(message()).await.unwrap();
    assert_eq!(bench.apns.connections(), 2);
}

#[tokio::test]
async fn a_stalled_push_ends_in_time_and_the_connection_is_given_up() {
    let bench = bench(|settings| settings.request_timeout = Duration::from_millis(300)).await;
    bench.apns.faults().next(1, &PushFault::Stall);
    let error = bench.client.send(message()).await.unwrap_err();
    assert!(error.may_retry(), "{error:?}");
    bench.client.send(message()).await.unwrap();
    assert_eq!(bench.apns.connections(), 2);
}

#[tokio::test]
async fn pushes_behind_a_stalled_one_go_out_on_a_new_connection() {
    let bench = bench(|settings| {
        settings.request_timeout = Duration::from_millis(500);
        settings.streams = 1;
    })
    .await;
    bench.apns.faults().next(1, &PushFault::Stall);
    let sends = (0..4).map(|_| bench.client.send(message()));
    let results = futures_util::future::join_all(sends).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3, "{results:?}");
    assert_eq!(bench.apns.connections(), 2);
}

#[tokio::test]
async fn apns_that_is_not_there_is_unavailable_and_is_not_tried_for_every_push() {
    let apns = APPLE.start_apns("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let client =
        ApnsClient::new(ApnsSettings { reconnect_pause: Duration::from_secs(60), ..settings(&apns) });
    drop(apns);
    tokio::time::sleep(Duration::from_millis(50)).await;
    client.install(PushCertificate::from_pem(&PUSH.1).unwrap()).unwrap();
    let first = client.send(message()).await.unwrap_err();
    let second = client.send(message()).await.unwrap_err();
    assert!(first.may_retry(), "{first:?}");
    assert_eq!(first, second);
}

#[tokio::test]
async fn an_expired_certificate_is_an_alarm() {
    let bench = bench(|_| {}).await;
    let now = SystemClock.now();
    let day = Duration::from_secs(86_400);
    let expired = APPLE.issue("com.apple.mgmt.External.old", now - day * 400, now - day * 30).unwrap();
    bench.client.install(PushCertificate::from_pem(&expired.pem).unwrap()).unwrap();
    let old = PushMessage { topic: expired.topic.clone(), ..message() };
    let error = bench.client.send(old).await.unwrap_err();
    assert!(matches!(&error, PushError::Rejected(text) if text.contains("certificate expired")), "{error:?}");
    assert!(bench.client.send(message()).await.is_ok(), "the other topic still works");
}

#[tokio::test]
async fn a_server_with_a_certificate_of_an_unknown_root_gets_no_push() {
    let bench = bench(|settings| settings.roots_pem = None).await;
    let error = bench.client.send(message()).await.unwrap_err();
    assert!(matches!(error, PushError::Unavailable { .. }), "{error:?}");
    assert_eq!(bench.apns.count(), 0);
}

#[tokio::test]
async fn a_topic_without_certificate_fails_alone_and_topics_stand_side_by_side() {
    let bench = bench(|_| {}).await;
    let other = PushMessage { topic: "com.apple.mgmt.External.other".to_owned(), ..message() };
    assert_eq!(bench.client.send(other.clone()).await, Err(PushError::NoCertificate(other.topic.clone())));
    let now = SystemClock.now();
    let issued =
        APPLE.issue(&other.topic, now - Duration::from_secs(60), now + Duration::from_secs(86_400)).unwrap();
    bench.client.install(PushCertificate::from_pem(&issued.pem).unwrap()).unwrap();
    APPLE.registry().give_out(&[0xB8; 32], &other.topic);
    bench.client.send(PushMessage { token: Zeroizing::new(vec![0xB8; 32]), ..other.clone() }).await.unwrap();
    bench.client.send(message()).await.unwrap();
    assert_eq!(bench.client.topics().len(), 2);
    assert!(bench.client.remove(&other.topic));
    assert_eq!(bench.client.topics(), std::slice::from_ref(&PUSH.0));
}

#[tokio::test]
async fn a_renewed_certificate_is_used_at_once() {
    let bench = bench(|_| {}).await;
    bench.client.send(message()).await.unwrap();
    bench.client.install(PushCertificate::from_pem(&PUSH.1).unwrap()).unwrap();
    bench.client.send(message()).await.unwrap();
    assert_eq!(bench.apns.connections(), 1, "the same certificate again changes nothing");
    let renewed = APPLE.issue_push_certificate(1, 365).unwrap();
    assert_eq!(renewed.topic, PUSH.0);
    bench.client.install(PushCertificate::from_pem(&renewed.pem).unwrap()).unwrap();
    bench.client.send(message()).await.unwrap();
    assert_eq!(bench.apns.connections(), 2);
}

#[test]
fn the_client_shows_no_key() {
    let client = ApnsClient::new(ApnsSettings::default());
    client.install(PushCertificate::from_pem(&PUSH.1).unwrap()).unwrap();
    let shown = format!("{client:?}");
    assert!(shown.contains(&PUSH.0));
    assert!(!shown.to_lowercase().contains("key"), "{shown}");
}
