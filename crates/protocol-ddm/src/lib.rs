#![doc = include_str!("../README.md")]

mod endpoint;
mod error;
mod set;
mod status;

pub use endpoint::{DeclarationKind, Endpoint};
pub use error::Error;
pub use set::{DeclarationSet, LONGEST_IDENTIFIER};
pub use status::{DeclarationStatus, Reason, StatusError, StatusLimits, StatusReport, Validity};
