//! One line of the catalogue: a command, a payload type and so on, and the keys in it.

use serde::{Serialize, Serializer};

use crate::{Platform, Version};

/// What an entry describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An MDM command, by `RequestType`.
    Command,
    /// A check-in message, by `MessageType`.
    Checkin,
    /// A payload of a configuration profile, by `PayloadType`.
    Payload,
    /// A declaration or the data of an asset, by `Type`.
    Declaration,
    /// A status item of declarative management.
    Status,
    /// A message of the declarative protocol.
    Message,
    /// Another document: an error body, `MachineInfo`, an app manifest, the skip keys.
    Document,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number; a whole one is taken as well.
    Real,
    /// True or false.
    Boolean,
    /// A point in time.
    Date,
    /// Bytes.
    Data,
    /// A list.
    Array,
    /// Keys and values.
    Dictionary,
    /// Anything: Apple does not say.
    Any,
}

impl ValueType {
    /// The word for people: `a whole number`.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Real => "a number",
            Self::Boolean => "true or false",
            Self::Date => "a date",
            Self::Data => "data",
            Self::Array => "a list",
            Self::Dictionary => "a dictionary",
            Self::Any => "anything",
        }
    }
}

/// How an enrolment kind or a Shared iPad is treated (Apple's schema: `mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It works there too.
    Allowed,
    /// It works only there.
    Required,
    /// It is refused there.
    Forbidden,
    /// It has no effect there.
    Ignored,
}

/// Under which enrolments a declaration works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Enrollments {
    /// Supervised devices.
    pub supervised: bool,
    /// Device enrolments without supervision.
    pub device: bool,
    /// User Enrollments.
    pub user: bool,
    /// Local management without a server.
    pub local: bool,
}

/// On which channels a declaration works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scopes {
    /// The device channel.
    pub system: bool,
    /// A user's channel.
    pub user: bool,
}

/// What the schema says about one operating system. `None` means that it says nothing there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Support {
    /// False when the schema says `n/a`.
    pub available: bool,
    /// The version that brought it.
    pub introduced: Option<Version>,
    /// The version since which Apple advises against it.
    pub deprecated: Option<Version>,
    /// The version that took it away.
    pub removed: Option<Version>,
    /// Supervised devices only.
    pub supervised: Option<bool>,
    /// Only after Automated Device Enrollment.
    pub automated: Option<bool>,
    /// Only with user-approved MDM (macOS).
    pub user_approved: Option<bool>,
    /// Works on the device channel (macOS).
    pub device_channel: Option<bool>,
    /// Works on a user's channel (macOS).
    pub user_channel: Option<bool>,
    /// Several payloads of the type may be installed.
    pub multiple: Option<bool>,
    /// A person may install the profile by hand.
    pub manual_install: Option<bool>,
    /// The pane of Setup Assistant is always skipped.
    pub always_skippable: Option<bool>,
    /// Apple may still change it.
    pub beta: Option<bool>,
    /// The `AccessRights` bit that is needed; 0 for none.
    pub access_right: Option<u32>,
    /// Behaviour under User Enrollment.
    pub user_enrollment: Option<Mode>,
    /// Behaviour on a Shared iPad.
    pub shared_ipad: Option<Mode>,
    /// Works on the device channel of a Shared iPad.
    pub shared_device_channel: Option<bool>,
    /// Works on the channel of a Shared iPad's user.
    pub shared_user_channel: Option<bool>,
    /// Enrolments of a declaration.
    pub enrollments: Option<Enrollments>,
    /// Channels of a declaration.
    pub scopes: Option<Scopes>,
    /// Channels of a declaration on a Shared iPad.
    pub shared_scopes: Option<Scopes>,
}

/// What the schema says for each operating system; one that is absent says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Systems(pub(crate) Vec<(u8, Support)>);

/// The names of the columns of the table, in its order. iPadOS shares that of iOS.
pub(crate) const SYSTEM_NAMES: [&str; 5] = ["iOS", "macOS", "tvOS", "visionOS", "watchOS"];

impl Systems {
    /// What is said for a platform.
    #[must_use]
    pub fn of(&self, platform: Platform) -> Option<&Support> {
        self.0
            .iter()
            .find(|(column, _)| usize::from(*column) == platform.column())
            .map(|(_, support)| support)
    }

    /// Whether nothing is said for any system.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where it is available, in words: `iOS and iPadOS 9.3, macOS 10.13`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut words = Vec::new();
        for (column, support) in self.0.iter().filter(|(_, support)| support.available) {
            let name = match SYSTEM_NAMES.get(usize::from(*column)) {
                Some(&"iOS") => "iOS and iPadOS",
                Some(name) => name,
                None => continue,
            };
            words.push(match support.introduced {
                Some(version) => format!("{name} {version}"),
                None => name.to_owned(),
            });
        }
        if words.is_empty() { "no system of today".to_owned() } else { words.join(", ") }
    }
}

impl Serialize for Systems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(column, support)| {
            (SYSTEM_NAMES.get(usize::from(*column)).copied().unwrap_or_default(), support)
        }))
    }
}

/// A key, or the element of an array.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Key {
    /// The key. Of an array's only element it is a label without meaning.
    pub name: &'static str,
    /// The type of its value.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Whether it must be there.
    pub required: bool,
    /// What the device assumes when it is absent.
    pub default: Option<serde_json::Value>,
    /// The values that Apple lists; empty when it lists none.
    pub allowed: Vec<serde_json::Value>,
    /// The least value of a number.
    pub minimum: Option<f64>,
    /// The greatest value of a number.
    pub maximum: Option<f64>,
    /// How many elements an array has: at least, at most.
    pub count: Option<(usize, Option<usize>)>,
    /// A regular expression for text.
    pub format: Option<&'static str>,
    /// `url`, `hostname` or `email`.
    pub subtype: Option<&'static str>,
    /// How several configurations are combined (declarations).
    pub combine: Option<&'static str>,
    /// The types of asset that may be referred to (declarations).
    pub asset_types: Vec<&'static str>,
    /// The version of every system that took it away.
    pub gone: Option<Version>,
    /// What differs from the entry, for each system.
    pub systems: Systems,
    /// The keys of a dictionary, or the element of an array, or the words that a text may be.
    pub keys: Vec<Self>,
}

impl Key {
    /// The key stands for any name: `ANY`, `ANY app identifier`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.name == "ANY" || self.name.starts_with("ANY ")
    }
}

/// A command, a payload type, a declaration type and so on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Apple's name for it: the `RequestType`, the `PayloadType`, the `Type`.
    pub name: &'static str,
    /// Apple describes some payload types in several parts; this names the part, and is empty otherwise.
    pub variant: &'static str,
    /// How several of one type act together (declarations).
    pub apply: Option<&'static str>,
    /// The version of every system that took it away.
    pub gone: Option<Version>,
    /// Where it works.
    pub systems: Systems,
    /// The keys that it takes.
    pub keys: Vec<Key>,
    /// The keys that the device answers with (commands and check-ins).
    pub answer: Vec<Key>,
}
