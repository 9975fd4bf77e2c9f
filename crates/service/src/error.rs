//! What can go wrong in a service, said without HTTP. Each door translates it in one place.

use catalog::Refusal;

use crate::views::PreviewView;

/// Why a certificate was not accepted at the device door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefusal {
    /// The request carries no certificate in any accepted form.
    #[error("the request carries no device certificate")]
    Missing,
    /// The certificate or the `Mdm-Signature` cannot be read, or the signature does not fit the body.
    #[error("the device certificate or the signature cannot be verified")]
    Unreadable,
    /// Another authority issued the certificate.
    #[error("the certificate was not issued by this server")]
    Untrusted,
    /// The certificate is revoked, or its enrolment was refused.
    #[error("the certificate is revoked")]
    Revoked,
    /// The certificate expired longer ago than the server repairs.
    #[error("the certificate expired too long ago")]
    Expired,
    /// The certificate belongs to another enrolment than the one that the message names.
    #[error("the certificate belongs to another enrolment")]
    Mismatch,
}

/// Everything that a service can answer instead of its result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("there is no {what} '{id}'")]
    NotFound {
        /// The kind of thing, for example `device`.
        what: &'static str,
        /// What was asked for, as the caller wrote it.
        id: String,
    },
    /// The request contradicts what is already there.
    #[error("{0}")]
    Conflict(String),
    /// One field of the request is wrong.
    #[error("{field}: {reason}")]
    Invalid {
        /// The path of the field, for example `command.PIN`.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// A change that was only to be shown: what it would do. Nothing was done.
    #[error("only shown; nothing was changed")]
    Shown(Box<PreviewView>),
    /// A change that touches more devices than may be changed without saying how many. Nothing was done.
    #[error("this touches {} devices ({} added, {} replaced, {} removed, {} kept back): repeat it with confirm_devices={}", .0.devices, .0.added, .0.replaced, .0.removed, .0.blocked, .0.devices)]
    Unconfirmed(Box<PreviewView>),
    /// The catalogue says that the device cannot take the command.
    #[error("the device cannot take this command")]
    Refused(Vec<Refusal>),
    /// The caller may not do this, and why.
    #[error("{0}")]
    Forbidden(String),
    /// A device presented an identity that is not accepted.
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
    /// A message from a device cannot be read.
    #[error("the message cannot be read: {0}")]
    Malformed(String),
    /// The gate withholds what would have been sent.
    #[error("withheld: {0}")]
    Withheld(String),
    /// The thing exists but its time is over, for example an enrolment link.
    #[error("{0}")]
    Gone(String),
    /// The database or a neighbour cannot answer now; the same request may work later.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// A fault of the server. The text is for the log, never for the caller.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// A stable name of the kind of error, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Conflict(_) => "conflict",
            Self::Invalid { .. } => "invalid",
            Self::Shown(_) => "shown",
            Self::Unconfirmed(_) => "confirmation_required",
            Self::Refused(_) => "refused",
            Self::Forbidden(_) => "forbidden",
            Self::Identity(_) => "identity",
            Self::Malformed(_) => "malformed",
            Self::Withheld(_) => "withheld",
            Self::Gone(_) => "gone",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// [`Error::NotFound`] of `what` with the id as text.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over an id or a literal")]
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// [`Error::Invalid`] of `field`.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::not_found("row", ""),
            store::Error::Conflict(constraint) => Self::Conflict(format!("already exists ({constraint})")),
            store::Error::Unavailable(reason) => Self::Unavailable(reason.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<pki::Error> for Error {
    fn from(error: pki::Error) -> Self {
        Self::Internal(error.to_string())
    }
}
