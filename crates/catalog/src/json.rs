//! JSON as the API takes it, turned into property lists by the types of the catalogue.
//!
//! JSON has neither data nor dates: data comes as base64 (RFC 4648, 4), dates as RFC 3339.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plist::{Dictionary, Value};

use crate::entry::{Key, Kind, ValueType};
use crate::refusal::{Refusal, Rule};
use crate::table::Table;
use crate::walk::{choose, join};

/// How deep a document may be. Apple's deepest is 12.
const MAX_DEPTH: usize = 64;

/// A command's inner dictionary from JSON: `{"RequestType": "DeviceLock", …}`.
///
/// Keys that the catalogue does not know are carried over as they are; [`crate::check`] speaks about them.
///
/// # Errors
/// Each place where a value cannot be turned into what the catalogue says, with its key path.
pub fn command_from_json(json: &serde_json::Value) -> Result<Dictionary, Vec<Refusal>> {
    let name = json.get("RequestType").and_then(serde_json::Value::as_str).unwrap_or_default();
    from_json(Kind::Command, name, json)
}

/// A payload of a profile from JSON, its type by `PayloadType`.
///
/// # Errors
/// As [`command_from_json`].
pub fn payload_from_json(json: &serde_json::Value) -> Result<Dictionary, Vec<Refusal>> {
    let name = json.get("PayloadType").and_then(serde_json::Value::as_str).unwrap_or_default();
    from_json(Kind::Payload, name, json)
}

/// A declaration from JSON: `Type`, `Identifier`, `ServerToken`, `Payload`.
///
/// # Errors
/// As [`command_from_json`].
pub fn declaration_from_json(json: &serde_json::Value) -> Result<Dictionary, Vec<Refusal>> {
    let mut errors = Vec::new();
    let name = json.get("Type").and_then(serde_json::Value::as_str).unwrap_or_default();
    let keys = keys_of(Kind::Declaration, name);
    let mut declaration = Dictionary::new();
    if !json.is_object() {
        errors.push(Refusal::new("", Rule::WrongType, "This must be a JSON object."));
    }
    for (word, value) in json.as_object().into_iter().flatten() {
        let converted = match value {
            serde_json::Value::Object(_) if word == "Payload" => {
                dictionary(&keys, value, word, 1, &mut errors)
            }
            _ => natural(value, word, 1, &mut errors),
        };
        declaration.extend(converted.map(|converted| (word.clone(), converted)));
    }
    if errors.is_empty() { Ok(declaration) } else { Err(errors) }
}

/// A command or payload of a given type from JSON.
///
/// # Errors
/// As [`command_from_json`].
pub fn from_json(kind: Kind, name: &str, json: &serde_json::Value) -> Result<Dictionary, Vec<Refusal>> {
    let mut errors = Vec::new();
    if !json.is_object() {
        errors.push(Refusal::new("", Rule::WrongType, "This must be a JSON object."));
    }
    let made = dictionary(&keys_of(kind, name), json, "", 0, &mut errors).and_then(Value::into_dictionary);
    if errors.is_empty() { Ok(made.unwrap_or_default()) } else { Err(errors) }
}

/// A document without types: numbers stay numbers and text stays text. `None` when it holds null or is too deep.
pub(crate) fn plain(json: &serde_json::Value) -> Option<Value> {
    let mut errors = Vec::new();
    natural(json, "", 0, &mut errors).filter(|_| errors.is_empty())
}

/// The keys of a type; of all parts, where Apple describes it in several.
fn keys_of(kind: Kind, name: &str) -> Vec<&'static Key> {
    Table::get().find(kind, name).iter().flat_map(|entry| &entry.keys).collect()
}

fn dictionary(
    keys: &[&Key],
    json: &serde_json::Value,
    path: &str,
    depth: usize,
    errors: &mut Vec<Refusal>,
) -> Option<Value> {
    let serde_json::Value::Object(members) = json else { return natural(json, path, depth, errors) };
    let wildcard = keys.iter().find(|key| key.is_wildcard());
    let mut made = Dictionary::new();
    for (name, value) in members {
        let here = join(path, name);
        let key = keys.iter().find(|key| key.name == name).or(wildcard);
        let converted = match key {
            Some(key) => typed(key, value, &here, depth + 1, errors),
            None => natural(value, &here, depth + 1, errors),
        };
        made.extend(converted.map(|converted| (name.clone(), converted)));
    }
    Some(Value::Dictionary(made))
}

/// A value by the type of its key. What does not fit is carried over, for the check to refuse in better words.
fn typed(
    key: &Key,
    json: &serde_json::Value,
    path: &str,
    depth: usize,
    errors: &mut Vec<Refusal>,
) -> Option<Value> {
    if depth > MAX_DEPTH {
        return natural(json, path, depth, errors);
    }
    match (key.value_type, json) {
        (ValueType::Data, serde_json::Value::String(text)) => match STANDARD.decode(text) {
            Ok(bytes) => Some(Value::Data(bytes)),
            Err(_) => {
                fail(path, Rule::BadFormat, format!("{} holds bytes: give them as base64.", key.name), errors)
            }
        },
        (ValueType::Date, serde_json::Value::String(text)) => match date(text) {
            Some(date) => Some(Value::Date(date)),
            None => {
                let advice = format!("{} is a time: give it like 2026-03-01T08:00:00Z (RFC 3339).", key.name);
                fail(path, Rule::BadFormat, advice, errors)
            }
        },
        (ValueType::Real, serde_json::Value::Number(number)) => number.as_f64().map(Value::Real),
        (ValueType::Dictionary, serde_json::Value::Object(_)) => {
            dictionary(&key.keys.iter().collect::<Vec<_>>(), json, path, depth, errors)
        }
        (ValueType::Array, serde_json::Value::Array(elements)) => {
            Some(Value::Array(array(key, elements, path, depth, errors)))
        }
        _ => natural(json, path, depth, errors),
    }
}

fn array(
    key: &Key,
    elements: &[serde_json::Value],
    path: &str,
    depth: usize,
    errors: &mut Vec<Refusal>,
) -> Vec<Value> {
    let mut made = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let here = format!("{path}[{index}]");
        let element_key = match key.keys.as_slice() {
            [only] => Some(only),
            choices => plain(element).and_then(|value| choose(choices, &value)),
        };
        made.extend(match element_key {
            Some(key) => typed(key, element, &here, depth + 1, errors),
            None => natural(element, &here, depth + 1, errors),
        });
    }
    made
}

fn natural(json: &serde_json::Value, path: &str, depth: usize, errors: &mut Vec<Refusal>) -> Option<Value> {
    if depth > MAX_DEPTH {
        return fail(path, Rule::OutOfRange, "This is nested too deep.".to_owned(), errors);
    }
    match json {
        serde_json::Value::Null => {
            fail(path, Rule::WrongType, "A property list has no null: leave the key out.".to_owned(), errors)
        }
        serde_json::Value::Bool(value) => Some(Value::Boolean(*value)),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(|number| Value::Integer(number.into()))
            .or_else(|| number.as_u64().map(|number| Value::Integer(number.into())))
            .or_else(|| number.as_f64().map(Value::Real)),
        serde_json::Value::String(text) => Some(Value::String(text.clone())),
        serde_json::Value::Array(elements) => {
            let each = elements.iter().enumerate();
            let made =
                each.filter_map(|(index, one)| natural(one, &format!("{path}[{index}]"), depth + 1, errors));
            Some(Value::Array(made.collect()))
        }
        serde_json::Value::Object(_) => dictionary(&[], json, path, depth, errors),
    }
}

fn fail(path: &str, rule: Rule, advice: String, errors: &mut Vec<Refusal>) -> Option<Value> {
    errors.push(Refusal::new(path, rule, advice));
    None
}

fn date(text: &str) -> Option<plist::Date> {
    let millis = text.parse::<clock::Timestamp>().ok()?.as_millis();
    let span = Duration::from_millis(millis.unsigned_abs());
    let time = if millis < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(span)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(span)
    };
    time.map(plist::Date::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn base64_becomes_data_where_the_catalogue_says_data() {
        let command = command_from_json(&json!({
            "RequestType": "InstallProfile", "Payload": "aGVsbG8="
        }))
        .unwrap();
        assert_eq!(command.get("Payload").and_then(Value::as_data), Some(&b"hello"[..]));
        let inner = command_from_json(&json!({
            "RequestType": "EraseDevice", "ReturnToService": {"Enabled": true, "WiFiProfileData": "AQI="}
        }))
        .unwrap();
        let service = inner.get("ReturnToService").and_then(Value::as_dictionary).unwrap();
        assert_eq!(service.get("WiFiProfileData").and_then(Value::as_data), Some(&[1, 2][..]));
    }

    #[test]
    fn a_setting_is_read_by_its_item() {
        let command = command_from_json(&json!({
            "RequestType": "Settings",
            "Settings": [{"Item": "Wallpaper", "Image": "AQI=", "Where": 1}, {"Item": "TimeZone", "TimeZone": "Europe/London"}]
        }))
        .unwrap();
        let items = command.get("Settings").and_then(Value::as_array).unwrap();
        assert_eq!(
            items[0].as_dictionary().unwrap().get("Image").and_then(Value::as_data),
            Some(&[1, 2][..])
        );
        assert_eq!(items.len(), 2);
    }

    #[test]
    fn dates_and_numbers_take_the_type_of_their_key() {
        let payload = payload_from_json(&json!({
            "PayloadType": "com.apple.cellularprivatenetwork.managed",
            "Geofences": [{"Longitude": 1, "Latitude": 2.5}]
        }))
        .unwrap();
        let fence = payload.get("Geofences").and_then(Value::as_array).unwrap()[0].as_dictionary().unwrap();
        assert_eq!(fence.get("Longitude"), Some(&Value::Real(1.0)));
        let payload = payload_from_json(&json!({
            "PayloadType": "com.apple.ews.account", "Path": "x", "Unknown": 7
        }))
        .unwrap();
        assert_eq!(payload.get("Unknown").and_then(Value::as_signed_integer), Some(7));
        assert_eq!(
            date("1970-01-01T00:00:01Z").map(|date| date.to_xml_format()),
            Some("1970-01-01T00:00:01Z".to_owned())
        );
        assert!(date("yesterday").is_none());
    }

    #[test]
    fn what_cannot_be_turned_is_told_with_its_path() {
        let errors = command_from_json(&json!({
            "RequestType": "EraseDevice", "PIN": null, "ReturnToService": {"WiFiProfileData": "not base64!"}
        }))
        .unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.key_path.as_str()).collect();
        assert_eq!(paths, ["PIN", "ReturnToService.WiFiProfileData"]);
        assert!(command_from_json(&json!([])).is_err());
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({"a": deep});
        }
        assert_eq!(command_from_json(&deep).unwrap_err()[0].rule, Rule::OutOfRange);
    }

    #[test]
    fn a_declaration_is_typed_inside_its_payload() {
        let declaration = declaration_from_json(&json!({
            "Type": "com.apple.configuration.passcode.settings", "Identifier": "a", "ServerToken": "b",
            "Payload": {"MinimumLength": 6}
        }))
        .unwrap();
        let payload = declaration.get("Payload").and_then(Value::as_dictionary).unwrap();
        assert_eq!(payload.get("MinimumLength").and_then(Value::as_signed_integer), Some(6));
    }
}
