//! What is known of a device when the catalogue is asked about it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Platform, Version};

/// Declares an enumeration that is the same word in the database, in JSON and on the screen.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// All values, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word that stands in the database and in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ParseWordError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| ParseWordError {
                    found: text.chars().take(40).collect(),
                    expected: concat!($($word, " "),+),
                })
            }
        }
    };
}

/// The word is not a value of the enumeration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not one of: {expected}")]
pub struct ParseWordError {
    found: String,
    expected: &'static str,
}

words! {
    /// Whose device it is, which decides what may be asked and done.
    Ownership {
        /// The hospital's, given to one person.
        Corporate = "corporate",
        /// The member of staff's own.
        Personal = "personal",
        /// The hospital's, used by several people.
        Shared = "shared",
    }
}

words! {
    /// How the device came under management (Apple: "enrollment type").
    EnrollmentType {
        /// By a configuration profile that somebody installed: device enrolment.
        Device = "device",
        /// By Setup Assistant through Apple Business or School Manager: Automated Device Enrollment.
        Automated = "automated",
        /// By signing in with a Managed Apple Account, for a whole device.
        AccountDrivenDevice = "account-driven-device",
        /// By signing in with a Managed Apple Account, for work data only: User Enrollment.
        User = "user",
    }
}

words! {
    /// The channel of the MDM protocol on which something is sent.
    ChannelKind {
        /// The device channel.
        Device = "device",
        /// The channel of one user: a Mac's local or network user, or a Shared iPad's session.
        User = "user",
    }
}

/// What is known of one device and channel. `None` means unknown, and unknown is not no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// The operating system.
    pub platform: Option<Platform>,
    /// Its version.
    pub os_version: Option<Version>,
    /// Whether the device is supervised.
    pub supervised: Option<bool>,
    /// How it enrolled.
    pub enrollment: EnrollmentType,
    /// On which channel it is to be sent.
    pub channel: ChannelKind,
    /// Whether it is a Shared iPad.
    pub shared_ipad: Option<bool>,
    /// The `AccessRights` that its MDM profile granted.
    pub access_rights: Option<u32>,
    /// Whose it is.
    pub ownership: Ownership,
    /// Whether a passcode is set (`SecurityInfo.PasscodePresent`).
    pub has_passcode: Option<bool>,
}

impl DeviceFacts {
    /// Facts of a device of which nothing is known but how it enrolled, whose it is and the channel.
    #[must_use]
    pub const fn unknown(enrollment: EnrollmentType, ownership: Ownership, channel: ChannelKind) -> Self {
        Self {
            platform: None,
            os_version: None,
            supervised: None,
            enrollment,
            channel,
            shared_ipad: None,
            access_rights: None,
            ownership,
            has_passcode: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_text_and_json() {
        for kind in EnrollmentType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
        }
        let error = "mine".parse::<Ownership>().unwrap_err().to_string();
        assert!(error.contains("mine") && error.contains("personal"), "{error}");
    }
}
