//! The one place that says yes.

use std::sync::Arc;

use store::{Connection, Store};

use crate::{Exit, Permit};

/// What the gate says.
#[must_use]
#[derive(Debug)]
pub enum Decision {
    /// It may leave.
    Leave(Permit),
    /// It stays, for this reason. What the device gets instead is the caller's to choose: for a command an empty
    /// 200, for declarations 503 and never a shorter list, for ReturnToService a refusal.
    Withhold(&'static str),
}

/// Decides what may leave. Today it holds nothing back; whoever sends must ask all the same.
#[derive(Debug, Clone)]
pub struct Gate {
    _store: Arc<Store>,
}

impl Gate {
    /// A gate over the database in which budgets, holds and the freeze will be.
    #[must_use]
    pub const fn new(store: Arc<Store>) -> Self {
        Self { _store: store }
    }

    /// Decides one exit, in the transaction in which the hand-out is recorded. It records nothing itself: the caller
    /// stores the permit's class with the hand-out.
    ///
    /// # Errors
    /// [`store::Error`] when what it must know cannot be read: then nothing leaves.
    pub fn decide(&self, _connection: &mut Connection, exit: &Exit<'_>) -> Result<Decision, store::Error> {
        let (kind, class) = (exit.kind(), exit.classify());
        metrics::counter!("ward_permits_total", "exit" => kind.as_str(), "class" => class.class.as_str())
            .increment(1);
        Ok(Decision::Leave(Permit::new(kind, class)))
    }
}

#[cfg(test)]
mod tests;
