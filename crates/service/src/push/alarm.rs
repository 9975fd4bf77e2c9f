//! What is wrong with push for everybody, until it works again: shown by the checks, said once in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::Timestamp;
use parking_lot::Mutex;

/// A fault that a person has to repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// What Apple or Ward says.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// How many pushes it has stopped.
    pub count: u64,
}

/// The faults, by topic. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Alarms(Arc<Mutex<BTreeMap<String, Alarm>>>);

impl Alarms {
    /// Notes a fault. Returns whether it is news.
    pub(crate) fn raise(&self, topic: &str, reason: &str, now: Timestamp) -> bool {
        let mut alarms = self.0.lock();
        let alarm = alarms.entry(topic.to_owned()).or_insert_with(|| Alarm {
            reason: String::new(),
            since: now,
            count: 0,
        });
        alarm.count = alarm.count.saturating_add(1);
        let is_news = alarm.reason != reason;
        reason.clone_into(&mut alarm.reason);
        is_news
    }

    /// Forgets the fault of a topic: a push went through, or its certificate was replaced.
    pub(crate) fn clear(&self, topic: &str) {
        self.0.lock().remove(topic);
    }

    /// The faults of now.
    #[must_use]
    pub fn list(&self) -> BTreeMap<String, Alarm> {
        self.0.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_news_once_and_again_after_it_was_repaired_or_changed() {
        let alarms = Alarms::default();
        let now = Timestamp::from_millis(5);
        assert!(alarms.raise("t", "BadTopic", now));
        assert!(!alarms.raise("t", "BadTopic", now));
        assert!(alarms.raise("t", "BadCertificate", now));
        assert_eq!(alarms.list()["t"].count, 3);
        alarms.clear("t");
        assert!(alarms.list().is_empty() && alarms.raise("t", "BadTopic", now));
    }
}
