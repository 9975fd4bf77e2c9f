//! A stranger's spreadsheet as lines of named cells. Nothing in it is ever executed; a cell that a spreadsheet would execute loses the
//! apostrophe with which Ward's own files disarm it.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord};

use crate::Error;

/// The largest file, in bytes.
pub(super) const LARGEST: usize = 8 * 1024 * 1024;
/// Lines with data at most.
pub(super) const MOST_LINES: usize = 50_000;
/// Columns at most.
const MOST_COLUMNS: usize = 64;
/// Bytes of a cell at most.
const LONGEST_CELL: usize = 2_000;

/// The columns that a kind of file has, each with the other names that people give it.
pub(in super::super) type Columns = &'static [(&'static str, &'static [&'static str])];

/// A file.
#[derive(Debug)]
pub(super) struct Table {
    /// The header, as understood.
    header: Vec<String>,
    /// The lines with data.
    pub(super) lines: Vec<Line>,
    /// Lines that cannot be read.
    pub(super) broken: Vec<(u64, String)>,
}

/// A line with data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, counted from 1 with the header.
    pub(super) number: u64,
    cells: Vec<String>,
}

/// What a line says in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    /// Nothing: what is there stays.
    Silent,
    /// `-`: it is to be empty.
    Clear,
    /// A text.
    Text(&'a str),
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is too large, or has no header.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        if text.len() > LARGEST {
            return Err(wrong(format!("has more than {LARGEST} bytes")));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = ReaderBuilder::new()
            .delimiter(separator(text))
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut records = reader.records();
        let header = match records.next() {
            Some(Ok(record)) => header(&record)?,
            Some(Err(error)) => return Err(wrong(format!("cannot be read: {error}"))),
            None => return Err(wrong("is empty")),
        };
        let mut table = Self { header, lines: Vec::new(), broken: Vec::new() };
        let mut lines = LineCount { bytes: text.as_bytes(), reached: 0, line: 1 };
        for record in records {
            let record = record.map_err(|error| wrong(format!("cannot be read: {error}")))?;
            let start = record.position().map_or(0, csv::Position::byte);
            let number = lines.at(usize::try_from(start).unwrap_or(usize::MAX));
            table.take(number, &record)?;
        }
        Ok(table)
    }

    fn take(&mut self, number: u64, record: &StringRecord) -> Result<(), Error> {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            return Ok(());
        }
        if self.lines.len().saturating_add(self.broken.len()) >= MOST_LINES {
            return Err(wrong(format!("has more than {MOST_LINES} lines: split it")));
        }
        let too_many = record.iter().skip(self.header.len()).any(|cell| !cell.trim().is_empty());
        if too_many {
            let why = format!(
                "has {} cells, the header has {}: is a separator inside a cell?",
                record.len(),
                self.header.len()
            );
            self.broken.push((number, why));
        } else if record.iter().any(|cell| cell.len() > LONGEST_CELL) {
            self.broken.push((number, format!("has a cell with more than {LONGEST_CELL} bytes")));
        } else {
            self.lines.push(Line { number, cells: record.iter().map(armed).collect() });
        }
        Ok(())
    }

    /// Whether there is a column.
    pub(super) fn has(&self, (name, others): (&str, &[&str])) -> bool {
        self.header.iter().any(|column| column == name || others.contains(&column.as_str()))
    }

    /// Where each column stands, and the columns that nobody knows.
    pub(super) fn find(
        &self,
        columns: Columns,
    ) -> Result<(HashMap<&'static str, usize>, Vec<String>), Error> {
        let (mut found, mut unknown) = (HashMap::new(), Vec::new());
        for (at, column) in self.header.iter().enumerate() {
            match columns.iter().find(|(name, others)| column == name || others.contains(&column.as_str())) {
                Some((name, _)) => {
                    if found.insert(*name, at).is_some() {
                        return Err(wrong(format!("has the column '{name}' twice")));
                    }
                }
                None => unknown.push(column.clone()),
            }
        }
        Ok((found, unknown))
    }
}

impl Line {
    /// What the line says in the column that stands at `at`.
    pub(super) fn cell(&self, at: Option<&usize>) -> Cell<'_> {
        match at.and_then(|at| self.cells.get(*at)).map(String::as_str) {
            None | Some("") => Cell::Silent,
            Some("-") => Cell::Clear,
            Some(text) => Cell::Text(text),
        }
    }
}

/// Counts lines as a person does. The reader's own count of a line is that of the empty lines before it.
struct LineCount<'a> {
    bytes: &'a [u8],
    reached: usize,
    line: u64,
}

impl LineCount<'_> {
    /// The line of what begins at `start` or after the line breaks there. Asked for in the order of the file.
    fn at(&mut self, start: usize) -> u64 {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let breaks = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = start.saturating_add(breaks);
        let passed = self.bytes.get(self.reached..start).unwrap_or_default();
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u64::try_from(lines).unwrap_or(u64::MAX));
        self.reached = start;
        self.line
    }
}

/// The separator that the header has most of; programs of half of Europe write `;`.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let (mut quoted, mut counts) = (false, [(b',', 0_usize), (b';', 0), (b'\t', 0)]);
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        for (separator, count) in &mut counts {
            if !quoted && byte == *separator {
                *count = count.saturating_add(1);
            }
        }
    }
    let [comma, semicolon, tab] = counts;
    let most = if semicolon.1 > comma.1 { semicolon } else { comma };
    if tab.1 > most.1 { tab.0 } else { most.0 }
}

fn header(record: &StringRecord) -> Result<Vec<String>, Error> {
    if record.len() > MOST_COLUMNS {
        return Err(wrong(format!("has more than {MOST_COLUMNS} columns")));
    }
    let named = record.iter().map(|name| {
        let name = name.trim().to_lowercase().replace([' ', '-'], "_");
        name.chars().take(64).collect::<String>()
    });
    Ok(named.collect())
}

/// A cell without the apostrophe that [`disarmed`] put before it.
fn armed(cell: &str) -> String {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(DANGEROUS) => rest.to_owned(),
        _ => cell.to_owned(),
    }
}

/// With what a cell begins that a spreadsheet would execute.
const DANGEROUS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell that no spreadsheet executes (OWASP, CSV Injection): one that would be a formula gets an apostrophe before it.
pub(in super::super) fn disarmed(cell: &str) -> String {
    if cell.starts_with(DANGEROUS) { format!("'{cell}") } else { cell.to_owned() }
}

pub(super) fn wrong(reason: impl Into<String>) -> Error {
    Error::invalid("csv", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = &[("name", &[]), ("email", &["e_mail"])];

    fn cells(text: &str) -> Vec<(u64, String, String)> {
        let table = Table::read(text).unwrap();
        let (at, _) = table.find(COLUMNS).unwrap();
        let text = |line: &Line, name: &str| match line.cell(at.get(name)) {
            Cell::Silent => String::new(),
            Cell::Clear => "CLEAR".to_owned(),
            Cell::Text(text) => text.to_owned(),
        };
        table.lines.iter().map(|line| (line.number, text(line, "name"), text(line, "email"))).collect()
    }

    #[test]
    fn every_common_dialect_reads_the_same() {
        let expected =
            [(2, "Ann, nurse".to_owned(), "a@b.org".to_owned()), (4, "Bea".to_owned(), "CLEAR".to_owned())];
        for text in [
            "name,email\n\"Ann, nurse\",a@b.org\n\nBea,-\n",
            "\u{feff}Name;E-Mail\r\n\"Ann, nurse\";a@b.org\r\n;\r\nBea;-\r\n",
            "NAME\tE mail\nAnn, nurse\ta@b.org\n\t\nBea\t-",
        ] {
            assert_eq!(cells(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_that_does_not_fit_the_header_is_named_and_the_others_are_read() {
        let table = Table::read("name,email\nAnn,nurse,a@b.org\nBea\n").unwrap();
        assert_eq!(table.broken.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2]);
        assert_eq!(table.lines.len(), 1);
    }

    #[test]
    fn files_without_bounds_are_refused() {
        for text in [
            String::new(),
            "\u{feff}".to_owned(),
            "x,".repeat(65),
            "n\n".repeat(MOST_LINES + 2),
            format!("name\n{}", "x".repeat(LARGEST)),
        ] {
            assert!(matches!(Table::read(&text), Err(Error::Invalid { .. })), "{} bytes", text.len());
        }
        assert_eq!(Table::read(&format!("name\n{}\n", "x".repeat(3_000))).unwrap().broken.len(), 1);
        assert!(Table::read("name,name\n").unwrap().find(COLUMNS).is_err());
    }

    #[test]
    fn a_cell_that_a_spreadsheet_would_execute_is_disarmed_and_comes_back_as_it_was() {
        for cell in ["=HYPERLINK(\"http://evil\")", "+1", "-2+3", "@SUM(A1)"] {
            let safe = disarmed(cell);
            assert!(safe.starts_with('\''));
            assert_eq!(armed(&safe), cell);
        }
        assert_eq!(disarmed("Ann"), "Ann");
        assert_eq!(armed("'tis"), "'tis");
    }
}
