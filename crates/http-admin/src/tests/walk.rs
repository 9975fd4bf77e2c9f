//! Every command of the catalogue through `POST /api/v1/commands`, each with the least that Apple's page of it asks for.

use catalog::{Kind, Mode, Platform};
use http::StatusCode;
use serde_json::{Value as Json, json};
use store::{Channel, ChannelId, Device, Enrollment, Report, ReportId, Secret, SecretId, SecretKind};

use super::bench::Bench;

/// The keys that a request must bring; commands that are not named take none.
fn keys(request_type: &str) -> Json {
    let profile = "PD94bWwgdmVyc2lvbj0iMS4wIj8+PHBsaXN0IHZlcnNpb249IjEuMCI+PGRpY3Q+PGtleT5QYXlsb2FkVHlwZTwva2V5PjxzdHJpbmc+Q29uZmlndXJhdGlvbjwvc3RyaW5nPjxrZXk+UGF5bG9hZElkZW50aWZpZXI8L2tleT48c3RyaW5nPmE8L3N0cmluZz48a2V5PlBheWxvYWRVVUlEPC9rZXk+PHN0cmluZz5iPC9zdHJpbmc+PGtleT5QYXlsb2FkVmVyc2lvbjwva2V5PjxpbnRlZ2VyPjE8L2ludGVnZXI+PGtleT5QYXlsb2FkQ29udGVudDwva2V5PjxhcnJheS8+PC9kaWN0PjwvcGxpc3Q+";
    match request_type {
        "AccountConfiguration" => json!({"AutoSetupAdminAccounts": [{"shortName": "admin"}]}),
        "ApplyRedemptionCode" => json!({"Identifier": "org.example.app", "RedemptionCode": "ABC123"}),
        "DeleteUser" | "UnlockUserAccount" => json!({"UserName": "ada"}),
        "DeviceInformation" => json!({"Queries": ["OSVersion"]}),
        "EnableLostMode" => json!({"Message": "Please call the ward"}),
        "InstallApplication" => json!({"iTunesStoreID": 361309726}),
        "InstallEnterpriseApplication" => json!({"ManifestURL": "https://example.org/manifest.plist"}),
        "InstallMedia" => json!({"MediaType": "Book"}),
        "InstallProfile" => json!({"Payload": profile}),
        "InstallProvisioningProfile" => json!({"ProvisioningProfile": "AQ=="}),
        "InviteToProgram" => {
            json!({"ProgramID": "com.apple.cloudvpp", "InvitationURL": "https://example.org/invitation"})
        }
        "LOMDeviceRequest" => json!({"RequestList": [{
            "DeviceRequestType": "PowerON", "DeviceRequestUUID": "9C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D",
            "DeviceDNSName": "mac.example.org", "PrimaryIPv6AddressList": ["fe80::1"],
            "SecondaryIPv6AddressList": ["fe80::2"], "LOMProtocolVersion": 1
        }]}),
        "ManagedApplicationAttributes" | "ManagedApplicationConfiguration" | "ManagedApplicationFeedback" => {
            json!({"Identifiers": ["org.example.app"]})
        }
        "RefreshCellularPlans" => json!({"eSIMServerURL": "https://example.org"}),
        "RemoveApplication" | "RemoveProfile" => json!({"Identifier": "org.example.app"}),
        "RemoveMedia" => json!({"MediaType": "Book"}),
        "RemoveProvisioningProfile" => json!({"UUID": "9C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D"}),
        "RequestMirroring" => json!({"DestinationName": "Seminar room"}),
        "RotateFileVaultKey" => json!({"KeyType": "personal"}),
        "ScheduleOSUpdate" => json!({"Updates": [{"InstallAction": "DownloadOnly"}]}),
        "SetAutoAdminPassword" => json!({"GUID": "9C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D"}),
        "Settings" => json!({"Settings": [{"Item": "DeviceName", "DeviceName": "Ward 7"}]}),
        "TriggerEnhancedLogCollection" => json!({"AppleCareToken": "abc"}),
        _ => json!({}),
    }
}

/// The secrets that the command finds in place.
const KEPT: [(&str, SecretKind); 4] = [
    ("ClearPasscode", SecretKind::UnlockToken),
    ("VerifyRecoveryLock", SecretKind::RecoveryLock),
    ("VerifyFirmwarePassword", SecretKind::FirmwarePassword),
    ("RotateFileVaultKey", SecretKind::RecoveryKey),
];

/// Which device takes the command: its platform, its OS, whether it is a Shared iPad, whether its user's channel is meant.
fn device_for(request_type: &str) -> (Platform, String, bool, bool) {
    let entry = catalog::find(Kind::Command, request_type).first().unwrap();
    let platform = [Platform::Ipados, Platform::MacOs]
        .into_iter()
        .find(|platform| entry.systems.of(*platform).is_some_and(|support| support.available))
        .unwrap();
    let support = entry.systems.of(platform).unwrap();
    let usual: catalog::Version =
        if entry.gone.or(support.removed).is_some() { "26.0" } else { "26.1" }.parse().unwrap();
    let os = support.introduced.map_or(usual, |introduced| introduced.max(usual)).to_string();
    if platform == Platform::MacOs {
        return (platform, os, false, support.device_channel == Some(false));
    }
    let by_user = support.shared_device_channel == Some(false);
    (platform, os, by_user || support.shared_ipad == Some(Mode::Required), by_user)
}

/// Puts a device there that takes the command; the name of the target.
async fn prepare(bench: &Bench, request_type: &'static str) -> String {
    let made = bench.device(request_type).await;
    let (platform, os, shared, by_user) = device_for(request_type);
    let (context, clock) = (bench.services.context.clone(), bench.clock.clone());
    let name = if by_user { format!("{request_type}:user") } else { request_type.to_owned() };
    let target = name.clone();
    bench
        .tx(move |tx| {
            let now = context.now();
            let mut device = Device::find(tx, made.device_id)?;
            (device.platform, device.os_version) = (Some(platform), Some(os.clone()));
            device.save(tx)?;
            let mut enrollment = Enrollment::find(tx, made.id)?;
            enrollment.kind = catalog::EnrollmentType::Automated;
            enrollment.save(tx)?;
            let facts =
                json!({"DeviceInformation.IsMultiUser": shared, "SecurityInfo.PasscodePresent": true});
            let report = Report {
                id: ReportId::new(&clock),
                device_id: device.id,
                enrollment_id: enrollment.id,
                source: "DeviceInformation".to_owned(),
                command_uuid: None,
                observed_at: now,
                recorded_at: now,
                facts: facts.to_string(),
            };
            report.insert(tx)?;
            if by_user {
                let mut channel = Channel::find_device_channel(tx, enrollment.id)?;
                (channel.id, channel.kind, channel.key) =
                    (ChannelId::new(&clock), catalog::ChannelKind::User, target.clone());
                channel.user_id = Some("user".to_owned());
                channel.insert(tx)?;
            }
            for (_, kind) in KEPT.iter().filter(|(command, _)| *command == request_type) {
                let id = SecretId::new(&clock);
                let mut secret =
                    Secret::seal(&context.sealer, (id, enrollment.id), *kind, b"kept", "test", now)?;
                secret.confirmed_at = Some(now);
                secret.insert(tx)?;
            }
            Ok(())
        })
        .await;
    name
}

#[tokio::test]
async fn every_command_that_apple_defines_can_be_sent_in_its_least_form() {
    let bench = Bench::new().await;
    let mut count = 0;
    for request_type in catalog::commands() {
        let target = prepare(&bench, request_type).await;
        let mut command = keys(request_type);
        command["RequestType"] = request_type.into();
        let answer = bench.post("/api/v1/commands", json!({"targets": [target], "command": command})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{request_type}: {}", answer.text);
        let answer = answer.json();
        assert!(
            answer["class"].is_string() && answer["class_reason"].as_str().unwrap().ends_with('.'),
            "{answer}"
        );
        let uuid = answer["queued"][0]["command_uuid"].as_str().unwrap();
        let stored = bench.get(&format!("/api/v1/commands/{uuid}")).await.json();
        for (key, _) in command.as_object().unwrap() {
            assert!(stored["body"].get(key).is_some(), "{request_type}: {key} is lost in {stored}");
        }
        count += 1;
    }
    assert_eq!(count, 68, "Apple has more commands now: give them their keys above");
}

#[tokio::test]
async fn every_key_that_ward_fills_in_is_refused_from_an_operator() {
    let bench = Bench::new().await;
    for request_type in catalog::commands() {
        for path in catalog::filled_by_ward(request_type) {
            let target = format!("{request_type}-{path}");
            drop(bench.device(&target).await);
            let mut command = keys(request_type);
            command["RequestType"] = request_type.into();
            let mut at = &mut command;
            for step in path.split('.') {
                at = match step.strip_suffix("[]") {
                    Some(list) => &mut at[list][0],
                    None => &mut at[step],
                };
            }
            *at = "AQ==".into();
            let answer =
                bench.post("/api/v1/commands", json!({"targets": [target], "command": command})).await;
            assert_eq!(
                answer.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{request_type} {path}: {}",
                answer.text
            );
            let rules = answer.json()["refusals"].to_string();
            assert!(
                rules.contains("secret-in-request") || rules.contains("wrong-type"),
                "{request_type} {path}: {rules}"
            );
        }
    }
}

#[tokio::test]
async fn software_update_commands_go_only_to_systems_that_still_have_them() {
    let bench = Bench::new().await;
    for request_type in ["ScheduleOSUpdate", "OSUpdateStatus", "AvailableOSUpdates", "ScheduleOSUpdateScan"] {
        let mut command = keys(request_type);
        command["RequestType"] = request_type.into();
        let target = prepare(&bench, request_type).await;
        for (os, status) in [("26.4", StatusCode::CREATED), ("27.0", StatusCode::UNPROCESSABLE_ENTITY)] {
            let udid = target.clone();
            bench
                .tx(move |tx| {
                    let mut device = Device::find_by_udid(tx, &udid)?.unwrap();
                    device.os_version = Some(os.to_owned());
                    Ok(device.save(tx)?)
                })
                .await;
            let answer =
                bench.post("/api/v1/commands", json!({"targets": [target], "command": command})).await;
            assert_eq!(answer.status, status, "{request_type} {os}: {}", answer.text);
            if os == "27.0" {
                let refusal = answer.json()["refusals"][0].clone();
                assert_eq!(refusal["rule"], "removed", "{refusal}");
                assert!(refusal["advice"].as_str().unwrap().contains("softwareupdate"), "{refusal}");
            }
        }
    }
}
