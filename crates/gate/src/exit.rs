//! The exits: everything that can leave Ward and change a device or its owner. Adding one here makes the gate decide it.

use std::fmt;

use catalog::{Class, ClassContext, Classification, class_of_command_in};
use plist::{Dictionary, Value};
use store::{ChannelId, DeliverySeq, EnrollmentId};

use crate::profile;

/// One thing that is about to leave.
#[derive(Debug, Clone, Copy)]
pub enum Exit<'a> {
    /// A queued command, with its secrets filled in: the very dictionary that is to be sent.
    Command {
        /// Its delivery.
        seq: DeliverySeq,
        /// The channel that asked.
        channel: ChannelId,
        /// The epoch of that channel.
        enrollment: EnrollmentId,
        /// Apple's name of the command.
        request_type: &'a str,
        /// The inner `Command` dictionary.
        command: &'a Dictionary,
        /// What it meets on the device. The profile in it is opened here; what stands in `profile` counts only where the bytes hold
        /// that very profile encrypted.
        context: &'a ClassContext<'a>,
    },
    /// The answer to ReturnToService that lets an erase go on.
    ReturnToServiceReply {
        /// The epoch that asked.
        enrollment: EnrollmentId,
    },
    /// A profile that puts a device under management.
    EnrollmentProfile,
    /// A profile that gives an enrolled device a new certificate.
    RenewalProfile {
        /// The epoch that gets it.
        enrollment: EnrollmentId,
    },
    /// The list of declarations: what is not on it, the device removes.
    DeclarationManifest {
        /// The epoch that asked.
        enrollment: EnrollmentId,
    },
    /// 404 for a declaration that is gone: the device removes it.
    DeclarationGone {
        /// The epoch that asked.
        enrollment: EnrollmentId,
    },
    /// 410: the user is not managed in this session.
    UserDeclined {
        /// The epoch that asked.
        enrollment: EnrollmentId,
    },
}

/// Which of the exits, without particulars: what a [`crate::Permit`] carries and the ledger will name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitKind {
    /// [`Exit::Command`].
    Command,
    /// [`Exit::ReturnToServiceReply`].
    ReturnToServiceReply,
    /// [`Exit::EnrollmentProfile`].
    EnrollmentProfile,
    /// [`Exit::RenewalProfile`].
    RenewalProfile,
    /// [`Exit::DeclarationManifest`].
    DeclarationManifest,
    /// [`Exit::DeclarationGone`].
    DeclarationGone,
    /// [`Exit::UserDeclined`].
    UserDeclined,
}

impl ExitKind {
    /// The word in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::ReturnToServiceReply => "return_to_service_reply",
            Self::EnrollmentProfile => "enrollment_profile",
            Self::RenewalProfile => "renewal_profile",
            Self::DeclarationManifest => "declaration_manifest",
            Self::DeclarationGone => "declaration_gone",
            Self::UserDeclined => "user_declined",
        }
    }
}

impl ExitKind {
    /// The name of the act in the record of acts.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Command => "exit.command",
            Self::ReturnToServiceReply => "exit.return_to_service_reply",
            Self::EnrollmentProfile => "exit.enrollment_profile",
            Self::RenewalProfile => "exit.renewal_profile",
            Self::DeclarationManifest => "exit.declaration_manifest",
            Self::DeclarationGone => "exit.declaration_gone",
            Self::UserDeclined => "exit.user_declined",
        }
    }
}

impl fmt::Display for ExitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Exit<'_> {
    /// Which of the exits it is.
    #[must_use]
    pub const fn kind(&self) -> ExitKind {
        match self {
            Self::Command { .. } => ExitKind::Command,
            Self::ReturnToServiceReply { .. } => ExitKind::ReturnToServiceReply,
            Self::EnrollmentProfile => ExitKind::EnrollmentProfile,
            Self::RenewalProfile { .. } => ExitKind::RenewalProfile,
            Self::DeclarationManifest { .. } => ExitKind::DeclarationManifest,
            Self::DeclarationGone { .. } => ExitKind::DeclarationGone,
            Self::UserDeclined { .. } => ExitKind::UserDeclined,
        }
    }

    /// The worst that it can do, read from what leaves and from nothing that is stored beside it.
    #[must_use]
    pub fn classify(&self) -> Classification {
        match self {
            Self::Command { request_type, command, context, .. } => {
                class_of_bytes(request_type, command, context)
            }
            Self::ReturnToServiceReply { .. } => {
                Classification::new(Class::D0, "lets the device erase itself and come back")
            }
            Self::EnrollmentProfile => Classification::new(Class::D2, "puts a device under management"),
            Self::RenewalProfile { .. } => Classification::new(
                Class::D0,
                "replaces the management profile; a faulty one strands the device",
            ),
            // The set is empty in this version, which a device takes as an order to remove whatever it has.
            Self::DeclarationManifest { .. } => Classification::new(
                Class::D0,
                "a declaration that is not on the list is removed with its data",
            ),
            Self::DeclarationGone { .. } => {
                Classification::new(Class::D0, "the device removes the declaration and what came with it")
            }
            Self::UserDeclined { .. } => {
                Classification::new(Class::None, "the user is not managed until the next log-in")
            }
        }
    }
}

/// The class of a command as its bytes say it, the profile that it carries included. The device obeys the `RequestType` in the bytes,
/// whatever the row beside them says; where the two differ the graver counts.
#[must_use]
pub fn class_of_bytes(
    request_type: &str,
    command: &Dictionary,
    context: &ClassContext<'_>,
) -> Classification {
    let sent = command.get("RequestType").and_then(Value::as_string).unwrap_or_default();
    let opened = if sent == "InstallProfile" { profile::opened(command) } else { None };
    let profile = opened.as_ref().map(|opened| profile::in_clear(opened, context.profile));
    let context = ClassContext { profile, ..context.clone() };
    let class = class_of_command_in(sent, command, &context);
    if sent == request_type {
        class
    } else {
        class.graver(class_of_command_in(request_type, command, &context))
    }
}
