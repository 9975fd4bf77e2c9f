//! What can be wrong with a SCEP message.

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What was wrong, in words for a person. Never contains a challenge or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The query names no operation, or one that is not offered.
    #[error("'{0}' is not an operation of this SCEP server")]
    UnknownOperation(String),
    /// The message is longer than is read.
    #[error("the SCEP message has {size} bytes, at most {limit} are accepted")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There is no message, or it is not base64.
    #[error("the SCEP message is malformed: {0}")]
    Malformed(&'static str),
    /// An attribute that SCEP needs is not there.
    #[error("the SCEP message has no {0}")]
    MissingAttribute(&'static str),
    /// A message of a kind that is not served.
    #[error("the SCEP message type '{0}' is not served")]
    UnsupportedMessageType(String),
    /// A reply that does not belong to the request.
    #[error("the SCEP reply {0}")]
    WrongReply(&'static str),
    /// What the cryptography found.
    #[error(transparent)]
    Pki(#[from] pki::Error),
}
