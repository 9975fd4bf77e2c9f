//! The index itself: deliveries that are not finished, by channel, in order. Only the writing thread has it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use clock::Timestamp;

use super::{Flags, Pending, Progress, Waiting, rows};
use crate::{ChannelId, CommandId, Connection, DeliverySeq, Error};

/// What the deliveries of one command share.
#[derive(Debug, Clone)]
struct Head {
    uuid: Arc<str>,
    request_type: Arc<str>,
    users: usize,
}

/// The pending deliveries, and which of them the running transaction has touched.
#[derive(Debug, Default)]
pub(crate) struct QueueIndex {
    channels: HashMap<ChannelId, BTreeMap<(i16, DeliverySeq), Pending>>,
    places: HashMap<DeliverySeq, (ChannelId, i16)>,
    heads: HashMap<CommandId, Head>,
    expiries: BTreeSet<(Timestamp, DeliverySeq)>,
    /// Channels that the running transaction touched, in order of touching.
    touched: Vec<ChannelId>,
    /// Deliveries that are finished and whose row in `pending` is still there.
    finished: Vec<DeliverySeq>,
    /// How many of them were finished by committed transactions.
    finished_safely: usize,
    stale: bool,
}

/// How far the running transaction had come before a change began.
#[derive(Debug)]
pub(crate) struct Mark {
    touched: usize,
    finished: usize,
}

impl QueueIndex {
    /// Forgets everything and reads the rows.
    pub(crate) fn rebuild(&mut self, connection: &mut Connection) -> Result<(), Error> {
        *self = Self { stale: true, ..Self::default() };
        let loaded = rows::load_all(connection)?;
        self.take(loaded);
        self.finished_safely = self.finished.len();
        self.stale = false;
        Ok(())
    }

    /// Whether the index must be rebuilt before it is used.
    pub(crate) const fn is_stale(&self) -> bool {
        self.stale
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { touched: self.touched.len(), finished: self.finished.len() }
    }

    /// A change was undone in the database: what it touched is read again.
    pub(crate) fn undo_to(&mut self, mark: &Mark, connection: &mut Connection) -> Result<(), Error> {
        self.finished.truncate(mark.finished);
        let undone: HashSet<ChannelId> = self.touched.drain(mark.touched..).collect();
        for channel in undone {
            self.forget(channel);
            let mut loaded = rows::load_channel(connection, channel).inspect_err(|_| self.stale = true)?;
            loaded.finished.clear();
            self.take(loaded);
            // Earlier changes of the same transaction may have touched it; publishing once more is harmless.
            self.touched.push(channel);
        }
        Ok(())
    }

    /// The transaction is on the disk.
    pub(crate) fn committed(&mut self, flags: &Flags) {
        self.finished_safely = self.finished.len();
        if !self.touched.is_empty() {
            let touched: HashSet<ChannelId> = self.touched.drain(..).collect();
            flags.publish(self, touched.into_iter());
        }
    }

    /// The transaction is lost with all it changed.
    pub(crate) fn lost(&mut self) {
        let touched_nothing = self.touched.is_empty() && self.finished.len() == self.finished_safely;
        self.touched.clear();
        self.stale |= !touched_nothing;
    }

    /// Up to `limit` finished deliveries whose rows in `pending` can go.
    pub(crate) fn finished(&self, limit: usize) -> Vec<DeliverySeq> {
        self.finished.iter().take(self.finished_safely.min(limit)).copied().collect()
    }

    /// Those rows are gone.
    pub(crate) fn swept(&mut self, gone: &[DeliverySeq]) {
        let count = gone.len().min(self.finished.len());
        self.finished.drain(..count);
        self.finished_safely = self.finished_safely.saturating_sub(count);
    }

    /// Adds a delivery.
    pub(crate) fn insert(&mut self, pending: Pending) {
        let channel = pending.channel_id;
        self.touched.push(channel);
        let head = self.heads.entry(pending.command_id).or_insert_with(|| Head {
            uuid: Arc::clone(&pending.command_uuid),
            request_type: Arc::clone(&pending.request_type),
            users: 0,
        });
        head.users += 1;
        if let Some(expires) = pending.expires_at {
            self.expiries.insert((expires, pending.seq));
        }
        self.places.insert(pending.seq, (channel, pending.lane));
        self.channels.entry(channel).or_default().insert((pending.lane, pending.seq), pending);
    }

    /// A pending delivery by its place.
    pub(crate) fn find(&self, seq: DeliverySeq) -> Option<&Pending> {
        let (channel, lane) = self.places.get(&seq)?;
        self.channels.get(channel)?.get(&(*lane, seq))
    }

    /// All pending deliveries of a channel, in order.
    pub(crate) fn of_channel(&self, channel: ChannelId) -> impl Iterator<Item = &Pending> {
        self.channels.get(&channel).into_iter().flat_map(BTreeMap::values)
    }

    /// Deliveries whose time is over, oldest first.
    pub(crate) fn expired(&self, now: Timestamp, limit: usize) -> Vec<DeliverySeq> {
        self.expiries.iter().take_while(|(at, _)| *at <= now).take(limit).map(|(_, seq)| *seq).collect()
    }

    /// Moves a delivery on; a finished one leaves the index.
    pub(crate) fn advance(&mut self, seq: DeliverySeq, progress: &Progress) {
        let Some((channel, lane)) = self.places.get(&seq).copied() else { return };
        self.touched.push(channel);
        if progress.state.is_final() {
            let removed = self.channels.get_mut(&channel).and_then(|queue| queue.remove(&(lane, seq)));
            if let Some(pending) = removed {
                self.unlink(&pending);
            }
            if self.channels.get(&channel).is_some_and(BTreeMap::is_empty) {
                self.channels.remove(&channel);
            }
            self.finished.push(seq);
        } else if let Some(pending) =
            self.channels.get_mut(&channel).and_then(|queue| queue.get_mut(&(lane, seq)))
        {
            pending.set_progress(progress);
        }
    }

    /// The shared texts of a command that has deliveries pending.
    pub(crate) fn head(&self, command: CommandId) -> Option<(Arc<str>, Arc<str>)> {
        self.heads.get(&command).map(|head| (Arc::clone(&head.uuid), Arc::clone(&head.request_type)))
    }

    pub(crate) fn channels(&self) -> impl Iterator<Item = ChannelId> {
        self.channels.keys().copied()
    }

    pub(crate) fn waiting(&self, channel: ChannelId) -> Option<Waiting> {
        let queue = self.channels.get(&channel)?;
        let oldest_at = queue.values().map(|pending| pending.enqueued_at).min()?;
        Some(Waiting { channel_id: channel, count: queue.len(), oldest_at })
    }

    fn forget(&mut self, channel: ChannelId) {
        for pending in self.channels.remove(&channel).into_iter().flat_map(BTreeMap::into_values) {
            self.unlink(&pending);
        }
    }

    fn unlink(&mut self, pending: &Pending) {
        self.places.remove(&pending.seq);
        if let Some(expires) = pending.expires_at {
            self.expiries.remove(&(expires, pending.seq));
        }
        if let Some(head) = self.heads.get_mut(&pending.command_id) {
            head.users -= 1;
            if head.users == 0 {
                self.heads.remove(&pending.command_id);
            }
        }
    }

    fn take(&mut self, loaded: rows::Loaded) {
        let before = self.touched.len();
        for pending in loaded.pending {
            self.insert(pending);
        }
        self.touched.truncate(before);
        self.finished.extend(loaded.finished);
    }

    /// Everything that a fresh reading of the rows must give as well, for comparison.
    #[cfg(test)]
    pub(crate) fn contents(&self) -> String {
        let channels: BTreeMap<_, _> = self.channels.iter().collect();
        let places: BTreeMap<_, _> = self.places.iter().collect();
        let heads: BTreeMap<_, _> = self.heads.iter().collect();
        format!("{channels:#?}\n{places:?}\n{heads:?}\n{:?}", self.expiries)
    }
}
