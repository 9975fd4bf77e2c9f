//! The reading threads: each has a connection that cannot write and takes work from one queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::engine::sqlite;
use crate::{Connection, Error, OpenError, savepoint};

/// A query with everything it needs to answer its caller.
pub(crate) type Query = Box<dyn FnOnce(&mut Connection) + Send>;

/// Starts the threads. They end when the sender is dropped.
pub(crate) fn spawn(
    path: &Path,
    threads: usize,
) -> Result<(mpsc::Sender<Query>, Vec<JoinHandle<()>>), OpenError> {
    let (sender, receiver) = mpsc::channel::<Query>();
    let receiver = Arc::new(Mutex::new(receiver));
    let mut handles = Vec::new();
    for number in 0..threads.max(1) {
        let mut connection = sqlite::open_reader(path)?;
        let (path, receiver) = (path.to_owned(), Arc::clone(&receiver));
        let handle = std::thread::Builder::new()
            .name(format!("store-reader-{number}"))
            .spawn(move || serve(&path, &mut connection, &receiver))
            .map_err(|error| OpenError::Thread(error.to_string()))?;
        handles.push(handle);
    }
    Ok((sender, handles))
}

fn serve(path: &Path, connection: &mut Connection, receiver: &Mutex<mpsc::Receiver<Query>>) {
    loop {
        let query = receiver.lock().recv();
        let Ok(query) = query else { return };
        query(connection);
        if savepoint::is_broken(connection)
            && let Ok(fresh) = sqlite::open_reader(path)
        {
            *connection = fresh;
        }
    }
}

/// Wraps a caller's closure: one consistent snapshot, panics contained, the answer sent back.
pub(crate) fn query<T, E, F>(name: &'static str, work: F, reply: oneshot::Sender<Result<T, E>>) -> Query
where
    F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    Box::new(move |connection| {
        let outcome = match savepoint::begin(connection) {
            Ok(()) => catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| {
                tracing::error!(query = name, "A query panicked; its caller gets an error");
                Err(E::from(Error::Internal(format!("{name} panicked"))))
            }),
            Err(error) => Err(E::from(error)),
        };
        // A snapshot changes nothing, so that failing to end it hurts only this connection, which is replaced.
        if let Err(error) = savepoint::undo_to(connection, 0) {
            tracing::warn!(query = name, %error, "A reading connection is replaced");
        }
        drop(reply.send(outcome));
    })
}
