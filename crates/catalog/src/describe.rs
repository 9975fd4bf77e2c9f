//! What the catalogue knows, for people and for completion.

use serde::Serialize;

use crate::effects::{class_of_payload_removal, class_of_type};
use crate::entry::{Entry, Key, Kind, Systems};
use crate::support::{Subject, objections};
use crate::table::Table;
use crate::{Classification, DeviceFacts, filled_by_ward, rights, successor};

/// Everything about one command (`ward command describe`).
#[derive(Clone, Debug, Serialize)]
pub struct CommandDescription {
    /// Apple's name.
    pub request_type: &'static str,
    /// The class of the command without any keys, and why.
    pub effect: Classification,
    /// Where it works, in words.
    pub works_on: String,
    /// The access right that it needs, in words; empty for none.
    pub access_right: String,
    /// What to use instead, where Apple took it away or advises against it.
    pub successor: Option<&'static str>,
    /// Key paths that Ward fills in itself.
    pub filled_by_ward: Vec<&'static str>,
    /// For each system, what the schema says.
    pub systems: &'static Systems,
    /// The keys that it takes.
    pub keys: &'static [Key],
    /// The keys of the answer.
    pub answer: &'static [Key],
}

/// The names of all commands, in order.
pub fn commands() -> impl Iterator<Item = &'static str> {
    names(Kind::Command)
}

/// The names of everything of a kind, in order, each once.
pub fn names(kind: Kind) -> impl Iterator<Item = &'static str> {
    let mut last = "";
    Table::get().of_kind(kind).map(|entry| entry.name).filter(move |name| {
        let is_new = *name != last;
        last = name;
        is_new
    })
}

/// What the catalogue says about a name: nothing when it is unknown, several entries where Apple describes a payload
/// type in parts.
#[must_use]
pub fn find(kind: Kind, name: &str) -> &'static [Entry] {
    Table::get().find(kind, name)
}

/// Everything about one command, or `None` when Apple has none of that name.
#[must_use]
pub fn describe(request_type: &str) -> Option<CommandDescription> {
    let entry = find(Kind::Command, request_type).first()?;
    let right =
        entry.systems.0.iter().filter_map(|(_, support)| support.access_right).max().unwrap_or_default();
    Some(CommandDescription {
        request_type: entry.name,
        effect: class_of_type(Kind::Command, entry.name),
        works_on: entry.systems.in_words(),
        access_right: if right == 0 { String::new() } else { rights::in_words(right) },
        successor: successor::of(entry.name),
        filled_by_ward: filled_by_ward(entry.name).collect(),
        systems: &entry.systems,
        keys: &entry.keys,
        answer: &entry.answer,
    })
}

/// A payload type for a list: its name, the class of installing it bare, and of removing it.
#[derive(Clone, Debug, Serialize)]
pub struct PayloadDescription {
    /// Apple's name.
    pub payload_type: &'static str,
    /// Where it works, in words.
    pub works_on: String,
    /// The least that installing it can do, and why.
    pub effect: Classification,
    /// What removing it can do, and why.
    pub removal: Classification,
}

/// Everything about one payload type, or `None` when Apple has none of that name.
#[must_use]
pub fn describe_payload(payload_type: &str) -> Option<PayloadDescription> {
    let entry = find(Kind::Payload, payload_type).first()?;
    let mut bare = plist::Dictionary::new();
    bare.insert("PayloadType".to_owned(), plist::Value::String(entry.name.to_owned()));
    Some(PayloadDescription {
        payload_type: entry.name,
        works_on: entry.systems.in_words(),
        effect: crate::class_of_payload(&bare, &crate::ClassContext::default()),
        removal: class_of_payload_removal(entry.name),
    })
}

/// The queries of DeviceInformation that this device can answer, as far as is known: asking a device for what its
/// system, version, enrolment or rights do not give is harmless and useless.
#[must_use]
pub fn supported_queries(facts: &DeviceFacts) -> Vec<&'static str> {
    let entries = find(Kind::Command, "DeviceInformation").iter();
    let queries = entries.flat_map(|entry| &entry.keys).filter(|key| key.name == "Queries");
    let words = queries.flat_map(|key| &key.keys).flat_map(|element| &element.keys);
    words
        .filter(|word| {
            let subject = Subject { name: word.name, kind: None };
            objections(subject, &word.systems, word.gone, facts).iter().all(|objection| objection.harmless)
        })
        .map(|word| word.name)
        .collect()
}

/// Lines of the committed table that could not be read: none, in a build whose tests passed.
#[must_use]
pub fn malformed_lines() -> &'static [String] {
    &Table::get().malformed
}

/// The types of a kind that have no effect class of their own, and so count as [`crate::Class::D0`].
#[must_use]
pub fn unclassified(kind: Kind) -> Vec<&'static str> {
    names(kind).filter(|name| !crate::effects::is_listed(kind, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChannelKind, Class, EnrollmentType, Ownership, Platform, Version};

    #[test]
    fn a_command_is_described_whole() {
        let description = describe("EraseDevice").unwrap();
        assert_eq!(description.effect.class, Class::D0);
        assert_eq!(description.access_right, "erase the device");
        assert!(description.works_on.contains("macOS 10.7"), "{}", description.works_on);
        assert!(description.filled_by_ward.contains(&"PIN"));
        let json = serde_json::to_value(&description).unwrap();
        assert_eq!(json["systems"]["iOS"]["introduced"], "4.0");
        assert!(describe("MakeCoffee").is_none());
        assert_eq!(commands().count(), 68);
        assert_eq!(names(Kind::Payload).filter(|name| *name == "com.apple.MCX").count(), 1);
    }

    #[test]
    fn queries_follow_the_device() {
        let mut facts =
            DeviceFacts::unknown(EnrollmentType::Device, Ownership::Corporate, ChannelKind::Device);
        facts.platform = Some(Platform::Ios);
        facts.os_version = Some(Version::new(26, 1, 0));
        let queries = supported_queries(&facts);
        assert!(queries.contains(&"SerialNumber") && queries.contains(&"ServiceSubscriptions"));
        assert!(!queries.contains(&"IMEI"), "removed with iOS 26");
        assert!(!queries.contains(&"IsAppleSilicon"), "only on a Mac");
        facts.enrollment = EnrollmentType::User;
        assert!(!supported_queries(&facts).contains(&"SerialNumber"), "not under User Enrollment");
    }
}
