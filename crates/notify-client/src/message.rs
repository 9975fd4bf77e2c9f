//! What is told, and its form on the wire.

use std::fmt::Write as _;

use clock::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

/// The version of the form, in every message.
pub const SCHEMA: u32 = 1;

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// By which the receiver knows it again: a repeated message has the same.
    pub id: String,
    /// Its number in the order of all events; none for messages about the stream itself.
    pub seq: Option<i64>,
    /// What happened, dotted.
    pub kind: String,
    /// What it is about: a kind and an id.
    pub object: String,
    /// When it happened.
    pub at: Timestamp,
    /// Ids and states.
    pub data: Json,
    /// Whether a person should look.
    pub urgent: bool,
}

#[derive(Serialize)]
struct Form<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Timestamp,
    object: &'a str,
    schema: u32,
    data: &'a Json,
}

impl Message {
    /// The message as one line of JSON, in ASCII.
    #[must_use]
    pub fn to_json(&self) -> String {
        let form = Form {
            id: &self.id,
            seq: self.seq,
            kind: &self.kind,
            timestamp: self.at,
            object: &self.object,
            schema: SCHEMA,
            data: &self.data,
        };
        // Nothing in the form can fail to be written: its keys are texts.
        ascii(&serde_json::to_string(&form).unwrap_or_default())
    }
}

/// JSON with everything beyond ASCII escaped (RFC 8259, 7), so that no receiver has to guess an encoding.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_one_line_of_ascii_json() {
        let message = Message {
            id: "evt_1".to_owned(),
            seq: Some(7),
            kind: "enrollment.enrolled".to_owned(),
            object: "device:1".to_owned(),
            at: Timestamp::from_millis(1_800_000_000_000),
            data: json!({ "state": "ok\n\u{e4}\u{1f600}" }),
            urgent: false,
        };
        assert_eq!(
            message.to_json(),
            r#"{"id":"evt_1","seq":7,"type":"enrollment.enrolled","timestamp":"2027-01-15T08:00:00Z","object":"device:1","schema":1,"data":{"state":"ok\n\u00e4\ud83d\ude00"}}"#
        );
        let back: Json = serde_json::from_str(&message.to_json()).unwrap();
        assert_eq!(back["data"], message.data);
    }
}
