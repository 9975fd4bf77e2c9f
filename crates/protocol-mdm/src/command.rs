//! A command as it is sent: a UUID and the inner dictionary. Apple: "Commands and queries", "Common command keys".

use std::fmt;

use plist::Dictionary;
use plist_guard::{Limits, parse_any_dictionary, write_xml};

use crate::Error;

/// Longest `CommandUUID` that is taken, in bytes. Apple names no limit; any unique string is allowed.
const LONGEST_UUID: usize = 255;

/// A command. `Debug` shows no parameters, which may be profiles or secrets.
#[derive(Clone, PartialEq)]
pub struct Command {
    /// `CommandUUID`.
    pub uuid: String,
    /// `RequestType`.
    pub request_type: String,
    /// The inner dictionary `Command`, `RequestType` included.
    pub dictionary: Dictionary,
}

impl Command {
    /// A command of an inner dictionary.
    ///
    /// # Errors
    /// [`Error::Command`] for an unusable UUID, [`Error::Missing`] without `RequestType`.
    pub fn new(uuid: String, dictionary: Dictionary) -> Result<Self, Error> {
        if uuid.is_empty() || uuid.len() > LONGEST_UUID || uuid.chars().any(char::is_control) {
            return Err(Error::Command("CommandUUID is empty, too long or has control characters"));
        }
        let request_type = match dictionary.get("RequestType") {
            None => return Err(Error::Missing { message: "the command", key: "RequestType" }),
            Some(value) => value.as_string().filter(|name| !name.is_empty()),
        };
        let request_type =
            request_type.ok_or(Error::WrongType { key: "RequestType", expected: "a string" })?;
        Ok(Self { uuid, request_type: request_type.to_owned(), dictionary })
    }

    /// Parses a command that an operator gives, XML or binary, a byte order mark tolerated.
    ///
    /// # Errors
    /// For what is no acceptable property list, holds a key twice, or lacks `CommandUUID`, `Command` or `RequestType`.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        Self::parse_within(body, &Limits::OPERATOR)
    }

    /// As [`Self::parse`], within other limits.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_within(body: &[u8], limits: &Limits) -> Result<Self, Error> {
        Self::parse_or(body, limits, || Err(Error::Missing { message: "the command", key: "CommandUUID" }))
    }

    /// As [`Self::parse_within`], with a UUID made for a command that brings none.
    ///
    /// # Errors
    /// As [`Self::parse`], and what `make` returns.
    pub fn parse_or(
        body: &[u8],
        limits: &Limits,
        make: impl FnOnce() -> Result<String, Error>,
    ) -> Result<Self, Error> {
        let mut outer = parse_any_dictionary(body, limits)?;
        let uuid = match outer.remove("CommandUUID") {
            None => make()?,
            Some(value) => {
                value.into_string().ok_or(Error::WrongType { key: "CommandUUID", expected: "a string" })?
            }
        };
        let inner =
            outer.remove("Command").ok_or(Error::Missing { message: "the command", key: "Command" })?;
        let inner =
            inner.into_dictionary().ok_or(Error::WrongType { key: "Command", expected: "a dictionary" })?;
        Self::new(uuid, inner)
    }

    /// The command as it goes to a device. The same command gives the same bytes.
    #[must_use]
    pub fn to_xml(&self) -> Vec<u8> {
        let mut outer = Dictionary::new();
        outer.insert("Command".into(), self.dictionary.clone().into());
        outer.insert("CommandUUID".into(), self.uuid.clone().into());
        write_xml(&outer)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("uuid", &self.uuid)
            .field("request_type", &self.request_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
