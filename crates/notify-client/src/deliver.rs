//! The seam: something that takes messages.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::Message;

/// What became of some messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// For each message whether it was taken.
    pub taken: Vec<bool>,
    /// Why not all of them, or why the receiver cannot be reached any more.
    pub trouble: Option<Trouble>,
}

/// Why a message was not taken. Holds no secret, no path of a URL and nothing that the receiver wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A sentence for a person.
    pub text: String,
    /// How long the receiver asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// Something that takes messages.
#[async_trait]
pub trait Deliver: Debug + Send + Sync {
    /// Hands over messages. Those about one object are handed over in their order, each after the one before was taken.
    /// Without messages it looks whether the receiver is still there, where that can be seen.
    async fn deliver(&self, messages: &[Message]) -> Delivered;

    /// How long a message that was taken is still in doubt; after trouble those in doubt must be handed over again.
    fn in_doubt(&self) -> Duration {
        Duration::ZERO
    }
}

impl Trouble {
    /// Trouble without a wish of the receiver.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), retry_after: None }
    }
}

impl Delivered {
    /// All of so many messages were taken.
    #[must_use]
    pub fn all(count: usize) -> Self {
        Self { taken: vec![true; count], trouble: None }
    }

    /// The first `taken` of `count` messages were taken, then there was trouble.
    #[must_use]
    pub fn until(taken: usize, count: usize, trouble: Trouble) -> Self {
        Self { taken: (0..count).map(|index| index < taken).collect(), trouble: Some(trouble) }
    }
}
