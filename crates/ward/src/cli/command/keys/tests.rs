use super::*;

fn made(request_type: &str, assignments: &[&str]) -> Value {
    let all: Vec<String> = assignments.iter().map(|one| (*one).to_owned()).collect();
    command(request_type, &all).unwrap()
}

fn refused(request_type: &str, assignment: &str) -> String {
    command(request_type, &[assignment.to_owned()]).unwrap_err().to_string()
}

#[test]
fn every_type_is_taken_from_the_catalogue() {
    let lost = made("EnableLostMode", &["Message=Please call", "PhoneNumber=0123456"]);
    assert_eq!(
        lost,
        json!({"RequestType": "EnableLostMode", "Message": "Please call", "PhoneNumber": "0123456"})
    );
    let app = made(
        "InstallApplication",
        &[
            "iTunesStoreID=123",
            "Options.PurchaseMethod=1",
            "Configuration.Server=1",
            "Attributes.Removable=no",
        ],
    );
    assert_eq!(
        app,
        json!({"RequestType": "InstallApplication", "iTunesStoreID": 123, "Options": {"PurchaseMethod": 1},
               "Configuration": {"Server": 1}, "Attributes": {"Removable": false}})
    );
    let number = made("EnableLostMode", &["Message=42"]);
    assert_eq!(number["Message"], "42", "text stays text");
}

#[test]
fn lists_grow_by_brackets_commas_and_places() {
    let queries = json!(["UDID", "OSVersion"]);
    for form in [
        vec!["Queries[]=UDID", "Queries[]=OSVersion"],
        vec!["Queries=UDID,OSVersion"],
        vec!["Queries=[\"UDID\",\"OSVersion\"]"],
    ] {
        assert_eq!(made("DeviceInformation", &form)["Queries"], queries, "{form:?}");
    }
    let settings = made(
        "Settings",
        &[
            "Settings[].Item=DeviceName",
            "Settings[].DeviceName=Ward 7",
            "Settings[].Item=Bluetooth",
            "Settings[].Enabled=true",
            "Settings[1].Item=Bluetooth",
        ][..4],
    );
    let expected =
        json!([{"Item": "DeviceName", "DeviceName": "Ward 7"}, {"Item": "Bluetooth", "Enabled": true}]);
    assert_eq!(settings["Settings"], expected);
    let updates = made(
        "ScheduleOSUpdate",
        &[
            "Updates[0].InstallAction=Default",
            "Updates[0].MaxUserDeferrals=3",
            "Updates[1].InstallAction=InstallASAP",
        ],
    );
    assert_eq!(updates["Updates"][0]["MaxUserDeferrals"], 3);
    assert_eq!(updates["Updates"][1]["InstallAction"], "InstallASAP");
}

#[test]
fn a_file_becomes_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, b"\x00\x01").unwrap();
    let written = format!("Payload=@{}", path.display());
    assert_eq!(made("InstallProfile", &[&written])["Payload"], "AAE=");
    assert_eq!(made("InstallProfile", &["Payload=AAE="])["Payload"], "AAE=");
    assert!(refused("InstallProfile", "Payload=@/nowhere/x").contains("/nowhere/x"));
}

#[test]
fn mistakes_are_told_with_what_was_meant() {
    assert!(refused("EnableLostMod", "A=b").contains("Did you mean 'EnableLostMode'?"));
    assert!(refused("EnableLostMode", "Mesage=b").contains("Did you mean 'Message'?"));
    assert!(refused("InstallApplication", "iTunesStoreID=abc").contains("whole number"));
    assert!(refused("RestartDevice", "NotifyUser=maybe").contains("true or false"));
    assert!(refused("Settings", "Settings[].Item=Coffee").contains("Bluetooth"));
    assert!(refused("Settings", "Settings[].Enabled=true").contains("needs Item"));
    assert!(refused("EnableLostMode", "Message.Deep=x").contains("no keys inside"));
    assert!(refused("EnableLostMode", "Message[]=x").contains("no list"));
    assert!(refused("EnableLostMode", "[]=x").contains("is no key"));
    let twice = command("EnableLostMode", &["Message=a".to_owned(), "Message=b".to_owned()]);
    assert!(twice.unwrap_err().to_string().contains("given twice"));
}
