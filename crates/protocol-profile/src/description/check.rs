//! Holding a described profile against the catalogue.

use catalog::{ChannelKind, DeviceFacts, EnrollmentType, Kind, Ownership, Refusal, Rule, What};

use super::{Reader, nearest_line};
use crate::keypath;
use crate::node::Node;
use crate::template::Template;

impl Reader<'_> {
    /// Says what the catalogue refuses or does not know. Rules about the value are not asked where a variable stands: rendering does.
    pub(super) fn check(&mut self, template: &Template) {
        self.check_platforms(template);
        let facts = DeviceFacts::unknown(EnrollmentType::Device, Ownership::Corporate, ChannelKind::Device);
        let profile = template.as_dictionary();
        let before = usize::from(template.needs_network_identity());
        let verdict = catalog::check(What::Profile(&profile), &facts);
        let unknown = verdict.notes.into_iter().filter(|note| note.rule == Rule::UnknownKey);
        for refusal in verdict.refusals.into_iter().chain(unknown) {
            let Some((index, rest)) = keypath::payload_path(&refusal.key_path) else {
                self.report(&format!("profile.{}", refusal.key_path), &refusal);
                continue;
            };
            let Some(payload) = index.checked_sub(before).and_then(|index| template.payloads.get(index))
            else {
                continue;
            };
            let value = matches!(refusal.rule, Rule::NotListed | Rule::OutOfRange | Rule::BadFormat);
            let filled = keypath::find(&payload.keys, rest).is_some_and(holds_places);
            if value && filled {
                continue;
            }
            let word = if rest == "PayloadType" { "type" } else { rest };
            let path = super::join(&format!("payload.{}", payload.name), word);
            // It is in the file, and something has been said about its value already.
            if refusal.rule == Rule::MissingKey && self.places.contains_key(&path) {
                continue;
            }
            self.report(&path, &refusal);
        }
    }

    fn report(&mut self, path: &str, refusal: &Refusal) {
        let line = nearest_line(&self.places, path);
        self.problem_at_line(line, path, refusal.advice.clone(), "");
    }

    /// A payload that none of the named platforms has.
    fn check_platforms(&mut self, template: &Template) {
        let platforms = &template.audience.platforms;
        for payload in template.payloads.iter().filter(|_| !platforms.is_empty()) {
            let entries = catalog::find(Kind::Payload, payload.payload_type());
            let works = entries.iter().any(|entry| {
                platforms
                    .iter()
                    .any(|platform| entry.systems.of(*platform).is_some_and(|support| support.available))
            });
            if works || entries.is_empty() {
                continue;
            }
            let path = format!("payload.{}.type", payload.name);
            let line = nearest_line(&self.places, &path);
            let words: Vec<String> = entries.iter().map(|entry| entry.systems.in_words()).collect();
            let message = format!(
                "None of the profile's platforms has this payload; it works on {}.",
                words.join("; ")
            );
            self.problem_at_line(
                line,
                &path,
                message,
                "Change platforms in [profile], or take the payload out.",
            );
        }
    }
}

fn holds_places(node: &Node) -> bool {
    let mut found = false;
    node.visit(&mut |node| {
        found |= matches!(node, Node::Variable(_) | Node::Joined { .. } | Node::Secret { .. });
    });
    found
}
