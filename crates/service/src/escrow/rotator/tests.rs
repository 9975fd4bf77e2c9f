use std::time::Duration;

use plist::{Dictionary, Value};
use protocol_mdm::Status;
use serde_json::json;
use store::{Incident, Page as StorePage};
use uuid::Uuid;

use super::*;
use crate::escrow::Escrow;
use crate::testing::{Bench, Phone};
use crate::views::{RevealQuery, RevealRequest, RevealView, RevealedSecretView};

/// A Mac with a recovery lock of Ward's, and the lock's id.
async fn locked() -> (Bench, Phone, Uuid) {
    let bench = Bench::new().await;
    let mac = bench.enroll("A").await;
    bench.make_mac(&mac).await;
    bench.change_device(&mac, |device| device.supervised = Some(true)).await;
    bench.learn(&mac, "DeviceInformation", json!({"DeviceInformation.IsAppleSilicon": true})).await;
    let answer = bench.send(&["A"], json!({"RequestType": "SetRecoveryLock"})).await;
    obey(&bench, &mac, Status::Acknowledged).await.unwrap();
    (bench, mac, answer.queued.first().unwrap().secret_id.unwrap())
}

/// Fetches the next command, answers it, and returns it.
async fn obey(bench: &Bench, mac: &Phone, status: Status) -> Option<Dictionary> {
    let (uuid, command) = bench.next(mac).await?;
    bench.answer(mac, &uuid, status, Dictionary::new()).await.unwrap();
    Some(command)
}

async fn reveal(bench: &Bench, id: Uuid, reason: &str) -> Result<RevealedSecretView, Error> {
    let request = RevealRequest { reason: reason.to_owned() };
    bench.services.escrow.reveal(&bench.operator().await, id, request).await
}

async fn reveals(bench: &Bench, overdue: bool) -> Vec<RevealView> {
    let query = RevealQuery { overdue, ..RevealQuery::default() };
    Escrow::new(bench.services.context.clone()).reveals(query).await.unwrap().items
}

async fn incidents(bench: &Bench) -> usize {
    bench
        .tx(|tx| Ok(Incident::list(tx, true, StorePage::first(10))?))
        .await
        .iter()
        .filter(|one| one.kind == INCIDENT)
        .count()
}

fn minutes(bench: &Bench, count: u64) {
    bench.advance(Duration::from_secs(count * 60));
}

#[tokio::test]
async fn a_password_that_was_shown_is_changed_within_the_hour_and_that_is_on_record() {
    let (bench, mac, id) = locked().await;
    let rotator = bench.services.escrow.rotator();
    let shown = reveal(&bench, id, "recovery at ward 3").await.unwrap();
    assert_eq!((shown.rotation.as_str(), shown.earlier), ("due", 0));
    assert_eq!(rotator.run_once().await.unwrap(), 0, "who asked for it needs it now");
    minutes(&bench, 16);
    assert_eq!(rotator.run_once().await.unwrap(), 1);
    let command = obey(&bench, &mac, Status::Acknowledged).await.unwrap();
    assert_eq!(command.get("RequestType").and_then(Value::as_string), Some("SetRecoveryLock"));
    assert_eq!(command.get("CurrentPassword").and_then(Value::as_string), Some(shown.value.as_str()));
    assert_ne!(command.get("NewPassword").and_then(Value::as_string), Some(shown.value.as_str()));
    let list = reveals(&bench, false).await;
    let row = list.first().unwrap();
    assert_eq!((row.rotation.as_str(), row.overdue), ("done", false));
    assert!(row.rotated_at.unwrap() <= row.rotate_by.unwrap() && row.command_uuid.is_some());
    assert_eq!(bench.acts("secret.rotated").await.len(), 1);
    minutes(&bench, 120);
    rotator.run_once().await.unwrap();
    while obey(&bench, &mac, Status::Acknowledged).await.is_some() {}
    assert_eq!(reveals(&bench, false).await.len(), 1, "nothing more is changed");
    let old = reveal(&bench, id, "to compare with the note on the desk").await.unwrap();
    assert_eq!(old.rotation, "needless", "the device has another one");
}

#[tokio::test]
async fn a_second_look_needs_a_reason_of_its_own_and_is_flagged() {
    let (bench, _, id) = locked().await;
    reveal(&bench, id, "recovery at ward 3").await.unwrap();
    for same in ["recovery at ward 3", "  Recovery at  ward 3 "] {
        let refused = reveal(&bench, id, same).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { .. }), "{refused}");
    }
    assert_eq!(bench.acts("secret.reveal").await.len(), 1);
    let again = reveal(&bench, id, "mistyped, the Mac asks again").await.unwrap();
    assert_eq!(again.earlier, 1);
    let acts = bench.acts("secret.reveal").await;
    assert_eq!(acts.len(), 2);
    assert!(acts.first().unwrap().detail.contains("\"again\":true"));
    let listed = bench.services.escrow.list("A".to_owned()).await.unwrap();
    let of_this = listed.iter().find(|secret| secret.id == id).unwrap();
    assert_eq!((of_this.reveals, of_this.rotation.as_deref()), (2, Some("due")));
}

#[tokio::test]
async fn a_device_that_does_not_come_is_overdue_after_an_hour_and_somebody_is_told() {
    let (bench, mac, id) = locked().await;
    let rotator = bench.services.escrow.rotator();
    reveal(&bench, id, "recovery at ward 3").await.unwrap();
    for _ in 0..6 {
        minutes(&bench, 16);
        rotator.run_once().await.unwrap();
    }
    assert_eq!((reveals(&bench, true).await.len(), incidents(&bench).await), (1, 1));
    let checks = bench.services.health.checks().await.unwrap();
    assert!(checks.iter().any(|check| check.detail.contains("secrets were shown to people")), "{checks:?}");
    assert_eq!(bench.services.sealing.show().await.unwrap().overdue_rotations, 1);
    obey(&bench, &mac, Status::Acknowledged).await.unwrap();
    assert_eq!(
        (reveals(&bench, true).await.len(), incidents(&bench).await),
        (0, 0),
        "late is better than never"
    );
}

#[tokio::test]
async fn a_mac_that_refuses_is_left_to_a_person_after_three_commands() {
    let (bench, mac, id) = locked().await;
    let rotator = bench.services.escrow.rotator();
    reveal(&bench, id, "recovery at ward 3").await.unwrap();
    let mut commands = 0;
    for _ in 0..8 {
        minutes(&bench, 16);
        rotator.run_once().await.unwrap();
        while let Some(command) = obey(&bench, &mac, Status::Error).await {
            commands +=
                u32::from(command.get("RequestType").and_then(Value::as_string) == Some("SetRecoveryLock"));
        }
    }
    let list = reveals(&bench, true).await;
    assert_eq!(
        (commands, list.first().unwrap().rotation.as_str(), incidents(&bench).await),
        (3, "failed", 1)
    );
}

#[tokio::test]
async fn what_cannot_be_changed_says_why_and_an_enrolment_that_ends_ends_it() {
    let (bench, mac, id) = locked().await;
    let pin = bench.send(&["A"], json!({"RequestType": "DeviceLock"})).await;
    let pin =
        reveal(&bench, pin.queued.first().unwrap().secret_id.unwrap(), "the Mac was found").await.unwrap();
    assert_eq!((pin.rotation.as_str(), pin.rotate_by), ("needless", None));
    assert!(pin.detail.unwrap().contains("once"));
    reveal(&bench, id, "recovery at ward 3").await.unwrap();
    bench.check_out(&mac).await.unwrap();
    minutes(&bench, 16);
    bench.services.escrow.rotator().run_once().await.unwrap();
    let list = reveals(&bench, false).await;
    assert_eq!(list.iter().find(|row| row.secret_id == id).unwrap().rotation, "gone");
}
