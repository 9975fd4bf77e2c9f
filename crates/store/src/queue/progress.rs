//! The states of a delivery and which event changes what: the one place that decides it.

use clock::Timestamp;

use crate::{DeliveryState, IdentityId};

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub state: DeliveryState,
    /// Since when.
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

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is stored, and the delivery stands where the event says.
    Applied,
    /// It is stored although the delivery was closed already: an answer that came late, or that contradicts the first.
    Late,
    /// It says nothing new (a repeated answer, a second cancellation) or cannot follow; nothing is stored.
    Ignored,
}

impl Progress {
    /// A delivery that has just been put into the queue.
    #[must_use]
    pub const fn queued(at: Timestamp) -> Self {
        Self {
            state: DeliveryState::Queued,
            changed_at: at,
            hand_outs: 0,
            last_identity: None,
            last_handed_out_at: None,
            not_nows: 0,
        }
    }

    /// Applies an event and says what becomes of it.
    ///
    /// The device's first answer is the final state; until it comes, the first closing by Ward is. Only a cancelled
    /// delivery stays cancelled, because it never left. Repeated answers are for the caller to see: they need the
    /// stored events, so this function calls any answer after the first [`Recorded::Late`].
    pub fn apply(&mut self, state: DeliveryState, at: Timestamp, identity: Option<IdentityId>) -> Recorded {
        if self.state.is_final() {
            return self.apply_late(state, at);
        }
        match state {
            DeliveryState::Queued => return Recorded::Ignored,
            DeliveryState::Pushed if self.state != DeliveryState::Queued => return Recorded::Ignored,
            DeliveryState::Cancelled if self.hand_outs > 0 => return Recorded::Ignored,
            DeliveryState::HandedOut => {
                self.hand_outs = self.hand_outs.saturating_add(1);
                self.last_identity = identity;
                self.last_handed_out_at = Some(at);
            }
            DeliveryState::NotNow => self.not_nows = self.not_nows.saturating_add(1),
            _ => {}
        }
        (self.state, self.changed_at) = (state, at);
        Recorded::Applied
    }

    const fn apply_late(&mut self, state: DeliveryState, at: Timestamp) -> Recorded {
        if !state.is_answer() {
            return Recorded::Ignored;
        }
        if matches!(self.state, DeliveryState::NoReply | DeliveryState::Expired | DeliveryState::Superseded) {
            self.state = state;
            self.changed_at = at;
        }
        Recorded::Late
    }
}
