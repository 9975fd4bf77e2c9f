//! TOML with the place of every value.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Located {
    /// Its bytes in the text.
    pub(super) span: Range<usize>,
    /// The value.
    pub(super) item: Item,
}

/// A key, where it stands, and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// The first byte of the key.
    pub(super) at: usize,
    /// The value.
    pub(super) value: Located,
}

/// A value of TOML.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date or time, as it is written.
    Datetime(String),
    /// A list.
    Array(Vec<Located>),
    /// Keys and values.
    Table(Vec<Entry>),
    /// A number that is too large for its type.
    TooLarge,
}

impl Item {
    /// The word for people.
    pub(super) const fn in_words(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Datetime(_) => "a date",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
            Self::TooLarge => "a number that is too large",
        }
    }
}

/// Reads a text.
///
/// # Errors
/// What is wrong with it, and the byte where.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let table = DeTable::parse(text)
        .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    Ok(entries(table.get_ref()))
}

fn entries(table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            at: key.span().start,
            value: Located { span: value.span(), item: item(value.get_ref()) },
        })
        .collect();
    entries.sort_by_key(|entry| entry.at);
    entries
}

fn item(value: &DeValue<'_>) -> Item {
    match value {
        DeValue::String(text) => Item::Text(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Item::TooLarge, Item::Integer)
        }
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Item::Float(number),
            _ => Item::TooLarge,
        },
        DeValue::Boolean(value) => Item::Boolean(*value),
        DeValue::Datetime(time) => Item::Datetime(time.to_string()),
        DeValue::Array(items) => Item::Array(
            items.iter().map(|value| Located { span: value.span(), item: item(value.get_ref()) }).collect(),
        ),
        DeValue::Table(table) => Item::Table(entries(table)),
    }
}

/// Turns bytes into lines.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    /// Of a text.
    pub(super) fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at) + 1
    }
}
