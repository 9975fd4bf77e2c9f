//! What a simulated device is told to do wrong.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

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
            report => self.reports.push_back(report),
        }
    }

    /// The fault of the report that is sent now.
    pub(crate) fn draw(&mut self) -> Option<Fault> {
        self.reports.pop_front()
    }
}
