//! How long to wait before a push is tried again.

use std::time::Duration;

use rand::Rng as _;

/// The first wait.
const FIRST: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// The wait after `attempts` failures: doubled each time, at most half an hour, never less than Apple asked for, and scattered by a
/// quarter so that a fleet does not come back at once.
pub(crate) fn wait(attempts: u32, asked: Option<Duration>) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32 << attempts.min(16)).min(LONGEST);
    let least = asked.unwrap_or_default().min(LONGEST);
    scatter(doubled).max(least)
}

/// `time`, up to a quarter more or less.
fn scatter(time: Duration) -> Duration {
    time.mul_f64(rand::rng().random_range(0.75..=1.25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_half_an_hour_and_scatter() {
        for (attempts, base) in [(0, 2), (1, 4), (5, 64), (12, 1800), (40, 1800)] {
            let (low, high) =
                (Duration::from_secs(base).mul_f64(0.75), Duration::from_secs(base).mul_f64(1.25));
            let waits: Vec<Duration> = (0..20).map(|_| wait(attempts, None)).collect();
            assert!(waits.iter().all(|wait| (low..=high).contains(wait)), "{attempts}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{attempts} does not scatter");
        }
    }

    #[test]
    fn the_wait_that_apple_asks_for_is_kept_but_not_beyond_reason() {
        assert!(wait(0, Some(Duration::from_secs(90))) >= Duration::from_secs(90));
        assert_eq!(wait(0, Some(Duration::from_secs(u64::MAX))), LONGEST);
    }
}
