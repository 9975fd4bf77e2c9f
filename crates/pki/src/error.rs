//! What can be wrong with keys, certificates and messages.

use openssl::error::ErrorStack;

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What was wrong, in words for a person. Never contains a key, a password or the content of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than this crate is willing to parse.
    #[error("{what} has {size} bytes, at most {limit} are accepted")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The bytes are not what they should be.
    #[error("{what} is malformed: {detail}")]
    Malformed {
        /// What was parsed.
        what: &'static str,
        /// Where and why it failed.
        detail: String,
    },
    /// A correct message that uses an algorithm or form which is not accepted here.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A signature does not fit the signed bytes and the key.
    #[error("the signature of {0} is wrong")]
    WrongSignature(&'static str),
    /// The kind or size of a key is not accepted.
    #[error("{0}")]
    KeyPolicy(String),
    /// The private key is protected by a passphrase.
    #[error("the private key is encrypted; remove the passphrase first, for instance with 'openssl pkey'")]
    EncryptedKey,
    /// A part that has to be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The private key belongs to another certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// A certificate that is well-formed but of no use for the purpose.
    #[error("{0}")]
    Refused(String),
    /// No trusted root was reached.
    #[error("the certificate is not trusted: {0}")]
    Untrusted(String),
    /// An encrypted message could not be decrypted with the given key.
    #[error("the message could not be decrypted with this key")]
    Undecryptable,
    /// A sealed value was made with a master key that is not loaded.
    #[error("the value was sealed with the master key {key_id}, which is not loaded")]
    UnknownMasterKey {
        /// The first bytes of the key's digest, in hex.
        key_id: String,
    },
    /// A sealed value was changed, or belongs to another place.
    #[error("the sealed value was altered or belongs to another place")]
    SealBroken,
    /// OpenSSL refused; the text is OpenSSL's.
    #[error("OpenSSL: {0}")]
    Crypto(String),
}

impl Error {
    #[expect(clippy::needless_pass_by_value, reason = "errors and texts come by value")]
    pub(crate) fn malformed(what: &'static str, detail: impl ToString) -> Self {
        Self::Malformed { what, detail: detail.to_string() }
    }
}

impl From<ErrorStack> for Error {
    fn from(stack: ErrorStack) -> Self {
        Self::Crypto(stack.to_string())
    }
}
