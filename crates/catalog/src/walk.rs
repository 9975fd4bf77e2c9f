//! Holds a dictionary against the keys of the table: types, presence, values, and whether each key works on the device.

use plist::{Dictionary, Value};

use crate::DeviceFacts;
use crate::entry::{Key, ValueType};
use crate::refusal::{Refusal, Rule};
use crate::support::{self, Subject};
use crate::{format, nearest};

/// A check under way.
pub(crate) struct Walk<'a> {
    facts: &'a DeviceFacts,
    /// Keys that do not work on the device, and unknown ones, refuse the whole. True for commands; a profile or a
    /// declaration is taken by the device, which leaves such keys aside, so they are noted.
    strict: bool,
    /// Whether to ask if each key works on the device.
    pub applicability: bool,
    /// Whether what devices are known to do in answers passes although the schema says otherwise.
    pub tolerant: bool,
    /// What refuses.
    pub refusals: Vec<Refusal>,
    /// What is worth saying and refuses nothing.
    pub notes: Vec<Refusal>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(facts: &'a DeviceFacts, strict: bool) -> Self {
        Self { facts, strict, applicability: true, tolerant: false, refusals: Vec::new(), notes: Vec::new() }
    }

    /// A dictionary against its keys. `known` names keys that belong to it and are checked elsewhere.
    pub(crate) fn dictionary(&mut self, keys: &[Key], found: &Dictionary, path: &str, known: &[&str]) {
        for key in keys.iter().filter(|key| !key.is_wildcard()) {
            match found.get(key.name) {
                Some(value) => self.key(key, value, &join(path, key.name)),
                None if key.required && (!self.applicability || self.works(key)) => {
                    let advice =
                        format!("{} is required: it must be {}.", key.name, key.value_type.in_words());
                    self.refusals.push(Refusal::new(join(path, key.name), Rule::MissingKey, advice));
                }
                None => {}
            }
        }
        if keys.is_empty() {
            return;
        }
        let wildcard = keys.iter().find(|key| key.is_wildcard());
        for (name, value) in found {
            if keys.iter().any(|key| key.name == name) || known.contains(&name.as_str()) {
                continue;
            }
            match wildcard {
                Some(key) => self.value(key, value, &join(path, name)),
                None => self.unknown_key(keys, name, path),
            }
        }
    }

    fn unknown_key(&mut self, keys: &[Key], name: &str, path: &str) {
        let shown: String = name.chars().take(80).collect();
        let hint = nearest::hint(name, keys.iter().map(|key| key.name));
        let refusal = Refusal::new(
            join(path, &shown),
            Rule::UnknownKey,
            format!("Apple documents no key {shown} here.{hint}"),
        );
        if self.strict { self.refusals.push(refusal) } else { self.notes.push(refusal) }
    }

    /// Whether the key works on the device, as far as is known.
    fn works(&self, key: &Key) -> bool {
        let subject = Subject { name: key.name, kind: None };
        support::objections(subject, &key.systems, key.gone, self.facts).iter().all(|one| one.harmless)
    }

    /// A key with its value: does it work here, and is the value right?
    fn key(&mut self, key: &Key, value: &Value, path: &str) {
        let strict = self.strict;
        self.applicability(key, path, strict);
        self.value(key, value, path);
    }

    fn applicability(&mut self, key: &Key, path: &str, strict: bool) {
        if !self.applicability {
            return;
        }
        let subject = Subject { name: key.name, kind: None };
        for objection in support::objections(subject, &key.systems, key.gone, self.facts) {
            let refusal = Refusal::new(path, objection.rule, objection.advice);
            if strict && !objection.harmless { self.refusals.push(refusal) } else { self.notes.push(refusal) }
        }
    }

    fn refuse(&mut self, path: &str, rule: Rule, advice: String) {
        self.refusals.push(Refusal::new(path, rule, advice));
    }

    fn value(&mut self, key: &Key, value: &Value, path: &str) {
        match (key.value_type, value) {
            (ValueType::String, Value::String(text)) => self.text(key, text, path),
            (ValueType::Integer, Value::Integer(number)) => {
                self.number(key, number.as_signed().map(|n| n as f64), value, path);
            }
            (ValueType::Real, Value::Integer(number)) => {
                self.number(key, number.as_signed().map(|n| n as f64), value, path);
            }
            (ValueType::Real, Value::Real(number)) => self.number(key, Some(*number), value, path),
            (ValueType::Boolean, Value::Boolean(_)) => self.listed(key, value, path),
            (ValueType::Array, Value::Array(elements)) => self.array(key, elements, path),
            (ValueType::Dictionary, Value::Dictionary(inner)) => self.dictionary(&key.keys, inner, path, &[]),
            (ValueType::Integer, Value::Real(number)) if self.tolerant => {
                self.number(key, Some(*number), value, path)
            }
            (ValueType::Dictionary, Value::Array(elements)) if self.tolerant => {
                for (index, inner) in elements.iter().filter_map(Value::as_dictionary).enumerate() {
                    self.dictionary(&key.keys, inner, &format!("{path}[{index}]"), &[]);
                }
            }
            (ValueType::Any, _) | (ValueType::Date, Value::Date(_)) | (ValueType::Data, Value::Data(_)) => {}
            (wanted, _) => {
                let advice = format!(
                    "{} must be {}, and it is {}.",
                    key.name,
                    wanted.in_words(),
                    type_in_words(value)
                );
                self.refuse(path, Rule::WrongType, advice);
            }
        }
    }

    fn text(&mut self, key: &Key, text: &str, path: &str) {
        self.listed(key, &Value::String(text.to_owned()), path);
        if let Some(expression) = key.format.filter(|expression| !format::matches(expression, text)) {
            let advice = format!("{} must be {}.", key.name, format::in_words(expression));
            self.refuse(path, Rule::BadFormat, advice);
        }
        if let Some(word) = key.subtype.filter(|subtype| !has_subtype(subtype, text)) {
            self.refuse(path, Rule::BadFormat, format!("{} must be a valid {word}.", key.name));
        }
        if key.keys.is_empty() {
            return;
        }
        // The text is the name of something that has a support of its own: a query of DeviceInformation. A device
        // leaves aside what it does not know.
        match key.keys.iter().find(|word| word.name == text) {
            Some(word) => self.applicability(word, path, false),
            None => {
                let hint = nearest::hint(text, key.keys.iter().map(|word| word.name));
                let shown: String = text.chars().take(80).collect();
                let advice = format!("Apple documents no {shown} here.{hint}");
                self.notes.push(Refusal::new(path, Rule::UnknownKey, advice));
            }
        }
    }

    fn number(&mut self, key: &Key, number: Option<f64>, value: &Value, path: &str) {
        let below = key.minimum.is_some_and(|least| number.is_some_and(|n| n < least));
        let above = key.maximum.is_some_and(|most| number.is_none_or(|n| n > most));
        let has_range = key.minimum.is_some() || key.maximum.is_some();
        let is_listed = key.allowed.iter().any(|allowed| equal(allowed, value));
        if has_range && (below || above) && !is_listed {
            let range = match (key.minimum, key.maximum) {
                (Some(least), Some(most)) => format!("from {least} to {most}"),
                (Some(least), None) => format!("{least} or more"),
                (None, Some(most)) => format!("{most} or less"),
                (None, None) => String::new(),
            };
            self.refuse(path, Rule::OutOfRange, format!("{} must be {range}.", key.name));
        } else if !has_range {
            self.listed(key, value, path);
        }
    }

    fn listed(&mut self, key: &Key, value: &Value, path: &str) {
        if key.allowed.is_empty() || key.allowed.iter().any(|allowed| equal(allowed, value)) {
            return;
        }
        let words: Vec<_> = key.allowed.iter().take(40).map(in_words).collect();
        self.refuse(path, Rule::NotListed, format!("{} must be one of: {}.", key.name, words.join(", ")));
    }

    fn array(&mut self, key: &Key, elements: &[Value], path: &str) {
        if let [element] = key.keys.as_slice()
            && let Some((least, most)) = element.count
            && (elements.len() < least || most.is_some_and(|most| elements.len() > most))
        {
            let advice =
                format!("{} has {} elements, which is not what Apple asks for.", key.name, elements.len());
            self.refuse(path, Rule::OutOfRange, advice);
        }
        for (index, value) in elements.iter().enumerate() {
            let here = format!("{path}[{index}]");
            match key.keys.as_slice() {
                [] => {}
                [element] => self.value(element, value, &here),
                choices => match choose(choices, value) {
                    Some(choice) => self.key(choice, value, &here),
                    None => {
                        let names: Vec<_> = choices.iter().map(|choice| choice.name).collect();
                        let advice = format!("This element is none of: {}.", names.join(", "));
                        self.refuse(&here, Rule::NotListed, advice);
                    }
                },
            }
        }
    }
}

/// The element of a mixed array that a value means: the one whose only allowed value of a key it carries
/// (`Item` of Settings), or else the first whose type fits.
pub(crate) fn choose<'k>(choices: &'k [Key], value: &Value) -> Option<&'k Key> {
    let tagged = |choice: &&Key| choice.keys.iter().any(|key| key.required && key.allowed.len() == 1);
    let carries = |choice: &&Key| {
        choice.keys.iter().filter(|key| key.required && key.allowed.len() == 1).all(|key| {
            let found = value.as_dictionary().and_then(|inner| inner.get(key.name));
            found.is_some_and(|found| key.allowed.iter().all(|allowed| equal(allowed, found)))
        })
    };
    choices.iter().filter(tagged).find(carries).or_else(|| {
        choices.iter().filter(|choice| !tagged(choice)).find(|choice| fits(choice.value_type, value))
    })
}

fn fits(wanted: ValueType, value: &Value) -> bool {
    matches!(
        (wanted, value),
        (ValueType::Any, _)
            | (ValueType::String, Value::String(_))
            | (ValueType::Integer | ValueType::Real, Value::Integer(_))
            | (ValueType::Real, Value::Real(_))
            | (ValueType::Boolean, Value::Boolean(_))
            | (ValueType::Date, Value::Date(_))
            | (ValueType::Data, Value::Data(_))
            | (ValueType::Array, Value::Array(_))
            | (ValueType::Dictionary, Value::Dictionary(_))
    )
}

/// `a.b` of `a` and `b`; `b` at the top.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn has_subtype(subtype: &str, text: &str) -> bool {
    match subtype {
        "url" => text.split_once(':').is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        }),
        "hostname" => {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
        }
        "email" => {
            text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        }
        _ => true,
    }
}

fn equal(allowed: &serde_json::Value, value: &Value) -> bool {
    match (allowed, value) {
        (serde_json::Value::String(allowed), Value::String(text)) => allowed == text,
        (serde_json::Value::Bool(allowed), Value::Boolean(value)) => allowed == value,
        (serde_json::Value::Number(allowed), Value::Integer(number)) => {
            allowed.as_i64().is_some_and(|allowed| number.as_signed() == Some(allowed))
        }
        (serde_json::Value::Number(allowed), Value::Real(number)) => allowed.as_f64() == Some(*number),
        _ => false,
    }
}

fn in_words(allowed: &serde_json::Value) -> String {
    allowed.as_str().map_or_else(|| allowed.to_string(), str::to_owned)
}

fn type_in_words(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Real(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Date(_) => "a date",
        Value::Data(_) => "data",
        Value::Array(_) => "a list",
        Value::Dictionary(_) => "a dictionary",
        _ => "something else",
    }
}
