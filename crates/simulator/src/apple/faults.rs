//! What the simulated APNs is told to do wrong.

use std::collections::VecDeque;
use std::time::Duration;

use clock::Timestamp;
use parking_lot::Mutex;

/// One wrong thing, done to one push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushFault {
    /// Answer with this status and reason; the device is not woken.
    Answer {
        /// HTTP status.
        status: u16,
        /// The `reason` of the body.
        reason: String,
        /// The `timestamp` of the body, for 410.
        timestamp: Option<Timestamp>,
        /// The `Retry-After` header.
        retry_after: Option<Duration>,
    },
    /// Deliver and answer, then send GOAWAY on the connection.
    GoAway,
    /// Cut the connection without an answer; the push is lost.
    Cut,
    /// Take the request and never answer.
    Stall,
    /// Deliver after a while.
    Delay(Duration),
}

impl PushFault {
    /// 410 `Unregistered` since `at`.
    #[must_use]
    pub fn unregistered(at: Timestamp) -> Self {
        Self::Answer {
            status: 410,
            reason: "Unregistered".to_owned(),
            timestamp: Some(at),
            retry_after: None,
        }
    }

    /// 429 `TooManyRequests` with `Retry-After`.
    #[must_use]
    pub fn throttled(after: Duration) -> Self {
        Self::Answer {
            status: 429,
            reason: "TooManyRequests".to_owned(),
            timestamp: None,
            retry_after: Some(after),
        }
    }

    /// Any other answer.
    #[must_use]
    pub fn answer(status: u16, reason: &str) -> Self {
        Self::Answer { status, reason: reason.to_owned(), timestamp: None, retry_after: None }
    }
}

/// The script of faults: those of a queue first, each used once, then the one that stays.
#[derive(Debug, Default)]
pub struct PushFaults {
    queue: Mutex<VecDeque<PushFault>>,
    always: Mutex<Option<PushFault>>,
}

impl PushFaults {
    /// Does `fault` to the next `count` pushes.
    pub fn next(&self, count: usize, fault: &PushFault) {
        self.queue.lock().extend(std::iter::repeat_n(fault, count).cloned());
    }

    /// Does `fault` to every push from now on, or stops doing so.
    pub fn always(&self, fault: Option<PushFault>) {
        *self.always.lock() = fault;
    }

    /// The fault of the push that comes now.
    pub(crate) fn draw(&self) -> Option<PushFault> {
        self.queue.lock().pop_front().or_else(|| self.always.lock().clone())
    }
}
