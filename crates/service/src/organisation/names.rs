//! How places, people, labels and variables may be called, and how an operator's word for one is understood.

use store::{Connection, Person, PersonId, Place, PlaceId};
use uuid::Uuid;

use crate::Error;

/// Characters of a name at most.
const LONGEST_NAME: usize = 200;
/// Characters of a code or an external id at most.
const LONGEST_CODE: usize = 64;
/// Characters of an e-mail address at most (RFC 5321, 4.5.3.1.3).
const LONGEST_EMAIL: usize = 254;
/// Characters of a label's or variable's value at most.
const LONGEST_VALUE: usize = 1_000;

/// A name for people: trimmed, one line, not empty.
pub(super) fn name(field: &str, text: &str) -> Result<String, Error> {
    line(field, text, LONGEST_NAME)
}

/// What another system calls a person.
pub(super) fn external_id(field: &str, text: &str) -> Result<String, Error> {
    line(field, text, LONGEST_CODE)
}

/// A value of a label or variable: one line, which may not be empty, because an unset value is one that is not there.
pub(super) fn value(field: &str, text: &str) -> Result<String, Error> {
    line(field, text, LONGEST_VALUE)
}

fn line(field: &str, text: &str, longest: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if text.chars().count() > longest || text.chars().any(char::is_control) {
        return Err(Error::invalid(
            field,
            format!("may have at most {longest} characters and no line breaks or control characters"),
        ));
    }
    Ok(text.to_owned())
}

/// A place's short name, which stands in files and commands. It never looks like an id, so that the two cannot be confused.
pub(super) fn code(field: &str, text: &str) -> Result<String, Error> {
    let text = text.trim();
    let first = text.chars().next().is_some_and(char::is_alphanumeric);
    let rest = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'));
    if !first || !rest || text.chars().count() > LONGEST_CODE || Uuid::parse_str(text).is_ok() {
        return Err(Error::invalid(
            field,
            format!(
                "must begin with a letter or digit, have only letters, digits, '.', '_', '-' and '/', and at most {LONGEST_CODE} of them"
            ),
        ));
    }
    Ok(text.to_owned())
}

/// An e-mail address in lower case. Whether mail arrives there is not asked.
pub(super) fn email(field: &str, text: &str) -> Result<String, Error> {
    let text = text.trim().to_lowercase();
    let plain = !text
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'));
    match text.split_once('@') {
        Some((local, host))
            if plain
                && !local.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && text.len() <= LONGEST_EMAIL =>
        {
            Ok(text)
        }
        _ => Err(Error::invalid(field, "is not an e-mail address like ann.nurse@example.org")),
    }
}

/// The name of a label or variable, as it stands after `$site.` or `$device.attribute.` in a profile.
pub(super) fn key(field: &str, text: &str) -> Result<String, Error> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !first || !rest || text.len() > LONGEST_CODE {
        return Err(Error::invalid(
            field,
            format!(
                "must begin with a small letter, have only small letters, digits and '_', and at most {LONGEST_CODE} of them"
            ),
        ));
    }
    Ok(text.to_owned())
}

/// The place that an operator means: by id, by code, or by a name that only one place has.
pub(crate) fn find_place(connection: &mut Connection, text: &str) -> Result<Place, Error> {
    let text = text.trim();
    if let Ok(id) = Uuid::parse_str(text) {
        return Place::find(connection, PlaceId(id)).map_err(|error| missing(error, "place", text));
    }
    if let Some(place) = Place::find_by_code(connection, text)? {
        return Ok(place);
    }
    let mut named = Place::find_by_name(connection, text)?;
    match (named.pop(), named.is_empty()) {
        (Some(place), true) => Ok(place),
        (Some(_), false) => {
            Err(Error::Conflict(format!("several places are called '{text}': use a code or an id")))
        }
        (None, _) => Err(Error::not_found("place", text)),
    }
}

/// The person whom an operator means: by id, e-mail address or external id.
pub(super) fn find_person(connection: &mut Connection, text: &str) -> Result<Person, Error> {
    let text = text.trim();
    if let Ok(id) = Uuid::parse_str(text) {
        return Person::find(connection, PersonId(id)).map_err(|error| missing(error, "person", text));
    }
    if let Some(person) = Person::find_by_email(connection, &text.to_lowercase())? {
        return Ok(person);
    }
    Person::find_by_external_id(connection, text)?.ok_or_else(|| Error::not_found("person", text))
}

fn missing(error: store::Error, what: &'static str, text: &str) -> Error {
    if error == store::Error::NotFound { Error::not_found(what, text) } else { error.into() }
}

/// What was not found by a field of a request is that field's fault, not the address's.
pub(super) fn in_field<T>(field: &str, found: Result<T, Error>) -> Result<T, Error> {
    found.map_err(|error| match error {
        Error::NotFound { .. } | Error::Conflict(_) => Error::invalid(field, error.to_string()),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keys_and_addresses_are_what_files_and_profiles_can_hold() {
        for good in ["W1", "ward/3-b", "Zürich_2", "7"] {
            assert_eq!(code("code", good).unwrap(), good);
        }
        for bad in ["", "-w", "a b", "=1+1", "w\nx", "0192d3f4-0000-7000-8000-000000000000", &"x".repeat(65)]
        {
            assert!(code("code", bad).is_err(), "{bad}");
        }
        for bad in ["", "Wifi", "1st", "wifi-ssid", "wifi.ssid", &"x".repeat(65)] {
            assert!(key("name", bad).is_err(), "{bad}");
        }
        assert_eq!(email("email", " Ann.Nurse@Example.ORG ").unwrap(), "ann.nurse@example.org");
        for bad in ["ann", "@example.org", "ann@", "a@b@c", "ann nurse@example.org", "Ann <a@b.org>"] {
            assert!(email("email", bad).is_err(), "{bad}");
        }
        assert_eq!(name("name", "  Ann ").unwrap(), "Ann");
        assert!(name("name", "Ann\u{7}").is_err());
        assert!(name("name", "   ").is_err());
    }
}
