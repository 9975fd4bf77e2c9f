//! Versions of operating systems, such as `17.4.1`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An OS version: major, minor, patch. `17` equals `17.0` equals `17.0.0`; order is numeric.
///
/// A fourth number and a rapid security response suffix (`16.4.1 (a)`) are read and dropped: no rule of Apple's schema
/// depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number, 0 when absent.
    pub minor: u16,
    /// The third number, 0 when absent.
    pub patch: u16,
}

impl Version {
    /// A version from its numbers.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }
}

/// The text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an OS version such as 17.4.1")]
pub struct ParseVersionError(String);

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseVersionError(text.chars().take(40).collect());
        let numbers = text.trim().split([' ', '(']).next().unwrap_or_default();
        let mut parsed = [0_u16; 4];
        let mut parts = numbers.split('.');
        for slot in &mut parsed {
            let Some(part) = parts.next() else { break };
            if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(error());
            }
            *slot = part.parse().map_err(|_| error())?;
        }
        if parts.next().is_some() || numbers.is_empty() {
            return Err(error());
        }
        let [major, minor, patch, _] = parsed;
        Ok(Self { major, minor, patch })
    }
}

impl TryFrom<String> for Version {
    type Error = ParseVersionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_not_by_letter() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("9.3") < version("10.0"));
        assert!(version("17.4.1") > version("17.4"));
        assert_eq!(version("27"), version("27.0.0"));
        assert_eq!(version("16.4.1 (a)"), Version::new(16, 4, 1));
        assert_eq!(version("17.4.1").to_string(), "17.4.1");
        assert_eq!(version("17").to_string(), "17.0");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "n/a", "17.", "17.x", "1.2.3.4.5", "-1", "+7", "99999", "iOS 17"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
