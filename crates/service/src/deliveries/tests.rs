use plist::Dictionary;
use protocol_mdm::Status;
use serde_json::json;

use crate::testing::operators::{plain, request};
use crate::testing::{Bench, KEYS, challenge_in};

#[tokio::test]
async fn each_state_stands_in_the_evidence_with_its_time_and_who_says_so() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let seq = bench.send(&["A"], plain("ProfileList")).await.queued[0].delivery;
    let (worker, _, _) = bench.worker();
    worker.run_once().await.unwrap();
    for status in [Status::NotNow, Status::Acknowledged] {
        bench.advance(std::time::Duration::from_secs(60));
        let (uuid, _) = bench.next(&phone).await.unwrap();
        let mut body = Dictionary::new();
        body.insert("ProfileList".to_owned(), plist::Value::Array(Vec::new()));
        bench.answer(&phone, &uuid, status, body).await.unwrap();
    }
    let evidence = bench.evidence(seq).await;
    let steps: Vec<(&str, &str)> =
        evidence.history.iter().map(|step| (step.state.as_str(), step.source.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("queued", "operator"),
            ("pushed", "apns"),
            ("handed_out", "device"),
            ("not_now", "device"),
            ("handed_out", "device"),
            ("acknowledged", "device"),
        ]
    );
    assert!(evidence.history.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(evidence.history[2].identity_id.is_some());
    assert_eq!(evidence.result_digest.map(|digest| digest.len()), Some(64));
    assert_eq!(evidence.result.unwrap()["ProfileList"], json!([]));
}

#[tokio::test]
async fn an_erase_is_verified_only_by_the_challenge_that_its_own_profile_carried() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    let mut erase =
        request(&["A"], json!({"RequestType": "EraseDevice", "ReturnToService": {"Enabled": true}}));
    erase.with_enrollment_profile = true;
    let seq = bench.services.commands.send(&bench.operator().await, erase).await.unwrap().queued[0].delivery;
    let (uuid, command) = bench.next(&phone).await.unwrap();
    bench.answer(&phone, &uuid, Status::Acknowledged, Dictionary::new()).await.unwrap();
    let before = bench.evidence(seq).await;
    assert_eq!((before.conclusion.code.as_str(), before.verification), ("acknowledged", None));
    let profile =
        command["ReturnToService"].as_dictionary().unwrap()["MDMProfileData"].as_data().unwrap().to_vec();
    assert!(
        !before.command.to_string().contains("MDMProfileData"),
        "the profile with its challenge is not shown"
    );
    let certificate = bench.certify(&challenge_in(&profile), &KEYS[1]).await.unwrap();
    let back = crate::testing::Phone { udid: phone.udid.clone(), certificate };
    bench.authenticate(&back).await.unwrap();
    bench.token_update(&back, |_| {}).await.unwrap();
    let after = bench.evidence(seq).await;
    assert_eq!((after.conclusion.code.as_str(), after.delivery.wording.as_str()), ("verified", "verified"));
    let verification = after.verification.unwrap();
    assert_eq!(verification.how, "return_to_service_challenge");
    assert_eq!(verification.enrollment_id, Some(bench.epoch("A").await.id.0));
}

#[tokio::test]
async fn a_mac_that_answers_an_erase_with_an_error_may_have_been_erased() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.make_mac(&phone).await;
    for (behaviour, code) in [(None, "error_may_have_erased"), (Some("DoNotObliterate"), "error_not_erased")]
    {
        let mut command = plain("EraseDevice");
        if let Some(behaviour) = behaviour {
            command["ObliterationBehavior"] = json!(behaviour);
        }
        let seq = bench.send(&["A"], command).await.queued[0].delivery;
        let (uuid, _) = bench.next(&phone).await.unwrap();
        bench.answer(&phone, &uuid, Status::Error, Dictionary::new()).await.unwrap();
        assert_eq!(bench.evidence(seq).await.conclusion.code, code);
    }
}

#[tokio::test]
async fn lost_mode_is_verified_by_a_later_report_and_not_by_an_earlier_one() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.change_device(&phone, |device| device.supervised = Some(true)).await;
    let lost = json!({"DeviceInformation.IsMDMLostModeEnabled": true});
    bench.learn(&phone, "DeviceInformation", lost.clone()).await;
    bench.advance(std::time::Duration::from_secs(60));
    let seq =
        bench.send(&["A"], json!({"RequestType": "EnableLostMode", "Message": "Please return"})).await.queued
            [0]
        .delivery;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    bench.answer(&phone, &uuid, Status::Acknowledged, Dictionary::new()).await.unwrap();
    assert_eq!(bench.evidence(seq).await.conclusion.code, "acknowledged");
    bench.advance(std::time::Duration::from_secs(60));
    bench.learn(&phone, "DeviceInformation", lost).await;
    let evidence = bench.evidence(seq).await;
    assert_eq!(evidence.conclusion.code, "verified");
    assert_eq!(evidence.verification.unwrap().how, "report");
}

#[tokio::test]
async fn a_device_that_acknowledged_lost_mode_is_asked_at_once_whether_it_is_in_it() {
    let bench = Bench::new().await;
    let phone = bench.enroll("A").await;
    bench.change_device(&phone, |device| device.supervised = Some(true)).await;
    let lost = json!({"RequestType": "EnableLostMode", "Message": "Please return"});
    let seq = bench.send(&["A"], lost).await.queued[0].delivery;
    let (uuid, _) = bench.next(&phone).await.unwrap();
    let reply = bench.answer(&phone, &uuid, Status::Acknowledged, Dictionary::new()).await.unwrap();
    let (uuid, question) = crate::testing::handed_out(reply).unwrap();
    assert_eq!(question["RequestType"].as_string(), Some("DeviceInformation"));
    bench.advance(std::time::Duration::from_secs(1));
    let mut answers = Dictionary::new();
    answers.insert("IsMDMLostModeEnabled".to_owned(), true.into());
    let mut body = Dictionary::new();
    body.insert("QueryResponses".to_owned(), plist::Value::Dictionary(answers));
    bench.answer(&phone, &uuid, Status::Acknowledged, body).await.unwrap();
    assert_eq!(bench.evidence(seq).await.conclusion.code, "verified");
}
