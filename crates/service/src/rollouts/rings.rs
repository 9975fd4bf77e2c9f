//! The rules of the rings. Pure: who comes next, and whether it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use clock::Timestamp;
use store::{DeviceId, PlaceId};

/// The last ring.
pub(super) const LAST: i32 = 3;
/// Devices of the first ring.
const FIRST_RING: usize = 3;
/// The devices of a ring that are looked at most closely: the first that got it.
const FIRST_SENT: usize = 10;
/// So many of them that are silent or refuse halt the rollout.
const TOO_MANY: usize = 2;
/// For how long a device is not heard before it counts as silent.
pub(super) const SILENCE: Duration = Duration::from_secs(30 * 60);
/// How long after its answer a device must be heard, so that it has come over a new connection.
pub(super) const LATER: Duration = Duration::from_secs(60);
/// How long the last ring is watched.
const WATCHED: Duration = Duration::from_secs(7 * 86_400);

/// The name of a ring.
pub(super) const fn name(ring: i32) -> &'static str {
    match ring {
        0 => "3 devices",
        1 => "a ward",
        2 => "10 %",
        _ => "all",
    }
}

/// What became of the item on a device that was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has not been given the item: it was not in contact.
    NotReached,
    /// It was given the item then, and was last heard then.
    Sent { at: Timestamp, heard_at: Timestamp },
    /// It has the item and was heard over it again.
    Confirmed { sent_at: Timestamp },
    /// It refused the item.
    Refused { at: Timestamp },
    /// It is not managed any more.
    Gone,
}

impl Fate {
    const fn sent_at(self) -> Option<Timestamp> {
        match self {
            Self::Sent { at, .. } | Self::Confirmed { sent_at: at } | Self::Refused { at } => Some(at),
            Self::NotReached | Self::Gone => None,
        }
    }

    fn is_silent(self, now: Timestamp) -> bool {
        matches!(self, Self::Sent { at, heard_at } if now.since(at.max(heard_at)) >= SILENCE)
    }

    fn is_bad(self, now: Timestamp) -> bool {
        matches!(self, Self::Refused { .. }) || self.is_silent(now)
    }
}

/// What is to be done with a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Wait.
    Wait,
    /// Open the next ring.
    Advance,
    /// Stop, and why.
    Halt(String),
    /// Everybody has it.
    Done,
}

/// Judges the open ring by the fates of the devices that were released in it. `waiting`: how many devices wait for later rings.
pub(super) fn judge(ring: i32, since: Timestamp, now: Timestamp, fates: &[Fate], waiting: usize) -> Verdict {
    let mut sent: Vec<Fate> = fates.iter().copied().filter(|fate| fate.sent_at().is_some()).collect();
    sent.sort_by_key(|fate| fate.sent_at());
    if let Some(reason) = too_bad(&sent, now) {
        return Verdict::Halt(reason);
    }
    let confirmed = sent.iter().filter(|fate| matches!(fate, Fate::Confirmed { .. })).count();
    let open = sent.iter().filter(|fate| matches!(fate, Fate::Sent { .. }) && !fate.is_silent(now)).count();
    let expected = fates.iter().filter(|fate| !matches!(fate, Fate::Gone)).count();
    let everybody = confirmed == expected && expected > 0;
    if ring >= LAST || waiting == 0 {
        let watched_long = ring >= LAST && open == 0 && now.since(since) >= WATCHED;
        return if everybody || watched_long { Verdict::Done } else { Verdict::Wait };
    }
    // A device that lies switched off in a drawer must not hold up the others for ever: half of the ring is enough.
    if open == 0 && confirmed > 0 && confirmed.saturating_mul(2) >= expected {
        Verdict::Advance
    } else {
        Verdict::Wait
    }
}

fn too_bad(sent: &[Fate], now: Timestamp) -> Option<String> {
    let count = |fates: &[Fate]| fates.iter().filter(|fate| fate.is_bad(now)).count();
    let first = sent.get(..FIRST_SENT.min(sent.len())).unwrap_or_default();
    let (bad, of) = (count(first), first.len());
    if bad >= TOO_MANY {
        return Some(said(first, now, of));
    }
    let all_bad = count(sent);
    if all_bad >= TOO_MANY && all_bad.saturating_mul(5) >= sent.len() {
        return Some(said(sent, now, sent.len()));
    }
    None
}

fn said(fates: &[Fate], now: Timestamp, of: usize) -> String {
    let silent = fates.iter().filter(|fate| fate.is_silent(now)).count();
    let refused = fates.iter().filter(|fate| matches!(fate, Fate::Refused { .. })).count();
    let minutes = SILENCE.as_secs() / 60;
    match (silent, refused) {
        (0, refused) => format!("{refused} of {of} devices refused it"),
        (silent, 0) => {
            format!("{silent} of {of} devices have not been heard for {minutes} minutes since they got it")
        }
        (silent, refused) => format!("of {of} devices {silent} fell silent and {refused} refused it"),
    }
}

/// A device that waits for its ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) device: DeviceId,
    pub(super) place: PlaceId,
    pub(super) last_seen_at: Option<Timestamp>,
}

/// Who is in a ring: of those that wait, with `total` devices in the whole rollout.
pub(super) fn pick(ring: i32, mut waiting: Vec<Candidate>, total: usize) -> Vec<DeviceId> {
    // Those that were heard last answer soonest.
    waiting.sort_by_key(|one| (std::cmp::Reverse(one.last_seen_at), one.device));
    let count = match ring {
        0 => FIRST_RING,
        1 => {
            let place = fullest(&waiting);
            waiting.retain(|one| Some(one.place) == place);
            waiting.len()
        }
        2 => total.div_ceil(10),
        _ => waiting.len(),
    };
    waiting.into_iter().take(count).map(|one| one.device).collect()
}

fn fullest(waiting: &[Candidate]) -> Option<PlaceId> {
    let mut counts: BTreeMap<PlaceId, usize> = BTreeMap::new();
    for one in waiting {
        let count = counts.entry(one.place).or_default();
        *count = count.saturating_add(1);
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use clock::{Clock, MockClock};
    use uuid::Uuid;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn start() -> Timestamp {
        MockClock::new(Timestamp::from_millis(1_800_000_000_000)).now()
    }

    fn candidate(device: u128, place: u128, seen: u64) -> Candidate {
        Candidate {
            device: DeviceId(Uuid::from_u128(device)),
            place: PlaceId(Uuid::from_u128(place)),
            last_seen_at: Some(start() + Duration::from_secs(seen)),
        }
    }

    #[test]
    fn rings_are_three_devices_the_fullest_place_a_tenth_and_all() {
        let fleet: Vec<Candidate> = (0..40)
            .map(|n| candidate(n, if n < 15 { 1 } else { n % 5 + 2 }, u64::try_from(n).unwrap()))
            .collect();
        let numbers = |ring: i32| -> Vec<u128> {
            pick(ring, fleet.clone(), 40).into_iter().map(|id| id.0.as_u128()).collect()
        };
        assert_eq!(numbers(0), [39, 38, 37], "those that were heard last");
        let mut ward = numbers(1);
        ward.sort_unstable();
        assert_eq!(ward, (0..15).collect::<Vec<_>>());
        assert_eq!(numbers(2).len(), 4);
        assert_eq!(numbers(3).len(), 40);
        assert!(pick(1, Vec::new(), 0).is_empty());
    }

    #[test]
    fn a_ring_waits_advances_halts_or_is_done() {
        let (at, now) = (start(), start() + MINUTE * 31);
        let sent = Fate::Sent { at, heard_at: at };
        let fresh = Fate::Sent { at, heard_at: now };
        let (confirmed, refused) = (Fate::Confirmed { sent_at: at }, Fate::Refused { at });
        let off = Fate::NotReached;
        let halt = |text: &str| Verdict::Halt(text.to_owned());
        let two_silent = "2 of 3 devices have not been heard for 30 minutes since they got it";
        for (ring, fates, waiting, expected) in [
            (0, vec![confirmed, confirmed, fresh], 9, Verdict::Wait),
            (0, vec![confirmed, confirmed, confirmed], 9, Verdict::Advance),
            (0, vec![confirmed, confirmed, off], 9, Verdict::Advance),
            (0, vec![confirmed, off, off], 9, Verdict::Wait),
            (0, vec![confirmed, confirmed, sent], 9, Verdict::Advance),
            (0, vec![confirmed, sent, sent], 9, halt(two_silent)),
            (0, vec![confirmed, refused, refused], 9, halt("2 of 3 devices refused it")),
            (0, vec![confirmed, sent, refused], 9, halt("of 3 devices 1 fell silent and 1 refused it")),
            (0, vec![confirmed, confirmed, confirmed], 0, Verdict::Done),
            (0, vec![confirmed, Fate::Gone], 0, Verdict::Done),
            (0, vec![off, off, off], 9, Verdict::Wait),
            (3, vec![confirmed, confirmed], 0, Verdict::Done),
            (3, vec![confirmed, off], 0, Verdict::Wait),
        ] {
            assert_eq!(judge(ring, at, now, &fates, waiting), expected, "{ring} {fates:?}");
        }
        assert_eq!(judge(3, at, at + WATCHED, &[confirmed, off], 0), Verdict::Done);
        assert_eq!(judge(0, at, at + MINUTE * 29, &[confirmed, sent, sent], 9), Verdict::Wait);
    }

    #[test]
    fn in_a_large_ring_a_fifth_halts_and_two_of_the_first_ten_do() {
        let (at, now) = (start(), start() + MINUTE * 31);
        let later = |seconds: u64| at + Duration::from_secs(seconds);
        let mut fates: Vec<Fate> = (0..50).map(|n| Fate::Confirmed { sent_at: later(n) }).collect();
        for n in [20_usize, 30, 40] {
            fates[n] = Fate::Sent { at: later(n as u64), heard_at: at };
        }
        assert_eq!(judge(3, at, now, &fates, 0), Verdict::Wait, "3 of 50, later than the first ten");
        (fates[2], fates[7]) = (fates[20], fates[30]);
        (fates[2], fates[7]) =
            (Fate::Sent { at: later(2), heard_at: at }, Fate::Sent { at: later(7), heard_at: at });
        assert!(matches!(judge(3, at, now, &fates, 0), Verdict::Halt(why) if why.starts_with("2 of 10")));
    }
}
