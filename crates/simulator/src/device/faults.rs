//! What a simulated device is told to do wrong.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use plist::{Dictionary, Value};

/// One wrong thing. Those about reports are used up one per report; the other ones last until changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The report of the next command is never sent, though the device has obeyed. It is not sent later either.
    LoseReport,
    /// The report is sent, but the server's answer does not reach the device: it sends the report again later.
    LoseAnswer,
    /// The report is sent twice.
    DuplicateReport,
    /// The report is sent after a while.
    DelayReport(Duration),
    /// The report is broken XML; the right one follows at the next session.
    MalformedReport,
    /// The report has that many bytes more; the right one follows at the next session.
    OversizedReport(usize),
    /// The report has a status that nobody knows; the right one follows at the next session.
    UnknownStatus,
    /// A report about a command that the server never sent comes first.
    StrayReport,
    /// From now on the device shows a certificate of its own making.
    WrongCertificate,
    /// From now on the device shows its own certificate again.
    RightCertificate,
    /// The device's clock is wrong by so many seconds.
    ClockSkew(i64),
    /// From now on the profile with this identifier is gone whenever a session begins.
    LoseProfile(String),
    /// The profile with this identifier stays again.
    KeepProfile(String),
    /// The Wi-Fi with this name, or the profile with this identifier, cuts the device from its server: from the session
    /// after its installation until somebody removes the profile by hand, the device is silent.
    CutBy(String),
    /// From now on the device tells more than it is asked, in every answer: serial number, place, applications, names, keys that
    /// nobody knows. Each value holds this word.
    Volunteer(String),
}

/// The faults of one device.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    reports: VecDeque<Fault>,
    pub(crate) wrong_certificate: bool,
    pub(crate) clock_skew: i64,
    /// Identifiers of the profiles that do not stay.
    pub(crate) losing: BTreeSet<String>,
    /// Networks and identifiers of profiles that cut the device off.
    pub(crate) cutting: BTreeSet<String>,
    /// What stands in everything that the device tells without being asked.
    pub(crate) volunteered: Option<String>,
}

impl Faults {
    /// Adds a fault.
    pub(crate) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCertificate => self.wrong_certificate = true,
            Fault::RightCertificate => self.wrong_certificate = false,
            Fault::ClockSkew(seconds) => self.clock_skew = seconds,
            Fault::LoseProfile(identifier) => {
                self.losing.insert(identifier);
            }
            Fault::KeepProfile(identifier) => {
                self.losing.remove(&identifier);
            }
            Fault::CutBy(identifier) => {
                self.cutting.insert(identifier);
            }
            Fault::Volunteer(word) => self.volunteered = Some(word),
            report => self.reports.push_back(report),
        }
    }

    /// The fault of the report that is sent now.
    pub(crate) fn draw(&mut self) -> Option<Fault> {
        self.reports.pop_front()
    }
}

/// Keys of persons, places and hardware that a device can add to any answer.
const VOLUNTEERED: [&str; 14] = [
    "SerialNumber",
    "IMEI",
    "MEID",
    "PhoneNumber",
    "WiFiMAC",
    "DeviceName",
    "ICCID",
    "EASDeviceIdentifier",
    "iTunesStoreAccountHash",
    "UserShortName",
    "UserLongName",
    "AppleID",
    "NotKnownToAnybody",
    "Latitude",
];

/// Adds what was not asked for to an answer, at its top and inside of it.
pub(crate) fn volunteer(message: &mut Dictionary, word: &str) {
    if !message.contains_key("CommandUUID") {
        return;
    }
    for value in message.iter_mut().map(|(_, value)| value) {
        if let Value::Dictionary(inner) = value {
            add(inner, word);
        }
    }
    add(message, word);
    let application = Dictionary::from_iter([("Identifier", text(word)), ("Name", text(word))]);
    let applications = Value::Array(vec![Value::Dictionary(application)]);
    message.insert("InstalledApplicationList".to_owned(), applications);
    let error = Dictionary::from_iter([("LocalizedDescription", text(word)), ("Who", text(word))]);
    message.insert("ErrorChain".to_owned(), Value::Array(vec![Value::Dictionary(error)]));
    if let Some(Value::Array(profiles)) = message.get_mut("ProfileList") {
        let own = [("PayloadIdentifier", text(word)), ("IsManaged", Value::Boolean(false))];
        profiles.push(Value::Dictionary(Dictionary::from_iter(own)));
        for profile in profiles.iter_mut().filter_map(Value::as_dictionary_mut) {
            profile.insert("Owner".to_owned(), text(word));
        }
    }
}

fn add(into: &mut Dictionary, word: &str) {
    for key in VOLUNTEERED {
        into.insert(key.to_owned(), text(word));
    }
    into.insert("Nested".to_owned(), Value::Dictionary(Dictionary::from_iter([("Deep", text(word))])));
}

fn text(word: &str) -> Value {
    Value::String(word.to_owned())
}
