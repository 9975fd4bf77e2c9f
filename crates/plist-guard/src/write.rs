//! Writing XML property lists: total (no value makes it fail) and the same bytes for the same value.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plist::{Dictionary, Value};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
                    \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n";

/// The dictionary as an XML document. Keys stay in the order of the dictionary.
#[must_use]
pub fn write_xml(dictionary: &Dictionary) -> Vec<u8> {
    let mut text = String::from(HEAD);
    write_dictionary(&mut text, dictionary, 0);
    text.push_str("</plist>\n");
    text.into_bytes()
}

/// Any value as an XML document.
#[must_use]
pub fn write_xml_value(value: &Value) -> Vec<u8> {
    let mut text = String::from(HEAD);
    write_value(&mut text, value, 0);
    text.push_str("</plist>\n");
    text.into_bytes()
}

fn write_value(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Dictionary(entries) => write_dictionary(text, entries, depth),
        Value::Array(items) if items.is_empty() => element(text, depth, "<array/>"),
        Value::Array(items) => {
            element(text, depth, "<array>");
            for item in items {
                write_value(text, item, depth + 1);
            }
            element(text, depth, "</array>");
        }
        Value::Boolean(true) => element(text, depth, "<true/>"),
        Value::Boolean(false) => element(text, depth, "<false/>"),
        Value::Data(bytes) => leaf(text, depth, "data", &STANDARD.encode(bytes)),
        Value::Date(date) => leaf(text, depth, "date", &date.to_xml_format()),
        Value::Integer(number) => leaf(text, depth, "integer", &number.to_string()),
        Value::Real(number) => leaf(text, depth, "real", &number.to_string()),
        Value::String(string) => leaf(text, depth, "string", string),
        // Apple's form of a unique id in XML; the variant is of an open enumeration, so anything newer is written as empty.
        Value::Uid(uid) => {
            let mut form = Dictionary::new();
            form.insert("CF$UID".into(), Value::from(uid.get()));
            write_dictionary(text, &form, depth);
        }
        _ => leaf(text, depth, "string", ""),
    }
}

fn write_dictionary(text: &mut String, entries: &Dictionary, depth: usize) {
    if entries.is_empty() {
        return element(text, depth, "<dict/>");
    }
    element(text, depth, "<dict>");
    for (key, value) in entries {
        leaf(text, depth + 1, "key", key);
        write_value(text, value, depth + 1);
    }
    element(text, depth, "</dict>");
}

fn element(text: &mut String, depth: usize, markup: &str) {
    text.extend(std::iter::repeat_n('\t', depth));
    text.push_str(markup);
    text.push('\n');
}

fn leaf(text: &mut String, depth: usize, name: &str, content: &str) {
    text.extend(std::iter::repeat_n('\t', depth));
    let _infallible = write!(text, "<{name}>");
    for character in content.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            // A reader of XML turns a bare carriage return into a line feed.
            '\r' => text.push_str("&#13;"),
            '\t' | '\n' => text.push(character),
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => text.push('\u{FFFD}'),
            _ => text.push(character),
        }
    }
    let _infallible = writeln!(text, "</{name}>");
}

#[cfg(test)]
mod tests;
