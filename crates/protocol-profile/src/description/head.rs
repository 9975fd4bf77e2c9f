//! The tables `[profile]` and `[[exception]]`.

use std::str::FromStr;

use catalog::Platform;

use super::{Entry, Item, Located, Reader, empty, find, join};
use crate::node::Node;
use crate::template::{Exception, Template};

/// The keys of `[profile]`.
const KEYS: [&str; 15] = [
    "name",
    "identifier",
    "title",
    "description",
    "organization",
    "scope",
    "removal_disallowed",
    "encrypt",
    "patient_data",
    "platforms",
    "ownership",
    "enrollment",
    "supervised",
    "shared_ipad",
    "target_device_type",
];

impl Reader<'_> {
    pub(super) fn read_profile(&mut self, entries: &[Entry]) -> Option<Template> {
        let Some(Entry { at, value: Located { item: Item::Table(keys), .. }, .. }) = find(entries, "profile")
        else {
            let advice = "Begin with: [profile], then name = \"a-short-name\".";
            self.problem(0, "profile", "The table [profile] is missing.", advice);
            return None;
        };
        self.place("profile", *at);
        self.only(keys, "profile", &KEYS);
        let name = self.read_name(keys, *at)?;
        let identifier = self.read_identifier(keys, &name)?;
        let mut template = empty(name.clone(), identifier);
        template.head.insert("PayloadType".to_owned(), Node::Text("Configuration".to_owned()));
        template.head.insert("PayloadVersion".to_owned(), Node::Integer(1));
        template.head.insert("PayloadScope".to_owned(), Node::Text("System".to_owned()));
        template.head.insert("PayloadDisplayName".to_owned(), Node::Text(name));
        for entry in keys {
            self.read_key(entry, &mut template);
        }
        Some(template)
    }

    fn read_name(&mut self, keys: &[Entry], at: usize) -> Option<String> {
        let Some(entry) = find(keys, "name") else {
            self.problem(
                at,
                "profile.name",
                "The profile has no name.",
                "Give it one, such as name = \"passcode\".",
            );
            return None;
        };
        let name = self.text(&entry.value, "profile.name")?;
        if is_slug(name) {
            return Some(name.to_owned());
        }
        let advice = "Use 1 to 64 small letters, digits and hyphens; what people read goes into title.";
        self.problem(entry.at, "profile.name", "This cannot be a name.", advice);
        None
    }

    fn read_identifier(&mut self, keys: &[Entry], name: &str) -> Option<String> {
        let Some(entry) = find(keys, "identifier") else { return Some(format!("org.ward.{name}")) };
        let text = self.text(&entry.value, "profile.identifier")?;
        let fits = text.contains('.')
            && text.len() <= 200
            && text.split('.').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            });
        if fits {
            return Some(text.to_owned());
        }
        let advice = "Use the reverse of a name on the internet, such as org.example.passcode.";
        self.problem(entry.at, "profile.identifier", "This cannot be an identifier.", advice);
        None
    }

    fn read_key(&mut self, entry: &Entry, template: &mut Template) {
        let path = join("profile", &entry.key);
        let value = &entry.value;
        self.place(&path, entry.at);
        match entry.key.as_str() {
            "title" => self.head_text(value, &path, "PayloadDisplayName", template),
            "description" => self.head_text(value, &path, "PayloadDescription", template),
            "organization" => self.head_text(value, &path, "PayloadOrganization", template),
            "scope" => self.read_scope(value, &path),
            "removal_disallowed" => {
                if let Some(flag) = self.flag(value, &path) {
                    template.head.insert("PayloadRemovalDisallowed".to_owned(), Node::Boolean(flag));
                }
            }
            "target_device_type" => {
                if let Item::Integer(number) = value.item {
                    template.head.insert("TargetDeviceType".to_owned(), Node::Integer(number));
                } else {
                    self.problem(value.span.start, &path, "This must be a whole number.", "");
                }
            }
            "encrypt" => template.encrypt = self.flag(value, &path).unwrap_or_default(),
            "patient_data" => template.patient_data = self.flag(value, &path).unwrap_or_default(),
            "platforms" => template.audience.platforms = self.read_platforms(value, &path),
            "ownership" => template.audience.ownership = self.word(value, &path),
            "enrollment" => template.audience.enrollment = self.word(value, &path),
            "supervised" => template.audience.supervised = self.flag(value, &path),
            "shared_ipad" => template.audience.shared_ipad = self.flag(value, &path),
            _ => {}
        }
    }

    fn head_text(&mut self, value: &Located, path: &str, key: &str, template: &mut Template) {
        if let Some(text) = self.text(value, path) {
            template.head.insert(key.to_owned(), Node::Text(text.to_owned()));
        }
    }

    fn read_scope(&mut self, value: &Located, path: &str) {
        if self.text(value, path).is_some_and(|scope| scope != "system") {
            let advice =
                "Ward installs profiles on the device channel: leave scope out, or write \"system\".";
            self.problem(value.span.start, path, "Only the scope \"system\" can be had.", advice);
        }
    }

    fn read_platforms(&mut self, value: &Located, path: &str) -> Vec<Platform> {
        let Item::Array(items) = &value.item else {
            let advice = "Write platforms = [\"iOS\", \"iPadOS\"].";
            self.problem(value.span.start, path, "This must be a list of platforms.", advice);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.word(item, path)).collect()
    }

    /// A word of an enumeration.
    fn word<T: FromStr<Err: ToString>>(&mut self, value: &Located, path: &str) -> Option<T> {
        match self.text(value, path)?.parse() {
            Ok(word) => Some(word),
            Err(error) => {
                self.problem(value.span.start, path, error.to_string(), "");
                None
            }
        }
    }

    pub(super) fn read_exceptions(&mut self, entries: &[Entry]) -> Vec<Exception> {
        let Some(entry) = find(entries, "exception") else { return Vec::new() };
        let Item::Array(items) = &entry.value.item else {
            self.problem(entry.at, "exception", "Exceptions are a list.", "Write [[exception]].");
            return Vec::new();
        };
        let each = items.iter().enumerate();
        each.filter_map(|(index, item)| self.read_exception(item, &format!("exception[{index}]"))).collect()
    }

    fn read_exception(&mut self, item: &Located, path: &str) -> Option<Exception> {
        let Item::Table(keys) = &item.item else {
            self.problem(item.span.start, path, "This must be a table.", "Write [[exception]].");
            return None;
        };
        self.only(keys, path, &["rule", "reason", "owner", "until"]);
        let mut words = ["rule", "reason", "owner", "until"].map(|key| {
            let found = find(keys, key).and_then(|entry| self.text(&entry.value, &join(path, key)));
            if found.is_none_or(|text| text.trim().is_empty()) {
                let advice = "An exception says which rule, why, who answers for it, and until when.";
                self.problem(item.span.start, &join(path, key), format!("{key} is missing."), advice);
            }
            found.unwrap_or_default().to_owned()
        });
        if !crate::lint::RULES.contains(&words[0].as_str()) && !words[0].is_empty() {
            let advice = "The rule is the word in the linter's output.";
            self.problem(item.span.start, &join(path, "rule"), "The linter has no such rule.", advice);
        }
        if crate::lint::day(&words[3]).is_none() && !words[3].is_empty() {
            self.problem(
                item.span.start,
                &join(path, "until"),
                "This is not a day.",
                "Write it as \"2027-06-30\".",
            );
        }
        let [rule, reason, owner, until] = words.each_mut().map(std::mem::take);
        Some(Exception { rule, reason, owner, until })
    }
}

/// Small letters, digits and hyphens.
pub(super) fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}
