use plist::{Dictionary, Value};

use super::*;
use crate::{Kind, Ownership, Platform, names, unclassified};

fn dictionary(json: &serde_json::Value) -> Dictionary {
    crate::json::plain(json).and_then(Value::into_dictionary).unwrap()
}

fn command(json: &serde_json::Value) -> Class {
    let command = dictionary(json);
    let request_type = command.get("RequestType").and_then(Value::as_string).unwrap().to_owned();
    class_of_command(&request_type, &command).class
}

fn payload(json: &serde_json::Value, context: &ClassContext<'_>) -> Class {
    class_of_payload(&dictionary(json), context).class
}

#[test]
fn every_command_payload_and_declaration_has_a_class_with_a_reason() {
    for kind in [Kind::Command, Kind::Payload, Kind::Declaration] {
        assert_eq!(unclassified(kind), Vec::<&str>::new(), "add rows to data/effects.tsv");
    }
    let rows = TEXT.lines().filter(|line| !line.starts_with("//")).count();
    assert_eq!(EFFECTS.len(), rows, "a row that cannot be read, or two of one name");
    for ((kind, name), effect) in EFFECTS.iter() {
        assert!(effect.reason.len() > 10 && effect.reason.ends_with('.'), "{kind} {name}");
        assert_eq!(effect.removal.is_none(), matches!(*kind, "command" | "setting"), "{kind} {name}");
    }
}

#[test]
fn every_row_names_something_that_exists() {
    for (kind, name) in EFFECTS.keys() {
        let exists = match *kind {
            "command" => names(Kind::Command).any(|known| known == *name),
            "payload" => names(Kind::Payload).any(|known| known == *name),
            "declaration" => names(Kind::Declaration).any(|known| known == *name),
            "setting" => {
                crate::find(Kind::Command, "Settings")[0].keys[0].keys.iter().any(|key| key.name == *name)
            }
            other => panic!("unknown kind {other}"),
        };
        assert!(exists, "{kind} {name}");
    }
    for key in &crate::find(Kind::Command, "Settings")[0].keys[0].keys {
        assert!(EFFECTS.contains_key(&("setting", key.name)), "no class for the setting {}", key.name);
    }
}

#[test]
fn what_is_unknown_is_d0() {
    assert_eq!(command(&serde_json::json!({"RequestType": "MakeCoffee"})), Class::D0);
    assert_eq!(
        command(&serde_json::json!({"RequestType": "Settings", "Settings": [{"Item": "Coffee"}]})),
        Class::D0
    );
    assert_eq!(
        payload(&serde_json::json!({"PayloadType": "com.example.unknown"}), &ClassContext::default()),
        Class::D0
    );
    assert_eq!(class_of_payload_removal("com.example.unknown").class, Class::D0);
    assert_eq!(class_of_declaration_removal("com.example.unknown").class, Class::D0);
    let encrypted = dictionary(&serde_json::json!({"EncryptedPayloadContent": "x"}));
    assert_eq!(class_of_profile(&encrypted, &ClassContext::default()).class, Class::D0);
}

#[test]
fn commands_have_the_classes_of_the_governor() {
    // healthcare.md 5.0, and issue 3 "The catalogue".
    for (request_type, class) in [
        ("EraseDevice", Class::D0),
        ("RemoveApplication", Class::D0),
        ("RemoveProfile", Class::D0),
        ("InstallProfile", Class::D0),
        ("DeviceLock", Class::D1),
        ("EnableLostMode", Class::D1),
        ("ShutDownDevice", Class::D1),
        ("RestartDevice", Class::D1),
        ("LogOutUser", Class::D1),
        ("SetRecoveryLock", Class::D1),
        ("SetFirmwarePassword", Class::D1),
        ("ClearPasscode", Class::D2),
        ("DisableLostMode", Class::D2),
        ("DeviceLocation", Class::D2),
        ("InstallEnterpriseApplication", Class::D2),
        ("SetAutoAdminPassword", Class::D2),
        ("EnableRemoteDesktop", Class::D2),
        ("DeviceInformation", Class::None),
        ("ProfileList", Class::None),
    ] {
        assert_eq!(command(&serde_json::json!({"RequestType": request_type})), class, "{request_type}");
    }
}

#[test]
fn the_class_looks_inside_commands() {
    for (json, class) in [
        (serde_json::json!({"RequestType": "InstallApplication", "iTunesStoreID": 1}), Class::None),
        (serde_json::json!({"RequestType": "InstallApplication", "ManifestURL": "https://a"}), Class::D2),
        (
            serde_json::json!({"RequestType": "InstallApplication", "iTunesStoreID": 1, "Configuration": {}}),
            Class::D2,
        ),
        (
            serde_json::json!({"RequestType": "InstallApplication", "iTunesStoreID": 1, "Attributes": {"VPNUUID": "x"}}),
            Class::D1,
        ),
        (
            serde_json::json!({"RequestType": "ScheduleOSUpdate", "Updates": [{"InstallAction": "DownloadOnly"}]}),
            Class::None,
        ),
        (
            serde_json::json!({"RequestType": "ScheduleOSUpdate", "Updates":
                [{"InstallAction": "DownloadOnly"}, {"InstallAction": "InstallASAP"}]}),
            Class::D1,
        ),
        (
            serde_json::json!({"RequestType": "Settings", "Settings": [{"Item": "DeviceName", "DeviceName": "a"}]}),
            Class::None,
        ),
        (serde_json::json!({"RequestType": "Settings", "Settings": [{"Item": "Wallpaper"}]}), Class::D2),
        (
            serde_json::json!({"RequestType": "Settings", "Settings": [{"Item": "DataRoaming", "Enabled": true}]}),
            Class::None,
        ),
        (
            serde_json::json!({"RequestType": "Settings", "Settings":
                [{"Item": "Wallpaper"}, {"Item": "DataRoaming", "Enabled": false}]}),
            Class::D1,
        ),
        (serde_json::json!({"RequestType": "DeleteUser", "UserName": "a", "ForceDeletion": true}), Class::D0),
    ] {
        assert_eq!(command(&json), class, "{json}");
    }
    let on_ipad = ClassContext { platform: Some(Platform::Ipados), ..ClassContext::default() };
    let plain = dictionary(&serde_json::json!({"RequestType": "DeleteUser", "UserName": "a"}));
    assert_eq!(class_of_command_in("DeleteUser", &plain, &on_ipad).class, Class::D1);
}

#[test]
fn a_passcode_limit_that_wipes_is_d0_when_low_lowered_or_of_unknown_history() {
    let policy = |limit: i64| serde_json::json!({"PayloadType": "com.apple.mobiledevice.passwordpolicy", "maxFailedAttempts": limit});
    let context = |ownership, assigned_limit| ClassContext {
        ownership: Some(ownership),
        assigned_limit,
        ..ClassContext::default()
    };
    for (limit, ownership, assigned, class) in [
        (5, Ownership::Corporate, Assigned::Nothing, Class::D0),
        (6, Ownership::Corporate, Assigned::Nothing, Class::D1),
        (9, Ownership::Shared, Assigned::Nothing, Class::D0),
        (10, Ownership::Shared, Assigned::Nothing, Class::D1),
        (8, Ownership::Corporate, Assigned::Limit(10), Class::D0),
        (10, Ownership::Corporate, Assigned::Limit(8), Class::D2),
        (8, Ownership::Corporate, Assigned::Limit(8), Class::D2),
        (8, Ownership::Corporate, Assigned::Unknown, Class::D0),
        (11, Ownership::Corporate, Assigned::Unknown, Class::D2),
    ] {
        assert_eq!(
            payload(&policy(limit), &context(ownership, assigned)),
            class,
            "{limit} {ownership} {assigned:?}"
        );
    }
    let declared = dictionary(&serde_json::json!({
        "Type": "com.apple.configuration.passcode.settings", "Payload": {"MaximumFailedAttempts": 5}
    }));
    let known = context(Ownership::Corporate, Assigned::Nothing);
    assert_eq!(class_of_declaration(&declared, &known).class, Class::D0);
}

#[test]
fn payloads_have_the_classes_of_the_issue() {
    let context = ClassContext::default();
    for (json, class) in [
        (serde_json::json!({"PayloadType": "com.apple.wifi.managed"}), Class::D1),
        (serde_json::json!({"PayloadType": "com.apple.firstactiveethernet.managed"}), Class::D1),
        (serde_json::json!({"PayloadType": "com.apple.proxy.http.global"}), Class::D1),
        (serde_json::json!({"PayloadType": "com.apple.dnsSettings.managed"}), Class::D1),
        (serde_json::json!({"PayloadType": "com.apple.vpn.managed"}), Class::D1),
        (serde_json::json!({"PayloadType": "com.apple.relay.managed"}), Class::D1),
        (serde_json::json!({"PayloadType": "com.apple.webcontent-filter"}), Class::D1),
        (serde_json::json!({"PayloadType": "com.apple.app.lock"}), Class::D1),
        (
            serde_json::json!({"PayloadType": "com.apple.applicationaccess", "allowAirDrop": false}),
            Class::None,
        ),
        (
            serde_json::json!({"PayloadType": "com.apple.applicationaccess", "forceWiFiToAllowedNetworksOnly": true}),
            Class::D1,
        ),
        (serde_json::json!({"PayloadType": "com.apple.applicationaccess", "ratingApps": 600}), Class::D1),
        (serde_json::json!({"PayloadType": "com.apple.applicationaccess", "ratingApps": 1000}), Class::None),
        (
            serde_json::json!({"PayloadType": "com.apple.applicationaccess", "allowListedAppBundleIDs": []}),
            Class::D1,
        ),
        (
            serde_json::json!({"PayloadType": "com.apple.mobiledevice.passwordpolicy", "changeAtNextAuth": true}),
            Class::D1,
        ),
        (
            serde_json::json!({"PayloadType": "com.apple.mobiledevice.passwordpolicy", "maxPINAgeInDays": 90}),
            Class::D1,
        ),
        (
            serde_json::json!({"PayloadType": "com.apple.security.smartcard", "enforceSmartCard": true}),
            Class::D1,
        ),
        (serde_json::json!({"PayloadType": "com.apple.security.root"}), Class::D2),
        (serde_json::json!({"PayloadType": "com.apple.webClip.managed"}), Class::D2),
        (serde_json::json!({"PayloadType": "com.apple.extensiblesso"}), Class::D2),
        (serde_json::json!({"PayloadType": "com.apple.mail.managed"}), Class::D2),
        (serde_json::json!({"PayloadType": "com.apple.security.scep"}), Class::D2),
        (serde_json::json!({"PayloadType": "com.apple.security.acme"}), Class::D2),
        (serde_json::json!({"PayloadType": "com.apple.security.FDERecoveryKeyEscrow"}), Class::D2),
        (serde_json::json!({"PayloadType": "com.apple.mdm"}), Class::D0),
        (serde_json::json!({"PayloadType": "com.apple.font"}), Class::None),
    ] {
        assert_eq!(payload(&json, &context), class, "{json}");
    }
}

#[test]
fn a_payload_hidden_in_preferences_counts_as_that_payload() {
    let hidden = serde_json::json!({"PayloadType": "com.apple.ManagedClient.preferences", "PayloadContent": {
        "com.apple.mobiledevice.passwordpolicy": {"Forced": [{"mcx_preference_settings": {"maxFailedAttempts": 3}}]}
    }});
    assert_eq!(payload(&hidden, &ClassContext::default()), Class::D0);
    let harmless = serde_json::json!({"PayloadType": "com.apple.ManagedClient.preferences", "PayloadContent": {
        "com.example.app": {"Forced": [{"mcx_preference_settings": {"a": 3}}]}
    }});
    assert_eq!(payload(&harmless, &ClassContext::default()), Class::D1);
}

#[test]
fn removal_has_a_class_of_its_own() {
    for (payload_type, class) in [
        ("com.apple.mdm", Class::D0),
        ("com.apple.wifi.managed", Class::D1),
        ("com.apple.app.lock", Class::D2),
        ("com.apple.mobiledevice.passwordpolicy", Class::D2),
        ("com.apple.webClip.managed", Class::None),
    ] {
        assert_eq!(class_of_payload_removal(payload_type).class, class, "{payload_type}");
    }
    assert_eq!(class_of_declaration_removal("com.apple.configuration.app.managed").class, Class::D0);
    let remove = dictionary(&serde_json::json!({"RequestType": "RemoveProfile", "Identifier": "a"}));
    let with = |types: &[&str]| {
        let context = ClassContext { removed_payload_types: Some(types), ..ClassContext::default() };
        class_of_command_in("RemoveProfile", &remove, &context).class
    };
    assert_eq!(with(&["com.apple.webClip.managed"]), Class::None);
    assert_eq!(with(&["com.apple.webClip.managed", "com.apple.wifi.managed"]), Class::D1);
    assert_eq!(with(&["com.apple.wifi.managed", "com.apple.mdm"]), Class::D0);
}

#[test]
fn an_update_deadline_is_d1_when_it_is_near_or_in_clinical_hours() {
    let now: clock::Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let class = |at: &str, now| {
        let declaration = dictionary(&serde_json::json!({
            "Type": "com.apple.configuration.softwareupdate.enforcement.specific",
            "Payload": {"TargetOSVersion": "26.1", "TargetLocalDateTime": at}
        }));
        class_of_declaration(&declaration, &ClassContext { now, ..ClassContext::default() }).class
    };
    assert_eq!(class("2026-03-03T02:00:00", Some(now)), Class::D1);
    assert_eq!(class("2026-03-10T02:00:00", Some(now)), Class::None);
    assert_eq!(class("2026-03-10T14:00:00", Some(now)), Class::D1);
    assert_eq!(class("2025-03-10T02:00:00", Some(now)), Class::D1, "already past");
    assert_eq!(class("2026-03-10T02:00:00", None), Class::D1, "without a clock");
    assert_eq!(class("soon", Some(now)), Class::D1);
}
