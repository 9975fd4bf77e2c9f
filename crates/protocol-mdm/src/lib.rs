#![doc = include_str!("../README.md")]

pub mod commands;
pub mod privacy;
pub mod reply;
pub mod results;
pub mod secrets;

mod checkin;
mod command;
mod error;
mod fields;
mod identity;
mod message;
mod report;
mod secret;

pub use checkin::{
    Authenticate, CheckOut, Checkin, DeclarativeManagement, GetBootstrapToken, GetToken, ReturnToService,
    SetBootstrapToken, TokenParameters, TokenUpdate, UserAuthenticate,
};
pub use command::Command;
pub use error::Error;
pub use identity::{ChannelKind, EnrollmentKey, Identifiers, SHARED_IPAD_USER_ID};
pub use message::{CHECK_IN_TYPE, COMMAND_TYPE, Message, parse_checkin, parse_report};
pub use plist_guard as guard;
pub use plist_guard::{Limits, parse_dictionary};
pub use report::{ErrorChainItem, Report, Status};
pub use secrecy::{ExposeSecret, SecretString};
pub use secret::SecretBytes;
