//! The one question that the API, the command line, the console and the profile builder ask: can this device take it?

use plist::{Dictionary, Value};

use crate::entry::{Entry, Key, Kind};
use crate::refusal::{Refusal, Rule};
use crate::support::{self, Subject};
use crate::table::Table;
use crate::walk::{Walk, join};
use crate::{DeviceFacts, combination, nearest, secret};

/// Keys that every command has beside its own.
const COMMAND_KEYS: [&str; 2] = ["RequestType", "RequestRequiresNetworkTether"];

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// The inner dictionary of a command, complete as it goes to the device.
    Command(&'a Dictionary),
    /// The same as an operator brings it: what Ward makes itself is not there yet, and must not be.
    Request(&'a Dictionary),
    /// One payload of a configuration profile.
    Payload(&'a Dictionary),
    /// A whole configuration profile, opened.
    Profile(&'a Dictionary),
    /// A declaration: `Type`, `Identifier`, `ServerToken`, `Payload`.
    Declaration(&'a Dictionary),
}

/// The answer. Without refusals it is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Each is reason enough not to send it.
    pub refusals: Vec<Refusal>,
    /// The device takes it, but a part has no effect there, or Apple advises against it.
    pub notes: Vec<Refusal>,
}

impl Verdict {
    /// Whether nothing speaks against it.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.refusals.is_empty()
    }

    /// The refusals as an error.
    ///
    /// # Errors
    /// All refusals, when there are any.
    pub fn into_result(self) -> Result<(), Vec<Refusal>> {
        if self.refusals.is_empty() { Ok(()) } else { Err(self.refusals) }
    }
}

/// Whether the device can take it. Pure, and a few microseconds for a command.
///
/// What is not known of the device refuses nothing, with two exceptions that are spelled out in their refusals: locking
/// or erasing a device of unknown platform, and an erase whose Return to Service the device may not understand.
#[must_use]
pub fn check(what: What<'_>, facts: &DeviceFacts) -> Verdict {
    match what {
        What::Command(command) => command_verdict(command, facts, false),
        What::Request(command) => command_verdict(command, facts, true),
        What::Payload(payload) => payload_verdict(payload, facts, ""),
        What::Profile(profile) => profile_verdict(profile, facts),
        What::Declaration(declaration) => declaration_verdict(declaration, facts),
    }
}

/// Whether the device can take a command, complete as it goes out (`RequestType` and its keys).
///
/// # Errors
/// Every reason why not.
pub fn check_command(command: &Dictionary, facts: &DeviceFacts) -> Result<(), Vec<Refusal>> {
    check(What::Command(command), facts).into_result()
}

/// The same for a command as an operator brings it: PINs, passwords, tokens and reply certificates are Ward's to make,
/// so their absence is right and their presence is refused.
///
/// # Errors
/// Every reason why not.
pub fn check_request(command: &Dictionary, facts: &DeviceFacts) -> Result<(), Vec<Refusal>> {
    check(What::Request(command), facts).into_result()
}

fn command_verdict(command: &Dictionary, facts: &DeviceFacts, from_operator: bool) -> Verdict {
    let Some(request_type) = command.get("RequestType").and_then(Value::as_string) else {
        let advice = "A command needs a RequestType, which says what it is.";
        return refused(Refusal::new("RequestType", Rule::MissingKey, advice));
    };
    let Some(entry) = Table::get().find(Kind::Command, request_type).first() else {
        return refused(unknown("RequestType", "command", request_type, Kind::Command));
    };
    let mut walk = Walk::new(facts, true);
    applicability(&mut walk, entry, facts, "");
    let tether = command.get("RequestRequiresNetworkTether");
    if tether.is_some_and(|value| value.as_boolean().is_none()) {
        let advice = "RequestRequiresNetworkTether must be true or false.";
        walk.refusals.push(Refusal::new("RequestRequiresNetworkTether", Rule::WrongType, advice));
    }
    walk.dictionary(&entry.keys, command, "", &COMMAND_KEYS);
    if from_operator {
        secret::hold_request(request_type, command, &mut walk.refusals);
    }
    combination::check(request_type, command, facts, &mut walk.refusals);
    Verdict { refusals: walk.refusals, notes: walk.notes }
}

/// What speaks against the entry as a whole. Where that is much, its keys need not be asked about one by one.
fn applicability(walk: &mut Walk<'_>, entry: &Entry, facts: &DeviceFacts, path: &str) {
    let subject = Subject { name: entry.name, kind: Some(entry.kind) };
    for objection in support::objections(subject, &entry.systems, entry.gone, facts) {
        let refusal = Refusal::new(path, objection.rule, objection.advice);
        if objection.harmless { walk.notes.push(refusal) } else { walk.refusals.push(refusal) }
    }
    let unreachable = |rule| matches!(rule, Rule::Platform | Rule::OsTooOld | Rule::Removed);
    walk.applicability = !walk.refusals.iter().any(|refusal| unreachable(refusal.rule));
}

fn payload_verdict(payload: &Dictionary, facts: &DeviceFacts, path: &str) -> Verdict {
    let Some(payload_type) = payload.get("PayloadType").and_then(Value::as_string) else {
        let advice = "A payload needs a PayloadType, which says what it is.";
        return refused(Refusal::new(join(path, "PayloadType"), Rule::MissingKey, advice));
    };
    let table = Table::get();
    let variants = table.find(Kind::Payload, payload_type);
    let common = table.find(Kind::Payload, "CommonPayloadKeys").first().map_or(&[][..], |entry| &entry.keys);
    let common_names: Vec<_> = common.iter().map(|key| key.name).collect();
    let best = variants
        .iter()
        .map(|entry| {
            let mut walk = Walk::new(facts, false);
            applicability(&mut walk, entry, facts, path);
            walk.dictionary(&entry.keys, payload, path, &common_names);
            Verdict { refusals: walk.refusals, notes: walk.notes }
        })
        .min_by_key(|verdict| (verdict.refusals.len(), verdict.notes.len()));
    let Some(mut verdict) = best else {
        return refused(unknown(&join(path, "PayloadType"), "payload type", payload_type, Kind::Payload));
    };
    if variants.len() > 1 {
        // Apple describes this type in parts, and a payload may carry keys of several.
        let elsewhere =
            |name: &str| variants.iter().any(|entry| entry.keys.iter().any(|key| key.name == name));
        verdict.notes.retain(|note| {
            let name = note.key_path.strip_prefix(path).unwrap_or_default().trim_start_matches('.');
            note.rule != Rule::UnknownKey || !elsewhere(name)
        });
    }
    let mut envelope = Walk::new(facts, false);
    envelope.dictionary(common, &only(payload, &common_names), path, &[]);
    verdict.refusals.extend(envelope.refusals);
    verdict
}

/// The part of a dictionary that has these names.
fn only(whole: &Dictionary, names: &[&str]) -> Dictionary {
    let part = whole.iter().filter(|(name, _)| names.contains(&name.as_str()));
    part.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn profile_verdict(profile: &Dictionary, facts: &DeviceFacts) -> Verdict {
    let Some(entry) = Table::get().find(Kind::Payload, "TopLevel").first() else {
        return refused(unknown("", "payload type", "TopLevel", Kind::Payload));
    };
    let mut walk = Walk::new(facts, false);
    let encrypted = profile.contains_key("EncryptedPayloadContent");
    let keys: Vec<Key> =
        entry.keys.iter().filter(|key| !(encrypted && key.name == "PayloadContent")).cloned().collect();
    walk.dictionary(&keys, profile, "", &["PayloadContent"]);
    let mut verdict = Verdict { refusals: walk.refusals, notes: walk.notes };
    let contents = profile.get("PayloadContent").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (index, content) in contents.iter().enumerate() {
        let Some(payload) = content.as_dictionary() else { continue };
        let one = payload_verdict(payload, facts, &format!("PayloadContent[{index}]"));
        verdict.refusals.extend(one.refusals);
        verdict.notes.extend(one.notes);
    }
    verdict
}

fn declaration_verdict(declaration: &Dictionary, facts: &DeviceFacts) -> Verdict {
    let Some(declared) = declaration.get("Type").and_then(Value::as_string) else {
        let advice = "A declaration needs a Type, which says what it is.";
        return refused(Refusal::new("Type", Rule::MissingKey, advice));
    };
    let table = Table::get();
    let entry = table.find(Kind::Declaration, declared).first().filter(|entry| entry.name != "any");
    let Some(entry) = entry else {
        return refused(unknown("Type", "declaration", declared, Kind::Declaration));
    };
    let mut walk = Walk::new(facts, false);
    applicability(&mut walk, entry, facts, "");
    if let Some(envelope) = table.find(Kind::Declaration, "any").first() {
        walk.dictionary(&envelope.keys, declaration, "", &[]);
    }
    if let Some(payload) = declaration.get("Payload").and_then(Value::as_dictionary) {
        walk.dictionary(&entry.keys, payload, "Payload", &[]);
    }
    Verdict { refusals: walk.refusals, notes: walk.notes }
}

fn refused(refusal: Refusal) -> Verdict {
    Verdict { refusals: vec![refusal], notes: Vec::new() }
}

fn unknown(path: &str, what: &str, name: &str, kind: Kind) -> Refusal {
    let shown: String = name.chars().take(80).collect();
    let hint = nearest::hint(name, Table::get().of_kind(kind).map(|entry| entry.name));
    Refusal::new(path, Rule::UnknownType, format!("The catalogue knows no {what} {shown}.{hint}"))
}

#[cfg(test)]
mod tests;
