use clock::Clock;
use plist::Value;
use protocol_mdm::{Status, commands};
use serde_json::json;
use store::Report as StoredReport;

use super::*;
use crate::testing::operators::plain;
use crate::testing::{Bench, Phone};

fn answers(pairs: &[(&str, Value)]) -> Dictionary {
    let inner: Dictionary = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let mut body = Dictionary::new();
    body.insert("QueryResponses".to_owned(), Value::Dictionary(inner));
    body
}

async fn ask(bench: &Bench, phone: &Phone, command: serde_json::Value, status: Status, body: Dictionary) {
    bench.send(&[&phone.udid], command).await;
    let (uuid, _) = bench.next(phone).await.unwrap();
    bench.answer(phone, &uuid, status, body).await.unwrap();
}

async fn facts(bench: &Bench, phone: &Phone) -> Vec<crate::views::FactView> {
    bench.services.devices.facts(phone.udid.clone(), None).await.unwrap()
}

#[tokio::test]
async fn an_acknowledged_answer_becomes_facts_with_time_and_source_and_updates_the_record() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let body = answers(&[
        ("DeviceName", "Ward 7".into()),
        ("OSVersion", "26.2".into()),
        ("IsSupervised", true.into()),
        ("BatteryLevel", Value::Integer(1.into())),
        ("IsMDMLostModeEnabled", false.into()),
    ]);
    let queries = json!({"RequestType": "DeviceInformation", "Queries": ["DeviceName", "OSVersion"]});
    ask(&bench, &phone, queries, Status::Acknowledged, body).await;
    let told = bench.clock.now();
    bench.advance(std::time::Duration::from_secs(90));
    let facts = facts(&bench, &phone).await;
    let name = facts.iter().find(|fact| fact.key == "DeviceInformation.DeviceName").unwrap();
    assert_eq!((name.value.clone(), name.observed_at, name.age_seconds), (json!("Ward 7"), told, 90));
    assert_eq!(name.source, "DeviceInformation");
    assert!(name.command_uuid.is_some());
    let shown = bench.services.devices.show("A".to_owned()).await.unwrap().device;
    assert_eq!(shown.name.as_deref(), Some("Ward 7"));
    assert_eq!(shown.os_version.as_deref(), Some("26.2"));
    assert_eq!((shown.supervised, shown.lost_mode), (Some(true), Some(false)));
}

#[tokio::test]
async fn what_was_known_at_a_time_can_be_asked_for_later() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.learn(&phone, "SecurityInfo", json!({"SecurityInfo.PasscodePresent": false})).await;
    let then = bench.clock.now();
    bench.days(2);
    bench.learn(&phone, "SecurityInfo", json!({"SecurityInfo.PasscodePresent": true})).await;
    let value = |facts: Vec<crate::views::FactView>| {
        facts.into_iter().find(|fact| fact.key == "SecurityInfo.PasscodePresent").map(|fact| fact.value)
    };
    let before = bench.services.devices.facts("A".to_owned(), Some(then)).await.unwrap();
    assert_eq!(value(before), Some(json!(false)));
    assert_eq!(value(facts(&bench, &phone).await), Some(json!(true)));
}

#[tokio::test]
async fn an_error_teaches_nothing() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let before = facts(&bench, &phone).await;
    let body = answers(&[("DeviceName", "Wrong".into())]);
    let queries = json!({"RequestType": "DeviceInformation", "Queries": ["DeviceName"]});
    ask(&bench, &phone, queries, Status::Error, body).await;
    assert_eq!(facts(&bench, &phone).await.len(), before.len());
    assert_eq!(bench.services.devices.show("A".to_owned()).await.unwrap().device.name, None);
}

#[tokio::test]
async fn lost_mode_follows_the_commands_and_then_the_devices_own_word() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.change_device(&phone, |device| device.supervised = Some(true)).await;
    let lost = async || bench.services.devices.show("A".to_owned()).await.unwrap().device.lost_mode;
    let enable = json!({"RequestType": "EnableLostMode", "Message": "Please return"});
    ask(&bench, &phone, enable, Status::Acknowledged, Dictionary::new()).await;
    assert_eq!(lost().await, Some(true));
    ask(&bench, &phone, plain("DisableLostMode"), Status::Acknowledged, Dictionary::new()).await;
    assert_eq!(lost().await, Some(false));
    let queries = json!({"RequestType": "DeviceInformation", "Queries": ["IsMDMLostModeEnabled"]});
    ask(&bench, &phone, queries, Status::Acknowledged, answers(&[("IsMDMLostModeEnabled", true.into())]))
        .await;
    assert_eq!(lost().await, Some(true));
}

#[test]
fn of_a_personal_device_nothing_that_names_it_is_kept_and_its_place_not_even_sealed() {
    let mut body =
        answers(&[("OSVersion", "26.1".into()), ("SerialNumber", "C02".into()), ("WiFiMAC", "aa".into())]);
    body.insert("Latitude".to_owned(), 51.5.into());
    let taken =
        clean(Ownership::Personal, Some(&commands::device_location()), Some("DeviceLocation"), &mut body);
    assert!(taken.is_empty(), "{taken:?}");
    let inner = body["QueryResponses"].as_dictionary().unwrap();
    assert_eq!(inner.keys().collect::<Vec<_>>(), ["OSVersion"]);
    assert!(!body.contains_key("Latitude"));
}

#[test]
fn of_a_corporate_device_the_place_is_taken_out_to_be_sealed() {
    let mut body = Dictionary::new();
    body.insert("Latitude".to_owned(), 51.5.into());
    body.insert("Longitude".to_owned(), 0.1.into());
    let taken = clean(Ownership::Corporate, None, Some("DeviceLocation"), &mut body);
    assert_eq!(taken.iter().map(|secret| secret.kind).collect::<Vec<_>>(), [SecretKind::Location]);
    assert_eq!(body["Latitude"].as_string(), Some(secrets::MARKER));
}

#[tokio::test]
async fn what_a_users_channel_tells_is_not_taken_for_the_devices() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let enrollment = bench.epoch("A").await;
    let mut channel = bench.device_channel(&enrollment).await;
    (channel.kind, channel.key) = (ChannelKind::User, "A:USER".to_owned());
    let (context, at) = (bench.services.context.clone(), bench.clock.now());
    let stored = bench
        .tx(move |tx| {
            let mut body = Dictionary::new();
            body.insert("ProfileList".to_owned(), Value::Array(Vec::new()));
            let answer = Answer {
                enrollment: &enrollment,
                channel: &channel,
                seq: None,
                command_uuid: "U",
                request_type: "ProfileList",
                status: DeliveryState::Acknowledged,
                body: &body,
                at,
            };
            apply(tx, &context, &answer)?;
            Ok(StoredReport::current_facts(tx, enrollment.device_id)?.into_keys().collect::<Vec<_>>())
        })
        .await;
    assert!(stored.contains(&"ProfileList@A:USER".to_owned()), "{stored:?}");
    assert!(!stored.contains(&"ProfileList".to_owned()));
}
