//! The list of devices as a file, made page by page: however long it is, one page of it is in memory.

use serde_json::Value as Json;

use super::{Devices, search};
use crate::Error;
use crate::views::{DeviceQuery, DeviceView};

/// Devices that are read at once.
const AT_ONCE: u32 = 500;
/// The columns of an export that names none.
const COLUMNS: [&str; 11] = [
    "serial_number",
    "name",
    "platform",
    "product_name",
    "os_version",
    "supervised",
    "ownership",
    "state",
    "owner",
    "place",
    "last_seen",
];

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180). A text that a spreadsheet would take for a formula has an apostrophe before it.
    Csv,
    /// An array of objects.
    Json,
}

impl std::str::FromStr for Format {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(Error::invalid("format", "csv or json")),
        }
    }
}

/// An export under way.
#[derive(Debug, Clone)]
pub struct Export {
    query: DeviceQuery,
    columns: Vec<String>,
    format: Format,
    began: bool,
    done: bool,
}

impl Export {
    /// The form of the file.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }
}

impl Devices {
    /// Begins an export of the devices that `query` finds, with its columns. Its limit and cursor do not count.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong filter, column or format.
    pub async fn export(&self, query: DeviceQuery, format: Option<&str>) -> Result<Export, Error> {
        let format = format.unwrap_or("csv").parse()?;
        let list = query.columns.clone().filter(|list| !list.trim().is_empty());
        let list = list.unwrap_or_else(|| COLUMNS.join(","));
        let columns = list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let columns = columns.collect();
        let query = DeviceQuery { columns: Some(list), cursor: None, limit: None, ..query };
        let checked = query.clone();
        self.context
            .store
            .read("check_export", move |c| search::read(c, &checked, AT_ONCE).map(|_| ()))
            .await?;
        Ok(Export { query, columns, format, began: false, done: false })
    }

    /// The next piece of the file; none at its end.
    ///
    /// # Errors
    /// The database's.
    pub async fn next_piece(&self, export: &mut Export) -> Result<Option<String>, Error> {
        if export.done {
            return Ok(None);
        }
        let (query, context) = (export.query.clone(), self.context.clone());
        let page = self
            .context
            .store
            .read("export_devices", move |c| {
                let question = search::read(c, &query, AT_ONCE)?;
                search::page(c, &context, question)
            })
            .await?;
        let mut piece = if export.began { String::new() } else { head(export) };
        for (index, item) in page.items.iter().enumerate() {
            let first = !export.began && index == 0;
            row(&mut piece, export, item, first);
        }
        export.began = true;
        export.done = page.next_cursor.is_none();
        export.query.cursor = page.next_cursor;
        if export.done && export.format == Format::Json {
            piece.push_str("\n]\n");
        }
        Ok(Some(piece))
    }
}

fn head(export: &Export) -> String {
    match export.format {
        Format::Json => "[".to_owned(),
        Format::Csv => line(export.columns.iter().map(String::as_str)),
    }
}

fn row(into: &mut String, export: &Export, item: &DeviceView, first: bool) {
    let value = |name: &String| item.columns.get(name).cloned().unwrap_or_default();
    match export.format {
        Format::Csv => {
            let cells: Vec<String> = export.columns.iter().map(|name| cell(&value(name))).collect();
            into.push_str(&line(cells.iter().map(String::as_str)));
        }
        Format::Json => {
            let mut object: serde_json::Map<String, Json> =
                export.columns.iter().map(|name| (name.clone(), value(name))).collect();
            object.insert("id".to_owned(), Json::String(item.id.to_string()));
            into.push_str(if first { "\n" } else { ",\n" });
            into.push_str(&Json::Object(object).to_string());
        }
    }
}

/// A value as the text of a cell.
fn cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => harmless(text),
        Json::Array(_) | Json::Object(_) => harmless(&value.to_string()),
        other => other.to_string(),
    }
}

/// A spreadsheet runs a text that begins like a formula; an apostrophe before it makes it a text (OWASP, "CSV Injection").
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// A line of cells (RFC 4180).
fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let quoted = cells.map(|cell| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    });
    let mut line = quoted.collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_a_line_keeps_its_cells_apart() {
        for (value, expected) in [
            (json!("=HYPERLINK(\"http://x\")"), "'=HYPERLINK(\"http://x\")"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("-1+2"), "'-1+2"),
            (json!("\tx"), "'\tx"),
            (json!(-1), "-1"),
            (json!("Ward 7"), "Ward 7"),
            (json!(null), ""),
            (json!(["a"]), "[\"a\"]"),
        ] {
            assert_eq!(cell(&value), expected);
        }
        assert_eq!(line(["a,b", "c\"d", "e\nf", "g"].into_iter()), "\"a,b\",\"c\"\"d\",\"e\nf\",g\r\n");
    }
}
