//! `key=value` on the command line, turned into the JSON of a command by the types that the catalogue gives.
//!
//! `a.b=x` leads into a dictionary, `list[]=x` adds to a list, `list[].a=x` begins or fills a dictionary in a list, `list[2]=x` names the
//! place; `data=@file` reads bytes, `list=a,b` is a list of words, and a value that begins with `{` or `[` is JSON where the type is open.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catalog::{Key, Kind, ValueType};
use serde_json::{Map, Value, json};

use super::super::client::usage;

/// The most elements of a list that are spelled out on a command line.
const LONGEST: usize = 1000;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    /// `[]`: the element that is being filled, or a new one.
    Next,
    Place(usize),
}

/// What was written, before it has types.
#[derive(Debug)]
enum Node {
    Leaf(String),
    Map(Vec<(String, Self)>),
    List(Vec<Self>),
}

/// The command as JSON: `RequestType` and the keys.
pub(super) fn command(request_type: &str, assignments: &[String]) -> Result<Value> {
    let Some(entry) = catalog::find(Kind::Command, request_type).first() else {
        let hint = nearest(request_type, catalog::commands());
        return Err(usage(&format!(
            "Apple has no command '{request_type}'.{hint} 'ward command types' lists all"
        )));
    };
    let mut root = Vec::new();
    for assignment in assignments {
        let (path, text) = assignment
            .split_once('=')
            .ok_or_else(|| usage(&format!("'{assignment}' is neither a device nor KEY=VALUE")))?;
        insert_key(&mut root, &steps(path)?, text, path)?;
    }
    let mut made = Map::new();
    made.insert("RequestType".to_owned(), request_type.into());
    for (name, node) in root {
        let typed = if name == "RequestRequiresNetworkTether" {
            boolean(&name, leaf(&node, &name)?)?
        } else {
            let key = find(&entry.keys, &name, &name)?;
            value(&node, Some(key), &name)?
        };
        made.insert(name, typed);
    }
    Ok(Value::Object(made))
}

fn steps(path: &str) -> Result<Vec<Step>> {
    let wrong = || usage(&format!("'{path}' is no key: write key, key.inner, list[] or list[].inner"));
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() {
            return Err(wrong());
        }
        steps.push(Step::Key(name.to_owned()));
        while !rest.is_empty() {
            let (inner, after) =
                rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(wrong)?;
            steps.push(if inner.is_empty() {
                Step::Next
            } else {
                let place: usize = inner.parse().map_err(|_| wrong())?;
                Step::Place(place)
            });
            rest = after;
        }
    }
    Ok(steps)
}

fn insert_key(map: &mut Vec<(String, Node)>, steps: &[Step], text: &str, path: &str) -> Result<()> {
    let Some((Step::Key(name), rest)) = steps.split_first() else {
        return Err(usage(&format!("'{path}' leads nowhere")));
    };
    let place = map.iter().position(|(known, _)| known == name);
    let Some((_, node)) = place.and_then(|place| map.get_mut(place)) else {
        map.push((name.clone(), fresh(rest, text, path)?));
        return Ok(());
    };
    insert(node, rest, text, path)
}

fn insert(node: &mut Node, steps: &[Step], text: &str, path: &str) -> Result<()> {
    match (node, steps.split_first()) {
        (_, None) | (Node::Leaf(_), Some(_)) => Err(usage(&format!("'{path}' is given twice"))),
        (Node::Map(map), Some((Step::Key(_), _))) => insert_key(map, steps, text, path),
        (Node::List(list), Some((Step::Next, rest))) => match list.last_mut() {
            Some(last) if !rest.is_empty() && !has(last, rest) => insert(last, rest, text, path),
            _ => {
                list.push(fresh(rest, text, path)?);
                Ok(())
            }
        },
        (Node::List(list), Some((Step::Place(place), rest))) => {
            let length = list.len();
            match list.get_mut(*place) {
                Some(element) => insert(element, rest, text, path),
                None if *place == length => {
                    list.push(fresh(rest, text, path)?);
                    Ok(())
                }
                None => Err(usage(&format!("'{path}': the list has only {length} elements before it"))),
            }
        }
        _ => Err(usage(&format!("'{path}' is a list in one place and a dictionary in another"))),
    }
}

/// Whether a path is filled already, so that the same key begins the next element.
fn has(node: &Node, steps: &[Step]) -> bool {
    match (node, steps.split_first()) {
        (_, None) | (Node::Leaf(_), _) => true,
        (Node::Map(map), Some((Step::Key(name), rest))) => {
            map.iter().any(|(known, inner)| known == name && has(inner, rest))
        }
        // A list within the element takes another one.
        _ => false,
    }
}

fn fresh(steps: &[Step], text: &str, path: &str) -> Result<Node> {
    Ok(match steps.split_first() {
        None => Node::Leaf(text.to_owned()),
        Some((Step::Key(name), rest)) => Node::Map(vec![(name.clone(), fresh(rest, text, path)?)]),
        Some((Step::Next | Step::Place(0), rest)) => Node::List(vec![fresh(rest, text, path)?]),
        Some((Step::Place(_), _)) => return Err(usage(&format!("'{path}': the list begins with [0]"))),
    })
}

/// The key with this name, or the one that stands for any name.
fn find<'k>(keys: &'k [Key], name: &str, path: &str) -> Result<&'k Key> {
    let found =
        keys.iter().find(|key| key.name == name).or_else(|| keys.iter().find(|key| key.is_wildcard()));
    found.ok_or_else(|| {
        let hint = nearest(name, keys.iter().map(|key| key.name));
        let names: Vec<_> = keys.iter().map(|key| key.name).take(12).collect();
        let more = if keys.len() > names.len() { ", …" } else { "" };
        usage(&format!("there is no key '{path}'.{hint} There are: {}{more}", names.join(", ")))
    })
}

fn leaf<'n>(node: &'n Node, path: &str) -> Result<&'n str> {
    match node {
        Node::Leaf(text) => Ok(text),
        _ => Err(usage(&format!("'{path}' is a single value"))),
    }
}

/// A node by the type of its key; without one, as it looks.
fn value(node: &Node, key: Option<&Key>, path: &str) -> Result<Value> {
    match node {
        Node::Leaf(text) => scalar(text, key, path),
        Node::Map(map) => {
            let keys = key.map_or(&[][..], |key| &key.keys);
            if key.is_some_and(|key| !matches!(key.value_type, ValueType::Dictionary | ValueType::Any)) {
                return Err(usage(&format!("'{path}' has no keys inside")));
            }
            let mut made = Map::new();
            for (name, inner) in map {
                let path = format!("{path}.{name}");
                let key = if keys.is_empty() { None } else { Some(find(keys, name, &path)?) };
                made.insert(name.clone(), value(inner, key, &path)?);
            }
            Ok(Value::Object(made))
        }
        Node::List(list) => {
            if key.is_some_and(|key| !matches!(key.value_type, ValueType::Array | ValueType::Any)) {
                return Err(usage(&format!("'{path}' is no list")));
            }
            let element = |node: &Node, place: usize| {
                let path = format!("{path}[{place}]");
                let keys = key.map_or(&[][..], |key| &key.keys);
                value(node, element_key(keys, node, &path)?, &path)
            };
            list.iter().take(LONGEST).enumerate().map(|(place, node)| element(node, place)).collect()
        }
    }
}

/// The key of an element: the only one, or of a mixed list the one whose tag (`Item` of Settings) was given.
fn element_key<'k>(keys: &'k [Key], node: &Node, path: &str) -> Result<Option<&'k Key>> {
    if keys.len() < 2 {
        return Ok(keys.first());
    }
    let Node::Map(map) = node else { return Ok(None) };
    let tags = |choice: &'k Key| choice.keys.iter().filter(|key| key.required && key.allowed.len() == 1);
    let fits = |choice: &&'k Key| {
        tags(choice).any(|tag| {
            map.iter().any(|(name, inner)| {
                let said = if let Node::Leaf(text) = inner { text.as_str() } else { "" };
                name == tag.name && tag.allowed.iter().any(|allowed| allowed == said)
            })
        })
    };
    let Some(found) = keys.iter().find(fits) else {
        let tag = keys.iter().flat_map(tags).next().map_or("type", |tag| tag.name);
        let words: Vec<_> = keys.iter().map(|choice| choice.name).collect();
        return Err(usage(&format!("'{path}' needs {tag}, one of: {}", words.join(", "))));
    };
    Ok(Some(found))
}

fn scalar(text: &str, key: Option<&Key>, path: &str) -> Result<Value> {
    let value_type = key.map_or(ValueType::Any, |key| key.value_type);
    match value_type {
        ValueType::String => Ok(text.into()),
        ValueType::Boolean => boolean(path, text),
        ValueType::Integer => {
            let number: i64 =
                text.parse().map_err(|_| usage(&format!("'{path}' is a whole number, not '{text}'")))?;
            Ok(number.into())
        }
        ValueType::Real => {
            let number = text.parse().ok().and_then(serde_json::Number::from_f64);
            number.map(Value::Number).ok_or_else(|| usage(&format!("'{path}' is a number, not '{text}'")))
        }
        ValueType::Date => date(text, path),
        ValueType::Data => data(text, path),
        ValueType::Array => list(text, key, path),
        ValueType::Dictionary => {
            let wrong = || usage(&format!("'{path}' is a dictionary: write {path}.key=value, or JSON"));
            let parsed: Value = serde_json::from_str(text).map_err(|_| wrong())?;
            if parsed.is_object() { Ok(parsed) } else { Err(wrong()) }
        }
        ValueType::Any => any(text, path),
    }
}

fn boolean(path: &str, text: &str) -> Result<Value> {
    match text {
        "true" | "yes" | "1" => Ok(true.into()),
        "false" | "no" | "0" => Ok(false.into()),
        _ => Err(usage(&format!("'{path}' is true or false, not '{text}'"))),
    }
}

/// A day or a moment.
fn date(text: &str, path: &str) -> Result<Value> {
    let moment = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    match moment.parse::<clock::Timestamp>() {
        Ok(_) => Ok(moment.into()),
        Err(_) => Err(usage(&format!("'{path}' is a date such as 2026-11-23T13:00:00Z, not '{text}'"))),
    }
}

/// The bytes of a file, or base64 as it is.
fn data(text: &str, path: &str) -> Result<Value> {
    match text.strip_prefix('@') {
        Some(file) => {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
            Ok(BASE64_STANDARD.encode(bytes).into())
        }
        None if BASE64_STANDARD.decode(text).is_ok() => Ok(text.into()),
        None => Err(usage(&format!("'{path}' is data: write {path}=@FILE, or base64"))),
    }
}

/// JSON, or words with commas between them.
fn list(text: &str, key: Option<&Key>, path: &str) -> Result<Value> {
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|_| usage(&format!("'{path}' is no JSON list")));
    }
    let element = key.and_then(|key| if let [element] = key.keys.as_slice() { Some(element) } else { None });
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.take(LONGEST).map(|word| scalar(word, element, path)).collect()
}

/// Where Apple says nothing: JSON where it is JSON, bytes of a file, else text. A number that begins with 0 or + is a telephone's.
fn any(text: &str, path: &str) -> Result<Value> {
    if text.starts_with('@') {
        return Ok(json!({ "$data": data(text, path)? }));
    }
    Ok(match serde_json::from_str(text) {
        Ok(Value::Number(_)) if text.starts_with(['0', '+']) && text.len() > 1 => text.into(),
        Ok(parsed) => parsed,
        Err(_) => text.into(),
    })
}

/// ` Did you mean 'x'?`, or nothing.
pub(super) fn nearest<'n>(word: &str, known: impl Iterator<Item = &'n str>) -> String {
    let best = known
        .map(|name| {
            (strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &word.to_lowercase()), name)
        })
        .max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(likeness, _)| *likeness > 0.6)
        .map(|(_, name)| format!(" Did you mean '{name}'?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
