//! `[[payload]]`: keys and values, by the types of the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{Key, Kind, ValueType};

use super::head::is_slug;
use super::{Entry, Item, Located, MAX_PAYLOADS, Reader, find, join};
use crate::node::{MAX_DEPTH, Node};
use crate::template::{IDENTITY, Payload, Template};
use crate::variable::VariableKind;

mod special;

/// Keys of a payload that Ward makes.
const MADE: [&str; 6] = [
    "PayloadType",
    "PayloadUUID",
    "PayloadIdentifier",
    "PayloadVersion",
    "PayloadDisplayName",
    "PayloadOrganization",
];

/// Whether a key holds an address.
pub(crate) fn is_url_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("url") || name.ends_with("uri") || name.ends_with("urls")
}

/// What is known of the place where a value stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// What the catalogue says of the key; of a list's element, what it says of those.
    key: Option<&'static Key>,
    /// The name of the key; of a list's element that of the list.
    name: &'a str,
    /// The type of the payload.
    payload_type: &'a str,
    /// The identifier of the profile.
    profile: &'a str,
    /// The names of all payloads.
    payloads: &'a BTreeSet<String>,
    /// How deep it stands.
    depth: usize,
}

impl Reader<'_> {
    pub(super) fn read_payloads(&mut self, entries: &[Entry], template: &mut Template) {
        let items = match find(entries, "payload").map(|entry| (&entry.value.item, entry.at)) {
            Some((Item::Array(items), _)) if !items.is_empty() => items.as_slice(),
            found => {
                let at = found.map_or(0, |(_, at)| at);
                let advice = "Write [[payload]], then type = \"com.apple.…\" and its keys.";
                self.problem(at, "payload", "There is no payload.", advice);
                return;
            }
        };
        if items.len() > MAX_PAYLOADS {
            self.problem(0, "payload", format!("There are more than {MAX_PAYLOADS} payloads."), "");
            return;
        }
        let tables: Vec<(&Located, &[Entry])> = items
            .iter()
            .filter_map(|item| match &item.item {
                Item::Table(keys) => Some((item, keys.as_slice())),
                _ => {
                    self.problem(item.span.start, "payload", "A payload is a table.", "Write [[payload]].");
                    None
                }
            })
            .collect();
        let names = self.name_payloads(&tables);
        let known: BTreeSet<String> = names.iter().cloned().collect();
        for ((item, keys), name) in tables.iter().zip(&names) {
            let payload = self.read_payload(item, keys, name, &known, &template.identifier);
            template.payloads.extend(payload);
        }
    }

    /// The name of each payload: as given, or the last part of its type.
    fn name_payloads(&mut self, tables: &[(&Located, &[Entry])]) -> Vec<String> {
        let mut taken = BTreeSet::from([IDENTITY.to_owned()]);
        let mut names = Vec::with_capacity(tables.len());
        for (item, keys) in tables {
            let given = find(keys, "name").and_then(|entry| self.text(&entry.value, "payload.name"));
            let name = match given {
                Some(name) if !is_slug(name) || taken.contains(name) => {
                    let advice = "Use small letters, digits and hyphens, and each name once.";
                    self.problem(
                        item.span.start,
                        "payload.name",
                        format!("{name:?} cannot be its name."),
                        advice,
                    );
                    continue_name(&taken, "payload")
                }
                Some(name) => name.to_owned(),
                None => {
                    let word = find(keys, "type").and_then(|entry| match &entry.value.item {
                        Item::Text(text) => Some(short_name(text)),
                        _ => None,
                    });
                    continue_name(&taken, word.as_deref().unwrap_or("payload"))
                }
            };
            taken.insert(name.clone());
            names.push(name);
        }
        names
    }

    fn read_payload(
        &mut self,
        item: &Located,
        keys: &[Entry],
        name: &str,
        payloads: &BTreeSet<String>,
        profile: &str,
    ) -> Option<Payload> {
        let path = format!("payload.{name}");
        self.place(&path, item.span.start);
        let payload_type = self.read_type(item, keys, &path)?;
        let identifier = format!("{profile}.{name}");
        let uuid = crate::template::payload_uuid(profile, &identifier);
        let title = find(keys, "title").and_then(|entry| self.text(&entry.value, &join(&path, "title")));
        let mut made: BTreeMap<String, Node> = [
            ("PayloadType", Node::Text(payload_type.clone())),
            ("PayloadIdentifier", Node::Text(identifier)),
            ("PayloadUUID", Node::Text(uuid)),
            ("PayloadVersion", Node::Integer(1)),
        ]
        .map(|(key, node)| (key.to_owned(), node))
        .into();
        if let Some(title) = title {
            made.insert("PayloadDisplayName".to_owned(), Node::Text(title.to_owned()));
        }
        let spec: Vec<&'static Key> =
            catalog::find(Kind::Payload, &payload_type).iter().flat_map(|entry| &entry.keys).collect();
        for entry in keys.iter().filter(|entry| !["type", "name", "title"].contains(&entry.key.as_str())) {
            let path = join(&path, &entry.key);
            self.place(&path, entry.at);
            if MADE.contains(&entry.key.as_str()) {
                let advice = "Take it out; what people read goes into title.";
                self.problem(entry.at, &path, "Ward makes this key itself.", advice);
                continue;
            }
            let key = key_of(&spec, &entry.key);
            let place =
                Place { key, name: &entry.key, payload_type: &payload_type, profile, payloads, depth: 1 };
            if let Some(node) = self.value(&entry.value, place, &path) {
                made.insert(entry.key.clone(), node);
            }
        }
        Some(Payload { name: name.to_owned(), keys: made })
    }

    fn read_type(&mut self, item: &Located, keys: &[Entry], path: &str) -> Option<String> {
        let path = join(path, "type");
        let Some(entry) = find(keys, "type") else {
            let advice = "Write type = \"com.apple.…\" first.";
            self.problem(item.span.start, &path, "The payload has no type.", advice);
            return None;
        };
        let payload_type = self.text(&entry.value, &path)?;
        self.place(&path, entry.at);
        if payload_type.trim().eq_ignore_ascii_case("com.apple.mdm") {
            let message = "Only Ward's enrolment makes a payload of type com.apple.mdm.";
            self.problem(entry.at, &path, message, "Take the payload out.");
            return None;
        }
        Some(payload_type.to_owned())
    }

    /// A value by the type of its key. What does not fit is carried over, for the catalogue to refuse in better words.
    fn value(&mut self, value: &Located, place: Place<'_>, path: &str) -> Option<Node> {
        let at = value.span.start;
        if place.depth > MAX_DEPTH {
            self.problem(at, path, "This is nested too deep.", "");
            return None;
        }
        if let Item::Table(entries) = &value.item
            && let Some(special) = special::of(entries, place.key)
        {
            return self.special(&special, at, place, path);
        }
        if catalog::is_secret_key(place.name) && !matches!(value.item, Item::Table(_) | Item::Array(_)) {
            let advice = "Write { secret = \"a-name\" } and set the value with 'ward secret set a-name'.";
            self.problem(at, path, "A secret does not stand in a file.", advice);
            return None;
        }
        let expected = place.key.map(|key| key.value_type);
        match (&value.item, expected) {
            (Item::Text(text), _) => self.text_value(text, at, place, path),
            (Item::Integer(number), Some(ValueType::Real)) => Some(Node::Real(number.to_string())),
            (Item::Integer(number), _) => Some(Node::Integer(*number)),
            (Item::Float(number), _) => Some(Node::Real(number.to_string())),
            (Item::Boolean(flag), _) => Some(Node::Boolean(*flag)),
            (Item::Datetime(text), _) => self.date(text, at, path),
            (Item::TooLarge, _) => {
                self.problem(at, path, "This number is too large.", "");
                None
            }
            (Item::Array(items), _) => self.array(items, place, path),
            (Item::Table(entries), _) => self.table(entries, place, path),
        }
    }

    fn text_value(&mut self, text: &str, at: usize, place: Place<'_>, path: &str) -> Option<Node> {
        let url = is_url_key(place.name) || place.key.and_then(|key| key.subtype) == Some("url");
        let node = self.text_node(text, at, path, url)?;
        let wants = place.key.map(|key| key.value_type);
        if wants == Some(ValueType::Data) && !matches!(node, Node::Variable(_)) {
            let advice = "Write { base64 = \"…\" } or { file = \"…\" }.";
            self.problem(at, path, "This key holds bytes, not text.", advice);
            return None;
        }
        if let Node::Variable(name) = &node {
            let kind = self.used.get(name).map(|variable| variable.kind)?;
            if !fits(kind, wants) {
                let wants = wants.map_or("something else", ValueType::in_words);
                let message = format!("${name} is of type {}, but this key holds {wants}.", kind.as_str());
                self.problem(at, path, message, "");
                return None;
            }
        }
        Some(node)
    }

    fn date(&mut self, text: &str, at: usize, path: &str) -> Option<Node> {
        let full = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
        if plist::Date::from_xml_format(&full).is_ok() {
            return Some(Node::Date(full));
        }
        self.problem(at, path, "This is not a time in UTC.", "Write it as 2027-01-31T08:00:00Z.");
        None
    }

    fn array(&mut self, items: &[Located], place: Place<'_>, path: &str) -> Option<Node> {
        let mut made = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.place(&path, item.span.start);
            let key = place.key.and_then(|key| element(key, &item.item));
            made.push(self.value(item, Place { key, depth: place.depth + 1, ..place }, &path)?);
        }
        Some(Node::Array(made))
    }

    fn table(&mut self, entries: &[Entry], place: Place<'_>, path: &str) -> Option<Node> {
        let mut made = BTreeMap::new();
        let keys: Vec<&'static Key> = place.key.map(|key| key.keys.iter().collect()).unwrap_or_default();
        for entry in entries {
            let path = join(path, &entry.key);
            self.place(&path, entry.at);
            let key = key_of(&keys, &entry.key);
            let inner = Place { key, name: &entry.key, depth: place.depth + 1, ..place };
            made.insert(entry.key.clone(), self.value(&entry.value, inner, &path)?);
        }
        Some(Node::Dictionary(made))
    }
}

fn fits(kind: VariableKind, wants: Option<ValueType>) -> bool {
    match wants {
        None | Some(ValueType::Any) => true,
        Some(ValueType::Integer | ValueType::Real) => kind == VariableKind::Integer,
        Some(ValueType::Boolean) => kind == VariableKind::Boolean,
        Some(ValueType::Data) => kind == VariableKind::Data,
        Some(ValueType::String) => {
            matches!(kind, VariableKind::Text | VariableKind::Email | VariableKind::Url)
        }
        Some(_) => false,
    }
}

/// The key of this name, or the one that stands for any.
fn key_of(keys: &[&'static Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name).or_else(|| keys.iter().find(|key| key.is_wildcard())).copied()
}

/// What the catalogue says of an element: the only choice, or the first whose type it has.
fn element(list: &'static Key, item: &Item) -> Option<&'static Key> {
    match list.keys.as_slice() {
        [only] => Some(only),
        choices => choices.iter().find(|key| {
            matches!(
                (key.value_type, item),
                (ValueType::Dictionary, Item::Table(_))
                    | (ValueType::Array, Item::Array(_))
                    | (ValueType::String, Item::Text(_))
            )
        }),
    }
}

/// The last telling part of a type: `com.apple.wifi.managed` → `wifi`.
fn short_name(payload_type: &str) -> String {
    let mut parts = payload_type
        .split(['.', '-'])
        .filter(|part| !["com", "apple", "managed", "account", ""].contains(part));
    let word = parts.next_back().unwrap_or("payload").to_ascii_lowercase();
    let clean: String =
        word.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).take(40).collect();
    if clean.is_empty() { "payload".to_owned() } else { clean }
}

/// The word, or the word with the first free number.
fn continue_name(taken: &BTreeSet<String>, word: &str) -> String {
    if !taken.contains(word) {
        return word.to_owned();
    }
    (2..=MAX_PAYLOADS + 2)
        .map(|n| format!("{word}-{n}"))
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}

/// Bytes from base64 that may be broken into lines.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()
}
