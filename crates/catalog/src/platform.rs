//! The operating systems that Apple's schema speaks of, and how a device's own words map to them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An operating system. Apple's schema counts iPadOS as iOS; people and reports do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Platform {
    /// iPhone and iPod touch.
    #[serde(rename = "iOS")]
    Ios,
    /// iPad. The schema's `iOS` entry applies to it.
    #[serde(rename = "iPadOS")]
    Ipados,
    /// Mac.
    #[serde(rename = "macOS")]
    MacOs,
    /// Apple TV.
    #[serde(rename = "tvOS")]
    TvOs,
    /// Apple Vision Pro.
    #[serde(rename = "visionOS")]
    VisionOs,
    /// Apple Watch.
    #[serde(rename = "watchOS")]
    WatchOs,
}

impl Platform {
    /// All six, in the order of the enumeration.
    pub const ALL: [Self; 6] =
        [Self::Ios, Self::Ipados, Self::MacOs, Self::TvOs, Self::VisionOs, Self::WatchOs];

    /// Apple's spelling, for example `iPadOS`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "iOS",
            Self::Ipados => "iPadOS",
            Self::MacOs => "macOS",
            Self::TvOs => "tvOS",
            Self::VisionOs => "visionOS",
            Self::WatchOs => "watchOS",
        }
    }

    /// What a help desk calls such a device, with its article: "an iPad".
    #[must_use]
    pub const fn device_word(self) -> &'static str {
        match self {
            Self::Ios => "an iPhone",
            Self::Ipados => "an iPad",
            Self::MacOs => "a Mac",
            Self::TvOs => "an Apple TV",
            Self::VisionOs => "an Apple Vision Pro",
            Self::WatchOs => "an Apple Watch",
        }
    }

    /// The platform of a device from its `ProductName` (for example `iPad13,1`), as Authenticate and
    /// DeviceInformation report it. `None` for a name that is not known: better unknown than guessed.
    #[must_use]
    pub fn from_product_name(product_name: &str) -> Option<Self> {
        const PREFIXES: [(&str, Platform); 13] = [
            ("iPhone", Platform::Ios),
            ("iPod", Platform::Ios),
            ("iPad", Platform::Ipados),
            ("MacBook", Platform::MacOs),
            ("Macmini", Platform::MacOs),
            ("MacPro", Platform::MacOs),
            ("Mac", Platform::MacOs),
            ("iMac", Platform::MacOs),
            ("VirtualMac", Platform::MacOs),
            ("AppleTV", Platform::TvOs),
            ("AudioAccessory", Platform::TvOs),
            ("RealityDevice", Platform::VisionOs),
            ("Watch", Platform::WatchOs),
        ];
        PREFIXES.iter().find(|(prefix, _)| product_name.starts_with(prefix)).map(|(_, platform)| *platform)
    }

    /// Column of this platform in the generated table: iOS and iPadOS share one.
    pub(crate) const fn column(self) -> usize {
        match self {
            Self::Ios | Self::Ipados => 0,
            Self::MacOs => 1,
            Self::TvOs => 2,
            Self::VisionOs => 3,
            Self::WatchOs => 4,
        }
    }
}

/// The word is not the name of a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: use iOS, iPadOS, macOS, tvOS, visionOS or watchOS")]
pub struct ParsePlatformError(String);

impl FromStr for Platform {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| ParsePlatformError(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_name_tells_the_platform() {
        assert_eq!(Platform::from_product_name("iPhone15,2"), Some(Platform::Ios));
        assert_eq!(Platform::from_product_name("iPad13,1"), Some(Platform::Ipados));
        assert_eq!(Platform::from_product_name("MacBookPro18,3"), Some(Platform::MacOs));
        assert_eq!(Platform::from_product_name("Mac14,2"), Some(Platform::MacOs));
        assert_eq!(Platform::from_product_name("VirtualMac2,1"), Some(Platform::MacOs));
        assert_eq!(Platform::from_product_name("AppleTV11,1"), Some(Platform::TvOs));
        assert_eq!(Platform::from_product_name("RealityDevice14,1"), Some(Platform::VisionOs));
        assert_eq!(Platform::from_product_name("Watch6,1"), Some(Platform::WatchOs));
        assert_eq!(Platform::from_product_name("Toaster1,1"), None);
    }

    #[test]
    fn names_survive_a_round_trip() {
        for platform in Platform::ALL {
            assert_eq!(platform.to_string().parse(), Ok(platform));
            let json = serde_json::to_string(&platform).unwrap();
            assert_eq!(json, format!("\"{platform}\""));
        }
        assert!("Android".parse::<Platform>().is_err());
    }
}
