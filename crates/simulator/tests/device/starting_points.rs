//! The profiles that the project ships, made by its own code, on devices of the kind each is for: bare and encrypted, installed once each.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::Certificate;
use plist::{Dictionary, Value};
use protocol_profile::{Description, NetworkIdentity, Template, Values, encrypt, render, sign};
use simulator::{DeviceSpec, Model, SimulatedDevice};

use crate::server::{CA, Server, dictionary};
use crate::{network, run, source, text};

/// The device that a profile of this name is for.
fn device_for(name: &str) -> DeviceSpec {
    let spec = |model| DeviceSpec { file_vault: false, ..DeviceSpec::new(model, 77) };
    match name {
        "shared-ipad" => spec(Model::SharedIPad),
        "bedside-kiosk" => spec(Model::IPad),
        "personal-devices" => DeviceSpec { user_enrollment: true, supervised: false, ..spec(Model::IPhone) },
        name if name.starts_with("mac-") => spec(Model::MacAppleSilicon),
        _ => spec(Model::IPhone),
    }
}

fn templates() -> Vec<(String, Template)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let descriptions = files.filter(|file| file.extension().is_some_and(|ending| ending == "toml"));
    let template = |file: std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let description =
            Description::parse(&text, &name).unwrap_or_else(|found| panic!("{name}: {found:?}"));
        (name, description.to_template())
    };
    descriptions.map(template).collect()
}

/// Values for everything that the template wants, with this server's SCEP for its network identity.
fn values(template: &Template, server: &Server) -> Values {
    let mut values = Values::stand_ins(template);
    let certificate = STANDARD.encode(CA.certificate().der());
    for (source, value) in &mut values.variables {
        if source.ends_with("_certificate") || source.ends_with("_ca") {
            value.clone_from(&certificate);
        }
    }
    let scep = dictionary([
        ("URL", format!("https://localhost:{}/scep", server.address.port()).into()),
        ("Challenge", "again".into()),
        ("Keysize", 2048.into()),
        ("Key Type", "RSA".into()),
    ]);
    let identity = NetworkIdentity { version: "1".to_owned(), payload: Some(scep) };
    values.network_identity = template.needs_network_identity().then_some(identity);
    values
}

fn xml(dictionary: Dictionary) -> Vec<u8> {
    let mut bytes = Vec::new();
    Value::Dictionary(dictionary).to_writer_xml(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn every_starting_point_installs_on_a_device_of_its_kind() {
    let templates = templates();
    assert!(templates.len() >= 9, "{} starting points", templates.len());
    for (name, template) in templates {
        let server = Server::start().await;
        let device = SimulatedDevice::new(device_for(&name), network());
        device.enroll(&source(&server)).await.unwrap();
        let rendered = render(&template, &values(&template, &server)).unwrap();
        let own = Certificate::from_der(&device.identity_certificate().unwrap()).unwrap();
        let sealed = xml(encrypt(&rendered, &[&own]).unwrap());
        for (bytes, encrypted) in [(rendered.to_xml(), false), (sealed, true)] {
            let signed = sign(&bytes, CA.certificate(), CA.key(), &[]).unwrap();
            let install = dictionary([("Payload", Value::Data(signed))]);
            let report = run(&server, &device, "InstallProfile", install).await;
            assert_eq!(text(&report, "Status"), "Acknowledged", "{name}: {report:?}");
            let profiles = device.profiles();
            assert_eq!(profiles.len(), 2, "{name}: replaced in place");
            let profile = profiles.last().unwrap();
            assert_eq!(
                (profile.uuid.clone(), profile.encrypted),
                (rendered.uuid_text(), encrypted),
                "{name}"
            );
            assert_eq!(profile.signer, CA.certificate().common_name(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_starting_point_is_refused_by_a_device_of_another_kind() {
    for (name, alien) in [
        ("corporate-passcode", Model::SharedIPad),
        ("mac-protection", Model::IPhone),
        ("mac-filevault", Model::IPad),
        ("bedside-kiosk", Model::MacIntel),
    ] {
        let server = Server::start().await;
        let device = SimulatedDevice::new(DeviceSpec::new(alien, 78), network());
        device.enroll(&source(&server)).await.unwrap();
        let (_, template) = templates().into_iter().find(|(own, _)| own == name).unwrap();
        let rendered = render(&template, &values(&template, &server)).unwrap();
        let install = dictionary([("Payload", Value::Data(rendered.to_xml()))]);
        assert_eq!(
            text(&run(&server, &device, "InstallProfile", install).await, "Status"),
            "Error",
            "{name}"
        );
        assert_eq!(device.profiles().len(), 1, "{name}");
    }
}
