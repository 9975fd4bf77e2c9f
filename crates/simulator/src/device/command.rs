//! Obeying commands: what a device may refuse, put off, do, and answer.

mod inventory;
mod lost_mode;
mod mac;
mod power;
mod profiles;
mod rules;
mod security;

use anyhow::{Context as _, Result};
use plist::{Dictionary, Value};

use super::messages::{dictionary, report};
use super::profile::text;
use super::state::{State, User};
use super::{DeviceSpec, wire};

pub use mac::MacPasswords;
pub(crate) use profiles::refusal_of_renewal;

/// A command as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) uuid: String,
    pub(crate) request_type: String,
    pub(crate) keys: Dictionary,
}

/// What the device does once it has answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum After {
    Nothing,
    Erase(Option<ReturnToService>),
    /// The enrolment profile was removed: there is nobody left to answer.
    Unenrol,
    Restart,
    ShutDown,
    LockWithPin(String),
}

/// What an erased device takes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnToService {
    pub(crate) mdm_profile: Option<Vec<u8>>,
    pub(crate) wifi_profile: Option<Vec<u8>>,
}

/// How a command went.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Acknowledged(Dictionary),
    Failed(Failure),
    FormatError(Failure),
    NotNow,
}

/// The one entry of an `ErrorChain`. The numbers are those that Apple documents, as far as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) domain: &'static str,
    pub(crate) code: i64,
    pub(crate) text: String,
}

/// An answered command.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) status: &'static str,
    pub(crate) report: Dictionary,
    pub(crate) after: After,
}

impl Failure {
    pub(crate) fn mdm(code: i64, text: impl Into<String>) -> Self {
        Self { domain: "MCMDMErrorDomain", code, text: text.into() }
    }

    pub(crate) fn install(code: i64, text: impl Into<String>) -> Self {
        Self { domain: "MCInstallationErrorDomain", code, text: text.into() }
    }

    pub(crate) fn profile(code: i64, text: impl Into<String>) -> Self {
        Self { domain: "MCProfileErrorDomain", code, text: text.into() }
    }

    fn chain(&self) -> Value {
        Value::Array(vec![Value::Dictionary(dictionary([
            ("ErrorCode", self.code.into()),
            ("ErrorDomain", self.domain.into()),
            ("LocalizedDescription", self.text.clone().into()),
            ("USEnglishDescription", self.text.clone().into()),
        ]))])
    }
}

impl Outcome {
    /// `Acknowledged` without further keys.
    pub(crate) fn done() -> Self {
        Self::Acknowledged(Dictionary::new())
    }

    pub(crate) const fn status(&self) -> &'static str {
        match self {
            Self::Acknowledged(_) => "Acknowledged",
            Self::Failed(_) => "Error",
            Self::FormatError(_) => "CommandFormatError",
            Self::NotNow => "NotNow",
        }
    }
}

impl Command {
    /// Reads the envelope of a command.
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let envelope = wire::dictionary(body)?;
        let keys = envelope.get("Command").and_then(Value::as_dictionary).context("no Command")?;
        Ok(Self {
            uuid: text(&envelope, "CommandUUID").context("no CommandUUID")?,
            request_type: text(keys, "RequestType").context("no RequestType")?,
            keys: keys.clone(),
        })
    }

    /// The report that tells `outcome`.
    pub(crate) fn report(&self, state: &State, user: Option<&User>, outcome: &Outcome) -> Dictionary {
        let mut message = report(state, outcome.status(), Some(&self.uuid), user);
        match outcome {
            Outcome::Acknowledged(answer) => message.extend(answer.clone()),
            Outcome::Failed(failure) | Outcome::FormatError(failure) => {
                message.insert("ErrorChain".to_owned(), failure.chain());
            }
            Outcome::NotNow => {}
        }
        message
    }
}

/// Whether the device neither refuses `command` nor puts it off.
pub(crate) fn obeys_now(state: &State, command: &Command, user: Option<&User>) -> bool {
    rules::refusal(state, command, user).is_none() && !rules::puts_off(state, command, user)
}

/// Obeys or refuses `command`, which came by the channel of `user` or of the device.
pub(crate) fn execute(
    state: &mut State,
    spec: &DeviceSpec,
    command: &Command,
    user: Option<&User>,
) -> Executed {
    let (outcome, after) = match rules::refusal(state, command, user) {
        Some(refusal) => (refusal, After::Nothing),
        None if rules::puts_off(state, command, user) => (Outcome::NotNow, After::Nothing),
        None => obey(state, spec, command, user),
    };
    Executed { status: outcome.status(), report: command.report(state, user, &outcome), after }
}

/// `DeclarativeManagement`: acknowledged at once; the declarations are asked for after the session.
fn declare(state: &mut State, user: Option<&User>) -> Outcome {
    let name = user.map(|user| user.short_name.as_str());
    if let Some(line) = state.enrolment.as_mut().and_then(|one| one.line_mut(name)) {
        line.declarations_due = true;
    }
    Outcome::done()
}

fn obey(state: &mut State, spec: &DeviceSpec, command: &Command, user: Option<&User>) -> (Outcome, After) {
    let keys = &command.keys;
    let outcome = match command.request_type.as_str() {
        "DeviceInformation" => inventory::device_information(state, keys, user),
        "InstalledApplicationList" => inventory::applications(state, keys),
        "CertificateList" => inventory::certificates(state),
        "SecurityInfo" => security::security_info(state),
        "ClearPasscode" => security::clear_passcode(state, keys),
        "ProfileList" => profiles::list(state, keys),
        // With a payload it never comes here.
        "InstallProfile" => Outcome::FormatError(Failure::mdm(12008, "Payload is missing.")),
        "RemoveProfile" => return profiles::remove(state, keys),
        "DeviceLock" => return security::device_lock(state, keys),
        "EraseDevice" => return power::erase(state, spec, keys),
        "RestartDevice" => return (Outcome::done(), After::Restart),
        "ShutDownDevice" => return (Outcome::done(), After::ShutDown),
        "EnableLostMode" => lost_mode::enable(state, keys),
        "DisableLostMode" => lost_mode::disable(state),
        "DeviceLocation" => lost_mode::location(state),
        "PlayLostModeSound" => lost_mode::play_sound(state),
        "DeviceConfigured" => power::configured(state),
        "UserList" => inventory::users(state),
        "DeclarativeManagement" => declare(state, user),
        // Acknowledged without any effect that the simulator could show.
        "Settings" => Outcome::done(),
        other => mac::obey(state, other, keys).unwrap_or_else(|| {
            let text = format!("\u{201c}{other}\u{201d} is not a valid request type.");
            Outcome::Failed(Failure::mdm(12021, text))
        }),
    };
    (outcome, After::Nothing)
}
