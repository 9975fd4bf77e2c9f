//! Reads the lines of the generated table (the form is described in the crate's README).

use crate::entry::{Enrollments, Entry, Key, Kind, Mode, SYSTEM_NAMES, Scopes, Support, Systems, ValueType};

/// A line that could not be read says why.
type Parsed<T> = Result<T, String>;

/// All entries of the text, and the complaints about lines that could not be read.
pub(super) fn parse(text: &'static str) -> (Vec<Entry>, Vec<String>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut complaints = Vec::new();
    let mut current: Option<Entry> = None;
    let mut in_answer = false;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with("//")) {
        let result = if line == ">" {
            in_answer = true;
            Ok(())
        } else if line.starts_with(' ') {
            add_key(current.as_mut(), in_answer, line)
        } else {
            in_answer = false;
            entries.extend(current.take());
            entry(line).map(|made| current = Some(made))
        };
        if let Err(complaint) = result {
            complaints.push(format!("line {}: {complaint}", number + 1));
            current = None;
        }
    }
    entries.extend(current);
    (entries, complaints)
}

fn entry(line: &'static str) -> Parsed<Entry> {
    let mut columns = line.split('\t');
    let kind = match columns.next().unwrap_or_default() {
        "command" => Kind::Command,
        "checkin" => Kind::Checkin,
        "payload" => Kind::Payload,
        "declaration" => Kind::Declaration,
        "status" => Kind::Status,
        "message" => Kind::Message,
        "document" => Kind::Document,
        other => return Err(format!("unknown kind {other}")),
    };
    let full = columns.next().ok_or("no name")?;
    let (name, variant) = match full.split_once('(') {
        Some((name, variant)) => (name, variant.trim_end_matches(')')),
        None => (full, ""),
    };
    let mut entry = Entry {
        kind,
        name,
        variant,
        apply: None,
        gone: None,
        systems: Systems::default(),
        keys: Vec::new(),
        answer: Vec::new(),
    };
    for column in columns {
        let (word, value) = column.split_once('=').ok_or_else(|| format!("no value in {column}"))?;
        match word {
            "gone" => entry.gone = Some(version(value)?),
            "apply" => entry.apply = Some(value),
            _ => entry.systems.0.push(system(word, value)?),
        }
    }
    Ok(entry)
}

/// Puts a key into the entry at the depth of its indentation.
fn add_key(entry: Option<&mut Entry>, in_answer: bool, line: &'static str) -> Parsed<()> {
    let entry = entry.ok_or("a key without an entry")?;
    let text = line.trim_start_matches(' ');
    let mut level = if in_answer { &mut entry.answer } else { &mut entry.keys };
    for _ in 1..line.len() - text.len() {
        level = &mut level.last_mut().ok_or("a key too deep")?.keys;
    }
    level.push(key(text)?);
    Ok(())
}

fn key(text: &'static str) -> Parsed<Key> {
    let mut columns = text.split('\t');
    let name = columns.next().unwrap_or_default();
    let mut key = Key {
        name,
        value_type: value_type(columns.next().ok_or("no type")?)?,
        required: false,
        default: None,
        allowed: Vec::new(),
        minimum: None,
        maximum: None,
        count: None,
        format: None,
        subtype: None,
        combine: None,
        asset_types: Vec::new(),
        gone: None,
        systems: Systems::default(),
        keys: Vec::new(),
    };
    for column in columns {
        let (word, value) = column.split_once('=').unwrap_or((column, ""));
        attribute(&mut key, word, value)?;
    }
    Ok(key)
}

fn attribute(key: &mut Key, word: &'static str, value: &'static str) -> Parsed<()> {
    match word {
        "!" => key.required = true,
        "default" => key.default = Some(json(value)?),
        "enum" => key.allowed = serde_json::from_str(value).map_err(|error| format!("{value}: {error}"))?,
        "min" => key.minimum = Some(number(value)?),
        "max" => key.maximum = Some(number(value)?),
        "count" => {
            let (least, most) = value.split_once("..").ok_or_else(|| format!("not a count: {value}"))?;
            let most = if most.is_empty() { None } else { Some(number(most)?) };
            key.count = Some((number(least)?, most));
        }
        "format" => key.format = Some(value),
        "subtype" => key.subtype = Some(value),
        "combine" => key.combine = Some(value),
        "assets" => key.asset_types = value.split(',').collect(),
        "gone" => key.gone = Some(version(value)?),
        _ => key.systems.0.push(system(word, value)?),
    }
    Ok(())
}

fn value_type(word: &str) -> Parsed<ValueType> {
    Ok(match word {
        "string" => ValueType::String,
        "integer" => ValueType::Integer,
        "real" => ValueType::Real,
        "boolean" => ValueType::Boolean,
        "date" => ValueType::Date,
        "data" => ValueType::Data,
        "array" => ValueType::Array,
        "dictionary" => ValueType::Dictionary,
        "any" => ValueType::Any,
        other => return Err(format!("unknown type {other}")),
    })
}

fn system(name: &str, value: &str) -> Parsed<(u8, Support)> {
    let column = (0_u8..).zip(SYSTEM_NAMES).find(|(_, known)| *known == name).map(|(column, _)| column);
    let column = column.ok_or_else(|| format!("unknown word {name}"))?;
    let mut support = Support { available: value != "-", ..Support::default() };
    if support.available {
        let mut words = value.split(',');
        let introduced = words.next().unwrap_or_default();
        if !introduced.is_empty() {
            support.introduced = Some(version(introduced)?);
        }
        words.try_for_each(|word| fact(&mut support, word))?;
    }
    Ok((column, support))
}

fn fact(support: &mut Support, word: &str) -> Parsed<()> {
    if let Some((name, value)) = word.split_once(':') {
        return valued_fact(support, name, value);
    }
    if word.starts_with(['d', 'r'])
        && word.get(1..2).is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()))
    {
        let slot = if word.starts_with('d') { &mut support.deprecated } else { &mut support.removed };
        *slot = Some(version(word.get(1..).unwrap_or_default())?);
        return Ok(());
    }
    let (name, value) = word.strip_suffix('0').map_or((word, true), |name| (name, false));
    let slot = match name {
        "sup" => &mut support.supervised,
        "ade" => &mut support.automated,
        "approved" => &mut support.user_approved,
        "dc" => &mut support.device_channel,
        "uc" => &mut support.user_channel,
        "multi" => &mut support.multiple,
        "manual" => &mut support.manual_install,
        "skip" => &mut support.always_skippable,
        "beta" => &mut support.beta,
        "sidc" => &mut support.shared_device_channel,
        "siuc" => &mut support.shared_user_channel,
        _ => return Err(format!("unknown word {word}")),
    };
    *slot = Some(value);
    Ok(())
}

fn valued_fact(support: &mut Support, name: &str, value: &str) -> Parsed<()> {
    match name {
        "ue" => support.user_enrollment = Some(mode(value)?),
        "si" => support.shared_ipad = Some(mode(value)?),
        // DeviceInformation needs a right for each query and none for itself.
        "ar" if value == "special" => support.access_right = Some(0),
        "ar" => support.access_right = Some(number(value)?),
        "en" => {
            let has = |letter| value.contains(letter);
            support.enrollments =
                Some(Enrollments { supervised: has('s'), device: has('d'), user: has('u'), local: has('l') });
        }
        "sc" => support.scopes = Some(scopes(value)),
        "sisc" => support.shared_scopes = Some(scopes(value)),
        _ => return Err(format!("unknown word {name}")),
    }
    Ok(())
}

fn scopes(value: &str) -> Scopes {
    Scopes { system: value.contains('y'), user: value.contains('u') }
}

fn mode(word: &str) -> Parsed<Mode> {
    Ok(match word {
        "allowed" => Mode::Allowed,
        "required" => Mode::Required,
        "forbidden" => Mode::Forbidden,
        "ignored" => Mode::Ignored,
        other => return Err(format!("unknown mode {other}")),
    })
}

fn version(text: &str) -> Parsed<crate::Version> {
    text.parse().map_err(|error: crate::ParseVersionError| error.to_string())
}

fn json(text: &str) -> Parsed<serde_json::Value> {
    serde_json::from_str(text).map_err(|error| format!("{text}: {error}"))
}

fn number<T: std::str::FromStr>(text: &str) -> Parsed<T> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}
