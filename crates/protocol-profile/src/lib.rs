#![doc = include_str!("../README.md")]

mod enrollment;
mod error;
mod inspect;
mod rights;

pub use enrollment::{CAPABILITIES, EnrollmentProfile, ScepPayload};
pub use error::Error;
pub use inspect::{PayloadSummary, ProfileSummary, check_uploadable, inspect};
pub use rights::{AccessRights, InvalidAccessRights};

/// Content type of a profile that is downloaded, signed or not.
pub const PROFILE_TYPE: &str = "application/x-apple-aspen-config";
