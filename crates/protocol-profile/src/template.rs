//! A profile with places for what differs on each device: made from a description or from an uploaded file, stored, and rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use catalog::{EnrollmentType, Ownership, Platform};
use plist::Dictionary;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::carries_network;
use crate::node::Node;
use crate::variable::Variable;

mod upload;

/// The namespace of the UUIDs of profiles that operators describe or upload.
pub(crate) const NAMESPACE: Uuid = Uuid::from_u128(0x2b0e_64d5_7c1f_5d0a_8c3b_94f6_5e27_a1c9);

/// Name of the payload that fetches an identity from Ward's network authority, behind the profile's identifier.
pub(crate) const IDENTITY: &str = "network-identity";

/// How a template was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// From a description in TOML.
    Toml,
    /// From an uploaded profile.
    Mobileconfig,
}

/// For which devices a profile is meant; the linter holds it against that. What is absent is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Audience {
    /// The operating systems; empty for any.
    pub platforms: Vec<Platform>,
    /// Whose devices.
    pub ownership: Option<Ownership>,
    /// How they enrolled.
    pub enrollment: Option<EnrollmentType>,
    /// Whether they are supervised.
    pub supervised: Option<bool>,
    /// Whether they are Shared iPads.
    pub shared_ipad: Option<bool>,
}

/// A finding of the linter that the hospital accepts, in writing and for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// The rule of the linter.
    pub rule: String,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds, as 2027-06-30.
    pub until: String,
}

/// A payload of a template.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Payload {
    /// What it is called in the description, or its number in an uploaded file.
    pub(crate) name: String,
    /// All its keys.
    pub(crate) keys: BTreeMap<String, Node>,
}

/// A profile with places for variables, secrets and references. It serialises for storage; what is stored may hold secrets that an
/// uploaded file carried, so it is kept sealed, and `Debug` shows names only.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    pub(crate) origin: Origin,
    pub(crate) name: String,
    pub(crate) identifier: String,
    /// The keys of the profile itself but `PayloadContent` and `PayloadUUID`.
    pub(crate) head: BTreeMap<String, Node>,
    pub(crate) payloads: Vec<Payload>,
    pub(crate) variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub(crate) audience: Audience,
    #[serde(default)]
    pub(crate) encrypt: bool,
    #[serde(default)]
    pub(crate) patient_data: bool,
    #[serde(default)]
    pub(crate) exceptions: Vec<Exception>,
}

impl Template {
    /// How it was made.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Its short name; of an uploaded profile the identifier.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `PayloadIdentifier`: installing a profile replaces the one with the same.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// `PayloadDisplayName`, without the values of variables.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        match self.head.get("PayloadDisplayName") {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The types of its payloads, in order; that of the network identity included.
    #[must_use]
    pub fn payload_types(&self) -> Vec<&str> {
        let identity = self.needs_network_identity().then_some("com.apple.security.scep");
        self.payloads.iter().map(Payload::payload_type).chain(identity).collect()
    }

    /// The variables that it uses, by name.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.variables.values()
    }

    /// The names of the secrets that it refers to.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.visit(&mut |node| {
            if let Node::Secret { name, .. } = node {
                names.insert(name.as_str());
            }
        });
        names
    }

    /// The platforms that it is meant for; empty for any.
    #[must_use]
    pub fn platforms(&self) -> &[Platform] {
        &self.audience.platforms
    }

    /// The devices that it is meant for.
    #[must_use]
    pub const fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Whether it has to be encrypted for each device.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypt
    }

    /// Whether it asks for an identity from Ward's network authority ([`crate::Values::network_identity`]).
    #[must_use]
    pub fn needs_network_identity(&self) -> bool {
        let mut needs = false;
        self.visit(&mut |node| needs |= *node == Node::Identity);
        needs
    }

    /// Whether it can cut or bring the way to the server, so that it goes in rings. See [`carries_network`].
    #[must_use]
    pub fn carries_network(&self) -> bool {
        carries_network(&self.as_dictionary())
    }

    /// The profile with stand-ins for variables and secrets: for classing, checking and showing.
    #[must_use]
    pub fn as_dictionary(&self) -> Dictionary {
        crate::render::render_form(self).unwrap_or_default()
    }

    /// Where it knows nothing of itself, what the operator says of an uploaded profile.
    #[must_use]
    pub fn with_audience(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }

    /// Asks for encryption to each device.
    #[must_use]
    pub const fn with_encryption(mut self, encrypt: bool) -> Self {
        self.encrypt = encrypt;
        self
    }

    /// Calls `see` for every value.
    pub(crate) fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Node)) {
        let nodes = self.payloads.iter().flat_map(|payload| payload.keys.values());
        self.head.values().chain(nodes).for_each(|node| node.visit(see));
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("identifier", &self.identifier)
            .field("payloads", &self.payload_types())
            .finish_non_exhaustive()
    }
}

impl Payload {
    /// `PayloadType`.
    pub(crate) fn payload_type(&self) -> &str {
        match self.keys.get("PayloadType") {
            Some(Node::Text(text)) => text,
            _ => "",
        }
    }
}

/// `PayloadUUID` of a payload: the same for as long as both identifiers are.
pub(crate) fn payload_uuid(profile: &str, payload: &str) -> String {
    uuid_text(Uuid::new_v5(&NAMESPACE, format!("{profile}\n{payload}").as_bytes()))
}

/// A UUID as Apple writes it.
pub(crate) fn uuid_text(uuid: Uuid) -> String {
    uuid.hyphenated().to_string().to_uppercase()
}

#[cfg(test)]
mod tests;
