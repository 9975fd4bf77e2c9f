//! Effect classes: the worst that a command, a payload, a declaration or a removal can do to a device or its owner.
//!
//! The base class of every type stands, with its reason, in `data/effects.tsv`. [`inside`] then looks at the values.
//! What is unknown is D0: an unknown type, a profile that nobody opened, a passcode policy whose predecessor is not known.

mod context;
mod inside;
mod restrictions;

use std::collections::HashMap;
use std::sync::LazyLock;

use plist::{Dictionary, Value};

use crate::{Class, Classification, Kind};

pub use context::{Assigned, ClassContext};

/// The committed table of classes.
const TEXT: &str = include_str!("../data/effects.tsv");

static EFFECTS: LazyLock<HashMap<(&'static str, &'static str), Effect>> = LazyLock::new(|| parse(TEXT));

/// One row: what it can do, and what its removal can do.
#[derive(Clone, Copy, Debug)]
struct Effect {
    class: Class,
    reason: &'static str,
    /// `None` for commands, which cannot be removed.
    removal: Option<(Class, &'static str)>,
}

fn parse(text: &'static str) -> HashMap<(&'static str, &'static str), Effect> {
    text.lines().filter(|line| !line.starts_with("//")).filter_map(row).collect()
}

/// A row that cannot be read is left out, which makes what it names unknown, and so D0. A test counts the rows.
fn row(line: &'static str) -> Option<((&'static str, &'static str), Effect)> {
    let mut columns = line.split('\t');
    let mut next = || columns.next().filter(|column| !column.is_empty());
    let (kind, name, class, reason) = (next()?, next()?, next()?.parse().ok()?, next()?);
    let (removal, removal_reason) = (next()?, next()?);
    let removal = if removal == "-" { None } else { Some((removal.parse().ok()?, removal_reason)) };
    Some(((kind, name), Effect { class, reason, removal }))
}

fn base(kind: &'static str, name: &str) -> Classification {
    // The key is only borrowed for the look-up; the map's keys are static.
    EFFECTS.get(&(kind, name)).map_or_else(
        || {
            Classification::new(
                Class::D0,
                format!("The catalogue does not know this {kind}, so the worst is assumed."),
            )
        },
        |effect| Classification::new(effect.class, effect.reason),
    )
}

fn removal(kind: &'static str, name: &str) -> Classification {
    EFFECTS.get(&(kind, name)).and_then(|effect| effect.removal).map_or_else(
        || {
            Classification::new(
                Class::D0,
                format!("The catalogue does not know this {kind}, so the worst is assumed."),
            )
        },
        |(class, reason)| Classification::new(class, reason),
    )
}

/// Whether a type has a row of its own.
pub(crate) fn is_listed(kind: Kind, name: &str) -> bool {
    let kind = match kind {
        Kind::Command => "command",
        Kind::Payload => "payload",
        Kind::Declaration => "declaration",
        Kind::Checkin | Kind::Status | Kind::Message | Kind::Document => return false,
    };
    EFFECTS.contains_key(&(kind, name))
}

/// The class of a type as its row says it, without looking at any values.
pub(crate) fn class_of_type(kind: Kind, name: &str) -> Classification {
    base(if kind == Kind::Payload { "payload" } else { "command" }, name)
}

/// The class of a command of which only its own bytes are known.
#[must_use]
pub fn class_of_command(request_type: &str, command: &Dictionary) -> Classification {
    class_of_command_in(request_type, command, &ClassContext::default())
}

/// The class of a command, with what is known about what it meets.
#[must_use]
pub fn class_of_command_in(
    request_type: &str,
    command: &Dictionary,
    context: &ClassContext<'_>,
) -> Classification {
    let base = base("command", request_type);
    match request_type {
        "InstallProfile" => installation(base, context),
        "RemoveProfile" => match context.removed_payload_types {
            Some(types) => removals(types),
            None => base,
        },
        _ => inside::command(request_type, command, base, context),
    }
}

fn installation(base: Classification, context: &ClassContext<'_>) -> Classification {
    let Some(profile) = context.profile else { return base };
    let installed = class_of_profile(profile, context);
    match context.removed_payload_types {
        Some(types) if !types.is_empty() => installed.graver(removals(types)),
        _ => installed,
    }
}

fn removals(types: &[&str]) -> Classification {
    gravest(types.iter().map(|name| class_of_payload_removal(name)))
        .unwrap_or_else(|| Classification::new(Class::None, "The profile holds nothing."))
}

/// The gravest of several, the first of equals.
fn gravest(classes: impl Iterator<Item = Classification>) -> Option<Classification> {
    classes.reduce(Classification::graver)
}

/// The class of installing a profile: that of its gravest payload. An encrypted profile, which cannot be read, is D0.
#[must_use]
pub fn class_of_profile(profile: &Dictionary, context: &ClassContext<'_>) -> Classification {
    let unreadable =
        || Classification::new(Class::D0, "The profile cannot be read, so the worst is assumed.");
    if profile.contains_key("EncryptedPayloadContent") {
        return unreadable();
    }
    let Some(contents) = profile.get("PayloadContent").and_then(Value::as_array) else { return unreadable() };
    let classes = contents.iter().map(|content| {
        content.as_dictionary().map_or_else(unreadable, |payload| class_of_payload(payload, context))
    });
    gravest(classes).unwrap_or_else(|| Classification::new(Class::None, "The profile holds nothing."))
}

/// The class of installing one payload.
#[must_use]
pub fn class_of_payload(payload: &Dictionary, context: &ClassContext<'_>) -> Classification {
    let payload_type = payload.get("PayloadType").and_then(Value::as_string).unwrap_or_default();
    inside::payload(payload_type, payload, base("payload", payload_type), context)
}

/// The class of removing a payload of this type.
#[must_use]
pub fn class_of_payload_removal(payload_type: &str) -> Classification {
    removal("payload", payload_type)
}

/// The class of a declaration (`Type`, `Payload`).
#[must_use]
pub fn class_of_declaration(declaration: &Dictionary, context: &ClassContext<'_>) -> Classification {
    let declared = declaration.get("Type").and_then(Value::as_string).unwrap_or_default();
    let empty = Dictionary::new();
    let payload = declaration.get("Payload").and_then(Value::as_dictionary).unwrap_or(&empty);
    inside::declaration(declared, payload, base("declaration", declared), context)
}

/// The class of taking a declaration of this type away.
#[must_use]
pub fn class_of_declaration_removal(declared: &str) -> Classification {
    removal("declaration", declared)
}

#[cfg(test)]
mod tests;
