//! `ward command describe TYPE`: everything that the catalogue says about a command, for a screen of 100 columns.

use anyhow::Result;
use catalog::{CommandDescription, Key, Mode, Support, Systems, ValueType};

use super::super::client::usage;
use super::super::output::{print_json, print_text};
use super::keys;

const WIDTH: usize = 100;
/// Where the second column begins.
const LABEL: usize = 16;

/// The columns of a system, in the order of the catalogue.
const SYSTEMS: [(catalog::Platform, &str); 5] = [
    (catalog::Platform::Ios, "iOS"),
    (catalog::Platform::MacOs, "macOS"),
    (catalog::Platform::TvOs, "tvOS"),
    (catalog::Platform::VisionOs, "visionOS"),
    (catalog::Platform::WatchOs, "watchOS"),
];

/// Prints the description.
pub(super) fn run(request_type: &str, json: bool) -> Result<()> {
    let Some(known) = catalog::describe(request_type) else {
        let hint = keys::nearest(request_type, catalog::commands());
        return Err(usage(&format!(
            "Apple has no command '{request_type}'.{hint} 'ward command types' lists all"
        )));
    };
    if json {
        print_json(&serde_json::to_value(&known)?);
    } else {
        print_text(&text(&known));
    }
    Ok(())
}

/// The key paths of a command, one a line, for completion and for scripts.
pub(super) fn key_paths(request_type: &str) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some(known) = catalog::describe(request_type) {
        collect(known.keys, "", known.filled_by_ward.as_slice(), &mut paths);
    }
    paths
}

fn collect(keys: &[Key], before: &str, filled: &[&str], paths: &mut Vec<String>) {
    for key in keys.iter().filter(|key| !key.is_wildcard()) {
        let path = if before.is_empty() { key.name.to_owned() } else { format!("{before}.{}", key.name) };
        if filled.contains(&path.as_str()) {
            continue;
        }
        let inside = path.len();
        match key.value_type {
            ValueType::Array => {
                let path = format!("{path}[]");
                let elements: Vec<&Key> =
                    key.keys.iter().filter(|one| one.value_type == ValueType::Dictionary).collect();
                if elements.is_empty() {
                    paths.push(path);
                } else {
                    elements.iter().for_each(|one| collect(&one.keys, &path, filled, paths));
                }
            }
            ValueType::Dictionary if !key.keys.is_empty() && inside < 200 => {
                collect(&key.keys, &path, filled, paths);
            }
            _ => paths.push(path),
        }
    }
    paths.sort_unstable();
    paths.dedup();
}

fn text(known: &CommandDescription) -> String {
    let mut lines = vec![known.request_type.to_owned(), "=".repeat(known.request_type.len())];
    let mut field = |label: &str, value: &str| {
        if !value.is_empty() {
            lines.extend(labelled(label, value));
        }
    };
    let class = match known.effect.class {
        catalog::Class::None => "none".to_owned(),
        class => class.to_string(),
    };
    field("Effect class", &format!("{class}: {}", known.effect.reason));
    for (platform, name) in SYSTEMS {
        if let Some(support) = known.systems.of(platform).filter(|support| support.available) {
            field(name, &on(support));
        }
    }
    let missing: Vec<_> = SYSTEMS
        .iter()
        .filter(|(platform, _)| !known.systems.of(*platform).is_some_and(|support| support.available))
        .map(|(_, name)| *name)
        .collect();
    field("Not on", &missing.join(", "));
    if !known.access_right.is_empty() {
        field("Needs the right", &format!("to {}", known.access_right));
    }
    field("Ward fills in", &known.filled_by_ward.join(", "));
    field("Use instead", known.successor.unwrap_or_default());
    lines.push(String::new());
    if known.keys.is_empty() {
        lines.push("No keys.".to_owned());
    } else {
        lines.push("KEYS".to_owned());
        let mut made = Lines { filled: &known.filled_by_ward, lines: Vec::new() };
        known.keys.iter().for_each(|key| made.key(key, "", 1, known.systems));
        lines.append(&mut made.lines);
        lines.push(String::new());
        lines.push("* required. iOS stands for iPadOS as well.".to_owned());
    }
    if !known.answer.is_empty() {
        lines.push(String::new());
        lines.push("ANSWER".to_owned());
        let names: Vec<_> =
            known.answer.iter().map(|key| format!("{} ({})", key.name, key.value_type.in_words())).collect();
        lines.extend(wrapped(&names.join(", "), 2, 2));
    }
    lines.push(String::new());
    lines.push(format!("ward command send --type {} SERIAL{}", known.request_type, example(known)));
    lines.join("\n")
}

/// What the operator has to give, as it would be typed.
fn example(known: &CommandDescription) -> String {
    let filled = &known.filled_by_ward;
    let needed = known.keys.iter().filter(|key| key.required && !filled.contains(&key.name));
    let one = |key: &Key| match (key.value_type, key.allowed.first()) {
        (_, Some(first)) => {
            format!(" {}={}", key.name, first.as_str().map_or_else(|| first.to_string(), str::to_owned))
        }
        (ValueType::Data, _) => format!(" {}=@FILE", key.name),
        (ValueType::Array, _) => format!(" {}[]=…", key.name),
        (ValueType::Boolean, _) => format!(" {}=true", key.name),
        (ValueType::Dictionary, _) => format!(" {}.…=…", key.name),
        _ => format!(" {}=…", key.name),
    };
    needed.map(one).collect()
}

/// Where and how it works on one system.
fn on(support: &Support) -> String {
    let mut words = vec![match support.introduced {
        Some(version) => format!("{version} and later"),
        None => "all versions".to_owned(),
    }];
    if let Some(version) = support.deprecated {
        words.push(format!("deprecated since {version}"));
    }
    if let Some(version) = support.removed {
        words.push(format!("removed in {version}"));
    }
    let flags = [
        (support.supervised == Some(true), "supervised only"),
        (support.automated == Some(true), "automated enrolment only"),
        (support.user_approved == Some(true), "user-approved MDM only"),
        (support.device_channel == Some(false), "user channel only"),
        (support.user_channel == Some(true) && support.device_channel == Some(true), "both channels"),
        (support.user_enrollment == Some(Mode::Forbidden), "not under User Enrollment"),
        (support.user_enrollment == Some(Mode::Required), "User Enrollment only"),
        (support.user_enrollment == Some(Mode::Ignored), "ignored under User Enrollment"),
        (support.shared_ipad == Some(Mode::Forbidden), "not on Shared iPad"),
        (support.shared_ipad == Some(Mode::Required), "Shared iPad only"),
        (support.beta == Some(true), "may still change"),
    ];
    words.extend(flags.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| (*word).to_owned()));
    words.join("; ")
}

/// The lines of the keys.
struct Lines<'a> {
    /// The paths that Ward fills in.
    filled: &'a [&'static str],
    lines: Vec<String>,
}

impl Lines<'_> {
    fn key(&mut self, key: &Key, before: &str, depth: usize, around: &Systems) {
        let name = if key.is_wildcard() { "(any name)" } else { key.name };
        let path = if before.is_empty() { key.name.to_owned() } else { format!("{before}.{}", key.name) };
        let is_filled = self.filled.contains(&path.as_str());
        let star = if key.required && !is_filled { "*" } else { "" };
        let mut facts = facts_of(key);
        if is_filled {
            facts.push("Ward fills it in".to_owned());
        }
        facts.extend(differences(key, around));
        let label = format!("{}{name}{star}", " ".repeat(depth * 2));
        let column = (label.chars().count() + 2).max(30);
        let mut rest = wrapped(&facts.join("; "), column, column + 2);
        if let Some(first) = rest.first_mut() {
            *first = format!("{label:<column$}{}", first.trim_start());
        }
        self.lines.extend(rest);
        let inside = if key.systems.is_empty() { around } else { &key.systems };
        match (key.value_type, key.keys.as_slice()) {
            // What a text may be (queries of DeviceInformation) is a list of names, not a level of keys.
            (ValueType::Array, [one]) if one.value_type == ValueType::String => {
                let names: Vec<_> = one.keys.iter().map(|word| word.name).collect();
                if !names.is_empty() {
                    self.lines.extend(wrapped(&names.join(", "), depth * 2 + 2, depth * 2 + 2));
                }
            }
            (ValueType::Array, [one]) => {
                one.keys.iter().for_each(|inner| self.key(inner, &format!("{path}[]"), depth + 1, inside));
            }
            (_, inner) => inner.iter().for_each(|one| self.key(one, &path, depth + 1, inside)),
        }
    }
}

/// Type, values and form.
fn facts_of(key: &Key) -> Vec<String> {
    let mut facts = vec![key.value_type.in_words().to_owned()];
    if !key.allowed.is_empty() {
        facts.push(format!("one of {}", key.allowed.iter().map(in_words).collect::<Vec<_>>().join(", ")));
    }
    match (key.minimum, key.maximum) {
        (Some(least), Some(most)) => facts.push(format!("{least} to {most}")),
        (Some(least), None) => facts.push(format!("{least} or more")),
        (None, Some(most)) => facts.push(format!("{most} or less")),
        (None, None) => {}
    }
    if let Some(default) = &key.default {
        facts.push(format!("usually {}", in_words(default)));
    }
    if let Some(format) = key.format {
        facts.push(format!("of the form {format}"));
    }
    if catalog::is_secret_key(key.name) {
        facts.push("secret".to_owned());
    }
    facts
}

fn in_words(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Where a key differs from what it stands in: the systems that have it, each with its version.
fn differences(key: &Key, around: &Systems) -> Vec<String> {
    let exists = |platform| around.is_empty() || around.of(platform).is_none_or(|support| support.available);
    let here: Vec<_> = SYSTEMS.into_iter().filter(|(platform, _)| exists(*platform)).collect();
    let has = |platform| key.systems.of(platform).is_none_or(|support| support.available);
    let some_lack_it = here.iter().any(|(platform, _)| !has(*platform));
    let mut words = Vec::new();
    for (platform, name) in here.iter().filter(|(platform, _)| has(*platform)) {
        let support = key.systems.of(*platform);
        let supervised = support.is_some_and(|support| support.supervised == Some(true));
        let since = support.and_then(|support| support.introduced).map(|version| format!("{name} {version}"));
        let until = support.and_then(|support| support.removed).map(|version| format!(" until {version}"));
        if since.is_none() && until.is_none() && !supervised && !some_lack_it {
            continue;
        }
        let flag = if supervised { " supervised" } else { "" };
        words.push(format!(
            "{}{flag}{}",
            since.unwrap_or_else(|| (*name).to_owned()),
            until.unwrap_or_default()
        ));
    }
    let list = words.join(", ");
    let mut found = if list.is_empty() {
        Vec::new()
    } else {
        vec![if some_lack_it { format!("only {list}") } else { list }]
    };
    if let Some(version) = key.gone {
        found.push(format!("gone since {version}"));
    }
    found
}

fn labelled(label: &str, value: &str) -> Vec<String> {
    let mut lines = wrapped(value, LABEL, LABEL);
    if let Some(first) = lines.first_mut() {
        *first = format!("{label:<LABEL$}{}", first.trim_start());
    }
    lines
}

/// Words in lines of at most the width, the first and the following with their indents.
fn wrapped(text: &str, first: usize, following: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = " ".repeat(first);
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(following)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_described_within_the_width_with_all_its_keys() {
        for name in catalog::commands() {
            let known = catalog::describe(name).unwrap();
            let shown = text(&known);
            for line in shown.lines() {
                // A single word may be longer than the line: an expression, an address.
                let fits = line.chars().count() <= WIDTH || line.trim().split(' ').count() <= 2;
                assert!(fits || line.starts_with("ward "), "{name}: {line}");
            }
            for key in known.keys {
                assert!(shown.contains(key.name) || key.is_wildcard(), "{name}: {} is missing", key.name);
            }
            assert!(shown.contains(&*known.effect.class.to_string()), "{name}");
        }
    }

    #[test]
    fn key_paths_leave_out_what_ward_fills_in() {
        let erase = key_paths("EraseDevice");
        assert!(erase.contains(&"ReturnToService.Enabled".to_owned()), "{erase:?}");
        assert!(
            !erase.contains(&"PIN".to_owned())
                && !erase.contains(&"ReturnToService.MDMProfileData".to_owned())
        );
        assert_eq!(key_paths("DeviceInformation"), ["DeviceAttestationNonce", "Queries[]"]);
        assert!(key_paths("Settings").contains(&"Settings[].Item".to_owned()));
        assert!(key_paths("MakeCoffee").is_empty());
    }
}
