//! Ordinary profiles: how they are taken, refused, listed, lost, and what they do to the device.

use pki::cms::{Cipher, decrypt, encrypt, sign_attached};
use pki::{Certificate, NewCertificate, PrivateKey, Usage};
use plist::{Dictionary, Value};
use simulator::{DeviceSpec, Fault, Model, SimulatedDevice};

use crate::server::{CA, Server, dictionary, profile};
use crate::{Seen, enrolled, error_code, network, run, source, text};

fn payload(kind: &str, uuid: &str, keys: Dictionary) -> Value {
    let mut payload = dictionary([
        ("PayloadType", kind.into()),
        ("PayloadVersion", 1.into()),
        ("PayloadIdentifier", format!("org.example.{uuid}").into()),
        ("PayloadUUID", uuid.into()),
    ]);
    payload.extend(keys);
    Value::Dictionary(payload)
}

fn passcode() -> Value {
    let keys = dictionary([("forcePIN", true.into()), ("minLength", 8.into()), ("maxInactivity", 1.into())]);
    payload("com.apple.mobiledevice.passwordpolicy", "P1", keys)
}

async fn install(server: &Server, device: &SimulatedDevice, bytes: Vec<u8>) -> Seen {
    run(server, device, "InstallProfile", dictionary([("Payload", Value::Data(bytes))])).await
}

async fn listed(server: &Server, device: &SimulatedDevice, identifier: &str) -> Option<Dictionary> {
    let report = run(server, device, "ProfileList", Dictionary::new()).await;
    let list = report.message["ProfileList"].as_array().unwrap();
    let mut entries = list.iter().filter_map(Value::as_dictionary);
    entries.find(|one| one["PayloadIdentifier"].as_string() == Some(identifier)).cloned()
}

async fn security(server: &Server, device: &SimulatedDevice) -> Dictionary {
    let report = run(server, device, "SecurityInfo", Dictionary::new()).await;
    report.message["SecurityInfo"].as_dictionary().unwrap().clone()
}

/// A profile whose payloads are encrypted to this certificate, signed by the test's CA.
fn sealed(to: &Certificate, content: Vec<Value>) -> Vec<u8> {
    let mut plain = Vec::new();
    Value::Array(content).to_writer_xml(&mut plain).unwrap();
    let message = encrypt(&plain, &[to], Cipher::Aes256).unwrap();
    let outer = profile("org.example.sealed", Vec::new());
    let mut outer = Value::from_reader(std::io::Cursor::new(outer)).unwrap().into_dictionary().unwrap();
    outer.remove("PayloadContent");
    outer.insert("EncryptedPayloadContent".to_owned(), Value::Data(message));
    let mut bytes = Vec::new();
    Value::Dictionary(outer).to_writer_xml(&mut bytes).unwrap();
    sign_attached(CA.certificate(), CA.key(), &[], &bytes).unwrap()
}

#[tokio::test]
async fn a_signed_and_encrypted_profile_is_opened_by_the_device_it_is_for_only() {
    let (server, device) = enrolled(Model::IPhone).await;
    let own = Certificate::from_der(&device.identity_certificate().unwrap()).unwrap();
    assert_eq!(
        text(&install(&server, &device, sealed(&own, vec![passcode()])).await, "Status"),
        "Acknowledged"
    );
    let entry = listed(&server, &device, "org.example.sealed").await.unwrap();
    assert_eq!(entry["IsEncrypted"].as_boolean(), Some(true));
    assert_eq!(entry["IsManaged"].as_boolean(), Some(true));
    assert_eq!(entry["SignerCertificates"].as_array().unwrap()[0].as_data(), Some(CA.certificate().der()));
    let content = entry["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(content["PayloadUUID"].as_string(), Some("P1"));

    let refused = install(&server, &device, sealed(CA.certificate(), vec![passcode()])).await;
    assert_eq!((text(&refused, "Status").as_str(), error_code(&refused)), ("Error", 1000));
}

#[tokio::test]
async fn a_payload_that_is_not_for_the_device_is_refused_with_the_whole_profile() {
    let server = Server::start().await;
    let spec = DeviceSpec { supervised: false, ..DeviceSpec::new(Model::IPhone, 41) };
    let phone = SimulatedDevice::new(spec, network());
    phone.enroll(&source(&server)).await.unwrap();
    let lock = dictionary([("App", Value::Dictionary(dictionary([("Identifier", "org.example".into())])))]);
    let vault = dictionary([("Enable", "On".into())]);
    for alien in [
        payload("com.apple.app.lock", "K", lock),
        payload("com.apple.MCX.FileVault2", "F", vault),
        payload("com.apple.wifi.managed", "W", dictionary([("SSID_STR", 7.into())])),
    ] {
        let report = install(&server, &phone, profile("org.example.p", vec![passcode(), alien])).await;
        assert_eq!((text(&report, "Status").as_str(), error_code(&report)), ("Error", 4001), "{report:?}");
    }
    assert_eq!(phone.snapshot().profiles, ["org.example.mdm"]);
}

/// A Wi-Fi profile with an identity of its own by SCEP.
fn clinical_wifi(server: &Server, identity: &str) -> Vec<u8> {
    let subject = Value::Array(vec![Value::Array(vec![Value::Array(vec!["CN".into(), "pump-7".into()])])]);
    let scep = dictionary([
        ("URL", format!("https://localhost:{}/scep", server.address.port()).into()),
        ("Challenge", "again".into()),
        ("Keysize", 2048.into()),
        ("Key Type", "RSA".into()),
        ("Subject", subject),
    ]);
    let scep = dictionary([("PayloadContent", Value::Dictionary(scep))]);
    let root = dictionary([("PayloadContent", Value::Data(CA.certificate().der().to_vec()))]);
    let eap = dictionary([
        ("AcceptEAPTypes", Value::Array(vec![13.into()])),
        ("PayloadCertificateAnchorUUID", Value::Array(vec!["R".into()])),
    ]);
    let wifi = dictionary([
        ("SSID_STR", "Clinical".into()),
        ("EncryptionType", "WPA2".into()),
        ("PayloadCertificateUUID", identity.into()),
        ("EAPClientConfiguration", Value::Dictionary(eap)),
    ]);
    profile(
        "org.example.wifi",
        vec![
            payload("com.apple.security.root", "R", root),
            payload("com.apple.security.scep", "S", scep),
            payload("com.apple.wifi.managed", "W", wifi),
        ],
    )
}

#[tokio::test]
async fn a_network_profile_fetches_an_identity_and_the_network_sees_its_certificate() {
    let (server, device) = enrolled(Model::IPad).await;
    let report = install(&server, &device, clinical_wifi(&server, "S")).await;
    assert_eq!(text(&report, "Status"), "Acknowledged", "{report:?}");
    let networks = device.networks();
    assert_eq!((networks.len(), networks[0].ssid.as_str()), (1, "Clinical"));
    assert_eq!(networks[0].trusted, [CA.certificate().der().to_vec()]);
    let shown = Certificate::from_der(networks[0].identity.as_ref().unwrap()).unwrap();
    assert!(shown.is_issued_by(CA.certificate()));
    assert_ne!(Some(shown.der().to_vec()), device.identity_certificate(), "not the MDM identity");

    let report = run(&server, &device, "CertificateList", Dictionary::new()).await;
    let list = report.message["CertificateList"].as_array().unwrap();
    let entry = list.iter().filter_map(Value::as_dictionary);
    let entry = entry.clone().find(|one| one["Data"].as_data() == Some(shown.der())).unwrap();
    assert_eq!(entry["IsIdentity"].as_boolean(), Some(true));
    assert_eq!(list.len(), 3, "its own identity, the network's, the CA once");

    let astray = install(&server, &device, clinical_wifi(&server, "X")).await;
    assert_eq!((text(&astray, "Status").as_str(), error_code(&astray)), ("Error", 4001));
    run(&server, &device, "RemoveProfile", dictionary([("Identifier", "org.example.wifi".into())])).await;
    assert!(device.networks().is_empty());
}

#[tokio::test]
async fn its_user_removes_a_profile_unless_a_supervised_device_keeps_it() {
    let (server, device) = enrolled(Model::IPad).await;
    install(&server, &device, profile("org.example.free", vec![passcode()])).await;
    device.remove_profile("org.example.free").unwrap();
    assert!(listed(&server, &device, "org.example.free").await.is_none());
    assert!(device.remove_profile("org.example.free").is_err());

    let kept = profile("org.example.kept", vec![passcode()]);
    let mut kept = Value::from_reader(std::io::Cursor::new(kept)).unwrap().into_dictionary().unwrap();
    kept.insert("PayloadRemovalDisallowed".to_owned(), true.into());
    let mut bytes = Vec::new();
    Value::Dictionary(kept).to_writer_binary(&mut bytes).unwrap();
    install(&server, &device, bytes).await;
    assert!(device.remove_profile("org.example.kept").is_err());
    assert!(device.remove_profile("org.example.mdm").is_err());
}

#[tokio::test]
async fn a_device_can_lose_a_profile_again_and_again() {
    let (server, device) = enrolled(Model::IPad).await;
    device.with_faults([Fault::LoseProfile("org.example.p".to_owned())]);
    for _ in 0..2 {
        install(&server, &device, profile("org.example.p", vec![passcode()])).await;
        assert!(device.snapshot().profiles.contains(&"org.example.p".to_owned()));
        assert!(listed(&server, &device, "org.example.p").await.is_none());
    }
    device.with_faults([Fault::KeepProfile("org.example.p".to_owned())]);
    install(&server, &device, profile("org.example.p", vec![passcode()])).await;
    assert!(listed(&server, &device, "org.example.p").await.is_some());
}

#[tokio::test]
async fn a_profile_that_cuts_the_way_leaves_a_device_that_has_answered_and_is_silent() {
    let (server, device) = enrolled(Model::IPad).await;
    let wifi = dictionary([("SSID_STR", "Wrong".into()), ("EncryptionType", "None".into())]);
    let wifi = payload("com.apple.wifi.managed", "W", wifi);
    device.with_faults([Fault::CutBy("Wrong".to_owned())]);
    let report = install(&server, &device, profile("org.example.wifi", vec![wifi])).await;
    assert_eq!(text(&report, "Status"), "Acknowledged", "{report:?}");
    let heard = server.story().len();
    assert!(device.poll().await.is_err());
    assert_eq!(server.story().len(), heard);
    device.remove_profile("org.example.wifi").unwrap();
    device.poll().await.unwrap();
    assert!(server.story().len() > heard);
}

#[tokio::test]
async fn a_passcode_profile_makes_a_short_passcode_wrong_until_it_is_changed() {
    let (server, device) = enrolled(Model::IPhone).await;
    let complies = |info: &Dictionary| info["PasscodeCompliantWithProfiles"].as_boolean().unwrap();
    assert!(complies(&security(&server, &device).await));
    install(&server, &device, profile("org.example.p", vec![passcode()])).await;
    let info = security(&server, &device).await;
    assert!(!complies(&info));
    assert_eq!(info["AutoLockTime"].as_unsigned_integer(), Some(60));
    device.set_passcode();
    assert!(complies(&security(&server, &device).await));
}

#[tokio::test]
async fn file_vault_is_switched_on_by_profile_and_its_key_escrowed_for_the_named_certificate() {
    let server = Server::start().await;
    let spec = DeviceSpec { file_vault: false, ..DeviceSpec::new(Model::MacAppleSilicon, 42) };
    let mac = SimulatedDevice::new(spec, network());
    mac.enroll(&source(&server)).await.unwrap();
    let info = security(&server, &mac).await;
    assert_eq!(info["FDE_Enabled"].as_boolean(), Some(false));
    let key = PrivateKey::generate_rsa_2048().unwrap();
    let now = clock::Clock::now(&clock::SystemClock);
    let certificate = CA
        .issue(&NewCertificate {
            public_key_der: key.public_key_der().unwrap(),
            subject: vec![("CN".to_owned(), "Escrow".to_owned())],
            not_before: now,
            not_after: now + std::time::Duration::from_secs(86_400),
            usage: Usage::Client,
            serial: None,
        })
        .unwrap();
    let content = vec![
        payload(
            "com.apple.MCX.FileVault2",
            "F",
            dictionary([("Enable", "On".into()), ("Defer", true.into())]),
        ),
        payload(
            "com.apple.security.FDERecoveryKeyEscrow",
            "E",
            dictionary([("Location", "Ward".into()), ("EncryptCertPayloadUUID", "C".into())]),
        ),
        payload(
            "com.apple.security.pkcs1",
            "C",
            dictionary([("PayloadContent", Value::Data(certificate.der().to_vec()))]),
        ),
    ];
    let report = install(&server, &mac, profile("org.example.vault", content)).await;
    assert_eq!(text(&report, "Status"), "Acknowledged", "{report:?}");
    let info = security(&server, &mac).await;
    assert_eq!(info["FDE_Enabled"].as_boolean(), Some(true));
    let sealed = info["FDE_PersonalRecoveryKeyCMS"].as_data().unwrap();
    let (recovery, _) = decrypt(sealed, &certificate, &key, false).unwrap();
    assert_eq!(recovery.len(), 29, "six groups of four");
}
