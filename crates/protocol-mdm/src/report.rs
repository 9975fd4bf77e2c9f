//! What a device sends to the command URL: that it is idle, or what became of a command.
//! Apple: "Sending MDM commands to a device", "Common response keys".

use std::fmt;

use plist::{Dictionary, Value};
use secrecy::SecretString;

use crate::{Error, Identifiers, fields};

/// A report of a device on its command channel.
#[derive(Clone)]
pub struct Report {
    /// Who speaks.
    pub identifiers: Identifiers,
    /// `Status`.
    pub status: Status,
    /// `CommandUUID`: absent when idle, and tolerated absent otherwise.
    pub command_uuid: Option<String>,
    /// `RequestType`: echoed by some Macs; for show, the command is known by its UUID.
    pub request_type: Option<String>,
    /// `ErrorChain`, outermost error first.
    pub error_chain: Vec<ErrorChainItem>,
    /// `NeedSyncResponse`: a user waits at the login window for the whole queue.
    pub need_sync_response: bool,
    /// `AuthToken` of a network user.
    pub auth_token: Option<SecretString>,
    /// The whole dictionary as received, secrets included: see [`crate::secrets::redact`].
    pub body: Dictionary,
}

impl Report {
    /// Reads a report from a parsed dictionary.
    ///
    /// # Errors
    /// Without `Status` or an identity.
    pub fn from_dictionary(body: Dictionary) -> Result<Self, Error> {
        let mut head = Dictionary::new();
        for key in HEAD {
            fields::put(&mut head, key, body.get(key).cloned());
        }
        let status = fields::identity(&mut head, "Status")?
            .ok_or(Error::Missing { message: "the report", key: "Status" })?;
        Ok(Self {
            identifiers: Identifiers::take(&mut head)?,
            status: Status::from(status),
            command_uuid: fields::identity(&mut head, "CommandUUID")?,
            request_type: fields::text(&mut head, "RequestType"),
            error_chain: error_chain(body.get("ErrorChain")),
            need_sync_response: fields::truth(&head, "NeedSyncResponse").unwrap_or(false),
            auth_token: fields::text(&mut head, "AuthToken").map(SecretString::from),
            body,
        })
    }
}

const HEAD: [&str; 12] = [
    "Status",
    "UDID",
    "EnrollmentID",
    "EnrollmentUserID",
    "UserID",
    "UserShortName",
    "UserLongName",
    "NotOnConsole",
    "CommandUUID",
    "RequestType",
    "NeedSyncResponse",
    "AuthToken",
];

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("identifiers", &self.identifiers)
            .field("status", &self.status)
            .field("command_uuid", &self.command_uuid)
            .field("request_type", &self.request_type)
            .field("error_chain", &self.error_chain)
            .field("body_keys", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What a device says of itself or of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing to report; the next command is wanted.
    Idle,
    /// Done.
    Acknowledged,
    /// Failed, with an `ErrorChain`.
    Error,
    /// The command was malformed or is not supported.
    CommandFormatError,
    /// Not possible at present; the same command is to be sent again later.
    NotNow,
    /// Anything else, kept as it came.
    Unknown(String),
}

impl Status {
    /// Apple's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Idle => "Idle",
            Self::Acknowledged => "Acknowledged",
            Self::Error => "Error",
            Self::CommandFormatError => "CommandFormatError",
            Self::NotNow => "NotNow",
            Self::Unknown(word) => word,
        }
    }
}

impl From<String> for Status {
    fn from(word: String) -> Self {
        match word.as_str() {
            "Idle" => Self::Idle,
            "Acknowledged" => Self::Acknowledged,
            "Error" => Self::Error,
            "CommandFormatError" => Self::CommandFormatError,
            "NotNow" => Self::NotNow,
            _ => Self::Unknown(word),
        }
    }
}

/// One error of a chain. For show and for the record: codes and domains change between releases, so nothing may depend on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorChainItem {
    /// `ErrorCode`.
    pub code: Option<i64>,
    /// `ErrorDomain`.
    pub domain: Option<String>,
    /// `LocalizedDescription`, in the language of the device.
    pub localized_description: Option<String>,
    /// `USEnglishDescription`.
    pub us_english_description: Option<String>,
}

/// Entries may lack keys, and the chain itself may be of another kind: what can be read is read.
fn error_chain(value: Option<&Value>) -> Vec<ErrorChainItem> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let entries = items.iter().filter_map(Value::as_dictionary);
    entries.map(error_item).collect()
}

fn error_item(entry: &Dictionary) -> ErrorChainItem {
    let text = |key: &str| entry.get(key).and_then(Value::as_string).map(str::to_owned);
    ErrorChainItem {
        code: entry.get("ErrorCode").and_then(Value::as_signed_integer),
        domain: text("ErrorDomain"),
        localized_description: text("LocalizedDescription"),
        us_english_description: text("USEnglishDescription"),
    }
}

#[cfg(test)]
mod tests;
