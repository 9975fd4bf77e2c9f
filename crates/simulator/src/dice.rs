//! Randomness that a seed repeats: everything about a simulated device but its keys and signatures comes from here.

/// A small generator (SplitMix64). Good for names and choices, useless for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A generator that always starts the same way for the same `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `limit`, or 0 if that is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.roll().checked_rem(limit).unwrap_or(0)
    }

    /// `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.roll().to_le_bytes()).flatten().take(count).collect()
    }

    /// A UUID in upper case, as devices write it.
    pub(crate) fn uuid(&mut self) -> String {
        let hex = hex::encode_upper(self.bytes(16));
        let parts: Vec<String> = [0..8, 8..12, 12..16, 16..20, 20..32]
            .into_iter()
            .filter_map(|r| hex.get(r))
            .map(str::to_owned)
            .collect();
        parts.join("-")
    }

    /// `count` characters out of `alphabet`.
    pub(crate) fn text(&mut self, alphabet: &[u8], count: usize) -> String {
        let length = u64::try_from(alphabet.len()).unwrap_or(0);
        (0..count)
            .filter_map(|_| alphabet.get(usize::try_from(self.below(length)).unwrap_or(0)))
            .map(|byte| char::from(*byte))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_device_and_another_seed_another() {
        let mut a = Dice::new(7);
        let mut b = Dice::new(7);
        let mut c = Dice::new(8);
        let first = a.uuid();
        assert_eq!(first, b.uuid());
        assert_ne!(first, c.uuid());
        assert_eq!(first.len(), 36);
        assert_eq!(a.bytes(33).len(), 33);
        assert_eq!(a.text(b"0123456789", 12).len(), 12);
    }
}
