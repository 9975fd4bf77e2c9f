//! Transactions by hand: begin, keep, undo, and finding the way back after a panic.

use diesel::connection::{TransactionManager, TransactionManagerStatus};

use crate::{Connection, Error};

type Manager = <Connection as diesel::Connection>::TransactionManager;

/// Begins a transaction, or a savepoint inside one.
pub(crate) fn begin(connection: &mut Connection) -> Result<(), Error> {
    Ok(Manager::begin_transaction(connection)?)
}

/// Commits the innermost transaction or releases the innermost savepoint.
pub(crate) fn keep(connection: &mut Connection) -> Result<(), Error> {
    Ok(Manager::commit_transaction(connection)?)
}

/// How many transactions and savepoints are open.
pub(crate) fn depth(connection: &mut Connection) -> Result<u32, Error> {
    match Manager::transaction_manager_status_mut(connection) {
        TransactionManagerStatus::Valid(status) => {
            Ok(status.transaction_depth().map_or(0, std::num::NonZero::get))
        }
        TransactionManagerStatus::InError => Err(Error::Unavailable("the transaction is broken")),
    }
}

/// Rolls back until `target` transactions and savepoints are open: code that panicked may have left more.
pub(crate) fn undo_to(connection: &mut Connection, target: u32) -> Result<(), Error> {
    while depth(connection)? > target {
        Manager::rollback_transaction(connection)?;
    }
    Ok(())
}

/// Whether the connection has lost track and must be replaced.
pub(crate) fn is_broken(connection: &mut Connection) -> bool {
    !matches!(depth(connection), Ok(0)) || Manager::is_broken_transaction_manager(connection)
}
