//! Variables: what a profile says differently on each device. Each has a type, and a value that does not fit is not used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plist::Value;
use serde::{Deserialize, Serialize};

/// Characters that a value may have; larger things are data.
const MAX_TEXT: usize = 2_048;
/// Bytes that a data value may have.
const MAX_DATA: usize = 256 * 1024;

/// The type of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableKind {
    /// One line of text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// An e-mail address.
    Email,
    /// An absolute https or http URL.
    Url,
    /// Bytes, given as base64.
    Data,
}

impl VariableKind {
    /// All types, as they are written in a description.
    pub const ALL: [(&'static str, Self); 6] = [
        ("text", Self::Text),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("email", Self::Email),
        ("url", Self::Url),
        ("data", Self::Data),
    ];

    /// The word in a description.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Email => "email",
            Self::Url => "url",
            Self::Data => "data",
        }
    }

    /// Turns a value into what stands in a property list.
    ///
    /// # Errors
    /// Why the value is not of this type; the value itself is not repeated.
    pub fn read(self, text: &str) -> Result<Value, String> {
        if text.is_empty() {
            return Err("the value is empty".to_owned());
        }
        match self {
            Self::Data => data(text),
            _ if text.chars().count() > MAX_TEXT => {
                Err(format!("the value has more than {MAX_TEXT} characters"))
            }
            _ if text.chars().any(char::is_control) => {
                Err("the value holds line breaks or control characters".to_owned())
            }
            Self::Text => Ok(text.into()),
            Self::Integer => {
                text.parse::<i64>().map(Value::from).map_err(|_| "the value is not a whole number".to_owned())
            }
            Self::Boolean => text
                .parse::<bool>()
                .map(Value::Boolean)
                .map_err(|_| "the value is neither true nor false".to_owned()),
            Self::Email if is_email(text) => Ok(text.into()),
            Self::Email => Err("the value is not an e-mail address".to_owned()),
            Self::Url if is_url(text) => Ok(text.into()),
            Self::Url => Err("the value is not an absolute URL such as https://example.org/path".to_owned()),
        }
    }

    /// A value of this type that stands in where the real one is not known yet.
    pub(crate) fn stand_in(self) -> &'static str {
        match self {
            Self::Text => "stand-in",
            Self::Integer => "1",
            Self::Boolean => "true",
            Self::Email => "somebody@example.org",
            Self::Url => "https://example.org/",
            Self::Data => "AA==",
        }
    }
}

fn data(text: &str) -> Result<Value, String> {
    if text.len() > MAX_DATA / 3 * 4 + 4 {
        return Err(format!("the value has more than {MAX_DATA} bytes"));
    }
    let packed: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).map(Value::Data).map_err(|_| "the value is not base64".to_owned())
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(who, domain)| {
        !who.is_empty()
            && domain.contains('.')
            && !domain.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !text.chars().any(|c| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"'))
    })
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    !host.is_empty()
        && !host.contains('@')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'))
}

/// A variable that a profile uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// What it is called within the description, without `$`.
    pub name: String,
    /// Where its value comes from: `$device.serial`, `$site.wifi_ssid`. The key of [`crate::Values::variables`].
    pub source: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: VariableKind,
    /// The value where the source has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What every device, place, owner and the server itself can tell: usable without a declaration.
pub const KNOWN_SOURCES: &[(&str, VariableKind)] = &[
    ("device.id", VariableKind::Text),
    ("device.serial", VariableKind::Text),
    ("device.udid", VariableKind::Text),
    ("device.name", VariableKind::Text),
    ("device.model", VariableKind::Text),
    ("device.product", VariableKind::Text),
    ("device.platform", VariableKind::Text),
    ("device.os", VariableKind::Text),
    ("owner.name", VariableKind::Text),
    ("owner.email", VariableKind::Email),
    ("owner.external_id", VariableKind::Text),
    ("place.name", VariableKind::Text),
    ("place.code", VariableKind::Text),
    ("organization.name", VariableKind::Text),
    ("ward.escrow_certificate", VariableKind::Data),
];

/// Beginnings of sources whose names the hospital chooses; these have to be declared with a type.
pub const OPEN_SOURCES: [&str; 2] = ["site.", "device.attribute."];

/// The type of a source that needs no declaration.
#[must_use]
pub fn known_source(name: &str) -> Option<VariableKind> {
    KNOWN_SOURCES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// Whether a source exists or can exist.
pub(crate) fn is_source(name: &str) -> bool {
    known_source(name).is_some()
        || OPEN_SOURCES.iter().any(|open| name.strip_prefix(open).is_some_and(is_open_name))
}

fn is_open_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// As it stands.
    Literal(String),
    /// The value of a variable, by its name.
    Variable(String),
}

/// Splits a text at its variables: `$name`, `$device.serial`, `${device.serial}`; `$$` is a dollar sign.
///
/// # Errors
/// For a dollar sign that begins nothing.
pub(crate) fn split(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        literal.push_str(before);
        let after = after.strip_prefix('$').unwrap_or_default();
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
            continue;
        }
        let (name, after) = take_name(after).ok_or_else(|| {
            "A $ begins the name of a variable, such as $device.serial; a dollar sign is written $$."
                .to_owned()
        })?;
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        parts.push(Part::Variable(name.to_owned()));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// The name at the beginning, and what follows it.
fn take_name(text: &str) -> Option<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        let (name, after) = braced.split_once('}')?;
        return is_name(name).then_some((name, after));
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        // A full stop belongs to the name only where the name goes on behind it.
        let goes_on = *byte == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_alphabetic);
        if !(is_part(*byte) || goes_on) {
            break;
        }
        end += 1;
    }
    let (name, after) = text.split_at(end);
    is_name(name).then_some((name, after))
}

/// Whether a text can be the name of a variable.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests;
