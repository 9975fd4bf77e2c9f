//! What a change sees: a connection inside its savepoint, and the queue.

use std::ops::{Deref, DerefMut};

use pki::seal::Sealer;

use crate::Connection;
use crate::queue::QueueIndex;

/// A running change. Model methods take it as a [`Connection`]; the queue's methods are its own, because they keep
/// the index in memory in step with the rows.
pub struct Tx<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) index: &'a mut QueueIndex,
    sealer: &'a Sealer,
    streaming: bool,
}

impl<'a> Tx<'a> {
    pub(crate) const fn new(
        connection: &'a mut Connection,
        index: &'a mut QueueIndex,
        sealer: &'a Sealer,
        streaming: bool,
    ) -> Self {
        Self { connection, index, sealer, streaming }
    }

    /// What seals and opens secret columns.
    #[must_use]
    pub const fn sealer(&self) -> &'a Sealer {
        self.sealer
    }

    /// Whether somebody is to be told what happens.
    #[must_use]
    pub const fn is_streaming(&self) -> bool {
        self.streaming
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}
