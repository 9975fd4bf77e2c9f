//! Erasing, and the ways back.

use plist::{Dictionary, Value};
use simulator::{DeviceSpec, Fault, Model, Phase, ProfileSource, SimulatedDevice};

use crate::server::{ProfileOptions, Server, dictionary};
use crate::{enrolled, network, run, text};

fn return_to_service(server: &Server) -> Dictionary {
    let profile = server.profile(&ProfileOptions { challenge: "again", ..ProfileOptions::default() });
    let keys = dictionary([("Enabled", true.into()), ("MDMProfileData", Value::Data(profile))]);
    dictionary([("ReturnToService", Value::Dictionary(keys))])
}

#[tokio::test]
async fn a_plain_erase_ends_in_setup_assistant_for_good() {
    let (server, device) = enrolled(Model::IPhone).await;
    let report = run(&server, &device, "EraseDevice", Dictionary::new()).await;
    assert_eq!(text(&report, "Status"), "Acknowledged");
    device.poll().await.unwrap();
    let state = device.snapshot();
    assert_eq!(state.phase, Phase::SetupAssistant);
    assert!(!state.enrolled && state.profiles.is_empty() && !state.passcode_set);
    assert_eq!(state.counts.erasures, 1);
    assert_eq!(server.seen("Authenticate").len(), 1);
    assert!(server.seen("CheckOut").is_empty(), "an erased device has nothing left to check out with");
}

#[tokio::test]
async fn return_to_service_brings_the_device_back_by_the_profile_of_the_command() {
    let (server, device) = enrolled(Model::IPhone).await;
    let before = device.snapshot();
    let keys = return_to_service(&server);
    run(&server, &device, "EraseDevice", keys).await;
    let state = device.snapshot();
    assert!(state.enrolled && state.phase == Phase::InUse);
    assert_eq!((state.counts.erasures, state.counts.returns_to_service), (1, 1));
    assert_eq!(state.udid, before.udid);
    assert_ne!(state.identity, before.identity);
    let tokens: Vec<_> = server.seen("TokenUpdate").iter().map(|seen| crate::data(seen, "Token")).collect();
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn the_way_back_stays_open_while_the_server_refuses() {
    let (server, device) = enrolled(Model::IPhone).await;
    let keys = return_to_service(&server);
    server.script.challenges.lock().retain(|challenge| challenge != "again");
    server.command("EraseDevice", keys);
    assert!(device.poll().await.is_err());
    assert!(!device.snapshot().enrolled);
    server.script.challenges.lock().push("again".to_owned());
    device.poll().await.unwrap();
    assert!(device.snapshot().enrolled);
}

#[tokio::test]
async fn a_lost_reply_does_not_save_the_data() {
    let (server, device) = enrolled(Model::IPad).await;
    device.with_faults([Fault::LoseReport]);
    server.command("EraseDevice", Dictionary::new());
    device.poll().await.unwrap();
    assert_eq!(device.snapshot().counts.erasures, 1);
    assert!(server.seen("Acknowledged").is_empty());
}

#[tokio::test]
async fn a_mac_may_say_error_and_erase_unless_told_not_to() {
    for (behaviour, erased) in [("Default", 1), ("DoNotObliterate", 0)] {
        let server = Server::start().await;
        let spec = DeviceSpec { erase_says_error: true, ..DeviceSpec::new(Model::MacAppleSilicon, 8) };
        let mac = SimulatedDevice::new(spec, network());
        mac.enroll(&crate::source(&server)).await.unwrap();
        let keys = dictionary([("ObliterationBehavior", behaviour.into())]);
        assert_eq!(text(&run(&server, &mac, "EraseDevice", keys).await, "Status"), "Error");
        assert_eq!(mac.snapshot().counts.erasures, erased, "{behaviour}");
    }
}

#[tokio::test]
async fn a_device_of_automated_enrolment_awaits_its_configuration_and_returns_after_each_erase() {
    let server = Server::start().await;
    let profile = ProfileSource::Bytes(server.profile(&ProfileOptions::default()));
    let spec = DeviceSpec { automated: Some(profile), ..DeviceSpec::new(Model::IPad, 10) };
    let device = SimulatedDevice::new(spec, network());
    device.set_up().await.unwrap();
    let awaiting = |seen: &crate::Seen| seen.message.get("AwaitingConfiguration").and_then(Value::as_boolean);
    assert_eq!(awaiting(&server.seen("TokenUpdate")[0]), Some(true));
    assert_eq!(device.snapshot().phase, Phase::SetupAssistant);
    assert_eq!(
        text(&run(&server, &device, "DeviceConfigured", Dictionary::new()).await, "Status"),
        "Acknowledged"
    );
    assert_eq!(device.snapshot().phase, Phase::InUse);
    device.update_token(false).await.unwrap();
    assert_eq!(awaiting(&server.seen("TokenUpdate")[1]), None, "an absent key says nothing");
    run(&server, &device, "EraseDevice", Dictionary::new()).await;
    let state = device.snapshot();
    assert!(state.enrolled && state.awaiting_configuration);
    assert_eq!(awaiting(&server.seen("TokenUpdate")[2]), Some(true));
}
