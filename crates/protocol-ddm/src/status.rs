//! Status reports. Apple: "StatusReport". Incremental unless `FullReport` is true.

use serde_json::{Map, Value};

use crate::{DeclarationKind, Error};

/// Limits of a status report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusLimits {
    /// Length in bytes.
    pub max_bytes: usize,
    /// Members of objects and arrays, roughly: commas and opening brackets are counted, also within strings.
    pub max_parts: usize,
}

impl Default for StatusLimits {
    fn default() -> Self {
        Self { max_bytes: 3 << 20, max_parts: 200_000 }
    }
}

/// A status report, with what of it could not be read.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusReport {
    /// `StatusItems`: nested by the dots of item names. Null means "no value", which is not "never reported".
    pub status_items: Map<String, Value>,
    /// `Errors`.
    pub errors: Vec<StatusError>,
    /// `FullReport`: everything known of the channel is to be replaced.
    pub full_report: bool,
    /// One sentence for each part of another shape than Apple says.
    pub malformed: Vec<String>,
}

/// An entry of `Errors`: a subscribed item that cannot be reported.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusError {
    /// `StatusItem`.
    pub status_item: String,
    /// `Reasons`.
    pub reasons: Vec<Reason>,
}

/// Why something is as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// Such as `Error.UnknownDeclarationType`.
    pub code: String,
    /// In English.
    pub description: Option<String>,
    /// Of no fixed shape.
    pub details: Option<Value>,
}

/// What the device says of one declaration in `management.declarations`.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclarationStatus {
    /// Its kind.
    pub kind: DeclarationKind,
    /// Its identifier. One report may name it twice, under two server tokens, while an update is running.
    pub identifier: String,
    /// The server token of the copy that is spoken of.
    pub server_token: String,
    /// Whether it has effect.
    pub active: bool,
    /// Whether the device could make sense of it.
    pub valid: Validity,
    /// Why not.
    pub reasons: Vec<Reason>,
}

/// What the device thinks of a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validity {
    /// It is good.
    Valid,
    /// It is not.
    Invalid,
    /// Not yet looked at, or a word that Apple did not name.
    Unknown,
}

impl StatusReport {
    /// Parses the `Data` of a `status` check-in.
    ///
    /// # Errors
    /// Only for what is too large or no JSON object.
    pub fn parse(data: &[u8], limits: &StatusLimits) -> Result<Self, Error> {
        let parts = || data.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
        if data.len() > limits.max_bytes || parts() > limits.max_parts {
            return Err(Error::TooLarge);
        }
        // The parser itself refuses more than 128 levels.
        let mut report: Map<String, Value> =
            serde_json::from_slice(data).map_err(|error| Error::NotJson(error.to_string()))?;
        let mut malformed = Vec::new();
        let status_items = match report.remove("StatusItems") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(items)) => items,
            Some(_) => {
                malformed.push("StatusItems: not an object".to_owned());
                Map::new()
            }
        };
        let mut errors = Vec::new();
        for entry in entries(report.get("Errors"), "Errors", &mut malformed) {
            match text(entry, "StatusItem") {
                Some(status_item) => {
                    errors.push(StatusError { status_item, reasons: reasons(entry.get("Reasons")) })
                }
                None => malformed.push("Errors: an entry without StatusItem".to_owned()),
            }
        }
        let full_report = report.get("FullReport").and_then(Value::as_bool).unwrap_or(false);
        Ok(Self { status_items, errors, full_report, malformed })
    }

    /// The value of an item by its dotted name; `Some(Null)` is a reported absence.
    #[must_use]
    pub fn item(&self, name: &str) -> Option<&Value> {
        let mut parts = name.split('.');
        let first = self.status_items.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    /// `management.declarations`, which is never incremental; `None` where the report does not speak of it, which must not
    /// erase what was known. Entries without identifier or server token are left out.
    #[must_use]
    pub fn declarations(&self) -> Option<Vec<DeclarationStatus>> {
        let declarations = self.item("management.declarations")?.as_object()?;
        let mut statuses = Vec::new();
        for kind in DeclarationKind::ALL {
            let key = kind.manifest_key().to_lowercase();
            let entries =
                declarations.get(&key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            statuses.extend(entries.iter().filter_map(|entry| declaration(kind, entry)));
        }
        Some(statuses)
    }
}

fn declaration(kind: DeclarationKind, entry: &Value) -> Option<DeclarationStatus> {
    let entry = entry.as_object()?;
    let valid = match entry.get("valid").and_then(Value::as_str) {
        Some("valid") => Validity::Valid,
        Some("invalid") => Validity::Invalid,
        _ => Validity::Unknown,
    };
    Some(DeclarationStatus {
        kind,
        identifier: text(entry, "identifier")?,
        server_token: text(entry, "server-token")?,
        active: entry.get("active").and_then(Value::as_bool).unwrap_or(false),
        valid,
        reasons: reasons(entry.get("reasons")),
    })
}

/// The objects of an array; whatever else is there is complained of.
fn entries<'a>(
    value: Option<&'a Value>,
    name: &str,
    malformed: &mut Vec<String>,
) -> Vec<&'a Map<String, Value>> {
    let items = match value {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) => {
            malformed.push(format!("{name}: not an array"));
            &[]
        }
    };
    if items.iter().any(|item| !item.is_object()) {
        malformed.push(format!("{name}: an entry is not an object"));
    }
    items.iter().filter_map(Value::as_object).collect()
}

/// Reasons stand with capitals in `Errors` and without in `management.declarations`.
fn reasons(value: Option<&Value>) -> Vec<Reason> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let read = |entry: &Map<String, Value>| {
        Some(Reason {
            code: text(entry, "Code").or_else(|| text(entry, "code"))?,
            description: text(entry, "Description").or_else(|| text(entry, "description")),
            details: entry.get("Details").or_else(|| entry.get("details")).cloned(),
        })
    };
    items.iter().filter_map(Value::as_object).filter_map(read).collect()
}

fn text(from: &Map<String, Value>, key: &str) -> Option<String> {
    from.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests;
