//! What a simulated device remembers, and the picture of it that others may look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::Timestamp;
use pki::Certificate;
use plist::Dictionary;
use serde::Serialize;

use super::DeviceSpec;
use super::command::MacPasswords;
use super::hardware::Hardware;
use super::profile::{MdmPayload, Profile};
use crate::apple::Mailbox;
use crate::dice::Dice;
use crate::web::Identity;

/// How many executed commands are listed in a snapshot.
pub(crate) const LISTED: usize = 20_000;
/// How many digits people choose who were not told.
pub(crate) const USUAL_PASSCODE: u64 = 6;
/// How many problems are listed in a snapshot.
const PROBLEMS: usize = 20;

/// What the device does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// In Setup Assistant: new, or erased and not come back.
    SetupAssistant,
    /// In use.
    InUse,
    /// A Mac that asks for a PIN before it starts.
    PinLocked,
    /// Shut down.
    Off,
}

/// Everything that a person with the device in hand would see, and what a test wants to count.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceState {
    /// "iPhone", "iPad", "Mac".
    pub family: &'static str,
    /// The name of the device.
    pub name: String,
    /// Its UDID.
    pub udid: String,
    /// Its serial number.
    pub serial_number: String,
    /// Its OS version.
    pub os_version: String,
    /// Whether it is supervised.
    pub supervised: bool,
    /// What it does.
    pub phase: Phase,
    /// Whether an MDM profile is installed and was accepted by the server.
    pub enrolled: bool,
    /// Whether Setup Assistant waits for `DeviceConfigured`.
    pub awaiting_configuration: bool,
    /// SHA-256 of the identity certificate, hex.
    pub identity: Option<String>,
    /// Whether a passcode is set.
    pub passcode_set: bool,
    /// Whether the screen is locked.
    pub screen_locked: bool,
    /// Message and phone number that `DeviceLock` put on the lock screen.
    pub lock_message: Option<LockMessage>,
    /// Lost Mode, if the device is in it.
    pub lost_mode: Option<LostMode>,
    /// The passwords of a Mac.
    pub mac: MacPasswords,
    /// Identifiers of the installed profiles.
    pub profiles: Vec<String>,
    /// Users with a channel of their own.
    pub users: Vec<String>,
    /// Identifiers of the declarations that the device has.
    pub declarations: Vec<String>,
    /// How often which things happened.
    pub counts: Counts,
    /// How many commands were answered, by RequestType and status.
    pub commands: BTreeMap<String, BTreeMap<String, u64>>,
    /// The commands that were executed or refused, oldest first.
    pub executed: Vec<ExecutedCommand>,
    /// What went wrong last, in words.
    pub problems: Vec<String>,
}

/// What `DeviceLock` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockMessage {
    /// The message.
    pub message: Option<String>,
    /// The phone number to call.
    pub phone_number: Option<String>,
}

/// What Lost Mode shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostMode {
    /// The message.
    pub message: Option<String>,
    /// The phone number to call.
    pub phone_number: Option<String>,
    /// The line in place of "slide to unlock".
    pub footnote: Option<String>,
}

/// Counters that only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// `Authenticate` and `TokenUpdate` accepted.
    pub enrolments: u32,
    /// Identities renewed by `InstallProfile`.
    pub renewals: u32,
    /// Times that all data was erased.
    pub erasures: u32,
    /// Times that it came back by what the erase command carried.
    pub returns_to_service: u32,
    /// Times that the enrolment ended: profile removed, 401, or told to go.
    pub unenrolments: u32,
    /// Restarts.
    pub restarts: u32,
    /// Shutdowns.
    pub shut_downs: u32,
    /// Times that the passcode was cleared.
    pub passcodes_cleared: u32,
    /// Times that the Lost Mode sound was played.
    pub sounds: u32,
    /// Times that the location was told.
    pub locations: u32,
    /// Pushes that woke it.
    pub pushes: u64,
    /// Pushes with another magic than its own.
    pub foreign_pushes: u64,
    /// Declarations synchronised with the server.
    pub declaration_syncs: u32,
    /// Sessions with the server.
    pub polls: u64,
    /// Requests that failed or were answered with something else than 2xx.
    pub failed_requests: u64,
}

/// One command that the device answered finally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExecutedCommand {
    /// Its `CommandUUID`.
    pub uuid: String,
    /// Its `RequestType`.
    pub request_type: String,
    /// `Acknowledged`, `Error` or `CommandFormatError`.
    pub status: String,
    /// The number of the enrolment it came by, counted from 1.
    pub enrolment: u32,
}

/// A user with a channel of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) short_name: String,
    pub(crate) long_name: String,
    pub(crate) on_console: bool,
}

/// A result that the server has not confirmed yet.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) report: Dictionary,
}

/// One channel to the server.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) user: Option<User>,
    pub(crate) token: Vec<u8>,
    pub(crate) magic: String,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) pending: Option<Pending>,
    /// `NotNow` was the last status sent: the device polls by itself when it can.
    pub(crate) not_now: bool,
    /// `DeclarativeManagement` was commanded, and what the declarations are is still to be asked.
    pub(crate) declarations_due: bool,
}

/// An accepted enrolment.
#[derive(Clone)]
pub(crate) struct Enrolment {
    /// Counted from 1 over the life of the device.
    pub(crate) number: u32,
    pub(crate) profile_identifier: String,
    pub(crate) mdm: MdmPayload,
    pub(crate) identity: Identity,
    pub(crate) anchors: Vec<Certificate>,
    pub(crate) awaiting_configuration: bool,
    pub(crate) lines: Vec<Line>,
    pub(crate) unlock_token: Option<Vec<u8>>,
    pub(crate) bootstrap_token: Option<Vec<u8>>,
    /// What was declared, by identifier, with the server's token.
    pub(crate) declarations: BTreeMap<String, String>,
    /// The token of the whole set that was applied last.
    pub(crate) declarations_token: Option<String>,
}

impl Enrolment {
    /// The channel of `user`, or of the device.
    pub(crate) fn line_mut(&mut self, user: Option<&str>) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.user.as_ref().map(|user| user.short_name.as_str()) == user)
    }

    /// The channel of `user`, or of the device.
    pub(crate) fn line(&self, user: Option<&str>) -> Option<&Line> {
        self.lines.iter().find(|line| line.user.as_ref().map(|user| user.short_name.as_str()) == user)
    }

    /// Whether the server has `capability`.
    pub(crate) fn has(&self, capability: &str) -> bool {
        self.mdm.capabilities.iter().any(|name| name == capability)
    }
}

/// The memory of one device.
pub(crate) struct State {
    pub(crate) dice: Dice,
    pub(crate) hardware: Hardware,
    pub(crate) supervised: bool,
    pub(crate) phase: Phase,
    pub(crate) enrolment: Option<Enrolment>,
    /// In place of the UDID, in a User Enrollment.
    pub(crate) enrollment_id: Option<String>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) passcode_set: bool,
    /// How many characters the passcode has.
    pub(crate) passcode_length: u64,
    /// Whether a Mac's disk is encrypted.
    pub(crate) file_vault: bool,
    /// The passwords of a Mac.
    pub(crate) mac: MacPasswords,
    pub(crate) screen_locked: bool,
    pub(crate) power_nap: bool,
    pub(crate) pin: Option<String>,
    pub(crate) lock_message: Option<LockMessage>,
    pub(crate) lost_mode: Option<LostMode>,
    pub(crate) location: Option<(f64, f64)>,
    /// The time of the command that is executed, by the device's clock.
    pub(crate) now: Timestamp,
    pub(crate) counts: Counts,
    pub(crate) commands: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) executed: Vec<ExecutedCommand>,
    pub(crate) problems: Vec<String>,
}

impl State {
    pub(crate) fn new(dice: Dice, hardware: Hardware, spec: &DeviceSpec) -> Self {
        Self {
            dice,
            hardware,
            supervised: spec.supervised,
            phase: Phase::SetupAssistant,
            enrolment: None,
            enrollment_id: None,
            profiles: Vec::new(),
            passcode_set: spec.passcode,
            passcode_length: USUAL_PASSCODE,
            file_vault: spec.file_vault,
            mac: MacPasswords::default(),
            screen_locked: false,
            power_nap: false,
            pin: None,
            lock_message: None,
            lost_mode: None,
            location: Some((51.4988, -0.1187)),
            now: Timestamp::default(),
            counts: Counts::default(),
            commands: BTreeMap::new(),
            executed: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Remembers something that went wrong.
    pub(crate) fn note(&mut self, problem: String) {
        if self.problems.len() >= PROBLEMS {
            self.problems.remove(0);
        }
        self.problems.push(problem);
    }

    /// The recovery key of the disk.
    pub(crate) fn recovery_key(&self) -> String {
        self.mac.recovery_key.clone().unwrap_or_else(|| self.hardware.recovery_key())
    }

    /// Counts an answer.
    pub(crate) fn count(&mut self, request_type: &str, status: &str) {
        *self.commands.entry(request_type.to_owned()).or_default().entry(status.to_owned()).or_default() += 1;
    }

    /// The picture for others.
    pub(crate) fn snapshot(&self) -> DeviceState {
        let enrolment = self.enrolment.as_ref();
        DeviceState {
            family: self.hardware.model.family(),
            name: self.hardware.name.clone(),
            udid: self.hardware.udid.clone(),
            serial_number: self.hardware.serial.clone(),
            os_version: self.hardware.os.clone(),
            supervised: self.supervised,
            phase: self.phase,
            enrolled: enrolment.is_some(),
            awaiting_configuration: enrolment.is_some_and(|enrolment| enrolment.awaiting_configuration),
            identity: enrolment.map(|enrolment| enrolment.identity.certificate.fingerprint().to_string()),
            passcode_set: self.passcode_set,
            screen_locked: self.screen_locked,
            lock_message: self.lock_message.clone(),
            lost_mode: self.lost_mode.clone(),
            mac: self.mac.clone(),
            profiles: self.profiles.iter().map(|profile| profile.identifier.clone()).collect(),
            users: enrolment
                .map(|enrolment| {
                    enrolment
                        .lines
                        .iter()
                        .filter_map(|line| line.user.as_ref())
                        .map(|user| user.short_name.clone())
                })
                .into_iter()
                .flatten()
                .collect(),
            declarations: enrolment
                .map(|enrolment| enrolment.declarations.keys().cloned().collect())
                .unwrap_or_default(),
            counts: self.counts.clone(),
            commands: self.commands.clone(),
            executed: self.executed.clone(),
            problems: self.problems.clone(),
        }
    }
}
