use super::*;

fn dictionary(inside: &str) -> Dictionary {
    plist_guard::parse_dictionary(format!("<plist><dict>{inside}</dict></plist>").as_bytes()).unwrap()
}

fn text(value: &SecretValue) -> &str {
    std::str::from_utf8(value.value.expose_secret()).unwrap()
}

#[test]
fn every_secret_leaves_a_marker_and_comes_out_with_its_place() {
    let mut result = dictionary(
        "<key>Status</key><string>Acknowledged</string><key>ActivationLockBypassCode</key><string>hidden-1</string>\
         <key>SecurityInfo</key><dict><key>FDE_Enabled</key><true/><key>FDE_PersonalRecoveryKeyCMS</key><data>aGlkZGVuLTI=</data></dict>\
         <key>RotateResult</key><dict><key>EncryptedNewRecoveryKey</key><data>aGlkZGVuLTM=</data></dict>\
         <key>QueryResponses</key><dict><key>PushToken</key><data>aGlkZGVuLTQ=</data></dict>\
         <key>List</key><array><true/><dict><key>UnlockToken</key><string>hidden-5</string></dict></array>\
         <key>BootstrapToken</key><array><string>hidden-6</string></array>",
    );
    let mut taken = redact(Some("Anything"), &mut result);
    taken.sort_by(|one, other| one.key_path.cmp(&other.key_path));
    let found: Vec<_> = taken.iter().map(|secret| (secret.key_path.as_str(), secret.kind)).collect();
    assert_eq!(
        found,
        [
            ("ActivationLockBypassCode", SecretKind::ActivationLockBypassCode),
            ("BootstrapToken", SecretKind::BootstrapToken),
            ("List[1].UnlockToken", SecretKind::UnlockToken),
            ("QueryResponses.PushToken", SecretKind::PushToken),
            ("RotateResult.EncryptedNewRecoveryKey", SecretKind::RecoveryKey),
            ("SecurityInfo.FDE_PersonalRecoveryKeyCMS", SecretKind::RecoveryKey),
        ]
    );
    assert_eq!((text(&taken[0]), text(&taken[2]), text(&taken[5])), ("hidden-1", "hidden-5", "hidden-2"));
    let kept = String::from_utf8(write_xml(&result)).unwrap();
    assert!(!kept.contains("hidden") && !kept.contains("aGlkZGVu"), "{kept}");
    assert!(kept.contains(MARKER) && kept.contains("<key>FDE_Enabled</key>\n\t\t<true/>"), "{kept}");
    assert!(!format!("{taken:?}").contains("hidden-"), "{taken:?}");
    assert!(redact(None, &mut result).is_empty(), "a redacted result holds no more secrets");
}

#[test]
fn a_location_is_one_secret_whoever_asked_for_it() {
    let inside = "<key>Latitude</key><real>51.5</real><key>Longitude</key><real>-0.12</real><key>Timestamp</key><string>t</string>\
                  <key>Speed</key><integer>3</integer><key>Status</key><string>Acknowledged</string>";
    for request_type in [Some("DeviceLocation"), Some("SecurityInfo"), None] {
        let mut result = dictionary(inside);
        let taken = redact(request_type, &mut result);
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].kind, SecretKind::Location);
        let location = plist_guard::parse_dictionary(taken[0].value.expose_secret()).unwrap();
        assert_eq!(location.len(), 4);
        assert_eq!(location.get("Latitude").and_then(Value::as_real), Some(51.5));
        let kept = String::from_utf8(write_xml(&result)).unwrap();
        assert!(!kept.contains("51.5") && !kept.contains("0.12") && kept.contains("Acknowledged"), "{kept}");
    }
    let mut partial = dictionary("<key>Altitude</key><real>12</real>");
    assert_eq!(redact(Some("DeviceLocation"), &mut partial).len(), 1);
    let mut harmless =
        dictionary("<key>Timestamp</key><string>t</string><key>Speed</key><integer>3</integer>");
    assert!(redact(Some("OSUpdateStatus"), &mut harmless).is_empty());
}

#[test]
fn what_says_only_that_a_secret_exists_stays() {
    let inside = "<key>RecoveryKey</key><true/><key>UnlockToken</key><data></data><key>PIN</key><string></string>\
                  <key>FDE_HasPersonalRecoveryKey</key><true/><key>BootstrapTokenAllowedForAuthentication</key><string>allowed</string>";
    let mut result = dictionary(inside);
    assert!(redact(None, &mut result).is_empty());
    assert_eq!(result, dictionary(inside));
}
