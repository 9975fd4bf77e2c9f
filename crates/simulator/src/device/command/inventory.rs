//! The commands that only ask.

use std::collections::BTreeSet;

use plist::{Dictionary, Value};

use super::Outcome;
use crate::device::messages::dictionary;
use crate::device::profile::flag;
use crate::device::state::{State, User};

/// Queries that need the right to network information (32) in place of device information (16).
const NETWORK: [&str; 10] = [
    "BluetoothMAC",
    "CellularTechnology",
    "DataRoamingEnabled",
    "EthernetMAC",
    "HostName",
    "IsNetworkTethered",
    "LocalHostName",
    "PersonalHotspotEnabled",
    "ServiceSubscriptions",
    "WiFiMAC",
];

/// Queries that a User Enrollment never answers.
const NOT_PERSONAL: [&str; 11] = [
    "AwaitingConfiguration",
    "BluetoothMAC",
    "EthernetMAC",
    "IMEI",
    "IsMDMLostModeEnabled",
    "ModemFirmwareVersion",
    "ProvisioningUDID",
    "SerialNumber",
    "ServiceSubscriptions",
    "UDID",
    "WiFiMAC",
];

/// `DeviceInformation`: what is not known, not available or not granted is left out.
pub(super) fn device_information(state: &State, keys: &Dictionary, user: Option<&User>) -> Outcome {
    let rights =
        state.enrolment.as_ref().and_then(|enrolment| enrolment.mdm.access_rights).unwrap_or(u64::MAX);
    let mut responses = Dictionary::new();
    let queries = keys.get("Queries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for query in queries.iter().filter_map(Value::as_string) {
        let right = match query {
            "UDID" => 0,
            query if NETWORK.contains(&query) => 32,
            _ => 16,
        };
        let private = state.enrollment_id.is_some() && NOT_PERSONAL.contains(&query);
        if rights & right != right || private {
            continue;
        }
        if let Some(value) = current(state, query, user).or_else(|| state.hardware.fact(query)) {
            responses.insert(query.to_owned(), value);
        }
    }
    Outcome::Acknowledged(dictionary([("QueryResponses", Value::Dictionary(responses))]))
}

/// The answers that change.
fn current(state: &State, query: &str, user: Option<&User>) -> Option<Value> {
    let enrolment = state.enrolment.as_ref()?;
    Some(match query {
        "IsSupervised" => state.supervised.into(),
        "AwaitingConfiguration" => enrolment.awaiting_configuration.into(),
        "IsMDMLostModeEnabled" if !state.hardware.model.is_mac() => state.lost_mode.is_some().into(),
        "ActiveManagedUsers" if state.hardware.model.is_mac() => Value::Array(
            enrolment
                .lines
                .iter()
                .filter_map(|line| line.user.as_ref())
                .map(|user| user.id.clone().into())
                .collect(),
        ),
        "PushToken" => {
            let key = user.map(|user| user.short_name.as_str());
            Value::Data(enrolment.line(key)?.token.clone())
        }
        _ => return None,
    })
}

/// `InstalledApplicationList`.
pub(super) fn applications(state: &State, keys: &Dictionary) -> Outcome {
    const APPS: [(&str, &str, &str); 3] = [
        ("com.example.charts", "Ward Charts", "4.2"),
        ("com.example.paging", "Paging", "11.0.1"),
        ("org.example.formulary", "Formulary", "2026.3"),
    ];
    let wanted = keys.get("Identifiers").and_then(Value::as_array);
    let asked = |identifier: &str| {
        wanted.is_none_or(|list| list.iter().filter_map(Value::as_string).any(|one| one == identifier))
    };
    let mac = state.hardware.model.is_mac();
    let managed_only = flag(keys, "ManagedAppsOnly");
    let list = APPS
        .iter()
        .filter(|(identifier, ..)| !managed_only && asked(identifier))
        .map(|(identifier, name, version)| {
            let mut app = dictionary([
                ("Identifier", (*identifier).into()),
                ("Name", (*name).into()),
                ("Version", (*version).into()),
                ("ShortVersion", (*version).into()),
                ("BundleSize", 5_000_000_000_i64.into()),
                ("Installing", false.into()),
            ]);
            if mac {
                app.insert("Path".to_owned(), format!("/Applications/{name}.app").into());
            }
            Value::Dictionary(app)
        })
        .collect();
    Outcome::Acknowledged(dictionary([("InstalledApplicationList", Value::Array(list))]))
}

/// `CertificateList`: the identity and whatever profiles brought, each certificate once.
pub(super) fn certificates(state: &State) -> Outcome {
    let own = state.enrolment.as_ref().map(|enrolment| (&enrolment.identity.certificate, true));
    let brought = state.profiles.iter().flat_map(|profile| {
        let identities = profile.identities.iter().map(|(_, identity)| (&identity.certificate, true));
        identities.chain(profile.certificates.iter().map(|certificate| (certificate, false)))
    });
    let mut seen = BTreeSet::new();
    let list = own
        .into_iter()
        .chain(brought)
        .filter(|(certificate, _)| seen.insert(certificate.der().to_vec()))
        .map(|(certificate, is_identity)| {
            Value::Dictionary(dictionary([
                ("CommonName", certificate.common_name().unwrap_or_default().into()),
                ("IsIdentity", is_identity.into()),
                ("Data", Value::Data(certificate.der().to_vec())),
            ]))
        })
        .collect();
    Outcome::Acknowledged(dictionary([("CertificateList", Value::Array(list))]))
}

/// `UserList` of a Mac or a Shared iPad.
pub(super) fn users(state: &State) -> Outcome {
    let lines = state.enrolment.as_ref().map(|enrolment| enrolment.lines.as_slice()).unwrap_or_default();
    let list = lines
        .iter()
        .filter_map(|line| line.user.as_ref())
        .map(|user| {
            Value::Dictionary(dictionary([
                ("UserName", user.short_name.clone().into()),
                ("FullName", user.long_name.clone().into()),
                ("IsLoggedIn", user.on_console.into()),
            ]))
        })
        .collect();
    Outcome::Acknowledged(dictionary([("Users", Value::Array(list))]))
}
