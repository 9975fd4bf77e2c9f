//! What can be wrong with a log.

use crate::Hash;

/// Why something of a log cannot be read, made or believed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// An event that has no canonical form.
    #[error("the event has no canonical form: {0}")]
    NotCanonical(String),
    /// A text that is no checkpoint.
    #[error("the checkpoint cannot be read: {0}")]
    Malformed(&'static str),
    /// No signature of the key that is trusted.
    #[error("the checkpoint has no signature of {0}")]
    NotSigned(String),
    /// A signature that does not fit.
    #[error("the signature of {0} on the checkpoint is wrong")]
    WrongSignature(String),
    /// An index or a size beyond the tree.
    #[error("there is no entry {index} in a tree of {size}")]
    OutOfRange {
        /// What was asked for.
        index: u64,
        /// How many entries there are.
        size: u64,
    },
    /// A proof that leads elsewhere.
    #[error("the proof leads to {found}, not to the root {wanted}")]
    WrongRoot {
        /// The root that is claimed.
        wanted: Hash,
        /// Where the proof leads.
        found: Hash,
    },
    /// A proof with too few or too many hashes.
    #[error("the proof has the wrong length")]
    WrongLength,
    /// A node that should be there is missing.
    #[error("node {index} of level {level} is missing")]
    MissingNode {
        /// Its level; leaves are 0.
        level: u8,
        /// Its place on the level.
        index: u64,
    },
    /// A key that cannot be used.
    #[error("the key cannot be used: {0}")]
    Key(String),
}
