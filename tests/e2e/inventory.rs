//! Commands that ask or change settings: acknowledged, done by the device, and seen in its record.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use simulator::{Model, Phase};
use tests::World;

use crate::support::{fact, obey, record};

/// A profile with a Wi-Fi payload, such as an operator uploads.
pub(crate) fn wifi_profile(identifier: &str) -> String {
    let payload = |kind: &str, identifier: &str, inner: &str| {
        format!(
            "<dict><key>PayloadType</key><string>{kind}</string><key>PayloadVersion</key><integer>1</integer>\
             <key>PayloadIdentifier</key><string>{identifier}</string>\
             <key>PayloadUUID</key><string>4E2C7A11-8D6F-4B8B-9E0A-9A0F1F2B3C4D</string>{inner}</dict>"
        )
    };
    let wifi = payload(
        "com.apple.wifi.managed",
        &format!("{identifier}.wifi"),
        "<key>SSID_STR</key><string>Ward</string><key>EncryptionType</key><string>None</string>\
         <key>HIDDEN_NETWORK</key><false/><key>AutoJoin</key><true/>",
    );
    let inner = format!(
        "<key>PayloadDisplayName</key><string>Wi-Fi</string><key>PayloadContent</key><array>{wifi}</array>"
    );
    let profile = payload("Configuration", identifier, &inner);
    STANDARD
        .encode(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\">{profile}</plist>"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_is_answered_by_every_kind_of_device_and_stands_in_its_record() -> Result<()> {
    let world = World::start().await?;
    for (seed, model) in (1..).zip([Model::IPhone, Model::IPad, Model::MacAppleSilicon]) {
        let device = world.settled(model, seed).await?;
        for command in [
            json!({"RequestType": "DeviceInformation", "Queries": ["DeviceName", "OSVersion", "SerialNumber", "UDID"]}),
            json!({"RequestType": "SecurityInfo"}),
            json!({"RequestType": "ProfileList"}),
            json!({"RequestType": "CertificateList"}),
            json!({"RequestType": "InstalledApplicationList"}),
        ] {
            let evidence = obey(&world, &device, command.clone()).await?;
            assert_eq!(evidence["delivery"]["state"], "acknowledged", "{model:?} {command}: {evidence:#}");
            assert!(evidence["result"].is_object(), "the result is kept: {evidence:#}");
            assert!(
                evidence["result_digest"].as_str().is_some_and(|digest| digest.len() == 64),
                "{evidence:#}"
            );
        }
        assert_eq!(
            fact(&world, &device, "DeviceInformation.OSVersion").await?,
            json!(device.snapshot().os_version)
        );
        let facts = record(&world, &device).await?["facts"].to_string();
        for source in ["SecurityInfo", "ProfileList", "CertificateList", "InstalledApplicationList"] {
            assert!(facts.contains(source), "{model:?}: nothing of {source} in the record");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_installed_seen_and_removed() -> Result<()> {
    let world = World::start().await?;
    let device = world.settled(Model::IPad, 5).await?;
    let install = json!({"RequestType": "InstallProfile", "Payload": wifi_profile("org.example.wifi")});
    assert_eq!(obey(&world, &device, install).await?["delivery"]["state"], "acknowledged");
    assert!(device.snapshot().profiles.contains(&"org.example.wifi".to_owned()));
    obey(&world, &device, json!({"RequestType": "ProfileList"})).await?;
    assert!(record(&world, &device).await?["facts"].to_string().contains("org.example.wifi"));
    let remove = json!({"RequestType": "RemoveProfile", "Identifier": "org.example.wifi"});
    assert_eq!(obey(&world, &device, remove.clone()).await?["delivery"]["state"], "acknowledged");
    assert!(!device.snapshot().profiles.contains(&"org.example.wifi".to_owned()));
    let again = obey(&world, &device, remove).await?;
    assert_eq!(again["delivery"]["state"], "error");
    assert!(again.to_string().contains("not installed"), "the device's words are kept: {again:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_restarts_and_shuts_down_when_told() -> Result<()> {
    let world = World::start().await?;
    for (seed, model) in (1..).zip([Model::IPhone, Model::MacAppleSilicon]) {
        let device = world.settled(model, seed).await?;
        let restart = obey(&world, &device, json!({"RequestType": "RestartDevice"})).await?;
        assert_eq!(restart["delivery"]["state"], "acknowledged", "{restart:#}");
        assert_eq!(device.snapshot().counts.restarts, 1);
        let off = obey(&world, &device, json!({"RequestType": "ShutDownDevice"})).await?;
        assert_eq!(off["delivery"]["state"], "acknowledged", "{off:#}");
        assert_eq!(device.snapshot().phase, Phase::Off);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passcode_is_cleared_with_the_token_that_only_ward_has() -> Result<()> {
    let world = World::start().await?;
    let phone = world.settled(Model::IPhone, 8).await?;
    assert!(phone.snapshot().passcode_set);
    let evidence = obey(&world, &phone, json!({"RequestType": "ClearPasscode"})).await?;
    assert_eq!(evidence["delivery"]["state"], "acknowledged", "{evidence:#}");
    assert!(!phone.snapshot().passcode_set);
    assert_eq!(phone.snapshot().counts.passcodes_cleared, 1);
    let token = STANDARD.encode(phone.unlock_token().unwrap_or_default());
    assert!(!evidence.to_string().contains(&token[..20]), "the token stands in the evidence");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_command_goes_as_a_raw_property_list_in_xml_and_in_binary() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::SharedIPad, 9).await?;
    let udid = ipad.snapshot().udid;
    let mut command = plist::Dictionary::new();
    command.insert("RequestType".to_owned(), "UserList".into());
    let mut binary = Vec::new();
    plist::Value::Dictionary(command.clone()).to_writer_binary(&mut binary)?;
    let marked = [b"\xef\xbb\xbf".to_vec(), tests::xml(&command)?].concat();
    for bytes in [tests::xml(&command)?, binary, marked] {
        let body = json!({"targets": [udid], "raw_plist": STANDARD.encode(bytes)});
        let answer = world.api.post("/api/v1/commands", &body).await?;
        assert_eq!(answer.status, 201, "{answer:?}");
        ipad.poll().await?;
        let delivery = answer.body["queued"][0]["delivery"].as_i64().unwrap_or_default();
        assert_eq!(world.api.state(delivery).await?, "acknowledged");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_at_an_earlier_time_can_still_be_asked() -> Result<()> {
    let (world, clock) = crate::support::world_with_clock().await?;
    let device = world.settled(Model::IPad, 5).await?;
    let then = clock::Clock::now(&clock);
    clock.advance(std::time::Duration::from_secs(60));
    obey(
        &world,
        &device,
        json!({"RequestType": "InstallProfile", "Payload": wifi_profile("org.example.later")}),
    )
    .await?;
    obey(&world, &device, json!({"RequestType": "ProfileList"})).await?;
    let udid = device.snapshot().udid;
    let now = world.api.get(&format!("/api/v1/devices/{udid}/facts")).await?;
    assert!(now.body.to_string().contains("org.example.later"));
    let past = world.api.get(&format!("/api/v1/devices/{udid}/facts?at={then}")).await?;
    assert_eq!(past.status, 200, "{past:?}");
    assert!(
        past.body.to_string().contains("ProfileList") && !past.body.to_string().contains("org.example.later")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_found_by_what_they_told_exported_and_dated() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(Model::IPad, 31).await?;
    let mac = world.settled(Model::MacAppleSilicon, 32).await?;
    let found = async |query: &str| -> Result<Vec<String>> {
        let answer = world.api.get(&format!("/api/v1/devices?{query}")).await?;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let items = answer.body["items"].as_array().cloned().unwrap_or_default();
        Ok(items.iter().filter_map(|item| item["udid"].as_str().map(str::to_owned)).collect())
    };
    let (ipad, mac) = (ipad.snapshot().udid, mac.snapshot().udid);
    assert_eq!(found("filter=platform%3Dmacos").await?, [mac.as_str()]);
    assert_eq!(found("filter=platform!%3Dmacos&filter=state%3Denrolled").await?, [ipad.as_str()]);
    assert_eq!(found("filter=DeviceInformation.IsAppleSilicon%20missing").await?, [ipad.as_str()]);
    assert_eq!(found("sort=-platform&limit=1").await?, [mac.as_str()], "macos stands after ipados");
    for (query, words) in [
        ("filter=SecurityInfo.PasscodePresnt%3Dtrue", "Did you mean SecurityInfo.PasscodePresent?"),
        ("filter=SecurityInfo.PasscodePresent%3Dmaybe", "true or false"),
        ("filter=platform%3Dwindows", "platform"),
        ("filter=nonsense", "KEY OP VALUE"),
        ("sort=place", "ordered"),
    ] {
        let refused = world.api.get(&format!("/api/v1/devices?{query}")).await?;
        assert_eq!(refused.status, 422, "{query}: {refused:?}");
        assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{refused:?}");
    }
    let file = world.api.get("/api/v1/devices/export?format=json&columns=udid,os&sort=udid").await?;
    assert_eq!(file.body.as_array().map(Vec::len), Some(2), "{file:?}");
    let history =
        world.api.get(&format!("/api/v1/devices/{ipad}/facts/SecurityInfo.PasscodePresent/history")).await?;
    assert_eq!(history.body["before"]["source"], "SecurityInfo", "{history:?}");
    assert_eq!(history.body["after"], json!(null));
    Ok(())
}
