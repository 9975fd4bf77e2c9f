//! What was wrong with a request or a document.

/// Why something is no part of declarative management.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not one of the endpoints that Apple names.
    #[error("unknown declarative management endpoint")]
    UnknownEndpoint,
    /// An identifier or server token that is empty, too long, or of characters that none has.
    #[error("an identifier or server token is empty, longer than {max} octets, or has control characters")]
    Identifier {
        /// The limit.
        max: usize,
    },
    /// One identifier for two declarations; it has to be unique over all kinds.
    #[error("the identifier {0:?} stands for two declarations")]
    Duplicate(String),
    /// The status report is longer or of more parts than the limit.
    #[error("the status report is larger than allowed")]
    TooLarge,
    /// The status report is not a JSON object.
    #[error("the status report is not a JSON object: {0}")]
    NotJson(String),
}
