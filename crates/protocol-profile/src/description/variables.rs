//! The table `[variables]`, and the texts that use them.

use super::{Entry, Item, Located, Reader, find, join};
use crate::node::Node;
use crate::variable::{Part, Variable, VariableKind, is_name, is_source, known_source, split};

impl Reader<'_> {
    pub(super) fn read_variables(&mut self, entries: &[Entry]) {
        let Some(entry) = find(entries, "variables") else { return };
        let Item::Table(variables) = &entry.value.item else {
            self.problem(entry.at, "variables", "Variables are a table.", "Write [variables].");
            return;
        };
        for entry in variables {
            let path = join("variables", &entry.key);
            self.place(&path, entry.at);
            if let Some(variable) = self.read_variable(entry, &path) {
                self.declared.insert(variable.name.clone(), variable);
            }
        }
    }

    fn read_variable(&mut self, entry: &Entry, path: &str) -> Option<Variable> {
        let Item::Table(keys) = &entry.value.item else {
            let advice = "Write name = { type = \"text\", from = \"$site.name\" }.";
            self.problem(entry.at, path, "A variable is a table.", advice);
            return None;
        };
        self.only(keys, path, &["type", "from", "default"]);
        if entry.key.contains('.') || !is_name(&entry.key) {
            self.problem(
                entry.at,
                path,
                "This cannot be the name of a variable.",
                "Use letters, digits and _.",
            );
            return None;
        }
        let kind = self.read_kind(keys, entry.at, path)?;
        let Some(from) = find(keys, "from") else {
            let advice = "Say where its value comes from, such as from = \"$site.wifi_ssid\".";
            self.problem(entry.at, path, "The variable has no source.", advice);
            return None;
        };
        let source = self.text(&from.value, &join(path, "from"))?.to_owned();
        if !source.strip_prefix('$').is_some_and(is_source) {
            let advice = "There are $device.…, $owner.…, $place.…, $organization.name, and of your own \
                          $site.NAME and $device.attribute.NAME.";
            self.problem(from.at, &join(path, "from"), "There is no such source.", advice);
            return None;
        }
        let default = match find(keys, "default") {
            Some(entry) => Some(self.read_default(&entry.value, kind, &join(path, "default"))?),
            None => None,
        };
        Some(Variable { name: entry.key.clone(), source, kind, default })
    }

    fn read_kind(&mut self, keys: &[Entry], at: usize, path: &str) -> Option<VariableKind> {
        let path = join(path, "type");
        let words = VariableKind::ALL.map(|(word, _)| word).join(", ");
        let Some(entry) = find(keys, "type") else {
            self.problem(at, &path, "The variable has no type.", &format!("Types: {words}."));
            return None;
        };
        let word = self.text(&entry.value, &path)?;
        let kind = VariableKind::ALL.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
        if kind.is_none() {
            self.problem(entry.at, &path, "There is no such type.", &format!("Types: {words}."));
        }
        kind
    }

    fn read_default(&mut self, value: &Located, kind: VariableKind, path: &str) -> Option<String> {
        let text = match &value.item {
            Item::Text(text) => text.clone(),
            Item::Integer(number) => number.to_string(),
            Item::Boolean(flag) => flag.to_string(),
            _ => {
                self.problem(value.span.start, path, "This cannot be a default.", "");
                return None;
            }
        };
        match kind.read(&text) {
            Ok(_) => Some(text),
            Err(reason) => {
                let message = format!("The default is not of type {}: {reason}.", kind.as_str());
                self.problem(value.span.start, path, message, "");
                None
            }
        }
    }

    /// A text with its variables. `url` says that the key holds an address.
    pub(super) fn text_node(&mut self, text: &str, at: usize, path: &str, url: bool) -> Option<Node> {
        if !text.contains('$') {
            return Some(Node::Text(text.to_owned()));
        }
        let parts = match split(text) {
            Ok(parts) => parts,
            Err(message) => {
                self.problem(at, path, message, "");
                return None;
            }
        };
        for part in &parts {
            let Part::Variable(name) = part else { continue };
            let variable = self.resolve(name, at, path)?;
            if parts.len() > 1 && variable.kind == VariableKind::Data {
                self.problem(at, path, format!("${name} holds bytes and cannot stand within a text."), "");
                return None;
            }
            self.used.insert(name.clone(), variable);
        }
        Some(match parts.as_slice() {
            [Part::Literal(literal)] => Node::Text(literal.clone()),
            [Part::Variable(name)] => Node::Variable(name.clone()),
            _ => Node::Joined { parts, url },
        })
    }

    fn resolve(&mut self, name: &str, at: usize, path: &str) -> Option<Variable> {
        if let Some(variable) = self.declared.get(name) {
            return Some(variable.clone());
        }
        if let Some(kind) = known_source(name) {
            return Some(Variable { name: name.to_owned(), source: format!("${name}"), kind, default: None });
        }
        let advice = if is_source(name) {
            "Declare it with its type: [variables] NAME = { type = \"text\", from = \"$site.…\" }, and write $NAME."
        } else {
            "Declare it under [variables], or write $$ for a dollar sign."
        };
        self.problem(at, path, format!("${name} is not declared."), advice);
        None
    }
}
