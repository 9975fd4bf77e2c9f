//! What the command line prints: tables for people, JSON for programs, complaints on the error stream.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// Prints text; a reader that has gone away is no error.
pub(crate) fn print_text(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &Value) {
    print_text(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Prints an error and its causes.
pub(super) fn complain(error: &anyhow::Error) {
    let mut out = io::stderr().lock();
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let _ = writeln!(out, "error: {}", causes.join(": "));
}

/// Prints a remark for the person, not for a program that reads the output.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A column: its heading, and the path of its value in the item.
pub(super) type Column = (&'static str, &'static str);

/// Characters of a value that a table shows; `--json` has the whole.
const CELL: usize = 72;

/// Prints a heading.
pub(super) fn print_heading(text: &str) {
    print_text(&format!("\n{text}"));
}

/// Prints the items of a list as a table, or says that there are none.
pub(super) fn print_items(items: &[Value], columns: &[Column], nothing: &str) {
    if items.is_empty() {
        print_text(nothing);
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|(heading, _)| heading.to_uppercase()));
    for item in items {
        table.add_row(columns.iter().map(|(_, path)| shortened(&text_at(item, path))));
    }
    print_text(&trimmed(&table));
}

/// Prints rows of texts as a table.
pub(super) fn print_rows(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| shortened(cell)));
    }
    print_text(&trimmed(&table));
}

/// A value as a person reads it.
pub(super) fn value_text(value: &Value) -> String {
    text_of(value)
}

/// The table without the white space at the ends of its lines.
fn trimmed(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Prints named values under each other.
pub(super) fn print_fields(item: &Value, fields: &[Column]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    for (heading, path) in fields {
        table.add_row([(*heading).to_owned(), text_at(item, path)]);
    }
    print_text(&trimmed(&table));
}

fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let shown: String = characters.by_ref().take(CELL).collect();
    if characters.next().is_some() { format!("{shown}…") } else { shown }
}

/// The value of a key; null when there is none.
pub(crate) fn at<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&Value::Null)
}

/// The value at a dotted path, as a person reads it; `-` when it is not known.
pub(super) fn text_at(item: &Value, path: &str) -> String {
    let value = path.split('.').try_fold(item, |value, key| value.get(key));
    value.map_or_else(|| "-".to_owned(), text_of)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => without_fraction(text),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Times are shown to the second: `2026-11-23T13:00:00.25Z` becomes `2026-11-23T13:00:00Z`.
fn without_fraction(text: &str) -> String {
    match (text.parse::<clock::Timestamp>(), text.split_once('.')) {
        (Ok(_), Some((seconds, _))) => format!("{seconds}Z"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_is_shown_as_a_dash_never_as_no() {
        let item = json!({"supervised": null, "lost": false, "deep": {"yes": true}});
        assert_eq!(text_at(&item, "supervised"), "-");
        assert_eq!(text_at(&item, "missing"), "-");
        assert_eq!(text_at(&item, "lost"), "no");
        assert_eq!(text_at(&item, "deep.yes"), "yes");
    }

    #[test]
    fn a_long_value_is_cut_in_a_table() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"x".repeat(500)).chars().count(), CELL + 1);
    }

    #[test]
    fn times_are_shown_to_the_second_and_versions_as_they_are() {
        let item = json!({"at": "2026-11-23T13:00:00.25Z", "os": "26.1"});
        assert_eq!(text_at(&item, "at"), "2026-11-23T13:00:00Z");
        assert_eq!(text_at(&item, "os"), "26.1");
    }
}
