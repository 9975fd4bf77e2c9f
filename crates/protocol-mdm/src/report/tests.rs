use super::*;
use crate::{Limits, parse_report};

fn read(inside: &str) -> Result<Report, Error> {
    parse_report(format!("<plist version=\"1.0\"><dict>{inside}</dict></plist>").as_bytes(), &Limits::RESULT)
}

#[test]
fn an_idle_report_has_no_command() {
    let report = read("<key>Status</key><string>Idle</string><key>UDID</key><string>A</string>").unwrap();
    assert_eq!((report.status, report.command_uuid), (Status::Idle, None));
    assert!(report.error_chain.is_empty() && !report.need_sync_response);
}

#[test]
fn every_status_of_apple_and_any_other_is_kept() {
    for word in ["Idle", "Acknowledged", "Error", "CommandFormatError", "NotNow", "Perhaps"] {
        let report =
            read(&format!("<key>Status</key><string>{word}</string><key>UDID</key><string>A</string>"))
                .unwrap();
        assert_eq!(report.status.as_str(), word);
        assert_eq!(matches!(report.status, Status::Unknown(_)), word == "Perhaps");
    }
}

#[test]
fn entries_of_an_error_chain_may_lack_keys() {
    let report = read(
        "<key>Status</key><string>Error</string><key>CommandUUID</key><string>c-1</string><key>UDID</key><string>A</string>\
         <key>ErrorChain</key><array><dict><key>ErrorCode</key><integer>12021</integer><key>ErrorDomain</key><string>MCMDMErrorDomain</string>\
         <key>LocalizedDescription</key><string>Befehl ungültig</string><key>USEnglishDescription</key><string>Bad command</string></dict>\
         <dict/><string>odd</string><dict><key>ErrorCode</key><string>not a number</string></dict></array>",
    )
    .unwrap();
    assert_eq!(report.command_uuid.as_deref(), Some("c-1"));
    assert_eq!(report.error_chain.len(), 3);
    assert_eq!(report.error_chain[0].code, Some(12021));
    assert_eq!(report.error_chain[0].localized_description.as_deref(), Some("Befehl ungültig"));
    assert_eq!(report.error_chain[1], ErrorChainItem::default());
    assert_eq!(report.error_chain[2].code, None);
    let report = read(
        "<key>Status</key><string>Error</string><key>UDID</key><string>A</string><key>ErrorChain</key><string>x</string>",
    );
    assert!(report.unwrap().error_chain.is_empty());
}

#[test]
fn the_body_is_kept_whole_and_debug_shows_none_of_it() {
    let report = read(
        "<key>Status</key><string>Acknowledged</string><key>CommandUUID</key><string>c</string><key>UDID</key><string>A</string>\
         <key>UserID</key><string>U</string><key>NotOnConsole</key><true/><key>NeedSyncResponse</key><true/>\
         <key>AuthToken</key><string>hidden-token</string><key>UnlockToken</key><string>hidden-unlock</string>",
    )
    .unwrap();
    assert!(report.need_sync_response);
    assert_eq!(report.identifiers.resolve().unwrap().to_string(), "A:U");
    assert_eq!(report.body.len(), 8);
    assert!(!format!("{report:?}").contains("hidden"), "{report:?}");
}

#[test]
fn a_report_needs_a_status_and_somebody_who_speaks() {
    let error = read("<key>UDID</key><string>A</string>").unwrap_err();
    assert_eq!(error, Error::Missing { message: "the report", key: "Status" });
    assert_eq!(read("<key>Status</key><string>Idle</string>").unwrap_err(), Error::NoIdentity);
    let error = read("<key>Status</key><integer>1</integer><key>UDID</key><string>A</string>").unwrap_err();
    assert!(matches!(error, Error::WrongType { key: "Status", .. }));
}

#[test]
fn a_result_of_several_megabytes_is_read() {
    let data = "A".repeat(8 << 20);
    let report = read(&format!(
        "<key>Status</key><string>Acknowledged</string><key>UDID</key><string>A</string><key>Big</key><data>{data}</data>"
    ));
    assert_eq!(report.unwrap().body.get("Big").and_then(Value::as_data).map(<[u8]>::len), Some(6 << 20));
}
