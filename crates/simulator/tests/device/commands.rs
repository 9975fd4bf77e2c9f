//! Each command: what it answers and what it does.

use plist::{Dictionary, Value};
use simulator::{DeviceSpec, Model, Phase, ProfileSource, SimulatedDevice};

use crate::server::{ProfileOptions, Server, dictionary, profile};
use crate::{data, enrolled, error_code, network, run, text};

fn none() -> Dictionary {
    Dictionary::new()
}

fn lost(message: &str) -> Dictionary {
    dictionary([("Message", message.into()), ("PhoneNumber", "020 7188".into())])
}

#[tokio::test]
async fn device_information_answers_what_is_asked_and_leaves_out_what_it_does_not_have() {
    let (server, device) = enrolled(Model::IPhone).await;
    let queries = ["UDID", "OSVersion", "IsSupervised", "DeviceCapacity", "IsAppleSilicon", "Nonsense"];
    let queries = Value::Array(queries.into_iter().map(Value::from).collect());
    let report = run(&server, &device, "DeviceInformation", dictionary([("Queries", queries)])).await;
    let answers = report.message["QueryResponses"].as_dictionary().unwrap();
    assert_eq!(answers["UDID"].as_string(), Some(device.snapshot().udid.as_str()));
    assert_eq!(answers["IsSupervised"].as_boolean(), Some(true));
    assert!(answers["DeviceCapacity"].as_real().is_some());
    assert_eq!(answers.len(), 4);
}

#[tokio::test]
async fn lists_and_security_info_have_their_documented_shapes() {
    let (server, device) = enrolled(Model::MacAppleSilicon).await;
    let report = run(&server, &device, "ProfileList", none()).await;
    let profiles = report.message["ProfileList"].as_array().unwrap();
    assert_eq!(
        profiles[0].as_dictionary().unwrap()["PayloadIdentifier"].as_string(),
        Some("org.example.mdm")
    );
    assert!(profiles[0].as_dictionary().unwrap().contains_key("SignerCertificates"));
    let report = run(&server, &device, "CertificateList", none()).await;
    assert_eq!(report.message["CertificateList"].as_array().unwrap().len(), 2);
    let report = run(&server, &device, "InstalledApplicationList", none()).await;
    let app = report.message["InstalledApplicationList"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert!(app["BundleSize"].as_signed_integer().unwrap() > i64::from(i32::MAX));
    let report = run(&server, &device, "SecurityInfo", none()).await;
    assert_eq!(
        report.message["SecurityInfo"].as_dictionary().unwrap()["FDE_Enabled"].as_boolean(),
        Some(true)
    );
}

#[tokio::test]
async fn lost_mode_is_shown_located_heard_and_ended_with_apples_codes() {
    let (server, device) = enrolled(Model::IPad).await;
    for command in ["DisableLostMode", "DeviceLocation", "PlayLostModeSound"] {
        assert_eq!(error_code(&run(&server, &device, command, none()).await), 12067, "{command}");
    }
    assert_eq!(text(&run(&server, &device, "EnableLostMode", none()).await, "Status"), "CommandFormatError");
    run(&server, &device, "EnableLostMode", lost("Please return to Ward 7")).await;
    let shown = device.snapshot().lost_mode.unwrap();
    assert_eq!(shown.message.as_deref(), Some("Please return to Ward 7"));
    assert!(!device.unlock_screen(), "nobody can use it");
    assert!(run(&server, &device, "DeviceLocation", none()).await.message["Latitude"].as_real().is_some());
    device.carry_to(None);
    assert_eq!(error_code(&run(&server, &device, "DeviceLocation", none()).await), 12068);
    run(&server, &device, "PlayLostModeSound", none()).await;
    assert_eq!(device.snapshot().counts.sounds, 1);
    let token = dictionary([("UnlockToken", Value::Data(device.unlock_token().unwrap()))]);
    assert_eq!(error_code(&run(&server, &device, "ClearPasscode", token).await), 12078);
    run(&server, &device, "DisableLostMode", none()).await;
    assert!(device.snapshot().lost_mode.is_none());
}

#[tokio::test]
async fn commands_that_need_supervision_or_another_platform_are_errors_with_a_chain() {
    let server = Server::start().await;
    let spec = DeviceSpec { supervised: false, ..DeviceSpec::new(Model::IPhone, 4) };
    let phone = SimulatedDevice::new(spec, network());
    phone.enroll(&crate::source(&server)).await.unwrap();
    for command in ["EnableLostMode", "RestartDevice", "ShutDownDevice", "NoSuchCommand"] {
        let report = run(&server, &phone, command, lost("x")).await;
        assert_eq!((text(&report, "Status").as_str(), error_code(&report)), ("Error", 12021), "{command}");
    }
    let (server, mac) = enrolled(Model::MacAppleSilicon).await;
    for command in ["EnableLostMode", "ClearPasscode"] {
        assert_eq!(text(&run(&server, &mac, command, lost("x")).await, "Status"), "Error", "{command}");
    }
    assert!(mac.snapshot().lost_mode.is_none());
}

#[tokio::test]
async fn a_personal_device_refuses_what_its_profile_does_not_grant() {
    let server = Server::start().await;
    let device = crate::device(Model::IPhone, 5);
    let rights = 8191 - 8 - 4;
    let profile = server.profile(&ProfileOptions { rights, ..ProfileOptions::default() });
    device.enroll(&ProfileSource::Bytes(profile)).await.unwrap();
    for command in ["EraseDevice", "DeviceLock", "ClearPasscode"] {
        let report = run(&server, &device, command, none()).await;
        assert_eq!((text(&report, "Status").as_str(), error_code(&report)), ("Error", 12007), "{command}");
    }
    let state = device.snapshot();
    assert_eq!(state.counts.erasures, 0);
    assert!(!state.screen_locked && state.enrolled);
    assert_eq!(text(&run(&server, &device, "SecurityInfo", none()).await, "Status"), "Acknowledged");
}

#[tokio::test]
async fn the_passcode_is_cleared_by_the_unlock_token_of_this_enrolment_only() {
    let (server, device) = enrolled(Model::IPhone).await;
    device.lock_screen();
    let wrong = dictionary([("UnlockToken", Value::Data(vec![1; 64]))]);
    assert_eq!(text(&run(&server, &device, "ClearPasscode", wrong).await, "Status"), "Error");
    assert!(device.snapshot().passcode_set);
    let right =
        dictionary([("UnlockToken", Value::Data(data(&server.seen("TokenUpdate")[0], "UnlockToken")))]);
    assert_eq!(text(&run(&server, &device, "ClearPasscode", right).await, "Status"), "Acknowledged");
    let state = device.snapshot();
    assert!(!state.passcode_set && !state.screen_locked);
}

#[tokio::test]
async fn device_lock_says_when_no_passcode_is_set() {
    let server = Server::start().await;
    let spec = DeviceSpec { passcode: false, ..DeviceSpec::new(Model::IPhone, 6) };
    let device = SimulatedDevice::new(spec, network());
    device.enroll(&crate::source(&server)).await.unwrap();
    let report = run(&server, &device, "DeviceLock", lost("Hello")).await;
    assert_eq!(text(&report, "MessageResult"), "NoPasscodeSet");
    assert!(device.snapshot().lock_message.is_none());
    device.set_passcode();
    let report = run(&server, &device, "DeviceLock", lost("Hello")).await;
    assert_eq!(text(&report, "MessageResult"), "Success");
    assert_eq!(device.snapshot().lock_message.unwrap().message.as_deref(), Some("Hello"));
}

#[tokio::test]
async fn a_mac_locked_with_a_pin_is_silent_until_the_pin_is_entered() {
    let (server, mac) = enrolled(Model::MacIntel).await;
    let bad = dictionary([("PIN", "12345".into())]);
    assert_eq!(text(&run(&server, &mac, "DeviceLock", bad).await, "Status"), "Error");
    run(&server, &mac, "DeviceLock", dictionary([("PIN", "271828".into())])).await;
    assert_eq!(mac.snapshot().phase, Phase::PinLocked);
    let count = server.story().len();
    mac.poll().await.unwrap();
    assert_eq!(server.story().len(), count);
    assert!(!mac.enter_pin("000000"));
    assert!(mac.enter_pin("271828"));
    mac.poll().await.unwrap();
    assert!(server.story().len() > count);
}

#[tokio::test]
async fn a_device_restarts_and_shuts_down_after_it_has_answered() {
    let (server, device) = enrolled(Model::IPad).await;
    assert_eq!(text(&run(&server, &device, "RestartDevice", none()).await, "Status"), "Acknowledged");
    assert_eq!(text(&run(&server, &device, "ShutDownDevice", none()).await, "Status"), "Acknowledged");
    assert_eq!(device.snapshot().phase, Phase::Off);
    let count = server.story().len();
    device.poll().await.unwrap();
    assert_eq!(server.story().len(), count);
    device.switch_on();
    device.poll().await.unwrap();
    assert!(server.story().len() > count);
}

#[tokio::test]
async fn profiles_are_installed_replaced_listed_and_removed() {
    let (server, device) = enrolled(Model::IPad).await;
    let wifi = dictionary([
        ("PayloadType", "com.apple.wifi.managed".into()),
        ("PayloadVersion", 1.into()),
        ("PayloadIdentifier", "org.example.wifi.1".into()),
        ("PayloadUUID", "W".into()),
        ("SSID_STR", "ward".into()),
    ]);
    let payload =
        dictionary([("Payload", Value::Data(profile("org.example.wifi", vec![Value::Dictionary(wifi)])))]);
    for _ in 0..2 {
        assert_eq!(
            text(&run(&server, &device, "InstallProfile", payload.clone()).await, "Status"),
            "Acknowledged"
        );
        assert_eq!(device.snapshot().profiles, ["org.example.mdm", "org.example.wifi"]);
    }
    let broken = dictionary([("Payload", Value::Data(b"<plist><dict/>".to_vec()))]);
    assert_eq!(text(&run(&server, &device, "InstallProfile", broken).await, "Status"), "Error");
    let identifier = dictionary([("Identifier", "org.example.wifi".into())]);
    assert_eq!(
        text(&run(&server, &device, "RemoveProfile", identifier.clone()).await, "Status"),
        "Acknowledged"
    );
    assert_eq!(error_code(&run(&server, &device, "RemoveProfile", identifier).await), 12013);
}

#[tokio::test]
async fn a_locked_iphone_puts_off_what_it_may_and_asks_again_when_unlocked() {
    let (server, device) = enrolled(Model::IPhone).await;
    device.lock_screen();
    let queries = dictionary([("Queries", Value::Array(vec!["UDID".into()]))]);
    assert_eq!(text(&run(&server, &device, "DeviceInformation", queries).await, "Status"), "Acknowledged");
    let report = run(&server, &device, "SecurityInfo", none()).await;
    assert_eq!(text(&report, "Status"), "NotNow");
    assert!(!report.message.contains_key("SecurityInfo"));
    let executed = device.snapshot().executed;
    assert_eq!(executed.len(), 1, "what was put off is not executed: {executed:?}");
}

#[tokio::test]
async fn a_mac_in_power_nap_only_does_what_apple_lists() {
    let (server, mac) = enrolled(Model::MacAppleSilicon).await;
    mac.set_power_nap(true);
    assert_eq!(text(&run(&server, &mac, "SecurityInfo", none()).await, "Status"), "NotNow");
    assert_eq!(text(&run(&server, &mac, "RestartDevice", none()).await, "Status"), "Acknowledged");
    mac.set_power_nap(false);
    assert_eq!(text(&run(&server, &mac, "SecurityInfo", none()).await, "Status"), "Acknowledged");
}
