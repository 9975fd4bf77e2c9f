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

#[test]
fn nothing_unknown_stays_inside_of_what_is_kept() {
    let mut result = dictionary(
        "<key>SecurityInfo</key><dict><key>PasscodeCompliant</key><true/><key>Strange</key><string>CANARY</string>\
         <key>ManagementStatus</key><dict><key>IsUserEnrollment</key><true/><key>Who</key><string>CANARY</string></dict></dict>\
         <key>QueryResponses</key><dict><key>OSVersion</key><string>26.1</string>\
         <key>OrganizationInfo</key><dict><key>OrganizationName</key><string>Ward</string><key>X</key><string>CANARY</string></dict></dict>\
         <key>ProfileList</key><array><dict><key>PayloadIdentifier</key><string>org.ward</string><key>Y</key><string>CANARY</string>\
         <key>PayloadContent</key><array><dict><key>PayloadType</key><string>t</string><key>Z</key><string>CANARY</string></dict></array></dict>\
         <dict><key>PayloadIdentifier</key><string>CANARY</string><key>IsManaged</key><false/></dict></array>\
         <key>ErrorChain</key><array><dict><key>ErrorCode</key><integer>1</integer>\
         <key>LocalizedDescription</key><string>CANARY</string></dict></array>\
         <key>ManagedApplicationList</key><dict><key>org.ward.app</key><dict><key>Status</key><string>Managed</string>\
         <key>Q</key><string>CANARY</string></dict></dict>\
         <key>MessageResult</key><dict><key>W</key><string>CANARY</string></dict>\
         <key>UserLongName</key><string>CANARY</string><key>UserShortName</key><string>CANARY</string>",
    );
    let asked = commands::profile_list(true);
    let dropped = strip_personal(Some(&asked), &mut result);
    let left = String::from_utf8(plist_guard::write_xml(&result)).unwrap();
    assert!(!left.contains("CANARY"), "{left}");
    for kept in [
        "PasscodeCompliant",
        "IsUserEnrollment",
        "OrganizationName",
        "org.ward",
        "<string>t</string>",
        "Managed",
        "ErrorCode",
    ] {
        assert!(left.contains(kept), "{kept} is gone: {left}");
    }
    assert!(dropped.contains(&"SecurityInfo.Strange".to_owned()), "{dropped:?}");
}
