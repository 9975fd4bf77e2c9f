use plist_guard::write_xml;

use super::*;

/// The inside of the dictionary, without white space.
fn wire(command: &Dictionary) -> String {
    let text = String::from_utf8(write_xml(command)).unwrap().replace(['\n', '\t'], "");
    let inside = text.split_once("<plist version=\"1.0\"><dict>").unwrap().1;
    inside.strip_suffix("</dict></plist>").unwrap().to_owned()
}

#[test]
fn the_sixteen_commands_have_these_bytes() {
    let pin = SecretString::from("483920");
    let none: [&str; 0] = [];
    let table: [(Dictionary, &str, &str); 16] = [
        (
            device_information(&["OSVersion", "IsSupervised"]),
            "DeviceInformation",
            "<key>Queries</key><array><string>OSVersion</string><string>IsSupervised</string></array>",
        ),
        (security_info(), "SecurityInfo", ""),
        (
            device_lock(Some(&pin), Some("Call us"), Some("+44 0")),
            "DeviceLock",
            "<key>PIN</key><string>483920</string><key>Message</key><string>Call us</string>\
             <key>PhoneNumber</key><string>+44 0</string>",
        ),
        (erase_device(&EraseDevice::default()), "EraseDevice", ""),
        (restart_device(Some(true)), "RestartDevice", "<key>NotifyUser</key><true/>"),
        (shut_down_device(), "ShutDownDevice", ""),
        (
            clear_passcode(&SecretBytes::new(vec![1, 2, 3])),
            "ClearPasscode",
            "<key>UnlockToken</key><data>AQID</data>",
        ),
        (install_profile(vec![1, 2, 3]), "InstallProfile", "<key>Payload</key><data>AQID</data>"),
        (remove_profile("org.example"), "RemoveProfile", "<key>Identifier</key><string>org.example</string>"),
        (profile_list(true), "ProfileList", "<key>ManagedOnly</key><true/>"),
        (certificate_list(false), "CertificateList", ""),
        (
            installed_application_list(true, &["a.b"], &none),
            "InstalledApplicationList",
            "<key>ManagedAppsOnly</key><true/><key>Identifiers</key><array><string>a.b</string></array>",
        ),
        (
            enable_lost_mode(Some("Lost"), None, Some("Ward 7")),
            "EnableLostMode",
            "<key>Message</key><string>Lost</string><key>Footnote</key><string>Ward 7</string>",
        ),
        (disable_lost_mode(), "DisableLostMode", ""),
        (device_location(), "DeviceLocation", ""),
        (play_lost_mode_sound(), "PlayLostModeSound", ""),
    ];
    for (command, request_type, parameters) in table {
        let expected = format!("<key>RequestType</key><string>{request_type}</string>{parameters}");
        assert_eq!(wire(&command), expected);
    }
}

#[test]
fn an_erase_with_return_to_service_carries_what_the_device_needs_to_come_back() {
    let command = erase_device(&EraseDevice {
        preserve_data_plan: Some(true),
        disallow_proximity_setup: Some(false),
        pin: Some(SecretString::from("483920")),
        obliteration_behavior: Some(ObliterationBehavior::DoNotObliterate),
        return_to_service: Some(ReturnToService {
            wifi_profile_data: Some(vec![1]),
            mdm_profile_data: Some(SecretBytes::new(vec![2])),
            bootstrap_token: Some(SecretBytes::new(vec![3])),
            should_retry_enrollment: Some(true),
        }),
    });
    assert_eq!(
        wire(&command),
        "<key>RequestType</key><string>EraseDevice</string><key>PreserveDataPlan</key><true/><key>DisallowProximitySetup</key><false/>\
         <key>PIN</key><string>483920</string><key>ObliterationBehavior</key><string>DoNotObliterate</string><key>ReturnToService</key><dict>\
         <key>Enabled</key><true/><key>WiFiProfileData</key><data>AQ==</data><key>MDMProfileData</key><data>Ag==</data>\
         <key>BootstrapToken</key><data>Aw==</data><key>ShouldRetryEnrollment</key><true/></dict>"
    );
}

#[test]
fn parameters_with_secrets_are_not_printed() {
    let parameters = EraseDevice {
        pin: Some(SecretString::from("483920")),
        return_to_service: Some(ReturnToService {
            mdm_profile_data: Some(SecretBytes::new(b"challenge".to_vec())),
            ..ReturnToService::default()
        }),
        ..EraseDevice::default()
    };
    let shown = format!("{parameters:?}");
    assert!(!shown.contains("483920") && !shown.contains("99, 104"), "{shown}");
}
