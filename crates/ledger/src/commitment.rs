//! Commitments: the leaf holds one in the place of a personal string, so that the string can be erased and the tree still verifies.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Hash;

/// The name of the scheme in a leaf.
const PREFIX: &str = "hmac-sha256:";

/// What stands in the leaf: HMAC-SHA-256 of the string under a salt of its own. Without the salt it tells nothing, even of a string
/// that can be guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(String);

/// What stands beside the leaf, until the person is erased.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// 32 random bytes, as hexadecimal text.
    pub salt: Hash,
    /// The personal string.
    pub value: String,
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening(..)")
    }
}

impl Opening {
    /// An opening of `value` under a salt, which must be random and used once.
    #[must_use]
    pub const fn new(salt: [u8; 32], value: String) -> Self {
        Self { salt: Hash(salt), value }
    }

    /// What the leaf holds.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        let mac = pki::hmac_sha256(&self.salt.0, self.value.as_bytes());
        Commitment(format!("{PREFIX}{}", hex::encode(mac)))
    }
}

impl Commitment {
    /// Whether `opening` is what was committed to.
    #[must_use]
    pub fn is_opened_by(&self, opening: &Opening) -> bool {
        opening.commitment() == *self
    }

    /// The text in the leaf.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A text of a leaf as a commitment, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then(|| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_string_under_the_same_salt_opens_it() {
        let opening = Opening::new([7; 32], "a.nurse@hospital.example".to_owned());
        let commitment = opening.commitment();
        assert!(commitment.is_opened_by(&opening));
        assert!(!commitment.is_opened_by(&Opening::new([8; 32], opening.value.clone())));
        assert!(!commitment.is_opened_by(&Opening::new([7; 32], "another".to_owned())));
        assert_eq!(Commitment::parse(commitment.as_str()), Some(commitment));
        assert_eq!(Commitment::parse("a.nurse@hospital.example"), None);
    }

    #[test]
    fn debug_output_hides_the_string() {
        let opening = Opening::new([7; 32], "a.nurse@hospital.example".to_owned());
        assert!(!format!("{opening:?}").contains("nurse"));
    }
}
