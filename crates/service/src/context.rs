//! What every service stands on: the store, the clock, the key of the sealed columns, the gate, the bus.

use std::sync::Arc;

use clock::{Clock, Timestamp};
use gate::Gate;
use pki::seal::Sealer;
use store::Store;

use crate::Settings;
use crate::events::EventBus;

/// The ground that the services share. A clone is a handful of counted pointers.
#[derive(Clone)]
pub struct Context {
    /// What the operator has set.
    pub settings: Arc<Settings>,
    /// The database.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Seals and opens secret columns.
    pub sealer: Arc<Sealer>,
    /// Decides what may leave.
    pub gate: Arc<Gate>,
    /// Tells those who watch what has changed.
    pub events: EventBus,
}

impl Context {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
