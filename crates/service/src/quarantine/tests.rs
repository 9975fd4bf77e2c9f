use store::DeliveryState;

use super::*;
use crate::testing::{Bench, Phone, command};
use crate::{IdentityRefusal, Reply};

const UDID: &str = "00008030-001A2B3C4D5E6F70";

/// A device with two epochs, the newer of which was set apart because the older one spoke.
async fn disputed(bench: &Bench) -> (Phone, Phone) {
    let old = bench.enroll(UDID).await;
    let new = bench.enroll(UDID).await;
    bench.idle(&old).await.unwrap();
    assert_eq!(bench.epoch(UDID).await.state, EnrollmentState::Quarantined);
    (old, new)
}

#[tokio::test]
async fn a_released_epoch_is_served_and_the_earlier_ones_are_over() {
    let bench = Bench::new().await;
    let (old, new) = disputed(&bench).await;
    let id = bench.epoch(UDID).await.id;
    bench.services.quarantine.release("joy", id).await.unwrap();
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs[0].state, epochs[1].state), (EnrollmentState::Enrolled, EnrollmentState::Superseded));
    assert!(bench.device_channel(&epochs[0]).await.enabled);
    bench.clear_queue(&new).await;
    bench.enqueue(&epochs[0], command("DeviceInformation")).await;
    assert!(bench.next(&new).await.is_some());
    assert!(matches!(bench.idle(&old).await, Err(Error::Identity(IdentityRefusal::Revoked))));
    assert_eq!(bench.acts("enrollment.released").await[0].actor, "joy");
    assert!(matches!(bench.services.quarantine.release("joy", id).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_rejected_epoch_is_refused_and_the_earlier_one_goes_on() {
    let bench = Bench::new().await;
    let (old, new) = disputed(&bench).await;
    bench.services.quarantine.reject("joy", bench.epoch(UDID).await.id).await.unwrap();
    assert!(matches!(bench.idle(&new).await, Err(Error::Identity(IdentityRefusal::Revoked))));
    assert!(matches!(bench.idle(&old).await, Ok(Reply::Nothing)));
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs[0].state, epochs[1].state), (EnrollmentState::Ended, EnrollmentState::Enrolled));
}

#[tokio::test]
async fn an_earlier_epoch_that_stays_silent_is_closed_with_its_queue() {
    let bench = Bench::new().await;
    bench.enroll(UDID).await;
    let seq = bench.enqueue(&bench.epoch(UDID).await, command("DeviceInformation")).await;
    bench.enroll(UDID).await;
    bench.days(6);
    assert_eq!(bench.services.quarantine.close_silent().await.unwrap(), 0);
    bench.days(1);
    assert_eq!(bench.services.quarantine.close_silent().await.unwrap(), 1);
    let epochs = bench.epochs(UDID).await;
    assert_eq!((epochs[0].state, epochs[1].state), (EnrollmentState::Enrolled, EnrollmentState::Superseded));
    let delivery = bench.tx(move |tx| Ok(store::Delivery::find(tx, seq)?)).await;
    assert_eq!(delivery.progress.state, DeliveryState::Superseded);
    assert_eq!(bench.services.quarantine.close_silent().await.unwrap(), 0);
}

#[tokio::test]
async fn there_is_nothing_to_decide_about_an_epoch_that_does_not_exist() {
    let bench = Bench::new().await;
    let nobody = EnrollmentId::new(&bench.clock);
    assert!(matches!(bench.services.quarantine.reject("joy", nobody).await, Err(Error::NotFound { .. })));
}
