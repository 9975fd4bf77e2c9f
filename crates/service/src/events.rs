//! The bus on which services tell what has changed, for those who watch live.
//!
//! It is a convenience, not a record: a watcher that is too slow misses events and is told so. What must not be lost is in the
//! database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clock::Timestamp;
use store::{DeviceId, EnrollmentId};
use tokio::sync::broadcast;

use crate::views::EventView;

/// How many events a watcher may lag behind.
const KEPT: usize = 1024;

/// Something that has changed. `detail` holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What, dotted: `enrollment.enrolled`.
    pub kind: &'static str,
    /// The device concerned.
    pub device: Option<DeviceId>,
    /// The enrolment concerned.
    pub enrollment: Option<EnrollmentId>,
    /// The rest, as JSON.
    pub detail: serde_json::Value,
    /// When.
    pub at: Timestamp,
}

/// The bus. Clones are the same bus.
#[derive(Debug, Clone)]
pub struct EventBus {
    sender: broadcast::Sender<Option<Arc<EventView>>>,
    last: Arc<AtomicU64>,
}

/// One watcher's end of the bus.
#[derive(Debug)]
pub struct EventStream {
    receiver: broadcast::Receiver<Option<Arc<EventView>>>,
}

/// What a watcher sees next.
#[derive(Debug, Clone, PartialEq)]
pub enum Watched {
    /// An event.
    Event(Arc<EventView>),
    /// The watcher was too slow and missed so many events.
    Missed(u64),
}

impl Event {
    /// An event about nothing in particular, to be completed with the `with_` methods.
    #[must_use]
    pub const fn new(kind: &'static str, at: Timestamp) -> Self {
        Self { kind, device: None, enrollment: None, detail: serde_json::Value::Null, at }
    }

    /// The same about a device and its enrolment.
    #[must_use]
    pub const fn about(mut self, device: DeviceId, enrollment: EnrollmentId) -> Self {
        self.device = Some(device);
        self.enrollment = Some(enrollment);
        self
    }

    /// The same with its details.
    #[must_use]
    pub fn with(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }
}

impl EventBus {
    /// A bus without watchers.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: broadcast::channel(KEPT).0, last: Arc::new(AtomicU64::new(0)) }
    }

    /// Tells every watcher. Never blocks and never fails: without watchers nobody hears it.
    pub fn publish(&self, event: Event) {
        let id = self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let view = EventView {
            id,
            at: event.at,
            kind: event.kind.to_owned(),
            device_id: event.device.map(|id| id.0),
            enrollment_id: event.enrollment.map(|id| id.0),
            detail: event.detail,
        };
        // An error means that nobody watches.
        let _nobody = self.sender.send(Some(Arc::new(view)));
    }

    /// Ends every watcher's stream after what it has not read yet: the server is going away.
    pub fn close(&self) {
        let _nobody = self.sender.send(None);
    }

    /// Watches from now on.
    #[must_use]
    pub fn watch(&self) -> EventStream {
        EventStream { receiver: self.sender.subscribe() }
    }
}

impl Default for EventBus {
    fn default() -> Self {
        Self::new()
    }
}

impl EventStream {
    /// Waits for the next event; `None` when the server is going away.
    pub async fn next(&mut self) -> Option<Watched> {
        match self.receiver.recv().await {
            Ok(event) => event.map(Watched::Event),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Watched::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &'static str) -> Event {
        Event::new(kind, Timestamp::from_millis(0))
    }

    #[tokio::test]
    async fn every_watcher_sees_every_event_in_order_from_when_it_began() {
        let bus = EventBus::new();
        bus.publish(event("before.anyone"));
        let (mut one, mut two) = (bus.watch(), bus.clone().watch());
        bus.publish(event("command.queued"));
        bus.publish(event("command.acknowledged"));
        for watcher in [&mut one, &mut two] {
            let mut seen = Vec::new();
            for _ in 0..2 {
                let Some(Watched::Event(event)) = watcher.next().await else { panic!("an event is missing") };
                seen.push((event.id, event.kind.clone()));
            }
            assert_eq!(seen, [(2, "command.queued".to_owned()), (3, "command.acknowledged".to_owned())]);
        }
    }

    #[tokio::test]
    async fn a_server_that_goes_away_ends_the_streams_after_what_was_said() {
        let bus = EventBus::new();
        let mut watcher = bus.watch();
        bus.publish(event("command.queued"));
        bus.close();
        assert!(matches!(watcher.next().await, Some(Watched::Event(_))));
        assert_eq!(watcher.next().await, None);
    }

    #[tokio::test]
    async fn a_slow_watcher_is_told_how_much_it_missed() {
        let bus = EventBus::new();
        let mut slow = bus.watch();
        for _ in 0..KEPT + 10 {
            bus.publish(event("device.seen"));
        }
        assert_eq!(slow.next().await, Some(Watched::Missed(10)));
        assert!(matches!(slow.next().await, Some(Watched::Event(event)) if event.id == 11));
    }
}
