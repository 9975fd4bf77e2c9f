//! The one reader of the wall clock.
//!
//! Everything else in Ward takes the time as an argument or from a [`Clock`], so that a test can set it.
//! Ids are made here as well, because a UUIDv7 (RFC 9562, 5.7) contains the time.

mod clock;
mod timestamp;

pub use clock::{Clock, MockClock, SystemClock, new_id};
pub use timestamp::{ParseTimestampError, Timestamp};
