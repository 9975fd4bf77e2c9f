//! What Apple's commands, payloads, declarations and status items accept, on which devices, and the worst each can do.
//!
//! The facts come from a generated table (`data/catalogue.tsv`, made by `scripts/catalogue` from Apple's schema) and
//! the effect classes from one written by hand (`data/effects.tsv`). Everything here is pure: no clock, no files, no network.

mod class;
mod facts;
mod platform;
mod refusal;
mod version;

pub use class::{Class, Classification, ParseClassError};
pub use facts::{ChannelKind, DeviceFacts, EnrollmentType, Ownership, ParseWordError};
pub use platform::{ParsePlatformError, Platform};
pub use refusal::{Refusal, Rule};
pub use version::{ParseVersionError, Version};
