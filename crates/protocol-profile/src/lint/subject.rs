//! A profile as the linter sees it: its payloads opened, its audience completed.

use catalog::{EnrollmentType, Ownership, Platform};
use plist::{Dictionary, Value};

use super::LintContext;
use crate::node::Node;
use crate::{Template, keypath};

/// A profile under the linter.
pub(super) struct Subject<'a> {
    pub(super) template: &'a Template,
    pub(super) payloads: Vec<Opened<'a>>,
    /// The whole profile, with stand-ins.
    pub(super) profile: Dictionary,
    /// The platforms to ask about; one `None` where nothing is said.
    pub(super) platforms: Vec<Option<Platform>>,
    pub(super) ownership: Option<Ownership>,
    pub(super) enrollment: Option<EnrollmentType>,
    pub(super) supervised: Option<bool>,
    pub(super) shared_ipad: Option<bool>,
}

/// A payload, with stand-ins.
pub(super) struct Opened<'a> {
    pub(super) name: &'a str,
    pub(super) payload_type: String,
    pub(super) keys: Dictionary,
    nodes: &'a std::collections::BTreeMap<String, Node>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(template: &'a Template, context: &LintContext) -> Self {
        let profile = template.as_dictionary();
        let before = usize::from(template.needs_network_identity());
        let content = profile.get("PayloadContent").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let opened =
            template.payloads.iter().zip(content.iter().skip(before)).filter_map(|(payload, value)| {
                Some(Opened {
                    name: &payload.name,
                    payload_type: payload.payload_type().to_owned(),
                    keys: value.as_dictionary()?.clone(),
                    nodes: &payload.keys,
                })
            });
        let audience = template.audience();
        let platforms = match audience.platforms.as_slice() {
            [] => vec![context.platform],
            named => named.iter().copied().map(Some).collect(),
        };
        Self {
            template,
            payloads: opened.collect(),
            platforms,
            ownership: audience.ownership.or(context.ownership),
            enrollment: audience.enrollment.or(context.enrollment),
            supervised: audience.supervised.or(context.supervised),
            shared_ipad: audience.shared_ipad.or(context.shared_ipad),
            profile,
        }
    }

    /// The payloads of a type.
    pub(super) fn of_type<'s>(&'s self, payload_type: &'s str) -> impl Iterator<Item = &'s Opened<'a>> {
        self.payloads.iter().filter(move |payload| payload.payload_type == payload_type)
    }

    pub(super) fn has(&self, payload_type: &str) -> bool {
        self.of_type(payload_type).next().is_some()
    }

    /// Whether its devices are used by several people; unknown counts.
    pub(super) fn may_be_shared(&self) -> bool {
        matches!(self.ownership, None | Some(Ownership::Shared))
    }

    /// Whether its devices belong to staff and are enrolled for work data only.
    pub(super) fn is_user_enrollment(&self) -> bool {
        self.enrollment == Some(EnrollmentType::User)
    }

    /// The catalogue's path in this profile's own words: `payload.wifi.SSID_STR`, `profile.ConsentText`.
    pub(super) fn path(&self, catalogue: &str) -> String {
        let before = usize::from(self.template.needs_network_identity());
        let Some((index, rest)) = keypath::payload_path(catalogue) else {
            return if catalogue.is_empty() { String::new() } else { format!("profile.{catalogue}") };
        };
        match index.checked_sub(before).and_then(|index| self.payloads.get(index)) {
            Some(payload) => payload.path(rest),
            None => crate::template::IDENTITY.to_owned(),
        }
    }
}

impl Opened<'_> {
    /// The path of a key.
    pub(super) fn path(&self, key: &str) -> String {
        if key.is_empty() { format!("payload.{}", self.name) } else { format!("payload.{}.{key}", self.name) }
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.keys.get(key).and_then(Value::as_boolean)
    }

    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.keys.get(key).and_then(Value::as_signed_integer)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key).and_then(Value::as_string)
    }

    pub(super) fn table(&self, key: &str) -> Option<&Dictionary> {
        self.keys.get(key).and_then(Value::as_dictionary)
    }

    /// The texts of a list.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<&str>> {
        let items = self.keys.get(key)?.as_array()?;
        Some(items.iter().filter_map(Value::as_string).collect())
    }

    /// Whether what stands at a path is the same on every device.
    pub(super) fn is_fixed(&self, path: &str) -> bool {
        let mut fixed = true;
        if let Some(node) = keypath::find(self.nodes, path) {
            node.visit(&mut |node| fixed &= !matches!(node, Node::Variable(_) | Node::Joined { .. }));
        }
        fixed
    }

    /// Whether a secret is referred to at this key, not written out.
    pub(super) fn nodes(&self) -> &std::collections::BTreeMap<String, Node> {
        self.nodes
    }
}
