//! When each channel was last heard, collected in memory and written now and then.

use std::collections::HashMap;

use clock::Timestamp;
use parking_lot::Mutex;

use crate::ChannelId;

/// What has been seen and not yet written.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<ChannelId, Timestamp>>);

impl Seen {
    /// Notes that a channel was heard. A later time stays.
    pub(crate) fn note(&self, channel: ChannelId, at: Timestamp) {
        let mut map = self.0.lock();
        let time = map.entry(channel).or_insert(at);
        *time = (*time).max(at);
    }

    /// The time noted for a channel and not yet taken.
    pub(crate) fn get(&self, channel: ChannelId) -> Option<Timestamp> {
        self.0.lock().get(&channel).copied()
    }

    /// Takes up to `limit` entries.
    pub(crate) fn take(&self, limit: usize) -> Vec<(ChannelId, Timestamp)> {
        let mut map = self.0.lock();
        let channels: Vec<ChannelId> = map.keys().copied().take(limit).collect();
        channels.into_iter().filter_map(|channel| map.remove(&channel).map(|at| (channel, at))).collect()
    }
}
