//! The hospital's traps: each is found where it is, and not where it is not.

use super::*;
use crate::Description;

/// A template from the lines of `[profile]` and of payloads.
fn template(head: &str, payloads: &str) -> Template {
    let text = format!("[profile]\nname = \"a\"\n{head}\n{payloads}\n");
    Description::parse(&text, "a.toml")
        .unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
        .to_template()
}

fn payload(payload_type: &str, keys: &str) -> String {
    format!("[[payload]]\ntype = \"{payload_type}\"\nname = \"p\"\n{keys}\n")
}

fn hospital() -> LintContext {
    let phi_apps = ["org.example.record", "org.example.pager"].map(str::to_owned).into();
    LintContext { phi_apps, ..LintContext::default() }
}

/// The graver findings, as severity and rule.
fn found(template: &Template, context: &LintContext) -> Vec<(Severity, &'static str)> {
    let findings = lint(&[template], context);
    for finding in &findings {
        assert!(RULES.contains(&finding.rule), "{} is a rule", finding.rule);
        assert!(!finding.message.is_empty());
    }
    findings.iter().filter(|f| f.severity > Severity::Note).map(|f| (f.severity, f.rule)).collect()
}

/// Asserts that a payload gives exactly this finding, or none.
fn expect(head: &str, payload_type: &str, keys: &str, wanted: Option<(Severity, &'static str)>) {
    let template = template(head, &payload(payload_type, keys));
    assert_eq!(found(&template, &hospital()), wanted.into_iter().collect::<Vec<_>>(), "{head}\n{keys}");
}

const IPHONE: &str = "platforms = [\"iOS\"]\nownership = \"corporate\"\nsupervised = true";
const IPAD: &str = "platforms = [\"iPadOS\"]\nownership = \"shared\"\nsupervised = true";
const MAC: &str = "platforms = [\"macOS\"]\nownership = \"corporate\"";
const PERSONAL: &str = "platforms = [\"iOS\"]\nownership = \"personal\"\nenrollment = \"user\"";

const LOCK: &str = "com.apple.app.lock";
const POLICY: &str = "com.apple.mobiledevice.passwordpolicy";
const RESTRICTIONS: &str = "com.apple.applicationaccess";

#[test]
fn a_kiosk_that_keeps_the_screen_on_is_an_error_where_patient_data_shows() {
    let app = |name: &str, on: bool| {
        format!("App = {{ Identifier = \"{name}\", Options = {{ DisableAutoLock = {on} }} }}")
    };
    let rule = "kiosk-keeps-screen-on";
    expect(IPAD, LOCK, &app("org.example.record", true), Some((Severity::Error, rule)));
    expect(IPAD, LOCK, &app("org.example.signage", true), Some((Severity::Warning, rule)));
    expect(IPAD, LOCK, &app("org.example.record", false), None);
    let variable = format!(
        "[variables]\nkiosk = {{ type = \"text\", from = \"$site.kiosk\" }}\n{}",
        payload(LOCK, &app("$kiosk", true))
    );
    assert_eq!(
        found(&template(IPAD, &variable), &hospital()),
        [(Severity::Error, rule)],
        "which app is not known"
    );
}

#[test]
fn a_written_exception_turns_an_error_into_a_note_until_it_ends() {
    let app =
        payload(LOCK, "App = { Identifier = \"org.example.record\", Options = { DisableAutoLock = true } }");
    let exception = "[[exception]]\nrule = \"kiosk-keeps-screen-on\"\nreason = \"Operating theatre.\"\n\
                     owner = \"security officer\"\nuntil = \"2027-06-30\"\n";
    let template = template(IPAD, &format!("{app}{exception}"));
    let at = |day: &str| LintContext { now: format!("{day}T12:00:00Z").parse().ok(), ..hospital() };
    assert_eq!(found(&template, &at("2027-06-30")), []);
    let notes = lint(&[&template], &at("2027-06-30"));
    let note = notes.iter().find(|finding| finding.rule == "kiosk-keeps-screen-on").unwrap();
    assert!(note.advice.contains("security officer") && note.advice.contains("Operating theatre."));
    let late = [(Severity::Error, "kiosk-keeps-screen-on"), (Severity::Warning, "exception-expired")];
    let mut found = found(&template, &at("2027-07-01"));
    found.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    assert_eq!(found, late);
}

#[test]
fn a_list_that_hides_the_pager_the_record_or_web_clips_is_an_error() {
    let rule = Some((Severity::Error, "app-list-hides-needed-app"));
    let list = |apps: &[&str]| format!("allowListedAppBundleIDs = {apps:?}");
    let all = ["org.example.record", "org.example.pager", "com.apple.webapp"];
    expect(IPHONE, RESTRICTIONS, &list(&all), None);
    for index in 0..all.len() {
        let mut without = all.to_vec();
        without.remove(index);
        expect(IPHONE, RESTRICTIONS, &list(&without), rule);
    }
    expect(IPHONE, RESTRICTIONS, "blockedAppBundleIDs = [\"org.example.pager\"]", rule);
    expect(IPHONE, RESTRICTIONS, "blockedAppBundleIDs = [\"org.example.game\"]", None);
    let rating = Some((Severity::Warning, "app-list-hides-needed-app"));
    expect(IPHONE, RESTRICTIONS, "ratingApps = 300", rating);
    expect(IPHONE, RESTRICTIONS, "ratingApps = 1000", None);
    let silent =
        "NotificationSettings = [{ BundleIdentifier = \"org.example.pager\", NotificationsEnabled = false }]";
    expect(IPHONE, "com.apple.notificationsettings", silent, Some((Severity::Error, "silences-needed-app")));
}

#[test]
fn few_failed_attempts_are_an_error_and_fewer_are_allowed_on_shared_devices() {
    let keys = |limit: i64| format!("maxInactivity = 2\nmaxFailedAttempts = {limit}");
    let rule = "failed-attempts-erase";
    for (head, limit, severity) in [
        (IPHONE, 2, Some(Severity::Error)),
        (IPHONE, 5, Some(Severity::Error)),
        (IPHONE, 6, Some(Severity::Warning)),
        (IPHONE, 11, None),
        (IPAD, 9, Some(Severity::Error)),
        (IPAD, 10, Some(Severity::Warning)),
    ] {
        expect(head, POLICY, &keys(limit), severity.map(|severity| (severity, rule)));
    }
}

#[test]
fn auto_lock_has_a_limit_and_no_grace() {
    let lock = |severity| Some((severity, "auto-lock"));
    expect(IPHONE, POLICY, "maxInactivity = 5\nmaxGracePeriod = 0", None);
    expect(IPHONE, POLICY, "maxInactivity = 6", lock(Severity::Error));
    expect(IPHONE, POLICY, "maxInactivity = 0", lock(Severity::Error));
    expect(IPHONE, POLICY, "forcePIN = true", lock(Severity::Warning));
    expect(IPHONE, POLICY, "maxInactivity = 2\nmaxGracePeriod = 1", lock(Severity::Warning));
    expect(
        IPHONE,
        POLICY,
        "maxInactivity = 2\nmaxPINAgeInDays = 90",
        Some((Severity::Warning, "passcode-expires")),
    );
    let strict = LintContext { max_auto_lock_minutes: 2, ..hospital() };
    let template = template(IPHONE, &payload(POLICY, "maxInactivity = 3"));
    assert_eq!(found(&template, &strict), [(Severity::Error, "auto-lock")]);
}

#[test]
fn a_mac_locks_its_screen_and_keeps_its_recovery_key() {
    let saver = |keys: &str| format!("moduleName = \"Flurry\"\n{keys}");
    let kind = "com.apple.screensaver";
    let good = "askForPassword = true\naskForPasswordDelay = 0\nidleTime = 300";
    expect(MAC, kind, &saver(good), None);
    let rule = |severity| Some((severity, "screen-lock"));
    expect(MAC, kind, &saver("askForPassword = false\nidleTime = 300"), rule(Severity::Error));
    expect(
        MAC,
        kind,
        &saver("askForPassword = true\naskForPasswordDelay = 60\nidleTime = 300"),
        rule(Severity::Warning),
    );
    expect(
        MAC,
        kind,
        &saver("askForPassword = true\naskForPasswordDelay = 0\nidleTime = 3600"),
        rule(Severity::Warning),
    );
    let filevault = "Enable = \"On\"\nDefer = true";
    let alone = Some((Severity::Error, "filevault-without-escrow"));
    expect(MAC, "com.apple.MCX.FileVault2", filevault, alone);
    expect(
        MAC,
        "com.apple.security.firewall",
        "EnableFirewall = true\nBlockAllIncoming = true",
        Some((Severity::Warning, "firewall-blocks-all")),
    );
}

#[test]
fn wifi_needs_trust_in_the_server_and_encryption() {
    let eap =
        |keys: &str| format!("SSID_STR = \"c\"\nEAPClientConfiguration = {{ AcceptEAPTypes = [13]{keys} }}");
    let wifi = "com.apple.wifi.managed";
    let rule = Some((Severity::Error, "wifi-without-trust"));
    expect(IPHONE, wifi, &eap(""), rule);
    expect(IPHONE, wifi, &eap(", TLSTrustedServerNames = [\"r.example.org\"]"), rule);
    for (kind, severity) in
        [("None", Severity::Warning), ("WEP", Severity::Error), ("Any", Severity::Warning)]
    {
        let keys = format!("SSID_STR = \"c\"\nEncryptionType = \"{kind}\"");
        expect(IPHONE, wifi, &keys, Some((severity, "wifi-open")));
    }
    expect(IPHONE, wifi, "SSID_STR = \"c\"\nEncryptionType = \"WPA3\"", None);
    let confined = "forceWiFiToAllowedNetworksOnly = true";
    expect(IPHONE, RESTRICTIONS, confined, Some((Severity::Error, "confined-without-wifi")));
}

#[test]
fn the_version_that_takes_the_last_wifi_away_is_an_error() {
    let wifi = |name: &str| {
        payload("com.apple.wifi.managed", &format!("SSID_STR = \"{name}\"\nEncryptionType = \"WPA3\""))
    };
    let replaced = Some(template(IPHONE, &wifi("old")));
    let context = LintContext { replaced, ..hospital() };
    let none = template(IPHONE, &payload(RESTRICTIONS, "allowCamera = true"));
    assert_eq!(found(&none, &context), [(Severity::Error, "network-removed")]);
    assert_eq!(found(&template(IPHONE, &wifi("new")), &context), [(Severity::Warning, "network-removed")]);
    assert_eq!(found(&template(IPHONE, &wifi("old")), &context), []);
    let notes = lint(&[&template(IPHONE, &wifi("old"))], &context);
    assert!(notes.iter().any(|finding| finding.rule == "carries-network"));
}

#[test]
fn passcode_keys_that_do_nothing_are_told_for_personal_phones_and_refused_on_shared_ipads() {
    let policy = payload(POLICY, "forcePIN = true\nminLength = 6\nmaxInactivity = 2");
    let personal = found(&template(PERSONAL, &policy), &hospital());
    assert_eq!(personal, [(Severity::Warning, "no-effect"); 3], "every key is ignored there");
    let shared = found(&template(&format!("{IPAD}\nshared_ipad = true"), &policy), &hospital());
    assert_eq!(shared, [(Severity::Error, "refused-by-device")]);
    expect(PERSONAL, LOCK, "App = { Identifier = \"x\" }", Some((Severity::Error, "refused-by-device")));
    expect(PERSONAL, RESTRICTIONS, "allowCamera = false", Some((Severity::Warning, "no-effect")));
}

#[test]
fn a_profile_for_patient_data_keeps_it_inside_and_out_of_backups() {
    let good = "allowOpenFromManagedToUnmanaged = false\nrequireManagedPasteboard = true\nforceAirDropUnmanaged = true\n\
                allowManagedAppsCloudSync = false\nforceEncryptedBackup = true\n";
    let head = format!("{IPHONE}\npatient_data = true");
    expect(&head, RESTRICTIONS, &format!("{good}allowCloudBackup = false"), None);
    expect(&head, RESTRICTIONS, good, Some((Severity::Error, "backup-leak")));
    expect(&format!("{PERSONAL}\npatient_data = true"), RESTRICTIONS, good, None);
    let leaks = good.replace("requireManagedPasteboard = true\n", "allowCloudBackup = false\n");
    expect(&head, RESTRICTIONS, &leaks, Some((Severity::Error, "data-leaves-managed-apps")));
}

#[test]
fn several_profiles_are_looked_at_together() {
    let filevault = template(MAC, &payload("com.apple.MCX.FileVault2", "Enable = \"On\""));
    let text = "[profile]\nname = \"b\"\nplatforms = [\"macOS\"]\n[[payload]]\ntype = \"com.apple.security.pkcs1\"\nname = \"c\"\n\
                PayloadContent = \"$ward.escrow_certificate\"\n[[payload]]\ntype = \"com.apple.security.FDERecoveryKeyEscrow\"\n\
                Location = \"here\"\nEncryptCertPayloadUUID = { payload = \"c\" }\n";
    let escrow = Description::parse(text, "b.toml").unwrap().to_template();
    let each = lint_each(&[&filevault, &escrow], &hospital());
    let grave = |index: usize| {
        each[index].iter().filter(|f| f.severity > Severity::Note).map(|f| (f.severity, f.rule))
    };
    assert_eq!(grave(0).collect::<Vec<_>>(), [(Severity::Warning, "filevault-without-escrow")]);
    assert_eq!(grave(1).count(), 0);
    let twice = lint(&[&filevault, &filevault], &hospital());
    assert_eq!(twice.iter().filter(|finding| finding.rule == "same-identifier").count(), 2);
}

#[test]
fn uploads_tell_their_secrets_unknown_keys_and_doubled_uuids() {
    let one = |key: &str, value: &str| {
        format!(
            "<dict><key>PayloadType</key><string>com.apple.wifi.managed</string><key>PayloadVersion</key><integer>1</integer>\
             <key>PayloadIdentifier</key><string>x</string>\
             <key>PayloadUUID</key><string>11111111-2222-3333-4444-555555555555</string>\
             <key>EncryptionType</key><string>WPA2</string><key>SSID_STR</key><string>c</string>\
             <key>{key}</key><string>{value}</string></dict>"
        )
    };
    let file = format!(
        "<plist version=\"1.0\"><dict><key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>\
         <key>PayloadIdentifier</key><string>x</string><key>PayloadUUID</key><string>u</string><key>PayloadContent</key><array>{}{}\
         </array></dict></plist>",
        one("Password", "hunter22"),
        one("Pasword", "x"),
    );
    let template = Template::from_mobileconfig(file.as_bytes()).unwrap();
    let findings = lint(&[&template], &hospital());
    let rules: BTreeSet<&str> =
        findings.iter().filter(|f| f.severity > Severity::Note).map(|f| f.rule).collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["same-uuid", "secret-in-clear", "unknown-key"]);
    assert!(findings.iter().all(|finding| !format!("{finding:?}").contains("hunter22")));
}
