//! A value of a template: a property list with places where a device's own values, secrets and references go.

use std::collections::BTreeMap;

use plist::{Dictionary, Value};
use serde::{Deserialize, Serialize};

use crate::variable::Part;

/// How deep a template may nest: its JSON takes two levels for each, and readers of JSON stop at 128.
pub(crate) const MAX_DEPTH: usize = 48;

/// One value. It has no `Debug`: what somebody uploads may hold secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Node {
    /// Text as it is.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A whole number beyond those.
    Unsigned(u64),
    /// A finite number, kept as text, because JSON readers round.
    Real(String),
    /// True or false.
    Boolean(bool),
    /// A time, as property lists write it.
    Date(String),
    /// Bytes.
    Data(#[serde(with = "bytes")] Vec<u8>),
    /// A list.
    Array(Vec<Self>),
    /// Keys and values, in the order of the keys, so that the order in a file changes nothing.
    Dictionary(BTreeMap<String, Self>),
    /// The value of a variable, in its own type.
    Variable(String),
    /// Text with variables in it.
    Joined {
        /// The pieces.
        parts: Vec<Part>,
        /// Whether it is a URL, within which values are percent-encoded.
        url: bool,
    },
    /// The value of a secret.
    Secret {
        /// Its name.
        name: String,
        /// Whether its bytes stand there as data.
        data: bool,
    },
    /// The `PayloadUUID` of the payload with this identifier.
    Payload(String),
    /// The `PayloadUUID` of the identity from Ward's network authority.
    Identity,
}

mod bytes {
    //! Bytes as base64.

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Node {
    /// A value of a property list, as it is. `None` when it nests too deep or holds what JSON cannot keep.
    pub(crate) fn from_value(value: &Value, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match value {
            Value::Array(items) => {
                let made = items.iter().map(|item| Self::from_value(item, depth + 1));
                Self::Array(made.collect::<Option<_>>()?)
            }
            Value::Dictionary(entries) => Self::Dictionary(Self::from_entries(entries, depth)?),
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Data(bytes) => Self::Data(bytes.clone()),
            Value::Date(date) => Self::Date(date.to_xml_format()),
            Value::Integer(number) => match number.as_signed() {
                Some(number) => Self::Integer(number),
                None => Self::Unsigned(number.as_unsigned()?),
            },
            Value::Real(number) if number.is_finite() => Self::Real(number.to_string()),
            Value::String(text) => Self::Text(text.clone()),
            _ => return None,
        })
    }

    /// The entries of a dictionary.
    pub(crate) fn from_entries(entries: &Dictionary, depth: usize) -> Option<BTreeMap<String, Self>> {
        entries.iter().map(|(key, value)| Some((key.clone(), Self::from_value(value, depth + 1)?))).collect()
    }

    /// Calls `see` for this value and all within it.
    pub(crate) fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Self)) {
        see(self);
        match self {
            Self::Array(items) => items.iter().for_each(|item| item.visit(see)),
            Self::Dictionary(entries) => entries.values().for_each(|value| value.visit(see)),
            _ => {}
        }
    }
}
