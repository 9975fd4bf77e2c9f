use super::*;
use crate::commands;

fn dictionary(inside: &str) -> Dictionary {
    plist_guard::parse_dictionary(format!("<plist><dict>{inside}</dict></plist>").as_bytes()).unwrap()
}

#[test]
fn what_a_personal_device_volunteers_is_dropped_and_named() {
    let mut result = dictionary(
        "<key>Status</key><string>Acknowledged</string><key>UDID</key><string>A</string><key>Latitude</key><real>1</real>\
         <key>QueryResponses</key><dict><key>OSVersion</key><string>27.0</string><key>PhoneNumber</key><string>+44</string>\
         <key>SerialNumber</key><string>S</string><key>ServiceSubscriptions</key><array/><key>NewIdentifyingThing</key><string>x</string></dict>",
    );
    let mut dropped = strip_personal(None, &mut result);
    dropped.sort();
    assert_eq!(
        dropped,
        [
            "Latitude",
            "QueryResponses.NewIdentifyingThing",
            "QueryResponses.PhoneNumber",
            "QueryResponses.SerialNumber",
            "QueryResponses.ServiceSubscriptions"
        ]
    );
    let answers = result.get("QueryResponses").and_then(Value::as_dictionary).unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["OSVersion"]);
    assert!(result.contains_key("Status") && result.contains_key("UDID"));
}

#[test]
fn a_list_stays_only_where_managed_things_were_asked_for() {
    let none: [&str; 0] = [];
    for (key, all, managed) in [
        ("ProfileList", commands::profile_list(false), commands::profile_list(true)),
        ("CertificateList", commands::certificate_list(false), commands::certificate_list(true)),
        (
            "InstalledApplicationList",
            commands::installed_application_list(false, &none, &none),
            commands::installed_application_list(true, &none, &none),
        ),
    ] {
        let answer = dictionary(&format!("<key>{key}</key><array><dict/></array>"));
        assert_eq!(strip_personal(Some(&managed), &mut answer.clone()), Vec::<String>::new(), "{key}");
        assert_eq!(strip_personal(Some(&all), &mut answer.clone()), [key]);
        assert_eq!(strip_personal(None, &mut answer.clone()), [key], "an answer to an unknown command");
    }
}

#[test]
fn nothing_that_is_asked_of_a_personal_device_identifies_it() {
    for key in [
        "SerialNumber",
        "IMEI",
        "MEID",
        "UDID",
        "PhoneNumber",
        "ICCID",
        "WiFiMAC",
        "DeviceName",
        "ServiceSubscriptions",
        "DevicePropertiesAttestation",
        "EASDeviceIdentifier",
    ] {
        assert!(!PERSONAL_QUERIES.contains(&key), "{key}");
    }
}
