//! Property lists as JSON, to be shown: `{"$data": "base64"}` is data, `{"$date": "RFC 3339"}` a date. Of a profile that a command
//! carries only the digest and the length are shown: profiles hold passwords.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plist::{Dictionary, Value};
use serde_json::{Value as Json, json};

use crate::handout;

/// Shows a dictionary, without Ward's own marks.
#[must_use]
pub(crate) fn dictionary_to_json(dictionary: &Dictionary) -> Json {
    let shown = dictionary
        .iter()
        .filter(|(key, _)| ![handout::FILL_KEY, handout::PLAIN_RETURN].contains(&key.as_str()));
    Json::Object(shown.map(|(key, value)| (key.clone(), value_to_json(value))).collect())
}

/// Shows a command.
pub(crate) fn command_to_json(command: &Dictionary) -> Json {
    let mut json = dictionary_to_json(command);
    hide(&mut json, "/Payload", command.get("Payload"));
    let service = command.get("ReturnToService").and_then(Value::as_dictionary);
    hide(
        &mut json,
        "/ReturnToService/WiFiProfileData",
        service.and_then(|service| service.get("WiFiProfileData")),
    );
    json
}

fn hide(json: &mut Json, pointer: &str, profile: Option<&Value>) {
    if let (Some(place), Some(bytes)) = (json.pointer_mut(pointer), profile.and_then(Value::as_data)) {
        *place = json!({ "$sha256": hex::encode(pki::sha256(bytes)), "$length": bytes.len() });
    }
}

/// Shows a value.
#[must_use]
fn value_to_json(value: &Value) -> Json {
    match value {
        Value::Array(items) => Json::Array(items.iter().map(value_to_json).collect()),
        Value::Dictionary(dictionary) => dictionary_to_json(dictionary),
        Value::Boolean(yes) => Json::Bool(*yes),
        Value::Data(bytes) => json!({ "$data": STANDARD.encode(bytes) }),
        Value::Date(date) => json!({ "$date": date.to_xml_format() }),
        Value::Real(real) => serde_json::Number::from_f64(*real).map_or(Json::Null, Json::Number),
        Value::Integer(integer) => integer
            .as_signed()
            .map(Json::from)
            .or_else(|| integer.as_unsigned().map(Json::from))
            .unwrap_or(Json::Null),
        Value::String(text) => Json::String(text.clone()),
        Value::Uid(uid) => Json::from(uid.get()),
        _ => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_carried_profile_only_digest_and_length_are_shown() {
        let command = protocol_mdm::commands::install_profile(b"<password>swordfish</password>".to_vec());
        let shown = command_to_json(&command);
        assert_eq!(shown["Payload"]["$length"], 30);
        assert_eq!(shown["Payload"]["$sha256"].as_str().map(str::len), Some(64));
        assert_eq!(shown["Payload"].as_object().map(serde_json::Map::len), Some(2));
    }

    #[test]
    fn every_kind_of_value_can_be_shown_and_wards_own_marks_are_not() {
        let mut dictionary = Dictionary::new();
        dictionary.insert("Text".into(), "a".into());
        dictionary.insert("Flag".into(), true.into());
        dictionary.insert("Large".into(), u64::MAX.into());
        dictionary.insert("Small".into(), Value::Integer((-7_i64).into()));
        dictionary.insert("Real".into(), 1.5.into());
        dictionary.insert("NotANumber".into(), f64::NAN.into());
        dictionary.insert("Bytes".into(), Value::Data(vec![0, 1, 2]));
        dictionary.insert(
            "When".into(),
            Value::Date(plist::Date::from_xml_format("2026-11-23T13:00:00Z").unwrap()),
        );
        let mut inner = Dictionary::new();
        inner.insert(handout::PLAIN_RETURN.into(), true.into());
        dictionary.insert("List".into(), Value::Array(vec![Value::Dictionary(inner)]));
        dictionary.insert(handout::FILL_KEY.into(), "renewal".into());
        let wanted = json!({
            "Text": "a", "Flag": true, "Large": u64::MAX, "Small": -7, "Real": 1.5, "NotANumber": null,
            "Bytes": {"$data": "AAEC"}, "When": {"$date": "2026-11-23T13:00:00Z"}, "List": [{}],
        });
        assert_eq!(dictionary_to_json(&dictionary), wanted);
    }
}
