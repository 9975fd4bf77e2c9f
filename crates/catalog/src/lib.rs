//! What Apple's commands, payloads, declarations and status items accept, on which devices, and the worst each can do.
//!
//! The facts come from a generated table (`data/catalogue.tsv`, made by `scripts/catalogue` from Apple's schema) and
//! the effect classes from one written by hand (`data/effects.tsv`). Everything here is pure: no clock, no files, no network.

mod answer;
mod check;
mod class;
mod combination;
mod describe;
mod effects;
mod entry;
mod facts;
mod format;
mod json;
mod nearest;
mod platform;
mod refusal;
mod rights;
mod secret;
mod successor;
mod support;
mod table;
mod version;
mod walk;

pub use answer::{AnswerFindings, check_answer};
pub use check::{Verdict, What, check, check_command, check_request};
pub use class::{Class, Classification, ParseClassError};
pub use describe::{
    CommandDescription, PayloadDescription, commands, describe, describe_payload, find, malformed_lines,
    names, supported_queries, unclassified,
};
pub use effects::{
    Assigned, ClassContext, class_of_command, class_of_command_in, class_of_declaration,
    class_of_declaration_removal, class_of_payload, class_of_payload_removal, class_of_profile,
};
pub use entry::{Enrollments, Entry, Key, Kind, Mode, Scopes, Support, Systems, ValueType};
pub use facts::{ChannelKind, DeviceFacts, EnrollmentType, Ownership, ParseWordError};
pub use json::{command_from_json, declaration_from_json, from_json, payload_from_json};
pub use nearest::hint as did_you_mean;
pub use platform::{ParsePlatformError, Platform};
pub use refusal::{Refusal, Rule};
pub use secret::{filled_by_ward, is_secret_key};
pub use version::{ParseVersionError, Version};
