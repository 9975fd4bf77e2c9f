#![doc = include_str!("../README.md")]

mod description;
mod enrollment;
mod error;
mod inspect;
mod keypath;
mod lint;
mod network;
mod node;
mod problem;
mod render;
mod rights;
mod seal;
mod template;
mod variable;

pub use description::{Description, MAX_DESCRIPTION, inline_files};
pub use enrollment::{CAPABILITIES, EnrollmentProfile, ScepPayload};
pub use error::Error;
pub use inspect::{PayloadSummary, ProfileSummary, check_uploadable, inspect};
pub use lint::{Finding, LintContext, RULES, Severity, lint, lint_each};
pub use network::carries_network;
pub use problem::Problem;
pub use render::{HIDDEN, NetworkIdentity, Rendered, SecretValue, Unset, Values, render};
pub use rights::{AccessRights, InvalidAccessRights};
pub use seal::{encrypt, sign};
pub use template::{Audience, Exception, Origin, Template};
pub use variable::{KNOWN_SOURCES, OPEN_SOURCES, Variable, VariableKind, known_source};

/// Content type of a profile that is downloaded, signed or not.
pub const PROFILE_TYPE: &str = "application/x-apple-aspen-config";
