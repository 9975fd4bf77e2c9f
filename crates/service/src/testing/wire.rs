//! What devices and the server say to each other, made and taken apart.

use pki::cms;
use plist::{Dictionary, Value};
use protocol_mdm::{Identifiers, Report, Status};

use crate::Reply;

/// A report as a parsed message.
pub(crate) fn report(ids: &Identifiers, status: &Status, uuid: Option<&str>, mut body: Dictionary) -> Report {
    ids.put(&mut body);
    body.insert("Status".to_owned(), status.as_str().into());
    if let Some(uuid) = uuid {
        body.insert("CommandUUID".to_owned(), uuid.into());
    }
    Report::from_dictionary(body).unwrap()
}

/// A dictionary of a command.
pub(crate) fn command(request_type: &str) -> Dictionary {
    let mut dictionary = Dictionary::new();
    dictionary.insert("RequestType".to_owned(), request_type.into());
    dictionary
}

pub(crate) fn handed_out(reply: Reply) -> Option<(String, Dictionary)> {
    match reply {
        Reply::Plist { body, .. } => Some(command_in(&body)),
        Reply::Nothing => None,
        other => panic!("not a command: {other:?}"),
    }
}

pub(crate) fn command_in(body: &[u8]) -> (String, Dictionary) {
    let outer: Dictionary = plist::from_bytes(body).unwrap();
    let uuid = outer["CommandUUID"].as_string().unwrap().to_owned();
    (uuid, outer["Command"].as_dictionary().unwrap().clone())
}

/// The SCEP challenge in a signed profile.
pub(crate) fn challenge_in(profile: &[u8]) -> String {
    payload(profile, "com.apple.security.scep")["PayloadContent"].as_dictionary().unwrap()["Challenge"]
        .as_string()
        .unwrap()
        .to_owned()
}

/// A payload of a signed profile by its type.
pub(crate) fn payload(profile: &[u8], kind: &str) -> Dictionary {
    let message = cms::SignedMessage::parse(profile).unwrap();
    message.verify().unwrap();
    let outer: Dictionary = plist::from_bytes(message.content().unwrap()).unwrap();
    let payloads = outer["PayloadContent"].as_array().unwrap();
    let found = payloads
        .iter()
        .filter_map(Value::as_dictionary)
        .find(|payload| payload["PayloadType"].as_string() == Some(kind));
    found.unwrap().clone()
}
