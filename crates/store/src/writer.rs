//! The writing thread: many changes in one transaction, answered after COMMIT.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use pki::seal::Sealer;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::engine::sqlite::{self, WriterLock};
use crate::models::Streaming;
use crate::queue::{Flags, QueueIndex};
use crate::seen::Seen;
use crate::{Connection, Error, OpenError, StoreOptions, Tx, engine, savepoint};

/// How many channels' `last_seen_at` one statement writes.
const SEEN_CHUNK: usize = 2_000;
/// How many finished deliveries one statement sweeps.
const SWEEP_CHUNK: usize = 500;

/// How many such statements run before callers get their turn again.
const CHUNKS_AT_ONCE: usize = 4;

/// What the writer is told.
pub(crate) enum Message {
    /// A change of a caller.
    Work(Box<dyn Change>),
    /// Finish, and say so.
    Stop(oneshot::Sender<()>),
}

/// A caller's change, with the types of its result hidden.
pub(crate) trait Change: Send {
    /// The name of the transaction, for the log.
    fn name(&self) -> &'static str;
    /// Runs it. `false`: it is to be undone.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// It panicked; the caller will be told.
    fn panicked(&mut self);
    /// Tells the caller, after the transaction has ended with `ending`.
    fn answer(self: Box<Self>, ending: Result<(), Error>);
}

struct Caller<T, E, F> {
    name: &'static str,
    work: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    _permit: OwnedSemaphorePermit,
}

impl<T, E, F> Change for Caller<T, E, F>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let outcome = (self.work)(tx);
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn panicked(&mut self) {
        self.outcome = Some(Err(E::from(Error::Internal(format!("{} panicked", self.name)))));
    }

    fn answer(self: Box<Self>, ending: Result<(), Error>) {
        let outcome = match (ending, self.outcome) {
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(E::from(error)),
            (Ok(()), Some(value)) => value,
            (Ok(()), None) => Err(E::from(Error::Unavailable("the transaction was given up"))),
        };
        drop(self.reply.send(outcome));
    }
}

/// Wraps a caller's closure.
pub(crate) fn change<T, E, F>(
    name: &'static str,
    work: F,
    reply: oneshot::Sender<Result<T, E>>,
    permit: OwnedSemaphorePermit,
) -> Box<dyn Change>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    Box::new(Caller { name, work, outcome: None, reply, _permit: permit })
}

/// Opens the database for writing and starts the thread.
pub(crate) fn spawn(
    options: StoreOptions,
    flags: Arc<Flags>,
    seen: Arc<Seen>,
    sealer: Arc<Sealer>,
    streaming: Arc<Streaming>,
) -> Result<(mpsc::Sender<Message>, JoinHandle<()>), OpenError> {
    let lock = WriterLock::take(&options.path)?;
    let mut connection = sqlite::open_writer(&options.path)?;
    load_keys(&mut connection, &sealer)?;
    let mut index = QueueIndex::default();
    index.rebuild(&mut connection).map_err(OpenError::Queue)?;
    flags.replace(&index);
    let mut writer = Writer { options, connection, index, flags, seen, sealer, streaming, _lock: lock };
    let (sender, receiver) = mpsc::channel();
    let handle = std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || writer.serve(&receiver))
        .map_err(|error| OpenError::Thread(error.to_string()))?;
    Ok((sender, handle))
}

/// Takes in the data keys, as far as there are any yet.
fn load_keys(connection: &mut Connection, sealer: &Sealer) -> Result<(), OpenError> {
    let keys = crate::DataKey::wrapped(connection).map_err(OpenError::Queue)?;
    sealer.load(&keys).map_err(|error| match error {
        pki::Error::UnknownMasterKey { key_id } => {
            OpenError::Key { needed: key_id, given: sealer.wrapping_key().to_string() }
        }
        _ => OpenError::DataKey,
    })
}

struct Writer {
    options: StoreOptions,
    connection: Connection,
    index: QueueIndex,
    flags: Arc<Flags>,
    seen: Arc<Seen>,
    sealer: Arc<Sealer>,
    streaming: Arc<Streaming>,
    _lock: WriterLock,
}

impl Writer {
    fn serve(&mut self, receiver: &mpsc::Receiver<Message>) {
        let mut kept_house = Instant::now();
        let stopped = loop {
            match receiver.recv_timeout(self.options.housekeeping_every) {
                Ok(Message::Work(first)) => {
                    if let Some(stop) = self.batch(first, receiver) {
                        break Some(stop);
                    }
                }
                Ok(Message::Stop(stop)) => break Some(stop),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break None,
            }
            if kept_house.elapsed() >= self.options.housekeeping_every {
                self.keep_house(CHUNKS_AT_ONCE);
                kept_house = Instant::now();
            }
        };
        while let Ok(Message::Work(change)) = receiver.try_recv() {
            drop(self.batch(change, receiver));
        }
        self.keep_house(usize::MAX);
        if let Err(error) = engine::checkpoint(&mut self.connection) {
            tracing::warn!(%error, "The write-ahead log stays until the next start");
        }
        if let Some(stop) = stopped {
            // Who asked may have stopped waiting.
            let _ = stop.send(());
        }
    }

    /// Runs `first` and what waits behind it in one transaction. Returns the request to stop, if it came meanwhile.
    fn batch(
        &mut self,
        first: Box<dyn Change>,
        receiver: &mpsc::Receiver<Message>,
    ) -> Option<oneshot::Sender<()>> {
        let started = Instant::now();
        let mut changes = Vec::new();
        let mut stop = None;
        let mut ending = self.begin();
        let mut next = Some(first);
        while let Some(mut change) = next.take() {
            if ending.is_ok() {
                ending = self.run(change.as_mut());
            }
            changes.push(change);
            if ending.is_ok()
                && changes.len() < self.options.batch_max
                && started.elapsed() < self.options.batch_time
            {
                match receiver.try_recv() {
                    Ok(Message::Work(another)) => next = Some(another),
                    Ok(Message::Stop(asked)) => stop = Some(asked),
                    Err(_) => {}
                }
            }
        }
        let ending = self.end(ending);
        for change in changes {
            change.answer(ending.clone());
        }
        stop
    }

    fn begin(&mut self) -> Result<(), Error> {
        if savepoint::is_broken(&mut self.connection) {
            self.connection = sqlite::open_writer(&self.options.path).map_err(|error| {
                tracing::error!(%error, "The database cannot be opened again");
                Error::Unavailable("it cannot be opened again")
            })?;
        }
        if self.index.is_stale() {
            self.index.rebuild(&mut self.connection)?;
            self.flags.replace(&self.index);
        }
        engine::begin_write(&mut self.connection)
    }

    /// Runs one change in its savepoint. An error means that the whole transaction is lost.
    fn run(&mut self, change: &mut dyn Change) -> Result<(), Error> {
        savepoint::begin(&mut self.connection)?;
        let mark = self.index.mark();
        let mut tx = Tx::new(&mut self.connection, &mut self.index, &self.sealer, self.streaming.is_on());
        let keep = catch_unwind(AssertUnwindSafe(|| change.run(&mut tx))).unwrap_or_else(|_| {
            tracing::error!(
                transaction = change.name(),
                "A transaction panicked; it is undone and its caller told"
            );
            change.panicked();
            false
        });
        if keep && savepoint::depth(&mut self.connection)? == 2 {
            return savepoint::keep(&mut self.connection);
        }
        if keep {
            tracing::error!(
                transaction = change.name(),
                "A transaction left its savepoint; it is undone and its caller told"
            );
            change.panicked();
        }
        savepoint::undo_to(&mut self.connection, 1)?;
        self.index.undo_to(&mark, &mut self.connection)
    }

    /// Commits, or rolls back and brings the memory in step with the database.
    fn end(&mut self, ending: Result<(), Error>) -> Result<(), Error> {
        let ending = ending.and_then(|()| savepoint::keep(&mut self.connection));
        match &ending {
            Ok(()) => self.index.committed(&self.flags),
            Err(error) => {
                tracing::error!(%error, "A transaction did not commit; its callers are told");
                if let Err(error) = savepoint::undo_to(&mut self.connection, 0) {
                    tracing::error!(%error, "The transaction could not be rolled back; the connection is replaced");
                }
                self.index.lost();
            }
        }
        ending.map_err(|error| match error {
            Error::Unavailable(_) => error,
            _ => Error::Unavailable("the transaction did not commit"),
        })
    }

    /// Writes what was collected: when channels were heard, and which deliveries are finished.
    fn keep_house(&mut self, chunks: usize) {
        let mut left = chunks;
        loop {
            let seen = self.seen.take(SEEN_CHUNK);
            let finished = self.index.finished(SWEEP_CHUNK);
            if (seen.is_empty() && finished.is_empty()) || left == 0 {
                return;
            }
            left -= 1;
            let outcome = self.begin().and_then(|()| {
                if !seen.is_empty() {
                    engine::write_last_seen(&mut self.connection, &seen)?;
                }
                crate::queue::sweep(&mut self.connection, &finished)
            });
            if self.end(outcome).is_err() {
                for (channel, at) in seen {
                    self.seen.note(channel, at);
                }
                return;
            }
            self.index.swept(&finished);
        }
    }
}
