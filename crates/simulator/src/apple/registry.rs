//! Which push token belongs to which device of this process, and the one push that is kept for each.

use std::collections::HashMap;
use std::sync::Arc;

use clock::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The push tokens that the simulated Apple has given to devices.
#[derive(Debug, Default)]
pub struct Registry {
    tokens: Mutex<HashMap<Vec<u8>, Entry>>,
}

#[derive(Debug)]
struct Entry {
    topic: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Live(Arc<Mailbox>),
    Retired(Timestamp),
}

/// Where the push for one channel of one device arrives.
#[derive(Debug)]
pub(crate) struct Mailbox {
    newest: Mutex<Option<StoredPush>>,
    bell: Arc<Notify>,
}

/// The newest push for a token; an older one that was not fetched is forgotten.
#[derive(Debug, Clone)]
pub(crate) struct StoredPush {
    /// The `mdm` value of the notification.
    pub(crate) magic: String,
}

/// What became of a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Taken,
    Unknown,
    WrongTopic,
    Retired(Timestamp),
}

impl Registry {
    /// Gives out `token` for `topic`. The bell rings at every push.
    pub(crate) fn register(&self, token: &[u8], topic: &str, bell: Arc<Notify>) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox { newest: Mutex::new(None), bell });
        let entry = Entry { topic: topic.to_owned(), state: State::Live(Arc::clone(&mailbox)) };
        self.tokens.lock().insert(token.to_vec(), entry);
        mailbox
    }

    /// Gives out a token that belongs to no simulated device: pushes to it are taken and lead nowhere.
    pub fn give_out(&self, token: &[u8], topic: &str) {
        self.register(token, topic, Arc::default());
    }

    /// Takes `token` out of use: pushes to it are answered with 410 from now on.
    pub fn retire(&self, token: &[u8], at: Timestamp) {
        if let Some(entry) = self.tokens.lock().get_mut(token) {
            entry.state = State::Retired(at);
        }
    }

    /// Delivers a push to the device that owns the token.
    pub(crate) fn deliver(&self, token: &[u8], topic: &str, push: StoredPush) -> Delivery {
        let tokens = self.tokens.lock();
        let Some(entry) = tokens.get(token) else { return Delivery::Unknown };
        if entry.topic != topic {
            return Delivery::WrongTopic;
        }
        match &entry.state {
            State::Retired(at) => Delivery::Retired(*at),
            State::Live(mailbox) => {
                mailbox.put(push);
                Delivery::Taken
            }
        }
    }

    /// How many tokens are in use.
    #[must_use]
    pub fn live_tokens(&self) -> usize {
        self.tokens.lock().values().filter(|entry| matches!(entry.state, State::Live(_))).count()
    }
}

impl Mailbox {
    /// Keeps `push` and rings.
    pub(crate) fn put(&self, push: StoredPush) {
        *self.newest.lock() = Some(push);
        self.bell.notify_one();
    }

    /// Takes the push that waits, if one does.
    pub(crate) fn take(&self) -> Option<StoredPush> {
        self.newest.lock().take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(magic: &str) -> StoredPush {
        StoredPush { magic: magic.to_owned() }
    }

    #[test]
    fn only_the_newest_push_of_a_token_is_kept() {
        let registry = Registry::default();
        let mailbox = registry.register(&[1], "topic", Arc::default());
        assert_eq!(registry.deliver(&[1], "topic", push("old")), Delivery::Taken);
        assert_eq!(registry.deliver(&[1], "topic", push("new")), Delivery::Taken);
        assert_eq!(mailbox.take().unwrap().magic, "new");
        assert!(mailbox.take().is_none());
    }

    #[test]
    fn a_retired_token_an_unknown_one_and_a_foreign_topic_are_told_apart() {
        let registry = Registry::default();
        registry.register(&[1], "topic", Arc::default());
        assert_eq!(registry.deliver(&[2], "topic", push("m")), Delivery::Unknown);
        assert_eq!(registry.deliver(&[1], "other", push("m")), Delivery::WrongTopic);
        registry.retire(&[1], Timestamp::from_millis(5));
        assert_eq!(registry.deliver(&[1], "topic", push("m")), Delivery::Retired(Timestamp::from_millis(5)));
        assert_eq!(registry.live_tokens(), 0);
    }
}
