//! Templates from profiles that others made.

use std::collections::BTreeMap;

use plist::{Dictionary, Value};
use plist_guard::{Limits, parse_any_dictionary};

use super::{Origin, Payload, Template, payload_uuid};
use crate::inspect::{check_uploadable, content_of};
use crate::node::Node;
use crate::variable::{Part, Variable, split};
use crate::{Audience, Error};

impl Template {
    /// Reads a profile: XML, binary, or either within a CMS signature, which is checked and dropped (Ward signs itself). It may not
    /// hold MDM or anything encrypted. A `$` in it stays a `$`.
    ///
    /// # Errors
    /// As [`check_uploadable`], and for payloads that are none.
    pub fn from_mobileconfig(file: &[u8]) -> Result<Self, Error> {
        Self::from_mobileconfig_with(file, &[])
    }

    /// The same, with variables: `$name` in a text is replaced for the declared names, and only for these.
    ///
    /// # Errors
    /// As [`Self::from_mobileconfig`].
    pub fn from_mobileconfig_with(file: &[u8], variables: &[Variable]) -> Result<Self, Error> {
        let summary = check_uploadable(file)?;
        // What XML cannot hold would come back as another identifier, and so as another profile.
        if summary.identifier.len() > 300
            || summary.identifier.chars().any(|c| c.is_control() || c > '\u{FFFD}')
        {
            return Err(Error::NotAProfile("its PayloadIdentifier is too long or holds control characters"));
        }
        let content = content_of(file)?;
        let profile = parse_any_dictionary(&content, &Limits::OPERATOR)?;
        let mut template = Self {
            origin: Origin::Mobileconfig,
            name: summary.identifier.clone(),
            identifier: summary.identifier,
            head: BTreeMap::new(),
            payloads: Vec::new(),
            variables: BTreeMap::new(),
            audience: Audience::default(),
            encrypt: false,
            patient_data: false,
            exceptions: Vec::new(),
        };
        for (key, value) in &profile {
            match key.as_str() {
                "PayloadUUID" => {}
                "PayloadContent" => template.take_payloads(value)?,
                _ => {
                    template.head.insert(key.clone(), Node::from_value(value, 0).ok_or(UNFIT)?);
                }
            }
        }
        template.expand(variables);
        Ok(template)
    }

    fn take_payloads(&mut self, content: &Value) -> Result<(), Error> {
        for (index, one) in content.as_array().into_iter().flatten().enumerate() {
            let payload =
                one.as_dictionary().ok_or(Error::NotAProfile("a payload is not a dictionary"))?.clone();
            let payload = completed(payload, &self.identifier, index);
            let keys = Node::from_entries(&payload, 0).ok_or(UNFIT)?;
            self.payloads.push(Payload { name: index.to_string(), keys });
        }
        Ok(())
    }

    /// Puts variables where texts name them.
    fn expand(&mut self, variables: &[Variable]) {
        if variables.is_empty() {
            return;
        }
        let mut used = BTreeMap::new();
        for payload in &mut self.payloads {
            for (key, node) in &mut payload.keys {
                expand(key, node, variables, &mut used);
            }
        }
        self.variables = used;
    }
}

const UNFIT: Error = Error::NotAProfile("it nests too deep, or holds a number that is none");

/// A payload with what every payload must have and tools leave out.
fn completed(mut payload: Dictionary, profile: &str, index: usize) -> Dictionary {
    let given = |payload: &Dictionary, key: &str| {
        payload.get(key).and_then(Value::as_string).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let identifier = given(&payload, "PayloadIdentifier").unwrap_or_else(|| format!("{profile}.{index}"));
    if given(&payload, "PayloadUUID").is_none() {
        payload.insert("PayloadUUID".to_owned(), payload_uuid(profile, &identifier).into());
    }
    payload.insert("PayloadIdentifier".to_owned(), identifier.into());
    if !payload.contains_key("PayloadVersion") {
        payload.insert("PayloadVersion".to_owned(), 1.into());
    }
    payload
}

fn expand(key: &str, node: &mut Node, variables: &[Variable], used: &mut BTreeMap<String, Variable>) {
    match node {
        Node::Array(items) => items.iter_mut().for_each(|item| expand(key, item, variables, used)),
        Node::Dictionary(entries) => {
            entries.iter_mut().for_each(|(key, value)| expand(key, value, variables, used));
        }
        Node::Text(text) => {
            let Ok(parts) = split(text) else { return };
            let named = parts.iter().filter_map(|part| match part {
                Part::Variable(name) => Some(variables.iter().find(|variable| variable.name == *name)),
                Part::Literal(_) => None,
            });
            let Some(found) = named.collect::<Option<Vec<_>>>().filter(|found| !found.is_empty()) else {
                return;
            };
            used.extend(found.into_iter().map(|variable| (variable.name.clone(), variable.clone())));
            *node = match parts.as_slice() {
                [Part::Variable(name)] => Node::Variable(name.clone()),
                _ => Node::Joined { url: crate::description::is_url_key(key), parts },
            };
        }
        _ => {}
    }
}
