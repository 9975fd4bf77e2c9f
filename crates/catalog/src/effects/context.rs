//! What is known about what a command or a payload meets, when its class is asked for.

use clock::Timestamp;
use plist::Dictionary;

use crate::{Ownership, Platform};

/// The `maxFailedAttempts` that the device has now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assigned {
    /// Not known: the worst is assumed.
    #[default]
    Unknown,
    /// No limit was assigned.
    Nothing,
    /// This limit was assigned.
    Limit(i64),
}

/// Circumstances of a classification. The default knows nothing, and what is not known counts as the worst.
#[derive(Clone, Debug)]
pub struct ClassContext<'a> {
    /// The platform of the device.
    pub platform: Option<Platform>,
    /// Whose device it is.
    pub ownership: Option<Ownership>,
    /// The `maxFailedAttempts` that the device has now.
    pub assigned_limit: Assigned,
    /// The profile that InstallProfile carries, opened.
    pub profile: Option<&'a Dictionary>,
    /// The payload types that go: all of the profile that RemoveProfile names, or those that the new version of a
    /// profile no longer has.
    pub removed_payload_types: Option<&'a [&'a str]>,
    /// The time, to tell how far a deadline is.
    pub now: Option<Timestamp>,
    /// The hours of the day, from and until, in which staff depend on the devices.
    pub clinical_hours: (u8, u8),
}

impl Default for ClassContext<'_> {
    fn default() -> Self {
        Self {
            platform: None,
            ownership: None,
            assigned_limit: Assigned::Unknown,
            profile: None,
            removed_payload_types: None,
            now: None,
            clinical_hours: (6, 22),
        }
    }
}
