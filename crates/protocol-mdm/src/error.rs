//! What was wrong with a message or a command.

/// Why a body is no message of the protocol, or a command none that can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not an acceptable property list.
    #[error(transparent)]
    PropertyList(#[from] plist_guard::Error),
    /// A key that nothing can be done without.
    #[error("{message} has no {key}")]
    Missing {
        /// Which message or command.
        message: &'static str,
        /// Apple's name of the key.
        key: &'static str,
    },
    /// A key that nothing can be done without, with a value of another kind.
    #[error("{key} is not {expected}")]
    WrongType {
        /// Apple's name of the key.
        key: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
    /// A check-in of a kind that this server does not know.
    #[error("unknown MessageType {0:?}")]
    UnknownMessageType(String),
    /// Neither `UDID` nor `EnrollmentID`.
    #[error("the message has neither UDID nor EnrollmentID")]
    NoIdentity,
    /// A user of a Shared iPad without `UserShortName`: a temporary session, which cannot be told from another one.
    #[error("a Shared iPad user without UserShortName (a temporary session) cannot be told apart")]
    UnnamedSharedIpadUser,
    /// A command that cannot be sent as it is.
    #[error("the command cannot be sent: {0}")]
    Command(&'static str),
}

impl Error {
    /// The type of the message, if it is one that this server does not know.
    #[must_use]
    pub fn unknown_message_type(&self) -> Option<&str> {
        match self {
            Self::UnknownMessageType(name) => Some(name),
            _ => None,
        }
    }
}
