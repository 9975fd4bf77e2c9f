//! Keeps the memory of the process to itself: no core dumps, and no other program of the same user may read it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Switches core dumps off, before any key is read. A machine that does not let it is told of, and served all the same.
pub(crate) fn keep_private() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "Core dumps cannot be limited: see to it that this machine writes none");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "Core dumps cannot be switched off: see to it that this machine writes none");
    }
}
