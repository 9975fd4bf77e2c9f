//! The generated table, parsed once and kept for the life of the process.

mod parse;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::entry::{Entry, Kind};

/// The committed table. About 300 kB of text, parsed in a few milliseconds at first use.
const TEXT: &str = include_str!("../data/catalogue.tsv");

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(TEXT));

/// All entries and the way to them by name.
#[derive(Debug)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    /// The entries of a name lie side by side: where they start and how many they are.
    by_name: HashMap<(Kind, &'static str), (usize, usize)>,
    /// Lines that could not be read. A test keeps this empty; what they describe is unknown, and refused.
    pub(crate) malformed: Vec<String>,
}

impl Table {
    /// The one table of this build.
    pub(crate) fn get() -> &'static Self {
        &TABLE
    }

    fn parse(text: &'static str) -> Self {
        let (mut entries, malformed) = parse::parse(text);
        entries.sort_by_key(|entry| (entry.kind, entry.name));
        let mut by_name: HashMap<_, (usize, usize)> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            by_name.entry((entry.kind, entry.name)).or_insert((index, 0)).1 += 1;
        }
        Self { entries, by_name, malformed }
    }

    /// Every description of that name: one for most, several for a payload type that Apple describes in parts.
    pub(crate) fn find(&self, kind: Kind, name: &str) -> &[Entry] {
        self.by_name
            .get(&(kind, name))
            .and_then(|(start, count)| self.entries.get(*start..start + count))
            .unwrap_or_default()
    }

    /// All entries, by kind and name.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All entries of a kind, in order of name.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_is_read_whole() {
        let table = Table::get();
        assert_eq!(table.malformed, Vec::<String>::new());
        let count = |kind| table.of_kind(kind).count();
        assert_eq!(count(Kind::Command), 68);
        assert_eq!(count(Kind::Payload), 128);
        assert_eq!(count(Kind::Checkin), 9);
        assert_eq!(table.find(Kind::Payload, "com.apple.MCX").len(), 6);
        assert!(table.find(Kind::Command, "Nothing").is_empty());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_and_its_entry_left_out() {
        let table =
            Table::parse("command\tGood\tiOS=9.0\n a\tstring\ncommand\tBad\tiOS=x\nwhat\tEver\n b\tnoise\n");
        assert_eq!(table.malformed.len(), 3);
        assert_eq!(table.entries.len(), 1);
    }
}
