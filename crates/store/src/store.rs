//! The store: one writer, several readers, and what the memory knows.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use clock::Timestamp;
use parking_lot::Mutex;
use pki::seal::Sealer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::models::Streaming;
use crate::queue::{Flags, Waiting};
use crate::reader::{self, Query};
use crate::seen::Seen;
use crate::writer::{self, Message};
use crate::{ChannelId, Connection, Durability, Error, OpenError, Tx, engine};

/// How a store is opened. The defaults suit a hospital on two cores.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The database file. It is made, readable by its owner only, if it does not exist.
    pub path: PathBuf,
    /// How many threads read.
    pub reader_threads: usize,
    /// How many changes one transaction commits at most.
    pub batch_max: usize,
    /// For how long one transaction takes in further changes.
    pub batch_time: Duration,
    /// How many changes, and how many queries, may wait before further callers are held back.
    pub waiting_max: usize,
    /// How often `last_seen_at` is written and finished deliveries are swept.
    pub housekeeping_every: Duration,
}

impl StoreOptions {
    /// The defaults for a file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            reader_threads: 4,
            batch_max: 512,
            batch_time: Duration::from_millis(1),
            waiting_max: 4096,
            housekeeping_every: Duration::from_secs(1),
        }
    }
}

/// The database. [`Store::close`] ends it in order; when it is dropped instead, its threads finish by themselves and
/// hold the file for a moment longer.
#[derive(Debug)]
pub struct Store {
    writer: Mutex<Option<mpsc::Sender<Message>>>,
    readers: Mutex<Option<mpsc::Sender<Query>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    write_room: Arc<Semaphore>,
    read_room: Arc<Semaphore>,
    flags: Arc<Flags>,
    seen: Arc<Seen>,
    sealer: Arc<Sealer>,
    streaming: Arc<Streaming>,
}

impl Store {
    /// Opens or makes the database, verifies its settings, migrates it and reads the queue into memory.
    ///
    /// # Errors
    /// [`OpenError`] says what to do: another process has the file, a setting did not take, the disk refuses.
    pub fn open(options: StoreOptions, sealer: Arc<Sealer>) -> Result<Arc<Self>, OpenError> {
        let (flags, seen) = (Arc::new(Flags::default()), Arc::new(Seen::default()));
        let streaming = Arc::new(Streaming::default());
        let (path, threads, room) =
            (options.path.clone(), options.reader_threads, options.waiting_max.max(1));
        let (writer, handle) = writer::spawn(
            options,
            Arc::clone(&flags),
            Arc::clone(&seen),
            Arc::clone(&sealer),
            Arc::clone(&streaming),
        )?;
        let (readers, mut handles) = reader::spawn(&path, threads)?;
        handles.push(handle);
        Ok(Arc::new(Self {
            writer: Mutex::new(Some(writer)),
            readers: Mutex::new(Some(readers)),
            threads: Mutex::new(handles),
            write_room: Arc::new(Semaphore::new(room)),
            read_room: Arc::new(Semaphore::new(room)),
            flags,
            seen,
            sealer,
            streaming,
        }))
    }

    /// Runs a change and answers after it is on the disk.
    ///
    /// Changes of many callers share one transaction, each in its own savepoint: an `Err` (or a panic) undoes this
    /// change alone. Nothing is answered before COMMIT. `work` may be run again, so it must not keep results outside
    /// of its return value; once handed over, it runs even if the caller stops waiting.
    ///
    /// # Errors
    /// What `work` returns; [`Error::Unavailable`] when the transaction did not commit or the store is closing;
    /// [`Error::Internal`] when `work` panicked.
    pub async fn tx<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permit = room(&self.write_room).await?;
        let (reply, answer) = oneshot::channel();
        let message = Message::Work(writer::change(name, work, reply, permit));
        send(&self.writer, message)?;
        answer.await.unwrap_or_else(|_| Err(E::from(closing())))
    }

    /// Runs queries on a reading connection, in one consistent snapshot that holds every change answered before.
    ///
    /// # Errors
    /// What `work` returns; [`Error::Unavailable`] when the store is closing; [`Error::Internal`] when `work` panicked.
    pub async fn read<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permit = room(&self.read_room).await?;
        let (reply, answer) = oneshot::channel();
        let query = reader::query(name, work, reply);
        send(
            &self.readers,
            Box::new(move |connection| {
                query(connection);
                drop(permit);
            }),
        )?;
        answer.await.unwrap_or_else(|_| Err(E::from(closing())))
    }

    /// What the connection that writes promises about a COMMIT, read back from it now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database cannot answer.
    pub async fn durability(&self) -> Result<Durability, Error> {
        self.tx("durability", |tx| engine::durability(tx)).await
    }

    /// Whether a channel has anything that is not finished. Answered from memory; waits for no writer.
    #[must_use]
    pub fn has_pending(&self, channel: ChannelId) -> bool {
        self.flags.has_pending(channel)
    }

    /// How many deliveries of some channels are not finished. Answered from memory.
    pub fn pending_count(&self, channels: impl Iterator<Item = ChannelId>) -> usize {
        self.flags.count(channels)
    }

    /// All channels that have something pending, for waking their devices.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        self.flags.waiting()
    }

    /// Notes that a channel was heard at `at`. Written in batches: a crash loses seconds of it and nothing else.
    pub fn touch(&self, channel: ChannelId, at: Timestamp) {
        self.seen.note(channel, at);
    }

    /// When a channel was heard, if that is not yet in the database.
    #[must_use]
    pub fn seen_lately(&self, channel: ChannelId) -> Option<Timestamp> {
        self.seen.get(channel)
    }

    /// What opens the sealed columns.
    #[must_use]
    pub const fn sealer(&self) -> &Arc<Sealer> {
        &self.sealer
    }

    /// Whether events are written to the outbox from now on. Off until somebody is to be told.
    pub fn stream_events(&self, on: bool) {
        self.streaming.set(on);
    }

    /// Takes no more work, finishes what was handed over, writes what the memory holds and ends the threads.
    pub async fn close(&self) {
        self.write_room.close();
        self.read_room.close();
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            let (done, finished) = oneshot::channel();
            if writer.send(Message::Stop(done)).is_ok() {
                // An error means that the thread has ended already.
                let _ = finished.await;
            }
        }
        drop(self.readers.lock().take());
        let threads = std::mem::take(&mut *self.threads.lock());
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                drop(thread.join());
            }
        });
        drop(joined.await);
    }
}

fn closing() -> Error {
    Error::Unavailable("it is closing")
}

async fn room(room: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    Arc::clone(room).acquire_owned().await.map_err(|_| closing())
}

fn send<M>(sender: &Mutex<Option<mpsc::Sender<M>>>, message: M) -> Result<(), Error> {
    let sender = sender.lock().clone().ok_or_else(closing)?;
    sender.send(message).map_err(|_| closing())
}

#[cfg(test)]
mod tests;
