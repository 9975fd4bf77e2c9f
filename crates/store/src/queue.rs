//! The queue: rows that are only appended, and an index in memory of what is pending.
//!
//! The rules stand in the README. The index is a cache: at any time it equals what a fresh reading of the rows yields.

mod flags;
mod index;
mod operations;
mod progress;
mod rows;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use clock::Timestamp;

use crate::{ChannelId, CommandId, DeliverySeq, DeliveryState, EnrollmentId, IdentityId};

pub(crate) use flags::Flags;
pub use flags::Waiting;
pub(crate) use index::QueueIndex;
pub use progress::{Progress, Recorded};
pub(crate) use rows::{progress_of, sweep};

/// A command for a channel, to be put into its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewDelivery {
    /// What.
    pub command_id: CommandId,
    /// To whom.
    pub channel_id: ChannelId,
    /// In which epoch.
    pub enrollment_id: EnrollmentId,
    /// Lower lanes go first; 0 is the first.
    pub lane: i16,
    /// When it was asked for.
    pub enqueued_at: Timestamp,
    /// From when it is not handed out any more.
    pub expires_at: Option<Timestamp>,
}

/// Something that happened to a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub state: DeliveryState,
    /// When.
    pub at: Timestamp,
    /// With which certificate the device spoke.
    pub identity_id: Option<IdentityId>,
    /// At a hand-out: the effect class of the bytes that left.
    pub class: Option<String>,
    /// A few words for people.
    pub detail: Option<String>,
    /// The device's answer as received, less what is secret (XML).
    pub result: Option<Vec<u8>>,
    /// SHA-256 of the answer as received.
    pub result_digest: Option<Vec<u8>>,
    /// What the answer tells, parsed.
    pub facts_json: Option<String>,
}

impl NewEvent {
    /// An event with nothing but its state and time.
    #[must_use]
    pub const fn new(state: DeliveryState, at: Timestamp) -> Self {
        Self {
            state,
            at,
            identity_id: None,
            class: None,
            detail: None,
            result: None,
            result_digest: None,
            facts_json: None,
        }
    }
}

/// What may be offered next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NextOptions {
    /// Also what the device put off. True when it says Idle, which begins a session; false within one.
    pub offer_not_now: bool,
    /// Deliveries to pass over, for example because the gate withholds them.
    pub skip: Vec<DeliverySeq>,
}

/// A delivery that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its place.
    pub seq: DeliverySeq,
    /// The command's row.
    pub command_id: CommandId,
    /// The command's `CommandUUID`.
    pub command_uuid: Arc<str>,
    /// The command's `RequestType`.
    pub request_type: Arc<str>,
    /// For whom.
    pub channel_id: ChannelId,
    /// In which epoch.
    pub enrollment_id: EnrollmentId,
    /// Lower lanes go first.
    pub lane: i16,
    /// When it was asked for.
    pub enqueued_at: Timestamp,
    /// From when it is not handed out any more.
    pub expires_at: Option<Timestamp>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Since when it stands there.
    pub changed_at: Timestamp,
    /// How often it was handed out.
    pub hand_outs: u32,
    /// The certificate of the device at the last hand-out.
    pub last_identity: Option<IdentityId>,
    /// When it was last handed out.
    pub last_handed_out_at: Option<Timestamp>,
    /// How often the device put it off.
    pub not_nows: u32,
}

impl Pending {
    /// Whether its time is over at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires| expires <= now)
    }

    /// What is known of its passage.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        Progress {
            state: self.state,
            changed_at: self.changed_at,
            hand_outs: self.hand_outs,
            last_identity: self.last_identity,
            last_handed_out_at: self.last_handed_out_at,
            not_nows: self.not_nows,
        }
    }

    pub(crate) const fn set_progress(&mut self, progress: &Progress) {
        self.state = progress.state;
        self.changed_at = progress.changed_at;
        self.hand_outs = progress.hand_outs;
        self.last_identity = progress.last_identity;
        self.last_handed_out_at = progress.last_handed_out_at;
        self.not_nows = progress.not_nows;
    }
}
