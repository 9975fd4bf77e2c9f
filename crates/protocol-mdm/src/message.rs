//! A body from a device, told apart: check-in or report.

use plist::Dictionary;
use plist_guard::{Limits, parse_dictionary_within};

use crate::{Checkin, Error, Report};

/// Content type of check-ins; parameters may follow it.
pub const CHECK_IN_TYPE: &str = "application/x-apple-aspen-mdm-checkin";
/// Content type of reports; parameters may follow it.
pub const COMMAND_TYPE: &str = "application/x-apple-aspen-mdm";

/// What a device sent.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "made once a request and taken apart at once")]
pub enum Message {
    /// A check-in.
    Checkin(Checkin),
    /// Idle, or the result of a command.
    Report(Box<Report>),
}

impl Message {
    /// Parses a body sent to a URL that takes both. The content type decides by its prefix; where it is absent (some proxies drop
    /// it) or contradicts the body, the keys of the body do.
    ///
    /// # Errors
    /// See [`parse_checkin`] and [`parse_report`].
    pub fn parse(content_type: Option<&str>, body: &[u8], limits: &Limits) -> Result<Self, Error> {
        let dictionary = parse_dictionary_within(body, limits)?;
        if is_checkin(content_type, &dictionary) {
            Checkin::from_dictionary(dictionary).map(Self::Checkin)
        } else {
            Report::from_dictionary(dictionary).map(|report| Self::Report(Box::new(report)))
        }
    }
}

/// Parses a body sent to a URL that takes check-ins only.
///
/// # Errors
/// For a body that is no acceptable property list, lacks `MessageType` or an identity, or is of an unknown type.
pub fn parse_checkin(body: &[u8], limits: &Limits) -> Result<Checkin, Error> {
    Checkin::from_dictionary(parse_dictionary_within(body, limits)?)
}

/// Parses a body sent to a URL that takes reports only.
///
/// # Errors
/// For a body that is no acceptable property list or lacks `Status` or an identity.
pub fn parse_report(body: &[u8], limits: &Limits) -> Result<Report, Error> {
    Report::from_dictionary(parse_dictionary_within(body, limits)?)
}

fn is_checkin(content_type: Option<&str>, body: &Dictionary) -> bool {
    let has_prefix = |prefix: &str| {
        let start = content_type.and_then(|given| given.trim_start().get(..prefix.len()));
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let (message, status) = (body.contains_key("MessageType"), body.contains_key("Status"));
    if has_prefix(CHECK_IN_TYPE) {
        message || !status
    } else if has_prefix(COMMAND_TYPE) {
        message && !status
    } else {
        message
    }
}

#[cfg(test)]
mod tests;
