//! What results say of a device, as facts of known kinds.

use std::collections::BTreeMap;

use plist::{Dictionary, Value};

mod json;
mod kinds;
mod lists;
mod schema;

pub use json::to_json;
pub use lists::{
    InstalledApplication, InstalledCertificate, InstalledProfile, InstalledProfilePayload, Listing,
    applications, certificates, profiles,
};

use crate::secrets;
use kinds::Kind;
use schema::Field;

/// What a result says, and what of it could not be read.
#[derive(Clone, Default, PartialEq)]
pub struct Facts {
    /// Key, such as `DeviceInformation.OSVersion`, and value. Dictionaries are flattened by dots, arrays are kept whole.
    pub facts: BTreeMap<String, Value>,
    /// One sentence for each value of another kind than Apple says: the key and the two kinds, never the value.
    pub malformed: Vec<String>,
}

impl Facts {
    /// The facts as a JSON object: data as base64, dates as RFC 3339.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let entries = self.facts.iter().map(|(key, value)| (key.clone(), to_json(value)));
        serde_json::Value::Object(entries.collect())
    }
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts")
            .field("keys", &self.facts.keys().collect::<Vec<_>>())
            .field("malformed", &self.malformed)
            .finish()
    }
}

/// The facts in the result of a command. Secret keys never become facts. A result of a command that this module does not know
/// gives none: it is kept as it came.
#[must_use]
pub fn facts(request_type: &str, result: &Dictionary) -> Facts {
    let mut facts = Facts::default();
    let Some(answer) = schema::answer(request_type) else { return facts };
    for (container, prefix, fields) in answer {
        let inner = match container {
            None => Some(result),
            Some(key) => match result.get(key) {
                None => None,
                Some(Value::Dictionary(inner)) => Some(inner),
                Some(other) => {
                    facts.malformed.push(kinds::complaint(prefix, Kind::Dictionary, other));
                    None
                }
            },
        };
        if let Some(inner) = inner {
            // At the top level stand the keys common to all reports, so only known ones are facts there.
            collect(&mut facts, prefix, inner, fields, container.is_some());
        }
    }
    facts
}

/// The keys that Apple lists inside a set of facts or inside a dictionary of one, such as `SecurityInfo.FirewallSettings`.
pub(crate) fn inner_keys(path: &str) -> Vec<&'static str> {
    let sets = schema::answer(path).unwrap_or_default().iter();
    let top = sets.filter(|(container, _, _)| container.is_some()).flat_map(|(_, _, fields)| fields.iter());
    top.chain(schema::nested(path)).map(|(name, _)| *name).collect()
}

fn collect(facts: &mut Facts, prefix: &str, from: &Dictionary, fields: &[Field], keep_unknown: bool) {
    for (key, value) in from {
        if secrets::kind_of(key).is_some() && !matches!(value, Value::Boolean(_)) || secrets::is_marker(value)
        {
            continue;
        }
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match fields.iter().find(|(name, _)| name == key) {
            Some((_, kind)) => typed(facts, path, *kind, value),
            None if keep_unknown => flatten(facts, path, value),
            None => {}
        }
    }
}

fn typed(facts: &mut Facts, path: String, kind: Kind, value: &Value) {
    match kind.coerce(value) {
        None => facts.malformed.push(kinds::complaint(&path, kind, value)),
        Some(Value::Dictionary(inner)) => {
            collect(facts, &path, &inner, schema::nested(&path), true);
        }
        Some(Value::Array(items)) => {
            let listing = lists::check(&path, &items);
            facts.malformed.extend(listing);
            facts.facts.insert(path, without_secrets(Value::Array(items)));
        }
        Some(value) => {
            facts.facts.insert(path, value);
        }
    }
}

fn flatten(facts: &mut Facts, path: String, value: &Value) {
    if let Value::Dictionary(inner) = value {
        collect(facts, &path, inner, schema::nested(&path), true);
    } else {
        facts.facts.insert(path, without_secrets(value.clone()));
    }
}

fn without_secrets(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => {
            for item in items.iter_mut() {
                *item = without_secrets(std::mem::replace(item, Value::Boolean(false)));
            }
        }
        Value::Dictionary(entries) => {
            secrets::redact(None, entries);
        }
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests;
