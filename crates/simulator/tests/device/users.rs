//! User channels and bootstrap tokens.

use plist::{Dictionary, Value};
use simulator::{DeviceSpec, Model, SimulatedDevice};

use crate::server::{Answer, dictionary};
use crate::{data, enrolled, error_code, text};

#[tokio::test]
async fn the_user_of_a_mac_has_a_channel_with_its_own_token_and_commands() {
    let (server, mac) = enrolled(Model::MacAppleSilicon).await;
    let updates = server.seen("TokenUpdate");
    assert_eq!(updates.len(), 2);
    assert_eq!(text(&updates[1], "UserShortName"), "nurse");
    assert_ne!(data(&updates[0], "Token"), data(&updates[1], "Token"));
    assert_eq!(text(&updates[0], "UDID"), text(&updates[1], "UDID"));
    server.command_for(Some("nurse"), "ProfileList", Dictionary::new());
    server.command_for(Some("nurse"), "EraseDevice", Dictionary::new());
    mac.poll().await.unwrap();
    let done = &server.seen("Acknowledged")[0];
    assert_eq!(text(done, "UserShortName"), "nurse");
    let refused = &server.seen("CommandFormatError")[0];
    assert_eq!(error_code(refused), 12021);
    assert_eq!(mac.snapshot().counts.erasures, 0);
}

#[tokio::test]
async fn users_of_a_shared_ipad_share_one_user_id_and_differ_by_account() {
    let (server, ipad) = enrolled(Model::SharedIPad).await;
    ipad.log_in("ana@example.org").await.unwrap();
    ipad.log_in("ben@example.org").await.unwrap();
    let updates = server.seen("TokenUpdate");
    assert_eq!(updates.len(), 3);
    assert!(!updates[0].message.contains_key("UnlockToken"), "a Shared iPad has none");
    for (update, account) in updates[1..].iter().zip(["ana@example.org", "ben@example.org"]) {
        assert_eq!(text(update, "UserID"), "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF");
        assert_eq!(text(update, "UserShortName"), account);
    }
    assert!(server.seen("UserAuthenticate").is_empty());
    ipad.log_out("ana@example.org");
    assert_eq!(ipad.snapshot().users, ["ben@example.org"]);
}

#[tokio::test]
async fn a_declined_user_is_silent_and_the_device_stays() {
    let (server, ipad) = enrolled(Model::SharedIPad).await;
    server.script.answers.lock().push_back(Answer::Status(410));
    ipad.log_in("eve@example.org").await.unwrap();
    let state = ipad.snapshot();
    assert!(state.enrolled && state.users.is_empty());
}

#[tokio::test]
async fn a_network_user_of_a_mac_is_authenticated_first_and_may_be_declined() {
    let (server, mac) = enrolled(Model::MacIntel).await;
    server.script.by_type.lock().insert("UserAuthenticate".to_owned(), Answer::Status(410));
    mac.log_in("doctor").await.unwrap();
    assert_eq!(mac.snapshot().users, ["nurse"]);
    let challenge =
        b"<plist version=\"1.0\"><dict><key>DigestChallenge</key><string></string></dict></plist>".to_vec();
    let answer = Answer::Body(200, "application/xml", challenge);
    server.script.by_type.lock().insert("UserAuthenticate".to_owned(), answer);
    mac.log_in("doctor").await.unwrap();
    assert_eq!(mac.snapshot().users, ["nurse", "doctor"]);
}

#[tokio::test]
async fn the_bootstrap_token_is_set_fetched_and_removed() {
    let (server, mac) = enrolled(Model::MacAppleSilicon).await;
    let token = mac.bootstrap_token().unwrap();
    assert_eq!(data(&server.seen("SetBootstrapToken")[0], "BootstrapToken"), token);
    assert_eq!(mac.fetch_bootstrap_token().await.unwrap(), None, "an empty body means that there is none");
    let mut body = Vec::new();
    let answer = dictionary([("BootstrapToken", Value::Data(token.clone()))]);
    Value::Dictionary(answer).to_writer_xml(&mut body).unwrap();
    let answer = Answer::Body(200, "application/xml", body);
    server.script.by_type.lock().insert("GetBootstrapToken".to_owned(), answer);
    assert_eq!(mac.fetch_bootstrap_token().await.unwrap(), Some(token));
    mac.remove_bootstrap_token().await.unwrap();
    assert!(!server.seen("SetBootstrapToken")[1].message.contains_key("BootstrapToken"));
}

#[tokio::test]
async fn a_user_enrolment_tells_neither_udid_nor_serial_number_and_cannot_be_erased() {
    let server = crate::Server::start().await;
    let spec = DeviceSpec { user_enrollment: true, ..DeviceSpec::new(Model::IPhone, 11) };
    let device = SimulatedDevice::new(spec, crate::network());
    device.enroll(&crate::source(&server)).await.unwrap();
    let queries = ["UDID", "SerialNumber", "WiFiMAC", "OSVersion"].into_iter().map(Value::from).collect();
    let keys = dictionary([("Queries", Value::Array(queries))]);
    let report = crate::run(&server, &device, "DeviceInformation", keys).await;
    assert_eq!(report.message["QueryResponses"].as_dictionary().unwrap().len(), 1);
    let report = crate::run(&server, &device, "EraseDevice", Dictionary::new()).await;
    assert_eq!(text(&report, "Status"), "Error");
    let id = text(&report, "EnrollmentID");
    assert_eq!(id.len(), 36);
    for seen in server.script.seen.lock().iter() {
        assert_eq!(text(seen, "EnrollmentID"), id);
        for key in ["UDID", "SerialNumber", "IMEI", "UnlockToken"] {
            assert!(!seen.message.contains_key(key), "{key}");
        }
    }
    assert_eq!(device.snapshot().counts.erasures, 0);
}
