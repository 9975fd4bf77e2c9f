//! Every profile under `profiles/`: uploaded, assigned, rendered, signed, installed on a device of its kind, verified by its list of
//! profiles, removed by hand, and back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clock::{Clock, MockClock, SystemClock};
use pki::{Authority, AuthorityKind, Certificate};
use serde_json::json;
use simulator::{DeviceSpec, Model, ProfileSource, SimulatedDevice};
use tests::{World, WorldOptions};

use crate::support::{is_missing, obey, until};

/// A device of the kind that a profile is for, and whose it is.
fn kind(name: &str) -> (DeviceSpec, &'static str) {
    let spec = |model| DeviceSpec { file_vault: false, ..DeviceSpec::new(model, 900) };
    match name {
        "shared-ipad" => (spec(Model::SharedIPad), "shared"),
        "bedside-kiosk" => (spec(Model::IPad), "shared"),
        "personal-devices" => {
            (DeviceSpec { user_enrollment: true, supervised: false, ..spec(Model::IPhone) }, "personal")
        }
        name if name.starts_with("mac-") => (spec(Model::MacAppleSilicon), "corporate"),
        _ => (spec(Model::IPhone), "corporate"),
    }
}

/// What the places of the hospital say.
async fn set_variables(world: &World) -> Result<()> {
    let now = world.clock.now();
    let radius = Authority::create(AuthorityKind::P256, "Network", now, 30)?;
    for (name, value) in [
        ("kiosk_app", "org.example.bedside"),
        ("wifi_ssid", "Clinical"),
        ("radius_name", "radius.hospital.example"),
        ("radius_ca", &BASE64_STANDARD.encode(radius.certificate().der())),
    ] {
        world.set_variable(name, value).await?;
    }
    Ok(())
}

async fn enrolled(world: &World, name: &str) -> Result<SimulatedDevice> {
    let (spec, ownership) = kind(name);
    let device = world.device(spec);
    let link = world.api.link(ownership).await?;
    device.enroll(&ProfileSource::Url(format!("{link}/profile"))).await?;
    device.poll().await?;
    Ok(device)
}

/// Installs, verifies, loses and gets back one starting point.
async fn goes_and_comes_back(name: &str) -> Result<()> {
    let clock = MockClock::new(SystemClock.now());
    let options = WorldOptions {
        configure: |config| config.enrollment.allow_personal_links = true,
        clock: Arc::new(clock.clone()),
        ..WorldOptions::default()
    };
    let world = World::start_with(options).await?;
    set_variables(&world).await?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles").join(format!("{name}.toml"));
    let device = enrolled(&world, name).await?;
    world.upload_profile(&std::fs::read_to_string(path)?).await?;
    world.group("those", None, &[&device]).await?;
    world.assign(&json!({"profile": name, "group": "those"})).await?;
    // What carries the network waits for the rounds of its rollout, which follow the clock.
    until("the device has it", async || {
        clock.advance(Duration::from_secs(61));
        device.poll().await?;
        Ok(world.device_item(&device, name).await?["state"] == "observed")
    })
    .await?;
    let item = world.wait_item(&device, name, "observed").await?;
    ensure!(item["observed_uuid"] == item["desired_uuid"], "{item:#}");
    ensure!(item["why"][0]["code"] == "assigned", "{item:#}");

    let identifier = format!("org.ward.{name}");
    let installed = || device.profiles().into_iter().find(|profile| profile.identifier == identifier);
    let profile = installed().with_context(|| format!("{:?}", device.profiles()))?;
    ensure!(item["desired_uuid"] == profile.uuid.as_str() && profile.managed, "{profile:?}");
    ensure!(profile.signer.is_some(), "{name} is not signed");
    has_effect(&world, &device, name).await?;

    // A list from the moment of the installation says nothing of what happened after it.
    clock.advance(Duration::from_secs(5));
    device.remove_profile(&identifier)?;
    // Of a personal device only what came by MDM is asked for.
    let question = json!({"RequestType": "ProfileList", "ManagedOnly": device.spec().user_enrollment});
    world.api.send(&world.target(&device).await?, question).await?;
    device.poll().await?;
    let lost = world.wait_item(&device, name, "lost").await?;
    ensure!(lost["losses"] == 1 && installed().is_none(), "{lost:#}");
    clock.advance(Duration::from_secs(70));
    world.wait_item(&device, name, "observed").await?;
    ensure!(installed().is_some_and(|again| again.uuid == profile.uuid), "{:?}", device.profiles());
    let counts = device.snapshot().commands;
    ensure!(counts["InstallProfile"]["Acknowledged"] == 2, "{counts:?}");
    Ok(())
}

/// What a person or the network would notice.
async fn has_effect(world: &World, device: &SimulatedDevice, name: &str) -> Result<()> {
    match name {
        "clinical-wifi" => {
            let networks = device.networks();
            let network = networks.first().context("no network")?;
            let shown = network.identity.as_ref().context("no certificate for the network")?;
            let own = device.identity_certificate().context("no identity")?;
            ensure!(network.ssid == "Clinical" && network.trusted.len() == 1, "{network:?}");
            let (shown, own) = (Certificate::from_der(shown)?, Certificate::from_der(&own)?);
            ensure!(shown.issuer() != own.issuer(), "the network's identity is from the MDM authority");
        }
        "mac-filevault" => {
            obey(world, device, json!({"RequestType": "SecurityInfo"})).await?;
            let fact = crate::support::fact(world, device, "SecurityInfo.FDE_Enabled").await?;
            ensure!(fact == true, "{fact}");
        }
        _ => {}
    }
    Ok(())
}

macro_rules! starting_points {
    ($($test:ident = $name:literal,)+) => {
        const NAMES: &[&str] = &[$($name,)+];
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() -> Result<()> {
                goes_and_comes_back($name).await.context($name)
            }
        )+
    };
}

starting_points! {
    the_bedside_kiosk_comes_back = "bedside-kiosk",
    the_clinical_wifi_comes_back_with_an_identity_of_its_own = "clinical-wifi",
    the_passcode_rules_come_back = "corporate-passcode",
    the_limits_on_storage_come_back = "external-storage",
    file_vault_and_its_escrow_come_back = "mac-filevault",
    the_protection_of_macs_comes_back = "mac-protection",
    the_limits_on_managed_data_come_back = "managed-data",
    the_rules_for_personal_devices_come_back = "personal-devices",
    the_rules_for_shared_ipads_come_back = "shared-ipad",
}

#[test]
fn every_starting_point_has_its_test() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        found.extend(name.strip_suffix(".toml").map(str::to_owned));
    }
    found.sort();
    assert_eq!(found, NAMES);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendered_profile_survives_a_round_trip_through_plistlib() -> Result<()> {
    if is_missing("python3") {
        return Ok(());
    }
    let world = World::start().await?;
    set_variables(&world).await?;
    for name in NAMES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles").join(format!("{name}.toml"));
        world.upload_profile(&std::fs::read_to_string(path)?).await?;
    }
    let phone = world.settled(Model::IPhone, 901).await?;
    let mac = world.settled(Model::MacAppleSilicon, 902).await?;
    for name in NAMES.iter().filter(|name| !matches!(**name, "shared-ipad" | "bedside-kiosk")) {
        let device = if name.starts_with("mac-") { &mac } else { &phone };
        let path = format!("/api/v1/profiles/{name}/render?device={}", device.snapshot().udid);
        let answer = world.api.get(&path).await?;
        let xml = answer.body["xml"].as_str().with_context(|| format!("{name}: {answer:?}"))?;
        let file = world.folder.path().join("profile.xml");
        std::fs::write(&file, xml)?;
        let script = "import plistlib, sys\n\
                      data = open(sys.argv[1], 'rb').read()\n\
                      profile = plistlib.loads(data)\n\
                      assert plistlib.loads(plistlib.dumps(profile)) == profile\n\
                      print(profile['PayloadIdentifier'])\n";
        let output = std::process::Command::new("python3").arg("-c").arg(script).arg(&file).output()?;
        ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), format!("org.ward.{name}"));
    }
    Ok(())
}
