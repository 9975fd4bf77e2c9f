//! Rendering: a template and the values of one device make the profile of that device, always the same bytes for the same values.

use std::collections::BTreeMap;
use std::fmt;

use catalog::{ChannelKind, DeviceFacts, EnrollmentType, Ownership, What};
use plist::{Dictionary, Value};
use plist_guard::write_xml;
use secrecy::SecretString;
use serde::Serialize;
use uuid::Uuid;

use crate::Template;
use crate::node::Node;
use crate::template::{IDENTITY, NAMESPACE, payload_uuid, uuid_text};

mod fill;

use fill::{Fill, Mode};

/// A secret, as far as the caller may know it.
#[derive(Clone, Debug)]
pub struct SecretValue {
    /// Its version: a new one makes a new profile.
    pub version: i64,
    /// The value; `None` renders a mark in its place.
    pub value: Option<SecretString>,
}

/// The identity from Ward's network authority for one device.
#[derive(Clone, Debug)]
pub struct NetworkIdentity {
    /// What makes the device fetch a new identity when it changes: the authority, and how often the identity was renewed.
    pub version: String,
    /// The SCEP or ACME payload with its challenge, made when the profile is handed out: a whole payload, or the `PayloadContent` of
    /// `com.apple.security.scep`. `None` renders a mark.
    pub payload: Option<Dictionary>,
}

/// What a device's own profile is made of.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Values by source: `$device.serial` → `C02X`.
    pub variables: BTreeMap<String, String>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, SecretValue>,
    /// The identity, where the template needs one.
    pub network_identity: Option<NetworkIdentity>,
}

impl Values {
    /// Values that stand in for all that a template needs, to see its form.
    #[must_use]
    pub fn stand_ins(template: &Template) -> Self {
        let variables = template.variables().map(|variable| {
            (
                variable.source.clone(),
                variable.default.as_deref().unwrap_or(variable.kind.stand_in()).to_owned(),
            )
        });
        let secrets = template.secrets().into_iter();
        Self {
            variables: variables.collect(),
            secrets: secrets.map(|name| (name.to_owned(), SecretValue { version: 0, value: None })).collect(),
            network_identity: template
                .needs_network_identity()
                .then(|| NetworkIdentity { version: String::new(), payload: None }),
        }
    }
}

/// Why a profile cannot be made for a device: what is not set, or does not fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unset {
    /// The source of the variable (`$site.wifi_ssid`), `secret(name)` or `network identity`.
    pub variable: String,
    /// What is wrong with it, for an operator.
    pub reason: String,
}

impl fmt::Display for Unset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.reason)
    }
}

/// The profile of one device.
#[derive(Clone, PartialEq)]
pub struct Rendered {
    /// The profile; it may hold secrets.
    pub dictionary: Dictionary,
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// `PayloadUUID` (version 5): another one means another content. Secrets count by name and version.
    pub uuid: Uuid,
    /// SHA-256 of the same content.
    pub digest: [u8; 32],
}

impl Rendered {
    /// The profile as an XML property list.
    #[must_use]
    pub fn to_xml(&self) -> Vec<u8> {
        write_xml(&self.dictionary)
    }

    /// `PayloadUUID` as it stands in the profile and in a device's ProfileList.
    #[must_use]
    pub fn uuid_text(&self) -> String {
        uuid_text(self.uuid)
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered")
            .field("identifier", &self.identifier)
            .field("uuid", &self.uuid)
            .finish_non_exhaustive()
    }
}

/// Makes the profile of one device.
///
/// # Errors
/// Everything that is not set or does not fit, each once.
pub fn render(template: &Template, values: &Values) -> Result<Rendered, Vec<Unset>> {
    make(template, values, true)
}

/// The form of a profile: what stands in for a variable need not be a value that its key can have.
pub(crate) fn render_form(template: &Template) -> Option<Dictionary> {
    make(template, &Values::stand_ins(template), false).ok().map(|rendered| rendered.dictionary)
}

fn make(template: &Template, values: &Values, judged: bool) -> Result<Rendered, Vec<Unset>> {
    let mut known = Fill::new(template, values, Mode::Digest);
    let (head, payloads) = fill(template, &mut known);
    let canonical = assemble(template, &head, payloads, None);
    let mut unset = known.into_unset();
    if !unset.is_empty() {
        return Err(unset);
    }
    let digest = pki::sha256(&write_xml(&canonical));
    let uuid = Uuid::new_v5(&NAMESPACE, &[template.identifier().as_bytes(), b"\n", &digest].concat());

    if judged {
        let (head, payloads) = fill(template, &mut Fill::new(template, values, Mode::Hidden));
        unset.extend(misfits(template, &assemble(template, &head, payloads, Some(uuid))));
    }
    if !unset.is_empty() {
        return Err(unset);
    }
    let (head, payloads) = fill(template, &mut Fill::new(template, values, Mode::Full));
    let dictionary = assemble(template, &head, payloads, Some(uuid));
    Ok(Rendered { dictionary, identifier: template.identifier().to_owned(), uuid, digest })
}

type Filled = (BTreeMap<String, Value>, Vec<Dictionary>);

fn fill(template: &Template, fill: &mut Fill<'_>) -> Filled {
    let head = template.head.iter().map(|(key, node)| (key.clone(), fill.value(node))).collect();
    let mut payloads: Vec<Dictionary> = Vec::with_capacity(template.payloads.len() + 1);
    // The identity comes first: devices install payloads in order.
    payloads.extend(fill.identity_payload());
    for payload in &template.payloads {
        payloads.push(payload.keys.iter().map(|(key, node)| (key.clone(), fill.value(node))).collect());
    }
    (head, payloads)
}

fn assemble(
    template: &Template,
    head: &BTreeMap<String, Value>,
    payloads: Vec<Dictionary>,
    uuid: Option<Uuid>,
) -> Dictionary {
    let mut entries = head.clone();
    let content = payloads.into_iter().map(Value::Dictionary).collect();
    entries.insert("PayloadContent".to_owned(), Value::Array(content));
    entries.insert("PayloadIdentifier".to_owned(), template.identifier().into());
    if let Some(uuid) = uuid {
        entries.insert("PayloadUUID".to_owned(), uuid_text(uuid).into());
    }
    entries.into_iter().collect()
}

/// Values of variables that the catalogue does not take where they stand. Asked of a profile without secrets, because the answer may
/// repeat what it found.
fn misfits(template: &Template, shown: &Dictionary) -> Vec<Unset> {
    if template.variables.is_empty() {
        return Vec::new();
    }
    let facts = DeviceFacts::unknown(EnrollmentType::Device, Ownership::Corporate, ChannelKind::Device);
    let before = usize::from(template.needs_network_identity());
    let verdict = catalog::check(What::Profile(shown), &facts);
    let mut found: Vec<Unset> = Vec::new();
    for refusal in verdict.refusals {
        let Some((index, path)) = crate::keypath::payload_path(&refusal.key_path) else { continue };
        let payload = index.checked_sub(before).and_then(|index| template.payloads.get(index));
        let Some(node) = payload.and_then(|payload| crate::keypath::find(&payload.keys, path)) else {
            continue;
        };
        node.visit(&mut |node| {
            for source in sources(template, node) {
                let unset = Unset { variable: source, reason: refusal.advice.clone() };
                if !found.contains(&unset) {
                    found.push(unset);
                }
            }
        });
    }
    found
}

/// The sources of the variables in one value.
fn sources(template: &Template, node: &Node) -> Vec<String> {
    let names: Vec<&String> = match node {
        Node::Variable(name) => vec![name],
        Node::Joined { parts, .. } => parts
            .iter()
            .filter_map(|part| match part {
                crate::variable::Part::Variable(name) => Some(name),
                crate::variable::Part::Literal(_) => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter_map(|name| template.variables.get(name)).map(|v| v.source.clone()).collect()
}

/// The mark that stands where a secret is not shown.
pub const HIDDEN: &str = "(secret)";

fn hidden_data() -> Vec<u8> {
    HIDDEN.as_bytes().to_vec()
}

#[cfg(test)]
mod tests;
