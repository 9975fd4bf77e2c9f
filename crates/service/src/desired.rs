//! Desired state: what every device should have, and the way there.
//!
//! [`resolve`] says what a device should have and why, and reads nothing. The reconciler brings the device there and sends nothing
//! twice. Nothing is removed because a fact is missing or old, or because a rule cannot be evaluated.

mod actions;
mod answers;
mod assignments;
mod change;
pub(crate) mod guard;
pub(crate) mod handout;
mod incidents;
mod known;
mod plan;
mod preview;
mod profiles;
mod reconcile;
mod release;
pub mod resolve;
pub mod trigger;
mod worker;

pub(crate) use answers::note as note_answer;
pub(crate) use change::AT_ONCE;
pub use change::Change;
use handout::fitting;
use known::Versions;
pub use worker::Reconciler;

use crate::groups::Rules;
use crate::{Context, Error};

/// The service. A clone is a handful of counted pointers.
#[derive(Clone)]
pub struct Desired {
    context: Context,
    versions: Versions,
    rules: Rules,
}

impl Desired {
    /// Over the common ground.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, versions: Versions::default(), rules: Rules::default() }
    }

    /// The worker that brings devices to their desired state.
    #[must_use]
    pub fn reconciler(&self) -> Reconciler {
        Reconciler::new(self.context.clone(), self.versions.clone())
    }
}

/// A row that may be absent.
fn optional<T>(row: Result<T, store::Error>) -> Result<Option<T>, Error> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(store::Error::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
