//! What is known without asking the writer: which channels have something pending, as of the last commit.

use std::collections::HashMap;

use clock::Timestamp;
use parking_lot::RwLock;

use super::QueueIndex;
use crate::ChannelId;

/// A channel with something pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Which channel.
    pub channel_id: ChannelId,
    /// How many deliveries are not finished.
    pub count: usize,
    /// When the oldest of them was put into the queue.
    pub oldest_at: Timestamp,
}

/// Read by every idle poll, written after commits.
#[derive(Debug, Default)]
pub(crate) struct Flags(RwLock<HashMap<ChannelId, Waiting>>);

impl Flags {
    pub(crate) fn has_pending(&self, channel: ChannelId) -> bool {
        self.0.read().contains_key(&channel)
    }

    /// How many deliveries of these channels are not finished.
    pub(crate) fn count(&self, channels: impl Iterator<Item = ChannelId>) -> usize {
        let flags = self.0.read();
        channels.filter_map(|channel| flags.get(&channel)).map(|waiting| waiting.count).sum()
    }

    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        self.0.read().values().copied().collect()
    }

    /// Takes over what the index says of some channels.
    pub(crate) fn publish(&self, index: &QueueIndex, channels: impl Iterator<Item = ChannelId>) {
        let mut flags = self.0.write();
        for channel in channels {
            match index.waiting(channel) {
                Some(waiting) => drop(flags.insert(channel, waiting)),
                None => drop(flags.remove(&channel)),
            }
        }
    }

    /// Takes over the whole index.
    pub(crate) fn replace(&self, index: &QueueIndex) {
        let fresh =
            index.channels().filter_map(|channel| index.waiting(channel).map(|w| (channel, w))).collect();
        *self.0.write() = fresh;
    }
}
