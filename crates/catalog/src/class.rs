//! Effect classes: the worst that a thing can do when it reaches a device (`D0` gravest).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How grave the effect of a command, a payload or a removal can be. Greater is graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// Reads, or changes nothing that anybody would miss.
    #[serde(rename = "none")]
    None,
    /// Changes the control plane: who may do what.
    D3,
    /// Touches confidentiality or trust: speaks to users, takes credentials, adds trust.
    D2,
    /// Denies use, or can cut the way to the server.
    D1,
    /// Loses data or management for good.
    D0,
}

impl Class {
    /// All classes from harmless to gravest.
    pub const ALL: [Self; 5] = [Self::None, Self::D3, Self::D2, Self::D1, Self::D0];

    /// The word that stands in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::D3 => "D3",
            Self::D2 => "D2",
            Self::D1 => "D1",
            Self::D0 => "D0",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is not a class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an effect class: use none, D3, D2, D1 or D0")]
pub struct ParseClassError(String);

impl FromStr for Class {
    type Err = ParseClassError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| ParseClassError(text.chars().take(40).collect()))
    }
}

/// A class and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Classification {
    /// The class.
    pub class: Class,
    /// One sentence for an operator and for the log: what it can do at worst.
    pub reason: Cow<'static, str>,
}

impl Classification {
    /// A classification with its reason.
    pub fn new(class: Class, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { class, reason: reason.into() }
    }

    /// The graver of two; the first when they are equally grave.
    #[must_use]
    pub fn graver(self, other: Self) -> Self {
        if other.class > self.class { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d0_is_the_gravest_and_the_first_of_equals_stays() {
        assert!(
            Class::D0 > Class::D1
                && Class::D1 > Class::D2
                && Class::D2 > Class::D3
                && Class::D3 > Class::None
        );
        let first = Classification::new(Class::D1, "first");
        let kept = first.clone().graver(Classification::new(Class::D1, "second"));
        assert_eq!(kept, first);
        assert_eq!(kept.graver(Classification::new(Class::D0, "third")).reason, "third");
        assert_eq!("D2".parse(), Ok(Class::D2));
    }
}
