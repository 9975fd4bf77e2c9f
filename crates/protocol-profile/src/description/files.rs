//! Descriptions that stand alone: the files that they name written into them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::source::{Entry, Item, Lines, Located, read};
use crate::Problem;

/// The text with each `{ file = "…" }` of its payloads replaced by the bytes, as `{ base64 = "…" }`: what is sent to a server, which
/// cannot read the operator's files. Lines stay where they are.
///
/// # Errors
/// For what is no TOML, and files that cannot be loaded.
pub fn inline_files(
    text: &str,
    file: &str,
    load: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<String, Vec<Problem>> {
    let lines = Lines::of(text);
    let problem = |at: usize, message: String, advice: String| Problem {
        file: file.to_owned(),
        line: lines.line(at),
        key_path: String::new(),
        message,
        advice,
    };
    let entries = read(text)
        .map_err(|(at, message)| vec![problem(at, format!("This is not TOML: {message}."), String::new())])?;
    let mut found = Vec::new();
    entries.iter().filter(|entry| entry.key == "payload").for_each(|entry| collect(&entry.value, &mut found));
    let mut made = text.to_owned();
    let mut problems = Vec::new();
    found.sort_by_key(|(value, _)| std::cmp::Reverse(value.span.start));
    for (value, name) in found {
        match load(name) {
            Ok(bytes) if made.get(value.span.clone()).is_some() => {
                made.replace_range(
                    value.span.clone(),
                    &format!("{{ base64 = \"{}\" }}", STANDARD.encode(bytes)),
                );
            }
            Ok(_) => {}
            Err(reason) => {
                problems.push(problem(
                    value.span.start,
                    format!("The file {name:?} cannot be used."),
                    reason,
                ));
            }
        }
    }
    if problems.is_empty() { Ok(made) } else { Err(problems) }
}

fn collect<'a>(value: &'a Located, found: &mut Vec<(&'a Located, &'a str)>) {
    match &value.item {
        Item::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Item::Table(entries) => match entries.as_slice() {
            [Entry { key, value: Located { item: Item::Text(name), .. }, .. }] if key == "file" => {
                found.push((value, name));
            }
            _ => entries.iter().for_each(|entry| collect(&entry.value, found)),
        },
        _ => {}
    }
}
