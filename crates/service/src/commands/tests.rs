use protocol_mdm::{SecretBytes, Status};
use serde_json::json;
use store::{Command, JobState, Secret, SecretId};

use super::*;
use crate::testing::operators::{plain, request};
use crate::testing::{Bench, Phone};

async fn fleet(bench: &Bench, names: &[&str]) -> Vec<Phone> {
    let link = bench.link(catalog::Ownership::Corporate, None).await;
    let mut phones = Vec::new();
    for name in names {
        phones.push(bench.enroll_by(&link, name).await);
    }
    phones
}

async fn bodies(bench: &Bench) -> Vec<Command> {
    let all = bench
        .tx(|tx| Ok(Command::list(tx, &store::CommandFilter::default(), store::Page::first(100))?))
        .await;
    all.into_iter().filter(|command| command.created_by != crate::own_commands::AUTHOR).collect()
}

fn reason(answer: &CommandAnswer) -> (&str, &str) {
    let refused = &answer.refused[0];
    (refused.code.as_str(), refused.detail.as_str())
}

#[tokio::test]
async fn one_command_for_many_is_stored_once_and_a_bad_target_does_not_fail_the_others() {
    let bench = Bench::new().await;
    let phones = fleet(&bench, &["A", "B", "C"]).await;
    let answer = bench.try_send(&["A", "SERIALB", "nobody", "C"], plain("RestartDevice")).await.unwrap();
    assert_eq!(answer.queued.len(), 3);
    assert_eq!(
        answer
            .refused
            .iter()
            .map(|refused| (refused.target.as_str(), refused.code.as_str()))
            .collect::<Vec<_>>(),
        [("nobody", "not_found")]
    );
    assert_eq!(answer.class, "D1");
    assert_eq!(bodies(&bench).await.len(), 1);
    for phone in &phones {
        let (uuid, command) = bench.next(phone).await.unwrap();
        assert_eq!(uuid, answer.queued[0].command_uuid);
        assert_eq!(command["RequestType"].as_string(), Some("RestartDevice"));
    }
}

#[tokio::test]
async fn a_repeated_uuid_is_harmless_and_another_body_is_a_conflict() {
    let bench = Bench::new().await;
    fleet(&bench, &["A", "B"]).await;
    let operator = bench.operator().await;
    let mut first = request(&["A"], plain("ProfileList"));
    first.command_uuid = Some("ABC-1".to_owned());
    let one = bench.services.commands.send(&operator, first.clone()).await.unwrap();
    first.targets.push("B".to_owned());
    let two = bench.services.commands.send(&operator, first.clone()).await.unwrap();
    assert_eq!(two.queued.iter().map(|queued| queued.already).collect::<Vec<_>>(), [true, false]);
    assert_eq!(two.queued[0].delivery, one.queued[0].delivery);
    first.command = request(&[], plain("SecurityInfo")).command;
    assert!(matches!(bench.services.commands.send(&operator, first).await, Err(Error::Conflict(_))));
}

/// The forms in which the same command can come in.
fn forms(request_type: &str, targets: &[String]) -> Vec<CommandRequest> {
    let mut inner = plist::Dictionary::new();
    inner.insert("RequestType".to_owned(), request_type.into());
    let mut outer = plist::Dictionary::new();
    outer.insert("Command".to_owned(), plist::Value::Dictionary(inner.clone()));
    let raw = |dictionary: &plist::Dictionary, binary: bool| {
        use base64::Engine as _;
        let (value, mut bytes) = (plist::Value::Dictionary(dictionary.clone()), Vec::new());
        if binary {
            value.to_writer_binary(&mut bytes).unwrap()
        } else {
            value.to_writer_xml(&mut bytes).unwrap()
        }
        Some(base64::engine::general_purpose::STANDARD.encode(bytes))
    };
    let with =
        |raw_plist| CommandRequest { targets: targets.to_vec(), raw_plist, ..CommandRequest::default() };
    let names: Vec<&str> = targets.iter().map(String::as_str).collect();
    vec![
        request(&names, plain(request_type)),
        with(raw(&inner, false)),
        with(raw(&inner, true)),
        with(raw(&outer, false)),
        with(raw(&outer, true)),
    ]
}

#[tokio::test]
async fn a_personal_device_is_never_erased_or_locked_by_any_entry() {
    let settings = crate::Settings { allow_personal_links: true, ..crate::Settings::default() };
    let bench = Bench::with(settings).await;
    let link = bench.link(catalog::Ownership::Personal, Some(1)).await;
    let phone = bench.enroll_by(&link, "A").await;
    bench.enroll("B").await;
    let enrollment = bench.epoch("A").await;
    let channel = bench.device_channel(&enrollment).await;
    let names =
        ["A".to_owned(), enrollment.id.to_string(), enrollment.device_id.to_string(), channel.id.to_string()];
    let operator = bench.operator().await;
    for command in ["EraseDevice", "DeviceLock", "DeviceLocation", "ClearPasscode", "EnableLostMode"] {
        for name in &names {
            for form in forms(command, &["B".to_owned(), name.clone()]) {
                let answer = bench.services.commands.send(&operator, form).await.unwrap();
                assert!(
                    answer.queued.iter().all(|queued| queued.target == "B"),
                    "{command} {name}: {answer:?}"
                );
                let refused = answer.refused.iter().find(|refused| refused.target == *name).unwrap();
                assert!(refused.refusals.iter().any(|refusal| refusal.rule == "ownership"), "{refused:?}");
            }
        }
    }
    assert!(bench.next(&phone).await.is_none());
}

#[tokio::test]
async fn the_pin_of_a_mac_is_made_sealed_and_escrowed_before_it_leaves_one_for_each() {
    let bench = Bench::new().await;
    let phones = fleet(&bench, &["A", "B"]).await;
    for phone in &phones {
        bench.make_mac(phone).await;
    }
    let answer = bench.send(&["A", "B"], plain("DeviceLock")).await;
    assert_ne!(answer.queued[0].command_uuid, answer.queued[1].command_uuid);
    let operator = bench.operator().await;
    for (phone, queued) in phones.iter().zip(&answer.queued) {
        let id = queued.secret_id.unwrap();
        let stored =
            bodies(&bench).await.into_iter().find(|command| command.uuid == queued.command_uuid).unwrap();
        assert!(!String::from_utf8(stored.body).unwrap().contains("PIN"));
        let request = crate::views::RevealRequest { reason: "the Mac is back".to_owned() };
        let shown = bench.services.escrow.reveal(&operator, id, request).await.unwrap();
        let (_, command) = bench.next(phone).await.unwrap();
        let pin = command["PIN"].as_string().unwrap();
        assert_eq!(pin, shown.value);
        assert!(pin.len() == 6 && pin.bytes().all(|byte| byte.is_ascii_digit()));
        let sealed = bench.tx(move |tx| Ok(Secret::find(tx, SecretId(id))?.sealed.0)).await;
        assert!(!sealed.windows(6).any(|window| window == pin.as_bytes()));
    }
    assert_eq!(bench.acts("secret.reveal").await.len(), 2);
    let again = bench.send(&["A", "B"], plain("DeviceLock")).await;
    assert_ne!(again.queued[0].secret_id, answer.queued[0].secret_id, "another lock has another PIN");
}

#[tokio::test]
async fn an_erase_of_a_mac_has_a_pin_unless_it_is_known_to_need_none() {
    let bench = Bench::new().await;
    let phones = fleet(&bench, &["A", "B"]).await;
    for phone in &phones {
        bench.make_mac(phone).await;
    }
    bench.learn(&phones[1], "DeviceInformation", json!({"DeviceInformation.IsAppleSilicon": true})).await;
    let answer = bench.send(&["A", "B"], plain("EraseDevice")).await;
    assert_eq!(
        answer.queued.iter().map(|queued| queued.secret_id.is_some()).collect::<Vec<_>>(),
        [true, false]
    );
    assert!(bench.next(&phones[0]).await.unwrap().1.contains_key("PIN"));
    assert!(!bench.next(&phones[1]).await.unwrap().1.contains_key("PIN"));
}

#[tokio::test]
async fn a_passcode_is_cleared_with_the_escrowed_token_and_refused_in_words_without() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let answer = bench.try_send(&["A"], plain("ClearPasscode")).await.unwrap();
    assert!(reason(&answer).1.contains("unlock token"), "{answer:?}");
    bench
        .token_update(&phone, |message| message.unlock_token = Some(SecretBytes::new(b"unlock me".to_vec())))
        .await
        .unwrap();
    bench.send(&["A"], plain("ClearPasscode")).await;
    let (_, command) = bench.next(&phone).await.unwrap();
    assert_eq!(command["UnlockToken"].as_data(), Some(&b"unlock me"[..]));
}

#[tokio::test]
async fn lost_mode_needs_a_supervised_device_and_something_for_the_finder() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.change_device(&phone, |device| device.supervised = Some(false)).await;
    let with_message = json!({"RequestType": "EnableLostMode", "Message": "Please return"});
    let rules = |answer: &CommandAnswer| {
        answer.refused[0].refusals.iter().map(|r| r.rule.clone()).collect::<Vec<_>>()
    };
    assert_eq!(rules(&bench.try_send(&["A"], with_message.clone()).await.unwrap()), ["not-supervised"]);
    bench.change_device(&phone, |device| device.supervised = Some(true)).await;
    assert_eq!(rules(&bench.try_send(&["A"], plain("EnableLostMode")).await.unwrap()), ["combination"]);
    bench.send(&["A"], with_message).await;
}

#[tokio::test]
async fn a_lock_without_a_passcode_on_the_device_is_answered_with_lost_mode() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.learn(&phone, "SecurityInfo", json!({"SecurityInfo.PasscodePresent": false})).await;
    let answer = bench.try_send(&["A"], plain("DeviceLock")).await.unwrap();
    assert!(reason(&answer).1.contains("Lost Mode"), "{answer:?}");
}

#[tokio::test]
async fn a_command_can_be_cancelled_until_the_device_has_fetched_it() {
    let bench = Bench::new().await;
    let phones = fleet(&bench, &["A", "B"]).await;
    let answer = bench.send(&["A", "B"], plain("RestartDevice")).await;
    bench.next(&phones[0]).await.unwrap();
    let uuid = answer.queued[0].command_uuid.clone();
    let cancelled = bench.services.commands.cancel(&bench.operator().await, uuid).await.unwrap();
    assert_eq!(cancelled.cancelled, [answer.queued[1].delivery]);
    assert_eq!(cancelled.too_late, [answer.queued[0].delivery]);
    assert!(bench.next(&phones[1]).await.is_none());
    let late = bench.services.deliveries.cancel(&bench.operator().await, answer.queued[0].delivery).await;
    assert!(matches!(late, Err(Error::Conflict(_))));
    let (uuid, _) = bench.next(&phones[0]).await.unwrap();
    bench.answer(&phones[0], &uuid, Status::Acknowledged, plist::Dictionary::new()).await.unwrap();
    assert_eq!(bench.evidence(answer.queued[0].delivery).await.conclusion.code, "acknowledged");
    assert_eq!(bench.evidence(answer.queued[1].delivery).await.delivery.wording, "cancelled");
}

#[tokio::test]
async fn nothing_is_pushed_for_a_command_that_was_not_queued_and_one_push_serves_many() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let (worker, apns, _) = bench.worker();
    worker.run_once().await.unwrap();
    bench.advance(std::time::Duration::from_secs(60));
    apns.sent.lock().clear();
    bench.try_send(&["A"], plain("EnableLostMode")).await.unwrap();
    assert_eq!(worker.run_once().await.unwrap(), 0);
    for _ in 0..5 {
        bench.send(&["A"], plain("ProfileList")).await;
    }
    worker.run_once().await.unwrap();
    assert_eq!(apns.sent.lock().len(), 1);
    assert_eq!(bench.tx(|tx| Ok(store::Job::count(tx, JobState::Leased)?)).await, 0);
}

#[tokio::test]
async fn devices_that_are_gone_or_not_yet_there_are_refused_in_words() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.check_out(&phone).await.unwrap();
    let answer = bench.try_send(&["A"], plain("ProfileList")).await.unwrap();
    assert_eq!(reason(&answer), ("not_enrolled", "'A' has left management: its profile was removed"));
    let link = bench.link(catalog::Ownership::Corporate, None).await;
    let half = bench.unenrolled(&link, "B").await;
    bench.authenticate(&half).await.unwrap();
    let answer = bench.try_send(&["B"], plain("ProfileList")).await.unwrap();
    assert_eq!(reason(&answer), ("not_enrolled", "'B' has not finished enrolling"));
}

#[tokio::test]
async fn an_erase_that_brings_no_profile_says_that_the_device_will_not_come_back() {
    let bench = Bench::new().await;
    bench.enroll("A").await;
    let answer = bench.send(&["A"], plain("EraseDevice")).await;
    assert_eq!(answer.class, "D0");
    assert!(answer.advice.iter().any(|advice| advice.contains("does not come back")), "{:?}", answer.advice);
    let mut back =
        request(&["A"], json!({"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true}}));
    back.with_enrollment_profile = true;
    let answer = bench.services.commands.send(&bench.operator().await, back).await.unwrap();
    assert!(!answer.advice.iter().any(|advice| advice.contains("does not come back")), "{:?}", answer.advice);
}

#[tokio::test]
async fn who_claims_the_udid_of_a_quiet_phone_does_not_get_its_erase() {
    let bench = Bench::new().await;
    let stolen = bench.enroll("A").await;
    let claim = bench.enroll("A").await;
    let epochs = bench.epochs("A").await;
    let device = epochs[0].device_id.to_string();
    for name in ["A", "SERIALA", device.as_str()] {
        let answer = bench.try_send(&[name], plain("EraseDevice")).await.unwrap();
        assert_eq!(reason(&answer).0, "disputed", "{name}");
    }
    let shown = bench.services.devices.show("A".to_owned()).await.unwrap();
    assert!(shown.notes.iter().any(|note| note.contains("Two enrolments claim this device")));
    assert!(bench.next(&claim).await.is_none());
    bench.send(&[&epochs[1].id.to_string()], plain("EraseDevice")).await;
    let (_, erase) = bench.next(&stolen).await.unwrap();
    assert_eq!(erase["RequestType"].as_string(), Some("EraseDevice"));
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_with_the_process_is_the_same_command_again() {
    let bench = Bench::new().await;
    let macs = fleet(&bench, &["A", "B"]).await;
    for mac in &macs {
        bench.make_mac(mac).await;
    }
    let operator = bench.operator().await;
    let lock = request(&["A", "B"], plain("DeviceLock"));
    let commands = &bench.services.commands;
    let first = commands.send_once(&operator, lock.clone(), Some("key")).await.unwrap();
    let again = commands.send_once(&operator, lock.clone(), Some("key")).await.unwrap();
    assert!(first.queued.iter().all(|queued| !queued.already));
    assert!(again.queued.iter().all(|queued| queued.already));
    let named = |answer: &CommandAnswer| {
        answer.queued.iter().map(|one| (one.command_uuid.clone(), one.secret_id)).collect::<Vec<_>>()
    };
    assert_eq!(named(&first), named(&again));
    let other = commands.send_once(&operator, lock, Some("other key")).await.unwrap();
    assert!(other.queued.iter().all(|queued| !queued.already));
}

#[tokio::test]
async fn a_profile_that_an_operator_brings_is_stored_sealed_shown_blank_and_leaves_whole() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.change_device(&phone, |device| device.supervised = Some(true)).await;
    let profile = br#"<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string>
        <key>PayloadVersion</key><integer>1</integer><key>PayloadIdentifier</key><string>org.example.wifi</string>
        <key>PayloadUUID</key><string>9C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D</string><key>PayloadDisplayName</key><string>Ward</string>
        <key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.wifi.managed</string><key>PayloadVersion</key>
        <integer>1</integer><key>PayloadIdentifier</key><string>org.example.wifi.1</string><key>PayloadUUID</key>
        <string>0C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D</string><key>SSID_STR</key><string>Ward</string><key>EncryptionType</key>
        <string>WPA2</string><key>Password</key><string>planted-passphrase</string></dict></array></dict></plist>"#;
    let payload = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, profile);
    let answer = bench.send(&["A"], json!({"RequestType": "InstallProfile", "Payload": payload})).await;
    let uuid = answer.queued.first().unwrap().command_uuid.clone();
    let shown = bench.services.commands.show(uuid.clone()).await.unwrap();
    let text = serde_json::to_string(&shown.body).unwrap();
    assert!(text.contains("sealed: ") && !text.contains(&payload[..40]), "{text}");
    let stored = bench.tx(move |tx| Ok(store::Command::find_by_uuid(tx, &uuid)?.unwrap())).await;
    let planted: &[u8] = b"planted-passphrase";
    let holds = |bytes: &[u8]| {
        bytes.windows(planted.len()).any(|window| window == planted)
            || String::from_utf8_lossy(bytes).contains(&payload[..40])
    };
    assert!(!holds(&stored.body) && !holds(&stored.sealed_body.unwrap().0));
    let (_, sent) = bench.next(&phone).await.unwrap();
    assert_eq!(sent.get("Payload").and_then(plist::Value::as_data), Some(profile.as_slice()));
}
