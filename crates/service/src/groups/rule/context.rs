//! What a rule sees of a device: values for the interpreter, and the functions of Ward.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cel::{Context, Env, ExecutionError, Value};
use serde_json::Value as Json;

use super::check;

/// Values inside one fact at most: what is larger is as good as unknown to rules, so that no device makes a rule slow.
const MOST_VALUES: usize = 5_000;
/// Parts of a version.
const VERSION_PARTS: usize = 4;

/// What is known of one device when a rule is asked. What is not known is absent, never empty or false.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    /// The device itself: `serial`, `platform`, `os`, …
    pub device: BTreeMap<&'static str, Json>,
    /// Its place: `name`, `code`, `kind` and `path`, the names from the place up to the organisation.
    pub place: BTreeMap<&'static str, Json>,
    /// Its owner: `name`, `email`, `external_id`. Empty when it has none.
    pub owner: BTreeMap<&'static str, Json>,
    /// What operators have written on it.
    pub labels: BTreeMap<String, String>,
    /// The newest value of each fact.
    pub facts: BTreeMap<String, Json>,
}

impl Subject {
    /// A device of which everything but labels and facts is known.
    pub(super) fn specimen() -> Self {
        let fields = |names: &[&'static str]| -> BTreeMap<&'static str, Json> {
            names
                .iter()
                .map(|name| {
                    let value = match *name {
                        "supervised" | "lost_mode" | "shared_ipad" => Json::Bool(true),
                        "path" => Json::Array(vec![Json::from("place")]),
                        "os" => Json::from("26.1"),
                        other => Json::from(other),
                    };
                    (*name, value)
                })
                .collect()
        };
        Self {
            device: fields(&check::DEVICE),
            place: fields(&check::PLACE),
            owner: fields(&check::OWNER),
            ..Self::default()
        }
    }
}

/// The ground of an evaluation.
pub(super) fn of<'a>(env: &Arc<Env>, subject: &Subject) -> Result<Context<'a, 'a>, ExecutionError> {
    let mut context = Context::with_env(Arc::clone(env));
    let declared = |error: cel::DeclarationError| ExecutionError::InternalError(error.to_string());
    context.add_function("version", version).map_err(declared)?;
    context.add_function("os_at_least", at_least).map_err(declared)?;
    for (name, fields) in [("device", &subject.device), ("place", &subject.place), ("owner", &subject.owner)]
    {
        let known: HashMap<String, Value> =
            fields.iter().map(|(key, value)| ((*key).to_owned(), value_of(value))).collect();
        context.add_variable_from_value(name, known);
    }
    let labels: HashMap<String, Value> =
        subject.labels.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    context.add_variable_from_value("labels", labels);
    let facts: HashMap<String, Value> = subject
        .facts
        .iter()
        .filter(|(_, value)| !value.is_null() && count(value) <= MOST_VALUES)
        .map(|(key, value)| (key.clone(), value_of(value)))
        .collect();
    context.add_variable_from_value("facts", facts);
    Ok(context)
}

fn count(value: &Json) -> usize {
    match value {
        Json::Array(items) => items.iter().map(count).sum::<usize>().saturating_add(1),
        Json::Object(fields) => fields.values().map(count).sum::<usize>().saturating_add(1),
        _ => 1,
    }
}

fn value_of(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_u64().map(Value::UInt))
            .unwrap_or_else(|| Value::Float(number.as_f64().unwrap_or_default())),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(value_of).collect::<Vec<_>>()),
        Json::Object(fields) => {
            let known = fields.iter().filter(|(_, value)| !value.is_null());
            let map: HashMap<String, Value> =
                known.map(|(key, value)| (key.clone(), value_of(value))).collect();
            Value::from(map)
        }
    }
}

/// `version("26.1")`: a text that sorts as versions do, for `<` and `>=`.
#[expect(clippy::needless_pass_by_value, reason = "the interpreter hands over values")]
fn version(text: Arc<String>) -> Result<Value, ExecutionError> {
    sortable(&text).map(Value::from)
}

/// `os_at_least(device.os, "26.1")`.
#[expect(clippy::needless_pass_by_value, reason = "the interpreter hands over values")]
fn at_least(have: Arc<String>, wanted: Arc<String>) -> Result<bool, ExecutionError> {
    Ok(sortable(&have)? >= sortable(&wanted)?)
}

fn sortable(text: &str) -> Result<String, ExecutionError> {
    let wrong = || {
        ExecutionError::function_error(
            "version",
            format!("'{}' is not a version like 26.1", super::shortened(text)),
        )
    };
    // Rapid Security Responses are told as `16.5.1 (c)`: the letter counts for nothing here.
    let numbers = text.split(' ').next().unwrap_or_default();
    let mut parts = Vec::new();
    for part in numbers.split('.') {
        parts.push(part.parse::<u32>().map_err(|_| wrong())?);
    }
    if parts.len() > VERSION_PARTS {
        return Err(wrong());
    }
    parts.resize(VERSION_PARTS, 0);
    Ok(parts.iter().map(|part| format!("{part:010}")).collect::<Vec<_>>().join("."))
}
