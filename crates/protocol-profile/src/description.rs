//! Descriptions: profiles as hospitals write them, in TOML, payload by payload, held against the catalogue.

use std::collections::BTreeMap;

use crate::template::{Origin, Template};
use crate::{Problem, Variable};

mod check;
mod files;
mod head;
mod payload;
mod source;
mod variables;

use source::{Entry, Item, Lines, Located};

pub use files::inline_files;
pub(crate) use payload::is_url_key;

/// Bytes that a description may have.
pub const MAX_DESCRIPTION: usize = 1024 * 1024;
/// Payloads that a description may have.
const MAX_PAYLOADS: usize = 100;
/// Problems that are told at once.
const MAX_PROBLEMS: usize = 100;

/// A profile as it is described in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    template: Template,
    lines: BTreeMap<String, usize>,
}

impl Description {
    /// Reads a description. Files that it names (`{ file = "…" }`) are not there: see [`Self::parse_with_files`].
    ///
    /// # Errors
    /// Everything that is wrong, with file, line and key path, in the order of the lines.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<Problem>> {
        Self::parse_with_files(text, file, &|_| {
            Err("Files cannot be read here: give the bytes as { base64 = \"…\" }.".to_owned())
        })
    }

    /// Reads a description, and the files that it names through `load`, which gets the name as it is written.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with_files(
        text: &str,
        file: &str,
        load: &dyn Fn(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(text, file, load);
        let template = reader.read(text);
        reader.finish(template)
    }

    /// The template.
    #[must_use]
    pub fn to_template(&self) -> Template {
        self.template.clone()
    }

    /// The template, borrowed.
    #[must_use]
    pub const fn template(&self) -> &Template {
        &self.template
    }

    /// The line of a key path of the profile, as the linter names it, or of the nearest one above it.
    #[must_use]
    pub fn line_of(&self, key_path: &str) -> usize {
        nearest_line(&self.lines, key_path)
    }
}

fn nearest_line(lines: &BTreeMap<String, usize>, key_path: &str) -> usize {
    let mut path = key_path;
    loop {
        if let Some(line) = lines.get(path) {
            return *line;
        }
        match path.rfind(['.', '[']) {
            Some(at) => path = path.get(..at).unwrap_or_default(),
            None => return 1,
        }
    }
}

/// A reading under way.
struct Reader<'a> {
    file: &'a str,
    load: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    lines: Lines,
    /// Lines by key path, for what is checked only when the whole has been read.
    places: BTreeMap<String, usize>,
    declared: BTreeMap<String, Variable>,
    used: BTreeMap<String, Variable>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(text: &str, file: &'a str, load: &'a dyn Fn(&str) -> Result<Vec<u8>, String>) -> Self {
        Self {
            file,
            load,
            lines: Lines::of(text),
            places: BTreeMap::new(),
            declared: BTreeMap::new(),
            used: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    fn read(&mut self, text: &str) -> Option<Template> {
        if text.len() > MAX_DESCRIPTION {
            self.problem(0, "", format!("The file has more than {MAX_DESCRIPTION} bytes."), "");
            return None;
        }
        let entries = match source::read(text) {
            Ok(entries) => entries,
            Err((at, message)) => {
                self.problem(at, "", format!("This is not TOML: {message}."), "");
                return None;
            }
        };
        self.only(&entries, "", &["profile", "variables", "payload", "exception"]);
        self.read_variables(&entries);
        let mut template = self.read_profile(&entries)?;
        template.exceptions = self.read_exceptions(&entries);
        self.read_payloads(&entries, &mut template);
        for name in
            self.declared.keys().filter(|name| !self.used.contains_key(*name)).cloned().collect::<Vec<_>>()
        {
            let path = format!("variables.{name}");
            let at = nearest_line(&self.places, &path);
            self.problem_at_line(at, &path, "No payload uses this variable.", "Use it, or take it out.");
        }
        template.variables = std::mem::take(&mut self.used);
        self.check(&template);
        Some(template)
    }

    fn finish(self, template: Option<Template>) -> Result<Description, Vec<Problem>> {
        let Self { places, mut problems, .. } = self;
        problems.sort_by(|one, other| (one.line, &one.key_path).cmp(&(other.line, &other.key_path)));
        problems.dedup();
        problems.truncate(MAX_PROBLEMS);
        match template {
            Some(template) if problems.is_empty() => Ok(Description { template, lines: places }),
            _ => Err(problems),
        }
    }

    /// Speaks about keys that have no meaning here.
    fn only(&mut self, entries: &[Entry], path: &str, known: &[&str]) {
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let advice = format!("Known here: {}.", known.join(", "));
            self.problem(entry.at, &join(path, &entry.key), "This key has no meaning here.", &advice);
        }
    }

    fn problem(&mut self, at: usize, key_path: &str, message: impl Into<String>, advice: &str) {
        let line = self.lines.line(at);
        self.problem_at_line(line, key_path, message, advice);
    }

    fn problem_at_line(&mut self, line: usize, key_path: &str, message: impl Into<String>, advice: &str) {
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            key_path: key_path.to_owned(),
            message: message.into(),
            advice: advice.to_owned(),
        });
    }

    /// Remembers where a key path stands.
    fn place(&mut self, path: &str, at: usize) {
        let line = self.lines.line(at);
        self.places.insert(path.to_owned(), line);
    }

    /// The text of a value, or a problem.
    fn text<'v>(&mut self, value: &'v Located, path: &str) -> Option<&'v str> {
        match &value.item {
            Item::Text(text) => Some(text),
            other => {
                self.problem(
                    value.span.start,
                    path,
                    format!("This must be text, not {}.", other.in_words()),
                    "",
                );
                None
            }
        }
    }

    /// The value of a switch, or a problem.
    fn flag(&mut self, value: &Located, path: &str) -> Option<bool> {
        match &value.item {
            Item::Boolean(value) => Some(*value),
            other => {
                let message = format!("This must be true or false, not {}.", other.in_words());
                self.problem(value.span.start, path, message, "");
                None
            }
        }
    }
}

/// The entry of a key.
fn find<'e>(entries: &'e [Entry], key: &str) -> Option<&'e Entry> {
    entries.iter().find(|entry| entry.key == key)
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A template of which nothing is known yet.
fn empty(name: String, identifier: String) -> Template {
    Template {
        origin: Origin::Toml,
        name,
        identifier,
        head: BTreeMap::new(),
        payloads: Vec::new(),
        variables: BTreeMap::new(),
        audience: crate::Audience::default(),
        encrypt: false,
        patient_data: false,
        exceptions: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
