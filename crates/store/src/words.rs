//! The store's own enumerations. Each value is one word, the same in the database and in JSON.

use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

/// The word is not a value of the enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not one of: {0}")]
pub struct ParseWordError(&'static str);

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
        )]
        #[diesel(sql_type = Text)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// All values in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in the database and in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ParseWordError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(ParseWordError(concat!($($word, " "),+))),
                }
            }
        }

        impl<DB: Backend> ToSql<Text, DB> for $name
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <str as ToSql<Text, DB>>::to_sql(self.as_str(), out)
            }
        }

        impl<DB: Backend> FromSql<Text, DB> for $name
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(<String as FromSql<Text, DB>>::from_sql(bytes)?.parse()?)
            }
        }
    )+};
}

words! {
    /// Where an epoch of a device stands.
    EnrollmentState {
        /// Authenticate has come, the first TokenUpdate has not.
        Pending = "pending",
        /// Under management.
        Enrolled = "enrolled",
        /// Kept apart until a person decides: it gets no commands.
        Quarantined = "quarantined",
        /// The device said that its profile was removed.
        CheckedOut = "checked_out",
        /// A newer epoch of the same device has taken its place.
        Superseded = "superseded",
        /// Ended by an operator or by time.
        Ended = "ended",
    }

    /// Why a certificate may be issued.
    IssuancePurpose {
        /// To a device that enrols by a link.
        Enroll = "enroll",
        /// To an enrolment whose certificate grows old.
        Renew = "renew",
        /// To a device that an erase with Return to Service brings back.
        ReturnToService = "return_to_service",
        /// To an enrolled device, for the hospital's network; never for the MDM door.
        Network = "network",
    }

    /// Why a device's access to the network was withdrawn.
    NetworkReason {
        /// An operator said so.
        Operator = "operator",
        /// The device is lost.
        Lost = "lost",
        /// Its owner left.
        Leaver = "leaver",
        /// The enrolment is over.
        Ended = "ended",
    }

    /// What a sealed secret is.
    SecretKind {
        /// Clears the passcode; from TokenUpdate.
        UnlockToken = "unlock_token",
        /// Lets a Mac's users hold a secure token; from SetBootstrapToken.
        BootstrapToken = "bootstrap_token",
        /// Unlocks a Mac that DeviceLock locked.
        LockPin = "lock_pin",
        /// Unlocks a Mac after EraseDevice.
        ErasePin = "erase_pin",
        /// Gets past Activation Lock; told by the device.
        ActivationLockBypassCode = "activation_lock_bypass_code",
        /// Opens a Mac's disk.
        RecoveryKey = "recovery_key",
        /// Opens a Mac's recovery system.
        RecoveryLock = "recovery_lock",
        /// Opens the firmware of a Mac with an Intel processor.
        FirmwarePassword = "firmware_password",
        /// The password of a Mac's administrator that Ward made.
        AdminPassword = "admin_password",
        /// Where a lost device was.
        Location = "location",
        /// Any other token in a device's answer.
        Token = "token",
        /// The payload of a command that is secret itself, for example a profile with a password.
        Payload = "payload",
    }

    /// What became of a value that was shown to a person.
    RotationState {
        /// It is to be changed on the device, or is being changed.
        Due = "due",
        /// The device has another value.
        Done = "done",
        /// Apple gives no way to change it, or it is used once anyway.
        Needless = "needless",
        /// It could not be changed; a person must see to it.
        Failed = "failed",
        /// The enrolment ended before it was changed.
        Gone = "gone",
    }

    /// Where a delivery stands. The README has the table of what may follow what.
    DeliveryState {
        /// Waits in the queue.
        Queued = "queued",
        /// Waits, and the device has been woken for it.
        Pushed = "pushed",
        /// Was given to the device, which has not answered.
        HandedOut = "handed_out",
        /// The device put it off.
        NotNow = "not_now",
        /// The device says that it did it.
        Acknowledged = "acknowledged",
        /// The device says that it failed.
        Error = "error",
        /// The device could not read it.
        FormatError = "format_error",
        /// Taken back before it was handed out.
        Cancelled = "cancelled",
        /// Not fetched in time.
        Expired = "expired",
        /// The epoch that it was for is over.
        Superseded = "superseded",
        /// Was handed out and will not be answered: nobody knows what became of it.
        NoReply = "no_reply",
    }

    /// What a place is, from the widest to the narrowest.
    PlaceKind {
        /// The hospital or the trust: the root of the tree.
        Organization = "organization",
        /// Premises with an address of their own.
        Site = "site",
        /// A building of a site.
        Building = "building",
        /// A ward, a department, a practice.
        Ward = "ward",
    }

    /// Where a rollout stands.
    RolloutState {
        /// Ring after ring.
        Running = "running",
        /// Stopped: devices fell silent, or a person said so.
        Halted = "halted",
        /// Every device may have it.
        Done = "done",
        /// Taken back: the version before it holds again.
        RolledBack = "rolled_back",
    }

    /// How a group gets its members.
    GroupKind {
        /// By hand.
        Manual = "manual",
        /// By a rule over what is known of each device.
        Rule = "rule",
    }

    /// Where an item of a device stands.
    ItemState {
        /// Wanted, and held back for a time: a ring, the brake, a pause after a failure.
        Waiting = "waiting",
        /// A command for it waits in the queue.
        Queued = "queued",
        /// The command was handed out; the device has not answered.
        Sent = "sent",
        /// The device says that it did it; it was not seen yet.
        Answered = "answered",
        /// The device's list shows the very version that is wanted.
        Observed = "observed",
        /// The device refused it. It is tried again later.
        Failed = "failed",
        /// It cannot be sent to this device, and why.
        Blocked = "blocked",
        /// It was there and is gone. It is installed again.
        Lost = "lost",
        /// No longer wanted; the command that removes it is on its way.
        Removing = "removing",
        /// No longer wanted, and gone.
        Removed = "removed",
        /// The device goes on losing or refusing it: nothing more is sent until the incident is closed.
        Incident = "incident",
    }

    /// Whether an assignment counts.
    AssignmentState {
        /// It does.
        Active = "active",
        /// It was taken back.
        Removed = "removed",
    }

    /// Where an action stands.
    ActionState {
        /// Waits for a person's confirmation.
        Proposed = "proposed",
        /// Done.
        Applied = "applied",
        /// No longer to be applied.
        Expired = "expired",
    }

    /// Where a job stands.
    JobState {
        /// Waits for its time.
        Ready = "ready",
        /// Somebody works on it until the lease ends.
        Leased = "leased",
        /// Given up: a person must look.
        Dead = "dead",
    }
}

impl DeliveryState {
    /// Whether nothing more is to be handed out.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Pushed | Self::HandedOut | Self::NotNow)
    }

    /// Whether it is the device's own last word.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Error | Self::FormatError)
    }
}
