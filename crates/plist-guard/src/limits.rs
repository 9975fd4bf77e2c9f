//! How much of a property list is taken.

/// Limits of one property list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the body in bytes; of a binary list also after unsharing.
    pub max_bytes: usize,
    /// Dictionaries and arrays open at once.
    pub max_depth: usize,
    /// Elements, keys included.
    pub max_elements: usize,
}

impl Limits {
    /// What a device may send as a result: 16 MiB, because application and certificate lists grow to that.
    pub const RESULT: Self = Self { max_bytes: 16 << 20, max_depth: 64, max_elements: 500_000 };
    /// What a check-in may be: bootstrap and unlock tokens are a few kilobytes, a status report rarely 1 MiB.
    pub const CHECK_IN: Self = Self { max_bytes: 4 << 20, max_depth: 64, max_elements: 20_000 };
    /// What an operator may send: commands that carry profiles.
    pub const OPERATOR: Self = Self { max_bytes: 16 << 20, max_depth: 64, max_elements: 200_000 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::RESULT
    }
}

/// What the scan of a property list counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Values and keys.
    pub elements: usize,
    /// Most dictionaries and arrays open at once.
    pub depth: usize,
}
