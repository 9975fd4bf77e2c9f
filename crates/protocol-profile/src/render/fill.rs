//! Putting values into the places of a template.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use plist::{Dictionary, Value};
use secrecy::ExposeSecret as _;

use super::{HIDDEN, IDENTITY, NetworkIdentity, SecretValue, Unset, Values, hidden_data, payload_uuid};
use crate::Template;
use crate::node::Node;
use crate::variable::{Part, Variable, VariableKind};

/// What is percent-encoded in a URL: all but the unreserved characters of RFC 3986, 2.3.
const IN_URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'!')
    .add(b'"')
    .add(b'#')
    .add(b'$')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*')
    .add(b'+')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What is put in the place of secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Their names and versions: for the digest.
    Digest,
    /// A mark.
    Hidden,
    /// Themselves.
    Full,
}

/// A filling under way.
pub(super) struct Fill<'a> {
    template: &'a Template,
    values: &'a Values,
    mode: Mode,
    unset: BTreeMap<String, String>,
}

impl<'a> Fill<'a> {
    pub(super) const fn new(template: &'a Template, values: &'a Values, mode: Mode) -> Self {
        Self { template, values, mode, unset: BTreeMap::new() }
    }

    /// What could not be filled.
    pub(super) fn into_unset(self) -> Vec<Unset> {
        self.unset.into_iter().map(|(variable, reason)| Unset { variable, reason }).collect()
    }

    /// A value of the template with all places filled; something of no meaning where one cannot be.
    pub(super) fn value(&mut self, node: &Node) -> Value {
        match node {
            Node::Text(text) => text.as_str().into(),
            Node::Integer(number) => (*number).into(),
            Node::Unsigned(number) => (*number).into(),
            Node::Real(text) => Value::Real(text.parse().unwrap_or_default()),
            Node::Boolean(value) => (*value).into(),
            Node::Date(text) => plist::Date::from_xml_format(text).map_or_else(|_| "".into(), Value::Date),
            Node::Data(bytes) => Value::Data(bytes.clone()),
            Node::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Node::Dictionary(entries) => {
                let filled: Dictionary =
                    entries.iter().map(|(key, node)| (key.clone(), self.value(node))).collect();
                filled.into()
            }
            Node::Variable(name) => self.variable(name),
            Node::Joined { parts, url } => self.joined(parts, *url),
            Node::Secret { name, data } => self.secret(name, *data),
            Node::Payload(identifier) => payload_uuid(self.template.identifier(), identifier).into(),
            Node::Identity => payload_uuid(self.template.identifier(), &self.identity_name()).into(),
        }
    }

    fn identity_name(&self) -> String {
        format!("{}.{IDENTITY}", self.template.identifier())
    }

    /// The value of a variable in its type.
    fn variable(&mut self, name: &str) -> Value {
        let Some(variable) = self.template.variables.get(name) else {
            self.miss(format!("${name}"), "it is not declared");
            return "".into();
        };
        let Variable { source, kind, default, .. } = variable;
        let Some(text) = self.values.variables.get(source).or(default.as_ref()) else {
            self.miss(source.clone(), "it is not set for this device, and the profile has no default for it");
            return "".into();
        };
        match kind.read(text) {
            Ok(value) => value,
            Err(reason) => {
                self.miss(source.clone(), &reason);
                "".into()
            }
        }
    }

    fn joined(&mut self, parts: &[Part], url: bool) -> Value {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable(name) => {
                    let value = self.variable(name);
                    let shown = match &value {
                        Value::Boolean(value) => value.to_string(),
                        Value::Integer(number) => number.to_string(),
                        other => other.as_string().unwrap_or_default().to_owned(),
                    };
                    // A whole URL at the beginning is the address itself; anything else is a value within one.
                    let whole = text.is_empty()
                        && self.template.variables.get(name).is_some_and(|v| v.kind == VariableKind::Url);
                    if url && !whole {
                        text.extend(utf8_percent_encode(&shown, IN_URL));
                    } else {
                        text.push_str(&shown);
                    }
                }
            }
        }
        text.into()
    }

    fn secret(&mut self, name: &str, data: bool) -> Value {
        let Some(SecretValue { version, value }) = self.values.secrets.get(name) else {
            self.miss(format!("secret({name})"), "no such secret has been set");
            return "".into();
        };
        let text = match (self.mode, value) {
            (Mode::Digest, _) => {
                let mut reference = Dictionary::new();
                reference.insert("secret".to_owned(), name.into());
                reference.insert("version".to_owned(), (*version).into());
                return reference.into();
            }
            (Mode::Full, Some(value)) => value.expose_secret().to_owned(),
            (Mode::Hidden | Mode::Full, _) => HIDDEN.to_owned(),
        };
        if data { Value::Data(text.into_bytes()) } else { text.into() }
    }

    /// The payload that fetches the identity, where the template refers to it.
    pub(super) fn identity_payload(&mut self) -> Option<Dictionary> {
        if !self.template.needs_network_identity() {
            return None;
        }
        let Some(NetworkIdentity { version, payload }) = &self.values.network_identity else {
            self.miss(
                "network identity".to_owned(),
                "the network authority has made no identity for this device",
            );
            return None;
        };
        let mut made = match (self.mode, payload) {
            (Mode::Full, Some(payload)) => whole_payload(payload),
            (Mode::Digest, _) => {
                let mut content = Dictionary::new();
                content.insert("version".to_owned(), version.as_str().into());
                content
            }
            _ => whole_payload(&marked_identity()),
        };
        let identifier = self.identity_name();
        made.insert("PayloadUUID".to_owned(), payload_uuid(self.template.identifier(), &identifier).into());
        made.insert("PayloadIdentifier".to_owned(), identifier.into());
        made.insert("PayloadVersion".to_owned(), 1.into());
        if !made.contains_key("PayloadDisplayName") {
            made.insert("PayloadDisplayName".to_owned(), "Network identity".into());
        }
        made.sort_keys();
        Some(made)
    }

    fn miss(&mut self, variable: String, reason: &str) {
        self.unset.entry(variable).or_insert_with(|| reason.to_owned());
    }
}

/// A payload from a whole one, or from the content of a SCEP payload.
fn whole_payload(given: &Dictionary) -> Dictionary {
    if given.contains_key("PayloadType") {
        return given.clone();
    }
    let mut payload = Dictionary::new();
    payload.insert("PayloadType".to_owned(), "com.apple.security.scep".into());
    payload.insert("PayloadContent".to_owned(), given.clone().into());
    payload
}

/// What stands for an identity that is made only when the profile is handed out.
fn marked_identity() -> Dictionary {
    let mut content = Dictionary::new();
    content.insert("URL".to_owned(), "https://ward.invalid/scep/network".into());
    content.insert("Challenge".to_owned(), HIDDEN.into());
    content.insert("CAFingerprint".to_owned(), Value::Data(hidden_data()));
    content
}
