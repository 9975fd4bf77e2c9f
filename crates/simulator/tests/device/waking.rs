//! Push, the schedule, and fleets.

use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use plist::Dictionary;
use simulator::{
    DeviceSpec, Fleet, FleetSpec, Model, Network, NetworkOptions, SimulatedApple, SimulatedDevice,
};
use tokio_util::sync::CancellationToken;

use crate::pusher::Pusher;
use crate::server::{self, Server};
use crate::{data, source, text};

const LIMIT: Duration = Duration::from_secs(20);

async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, wait).await.is_ok(), "{what}");
}

fn woken_network(apple: &SimulatedApple) -> Arc<Network> {
    Network::new(NetworkOptions {
        roots_pem: server::roots(),
        registry: Some(apple.registry()),
        shared_keys: 2,
        ..NetworkOptions::default()
    })
    .unwrap()
}

async fn apple() -> (SimulatedApple, simulator::SimulatedApns, Pusher) {
    let apple = SimulatedApple::new(Arc::new(SystemClock)).unwrap();
    let apns = apple.start_apns("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let now = clock::Clock::now(&SystemClock);
    let issued =
        apple.issue(server::TOPIC, now - Duration::from_secs(60), now + Duration::from_secs(3600)).unwrap();
    let pusher = Pusher::new(&apple, &apns, &issued.pem);
    (apple, apns, pusher)
}

#[tokio::test]
async fn a_push_wakes_the_device_it_is_for_and_only_with_its_magic() {
    let (apple, _apns, pusher) = apple().await;
    let server = Server::start().await;
    let device = SimulatedDevice::new(DeviceSpec::new(Model::IPhone, 1), woken_network(&apple));
    device.enroll(&source(&server)).await.unwrap();
    let update = server.seen("TokenUpdate")[0].clone();
    let (token, magic) = (data(&update, "Token"), text(&update, "PushMagic"));
    let cancel = CancellationToken::new();
    let life = {
        let (device, cancel) = (device.clone(), cancel.clone());
        tokio::spawn(async move { device.run(&cancel).await })
    };
    server.command("SecurityInfo", Dictionary::new());
    assert_eq!(pusher.push(&token, "not its magic").await, 200);
    until("the foreign push is counted", || device.snapshot().counts.foreign_pushes == 1).await;
    assert!(server.seen("Idle").is_empty());
    assert_eq!(pusher.push(&token, &magic).await, 200);
    until("the command is answered", || server.seen("Acknowledged").len() == 1).await;
    assert_eq!(device.snapshot().counts.pushes, 1);
    device.remove_enrolment().await.unwrap();
    assert_eq!(pusher.push(&token, &magic).await, 410);
    assert_eq!(pusher.push(&[9; 32], &magic).await, 400);
    cancel.cancel();
    life.await.unwrap();
}

#[tokio::test]
async fn unlocking_brings_a_device_back_to_what_it_put_off() {
    let server = Server::start().await;
    let device = crate::device(Model::IPhone, 2);
    device.enroll(&source(&server)).await.unwrap();
    device.lock_screen();
    server.command("CertificateList", Dictionary::new());
    device.poll().await.unwrap();
    assert_eq!(server.seen("NotNow").len(), 1);
    let cancel = CancellationToken::new();
    let life = {
        let (device, cancel) = (device.clone(), cancel.clone());
        tokio::spawn(async move { device.run(&cancel).await })
    };
    server.command("CertificateList", Dictionary::new());
    device.unlock_screen();
    until("the command is answered", || server.seen("Acknowledged").len() == 1).await;
    cancel.cancel();
    life.await.unwrap();
}

#[tokio::test]
async fn a_fleet_enrols_reports_its_progress_and_obeys() {
    let server = Server::start().await;
    let spec = FleetSpec { shared_keys: 2, ..FleetSpec::demo().scaled_to(12) };
    let fleet = Fleet::new(spec, &crate::network());
    let steps = std::sync::atomic::AtomicUsize::new(0);
    let enrolled = fleet
        .enroll(&source(&server), |progress| {
            assert!(progress.error.is_none(), "{progress:?}");
            steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        })
        .await
        .unwrap();
    assert_eq!((enrolled, steps.into_inner()), (12, 12));
    let udids: std::collections::BTreeSet<_> =
        server.seen("Authenticate").iter().map(|seen| text(seen, "UDID")).collect();
    assert_eq!(udids.len(), 12);
    server.command("SecurityInfo", Dictionary::new());
    assert_eq!(fleet.poll_all().await, 12);
    let summary = fleet.summary();
    assert_eq!((summary.enrolled, summary.acknowledged), (12, 1));
    let name = fleet.snapshots()[3].serial_number.to_lowercase();
    assert!(fleet.find(&name).is_some());
    assert!(fleet.wait(LIMIT, |states| states.iter().all(|state| state.enrolled)).await);
}

#[tokio::test]
async fn a_fleet_that_cannot_enrol_says_why() {
    let network = Network::new(NetworkOptions { shared_keys: 1, ..NetworkOptions::default() }).unwrap();
    let server = Server::start().await;
    let fleet = Fleet::new(FleetSpec::demo().scaled_to(2), &network);
    let error = fleet.enroll(&source(&server), |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("no device could enrol"), "{error:#}");
}
