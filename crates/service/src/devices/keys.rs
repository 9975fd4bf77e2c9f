//! The names of what can be searched, ordered by and shown of a device.

use std::collections::BTreeSet;

use store::{Connection, DeviceFact};

use crate::Error;

/// Longest key, in bytes.
const LONGEST: usize = 200;
/// Keys that are neither facts nor fields of a device.
const OTHERS: [&str; 5] = ["place", "group", "owner", "last_seen", "label.NAME"];
/// The commands whose answers Apple lists; what no device has told yet can be asked for all the same.
const ANSWERS: [&str; 2] = ["DeviceInformation", "SecurityInfo"];

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A fact.
    Fact(String),
    /// A label.
    Label(String),
    /// Where the device is.
    Place,
    /// The groups that it is in.
    Group,
    /// Whose it is.
    Owner,
    /// When it was heard last.
    LastSeen,
}

/// What a name stands for.
///
/// # Errors
/// [`Error::Invalid`] of `field` for an unknown name, with the nearest right one.
pub(super) fn find(connection: &mut Connection, name: &str, field: &str) -> Result<Key, Error> {
    if name.is_empty() || name.len() > LONGEST {
        return Err(Error::invalid(field, "a key has 1 to 200 characters"));
    }
    if let Some(label) = name.strip_prefix("label.") {
        return Ok(Key::Label(label.to_owned()));
    }
    let own = name.strip_prefix("device.").unwrap_or(name);
    match own {
        "place" => return Ok(Key::Place),
        "group" => return Ok(Key::Group),
        "owner" => return Ok(Key::Owner),
        "last_seen" | "last_seen_at" => return Ok(Key::LastSeen),
        "serial" => return Ok(Key::Fact(DeviceFact::own_key("serial_number"))),
        "os" => return Ok(Key::Fact(DeviceFact::own_key("os_version"))),
        own if DeviceFact::OWN.contains(&own) => return Ok(Key::Fact(DeviceFact::own_key(own))),
        _ => {}
    }
    if !DeviceFact::kinds(connection, name)?.is_empty() || listed().any(|key| key == name) {
        return Ok(Key::Fact(name.to_owned()));
    }
    let short: String = name.chars().take(80).collect();
    let hint = nearest(connection, name)?;
    Err(Error::invalid(
        field,
        format!("'{short}' is no key that a device has told or that Apple lists.{hint}"),
    ))
}

/// The keys that Apple lists for the answers to questions.
fn listed() -> impl Iterator<Item = String> {
    ANSWERS.into_iter().flat_map(|command| {
        let answer = catalog::describe(command).map(|description| description.answer).unwrap_or_default();
        let inner = answer.iter().filter(|key| matches!(key.name, "QueryResponses" | "SecurityInfo"));
        inner.flat_map(|key| &key.keys).map(move |key| format!("{command}.{}", key.name))
    })
}

/// ` Did you mean X?`, or nothing.
fn nearest(connection: &mut Connection, name: &str) -> Result<String, Error> {
    let mut names: BTreeSet<String> = DeviceFact::keys(connection)?.into_iter().collect();
    names.extend(listed());
    names.extend(DeviceFact::OWN.iter().chain(&OTHERS).map(|&own| own.to_owned()));
    let end = format!(".{}", name.to_ascii_lowercase());
    if let Some(whole) = names.iter().find(|known| known.to_ascii_lowercase().ends_with(&end)) {
        return Ok(format!(" Did you mean {whole}?"));
    }
    Ok(catalog::did_you_mean(name, names.iter().map(String::as_str)))
}
