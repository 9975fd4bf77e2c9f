//! Parsing behind the scan.

use std::io::Cursor;

use plist::{Dictionary, Value};

use crate::{Census, Error, Limits, binary, xml};

/// Scans an XML property list. A byte order mark and leading white space are skipped.
///
/// # Errors
/// Whatever the scan refuses; what it accepts can still be malformed for the parser.
pub fn check(body: &[u8], limits: &Limits) -> Result<Census, Error> {
    scan(text_of(body), body.len(), limits)
}

/// Walks a binary property list with a budget.
///
/// # Errors
/// As [`check`].
pub fn check_binary(body: &[u8], limits: &Limits) -> Result<Census, Error> {
    limit_size(body.len(), limits)?;
    binary::walk(body, limits)
}

/// Whether the body begins like a binary property list.
#[must_use]
pub fn is_binary(body: &[u8]) -> bool {
    body.starts_with(b"bplist")
}

/// Parses an XML dictionary within [`Limits::RESULT`].
///
/// # Errors
/// What the scan or the parser refuses, and a root that is no dictionary.
pub fn parse_dictionary(body: &[u8]) -> Result<Dictionary, Error> {
    parse_dictionary_within(body, &Limits::RESULT)
}

/// Parses an XML dictionary within the given limits. Of equal keys the last one wins, as devices have always been read.
///
/// # Errors
/// As [`parse_dictionary`].
pub fn parse_dictionary_within(body: &[u8], limits: &Limits) -> Result<Dictionary, Error> {
    let text = text_of(body);
    scan(text, body.len(), limits)?;
    dictionary(parse_xml(text)?)
}

/// Parses a dictionary that an operator gives, XML or binary. Equal keys in one dictionary are refused: the device that reads
/// the same bytes may choose the other one.
///
/// # Errors
/// As [`parse_dictionary`], and [`Error::DuplicateKey`].
pub fn parse_any_dictionary(body: &[u8], limits: &Limits) -> Result<Dictionary, Error> {
    let (census, value) = if is_binary(body) {
        (
            check_binary(body, limits)?,
            Value::from_reader(Cursor::new(body)).map_err(|error| malformed(&error))?,
        )
    } else {
        let text = text_of(body);
        (scan(text, body.len(), limits)?, parse_xml(text)?)
    };
    if elements(&value) != census.elements {
        return Err(Error::DuplicateKey);
    }
    dictionary(value)
}

fn parse_xml(text: &[u8]) -> Result<Value, Error> {
    Value::from_reader_xml(text).map_err(|error| malformed(&error))
}

fn malformed(error: &plist::Error) -> Error {
    Error::Malformed(error.to_string())
}

fn dictionary(value: Value) -> Result<Dictionary, Error> {
    value.into_dictionary().ok_or(Error::NotADictionary)
}

fn limit_size(bytes: usize, limits: &Limits) -> Result<(), Error> {
    if bytes > limits.max_bytes {
        return Err(Error::TooLarge { bytes, max: limits.max_bytes });
    }
    Ok(())
}

fn scan(text: &[u8], bytes: usize, limits: &Limits) -> Result<Census, Error> {
    limit_size(bytes, limits)?;
    if is_binary(text) {
        return Err(Error::Binary);
    }
    if text.first() != Some(&b'<') {
        return Err(Error::NotAPropertyList);
    }
    xml::scan(text, limits)
}

fn text_of(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start()
}

/// Values and keys of a tree whose depth the scan has limited.
fn elements(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(elements).sum::<usize>(),
        Value::Dictionary(entries) => 1 + entries.values().map(|value| 1 + elements(value)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
