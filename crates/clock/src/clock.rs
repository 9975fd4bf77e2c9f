//! The [`Clock`] trait, the real clock and the one that tests set by hand.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use uuid::Uuid;

use crate::Timestamp;

/// Where the time comes from.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment, in UTC.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved. Clones share one hand.
#[derive(Debug, Clone)]
pub struct MockClock(Arc<Mutex<Timestamp>>);

impl MockClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }

    /// Moves the hand forward.
    pub fn advance(&self, by: Duration) {
        let mut hand = self.0.lock();
        *hand = *hand + by;
    }

    /// Sets the hand, forward or back.
    pub fn set(&self, to: Timestamp) {
        *self.0.lock() = to;
    }
}

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

/// A new UUIDv7 whose time is the clock's (RFC 9562, section 5.7). Unique, and sortable by the millisecond.
#[must_use]
pub fn new_id(clock: &dyn Clock) -> Uuid {
    let millis = u64::try_from(clock.now().as_millis()).unwrap_or(0);
    let random = Uuid::new_v4().into_bytes();
    let mut bytes = [0_u8; 10];
    for (to, from) in bytes.iter_mut().zip(random) {
        *to = from;
    }
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_mock_clock_share_a_hand() {
        let clock = MockClock::new(Timestamp::from_millis(1_000));
        let other = clock.clone();
        other.advance(Duration::from_secs(2));
        assert_eq!(clock.now().as_millis(), 3_000);
    }

    #[test]
    fn ids_carry_the_time_of_the_clock_and_differ() {
        let clock = MockClock::new(Timestamp::from_millis(1_700_000_000_000));
        let (one, two) = (new_id(&clock), new_id(&clock));
        assert_ne!(one, two);
        assert_eq!(one.get_version_num(), 7);
        assert_eq!(one.get_timestamp().unwrap().to_unix().0, 1_700_000_000);
    }
}
