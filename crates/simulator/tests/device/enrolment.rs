//! Enrolling, renewing, leaving.

use simulator::{DeviceSpec, Model, Network, NetworkOptions, Phase, ProfileSource, SimulatedDevice};

use crate::server::{Answer, ProfileOptions, Server, dictionary};
use crate::{data, device, enrolled, error_code, run, source, text};

#[tokio::test]
async fn an_iphone_authenticates_then_sends_its_tokens_and_is_enrolled() {
    let (server, device) = enrolled(Model::IPhone).await;
    assert_eq!(server.story(), ["Authenticate", "TokenUpdate", "SetBootstrapToken"]);
    let update = &server.seen("TokenUpdate")[0];
    assert_eq!(data(update, "Token").len(), 32);
    assert_eq!(Some(data(update, "UnlockToken")), device.unlock_token());
    assert!(!update.message.contains_key("AwaitingConfiguration"));
    let state = device.snapshot();
    assert!(state.enrolled && state.phase == Phase::InUse);
    assert_eq!(state.profiles, ["org.example.mdm"]);
    assert_eq!(update.tls.unwrap().to_string(), state.identity.unwrap());
}

#[tokio::test]
async fn an_unsigned_profile_is_as_good_as_a_signed_one() {
    let server = Server::start().await;
    let device = device(Model::IPad, 2);
    let profile = server.profile(&ProfileOptions { signed: false, ..ProfileOptions::default() });
    device.enroll(&ProfileSource::Bytes(profile)).await.unwrap();
    assert!(device.snapshot().enrolled);
}

#[tokio::test]
async fn a_refused_authenticate_or_a_wrong_challenge_leaves_the_device_as_it_was() {
    let server = Server::start().await;
    let device = device(Model::IPhone, 3);
    server.script.answers.lock().push_back(Answer::Status(400));
    assert!(device.enroll(&source(&server)).await.is_err());
    let wrong = server.profile(&ProfileOptions { challenge: "wrong", ..ProfileOptions::default() });
    let error = device.enroll(&ProfileSource::Bytes(wrong)).await.unwrap_err();
    assert!(format!("{error:#}").contains("BadRequest"), "{error:#}");
    let state = device.snapshot();
    assert!(!state.enrolled && state.profiles.is_empty() && state.phase == Phase::SetupAssistant);
    assert_eq!(server.story(), ["Authenticate"]);
    device.enroll(&source(&server)).await.unwrap();
    assert!(device.enroll(&source(&server)).await.is_err(), "a second enrolment is refused");
}

#[tokio::test]
async fn a_profile_that_came_by_installprofile_renews_the_identity_without_authenticate() {
    let (server, device) = enrolled(Model::IPhone).await;
    let before = device.snapshot().identity.unwrap();
    let profile = server.profile(&ProfileOptions { challenge: "again", ..ProfileOptions::default() });
    let report =
        run(&server, &device, "InstallProfile", dictionary([("Payload", plist::Value::Data(profile))])).await;
    assert_eq!(text(&report, "Status"), "Acknowledged");
    let after = device.snapshot();
    assert_ne!(after.identity.as_deref(), Some(before.as_str()));
    assert_eq!(
        report.tls.unwrap().to_string(),
        after.identity.unwrap(),
        "the next request shows the new one"
    );
    assert_eq!(server.seen("Authenticate").len(), 1);
    assert_eq!((after.counts.renewals, after.counts.enrolments), (1, 1));
    assert_eq!(after.profiles, ["org.example.mdm"]);
}

#[tokio::test]
async fn a_renewal_may_change_neither_topic_nor_rights_and_needs_its_challenge() {
    let (server, device) = enrolled(Model::IPhone).await;
    let before = device.snapshot().identity;
    for options in [
        ProfileOptions { topic: "com.apple.mgmt.External.other", ..ProfileOptions::default() },
        ProfileOptions { challenge: "wrong", ..ProfileOptions::default() },
    ] {
        let payload = dictionary([("Payload", plist::Value::Data(server.profile(&options)))]);
        let report = run(&server, &device, "InstallProfile", payload).await;
        assert_eq!(text(&report, "Status"), "Error");
    }
    assert_eq!(device.snapshot().identity, before);
    let poor = Server::start().await;
    let other = device_with_rights(&poor, 8191 - 8).await;
    let payload = dictionary([("Payload", plist::Value::Data(poor.profile(&ProfileOptions::default())))]);
    let report = run(&poor, &other, "InstallProfile", payload).await;
    assert_eq!(error_code(&report), 12012, "an update may not gain rights");
}

async fn device_with_rights(server: &Server, rights: u64) -> SimulatedDevice {
    let device = device(Model::IPhone, 9);
    let profile = server.profile(&ProfileOptions { rights, ..ProfileOptions::default() });
    device.enroll(&ProfileSource::Bytes(profile)).await.unwrap();
    device
}

#[tokio::test]
async fn removing_the_profile_by_hand_checks_out_once_and_the_device_falls_silent() {
    let (server, device) = enrolled(Model::IPad).await;
    device.remove_enrolment().await.unwrap();
    assert_eq!(server.seen("CheckOut").len(), 1);
    let count = server.story().len();
    device.poll().await.unwrap();
    assert_eq!(server.story().len(), count);
    let state = device.snapshot();
    assert!(!state.enrolled && state.profiles.is_empty());
}

#[tokio::test]
async fn removing_the_enrolment_profile_by_command_is_never_acknowledged() {
    let (server, device) = enrolled(Model::IPad).await;
    server.command("RemoveProfile", dictionary([("Identifier", "org.example.mdm".into())]));
    device.poll().await.unwrap();
    assert_eq!(server.story()[3..], ["Idle", "CheckOut"]);
    assert!(!device.snapshot().enrolled);
}

#[tokio::test]
async fn a_401_or_the_code_of_403_ends_the_enrolment_and_nothing_else_does() {
    let code = br#"{"code":"com.apple.unrecognized.device","message":"gone"}"#.to_vec();
    for (answer, stays) in [
        (Answer::Status(401), false),
        (Answer::Body(403, "application/json", code.clone()), false),
        (Answer::Body(403, "text/plain", code), true),
        (Answer::Status(400), true),
        (Answer::Status(404), true),
        (Answer::Status(503), true),
    ] {
        let (server, device) = enrolled(Model::IPhone).await;
        server.script.answers.lock().push_back(answer.clone());
        device.poll().await.unwrap();
        assert_eq!(device.snapshot().enrolled, stays, "{answer:?}");
        assert!(server.seen("CheckOut").is_empty());
    }
}

#[tokio::test]
async fn the_same_seed_is_the_same_device() {
    let (one, two) = (device(Model::MacIntel, 7).snapshot(), device(Model::MacIntel, 7).snapshot());
    assert_eq!((one.udid, one.serial_number, one.name), (two.udid, two.serial_number, two.name));
}

#[tokio::test]
async fn a_token_update_later_on_has_a_new_token_and_no_unlock_token() {
    let (server, device) = enrolled(Model::IPhone).await;
    device.update_token(true).await.unwrap();
    let updates = server.seen("TokenUpdate");
    assert_ne!(data(&updates[0], "Token"), data(&updates[1], "Token"));
    assert!(!updates[1].message.contains_key("UnlockToken"));
}

#[tokio::test]
async fn another_attempt_is_the_same_transaction_and_another_enrolment_is_not() {
    let server = Server::start().await;
    let options = NetworkOptions { roots_pem: crate::server::roots(), ..NetworkOptions::default() };
    let network = Network::new(options).unwrap();
    let device = SimulatedDevice::new(DeviceSpec::new(Model::IPhone, 12), network);
    server.script.answers.lock().push_back(Answer::Status(503));
    assert!(device.enroll(&source(&server)).await.is_err());
    device.enroll(&source(&server)).await.unwrap();
    device.remove_enrolment().await.unwrap();
    device.enroll(&source(&server)).await.unwrap();
    let requests = server.script.requests.lock();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0], requests[1]);
    assert_ne!(requests[1].0, requests[2].0);
}
