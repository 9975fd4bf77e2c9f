//! Why something cannot be sent, in words for the person who asked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which rule refused. The names are stable: they stand in the API and in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The catalogue does not know such a command, payload type or declaration.
    UnknownType,
    /// The key does not exist there.
    UnknownKey,
    /// A required key is absent.
    MissingKey,
    /// The value is of another type.
    WrongType,
    /// The value is not one of those that Apple lists.
    NotListed,
    /// The number is outside the range, or the array has too few or too many elements.
    OutOfRange,
    /// The text does not have the form that Apple gives.
    BadFormat,
    /// Two keys exclude each other, or one needs another.
    Combination,
    /// The device's platform does not have it.
    Platform,
    /// The device's OS is older than the one that introduced it.
    OsTooOld,
    /// The device's OS is the one that removed it, or a later one.
    Removed,
    /// Apple advises against it since the device's OS.
    Deprecated,
    /// Only supervised devices take it.
    NotSupervised,
    /// Only devices that enrolled automatically take it.
    NotAutomated,
    /// Not with this way of enrolling.
    EnrollmentKind,
    /// Not on this channel.
    Channel,
    /// Not on, or only on, a Shared iPad.
    SharedIpad,
    /// The MDM profile did not grant the access right.
    AccessRights,
    /// Ownership forbids it: it is not for personal devices.
    Ownership,
    /// Ward makes this secret itself.
    SecretInRequest,
    /// The state of the device makes it pointless or harmful.
    DeviceState,
}

/// One reason why something was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Where: a path such as `ReturnToService.Enabled` or `Settings[0].Item`; empty for the whole.
    pub key_path: String,
    /// Which rule.
    pub rule: Rule,
    /// What is wrong and what to do about it, in sentences for a help desk.
    pub advice: String,
}

impl Refusal {
    /// A refusal at a key path.
    pub fn new(key_path: impl Into<String>, rule: Rule, advice: impl Into<String>) -> Self {
        Self { key_path: key_path.into(), rule, advice: advice.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key_path.is_empty() {
            f.write_str(&self.advice)
        } else {
            write!(f, "{}: {}", self.key_path, self.advice)
        }
    }
}
