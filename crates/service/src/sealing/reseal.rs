//! Moves every sealed value to the data key in force, page by page, while the server goes on.
//!
//! It looks through all sealed columns until it has gone through them once without finding anything under another key:
//! that is the proof by which older keys are retired. A retired key is destroyed a day later, after another such proof.

use std::collections::BTreeSet;
use std::time::Duration;

use clock::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{DataKey, Job, SEALED, SealedColumn, SealedRow, Tx};
use tokio_util::sync::CancellationToken;

use super::{RESEAL, ask, load};
use crate::audit::{self, Act};
use crate::{Context, Error};

/// Values of one page: as many are written in one transaction at most.
const AT_ONCE: i64 = 200;
/// How long the job belongs to a worker that does not say that it goes on.
const LEASE: Duration = Duration::from_secs(120);
/// How often the worker looks for the job.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it looks for keys of other processes and for keys to destroy.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How long a retired key is kept: another process may have sealed with it until it learned of the new one.
const KEPT: Duration = Duration::from_secs(86_400);
/// How long a failed round waits.
const WAIT: Duration = Duration::from_secs(60);

/// How far it is. Stands in the job, so that it goes on after a crash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    /// The key to which values move.
    key: String,
    /// How often all columns were gone through.
    pub(super) pass: u32,
    /// Which column, by its place in the list.
    pub(super) column: usize,
    /// The last row, in hex.
    after: Option<String>,
    /// Values found under other keys since the pass began.
    found: u64,
    /// Values looked at since the pass began.
    pub(super) seen: u64,
    /// Values moved in all passes.
    pub(super) moved: u64,
    /// Values of this pass that could not be opened.
    pub(super) unreadable: u64,
    /// The keys that they name.
    held: BTreeSet<String>,
}

/// A page of values: as they are, and as they are to be.
type Page = Vec<(SealedRow, Result<Option<Vec<u8>>, store::Error>)>;

impl Progress {
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    fn write(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Internal(error.to_string()))
    }

    /// The beginning of another pass.
    fn again(&self) -> Self {
        Self {
            key: self.key.clone(),
            pass: self.pass.saturating_add(1),
            moved: self.moved,
            ..Self::default()
        }
    }
}

/// The worker.
pub struct Resealer {
    context: Context,
    stop: CancellationToken,
    swept_at: Mutex<Option<Timestamp>>,
}

impl Resealer {
    pub(super) fn new(context: Context) -> Self {
        Self { context, stop: CancellationToken::new(), swept_at: Mutex::new(None) }
    }

    /// Works until `stop` is cancelled. What is left goes on at the next start.
    pub async fn run(mut self, stop: CancellationToken) {
        self.stop = stop;
        while !self.stop.is_cancelled() {
            if let Err(error) = self.run_once().await {
                tracing::warn!(error = %error, "Moving sealed values to another key failed and is put off: {error}");
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Does what is due now, to its end. Returns whether there was anything.
    ///
    /// # Errors
    /// The database's; the work is put off then.
    pub async fn run_once(&self) -> Result<bool, Error> {
        self.sweep().await?;
        let now = self.context.now();
        let due = move |c: &mut store::Connection| Ok::<_, Error>(Job::is_due(c, &[RESEAL], now)?);
        if !self.context.store.read("look_for_resealing", due).await? {
            return Ok(false);
        }
        let lease = move |tx: &mut Tx<'_>| Ok::<_, Error>(Job::lease(tx, &[RESEAL], now, now + LEASE, 1)?);
        let Some(job) = self.context.store.tx("lease_resealing", lease).await?.pop() else {
            return Ok(false);
        };
        if let Err(error) = self.work(&job).await {
            let (text, job) = (error.to_string(), job);
            self.context
                .store
                .tx("put_off_resealing", move |tx| {
                    let _held = job.retry(tx, now + WAIT, &text)?;
                    Ok::<_, Error>(())
                })
                .await?;
            return Err(error);
        }
        Ok(true)
    }

    /// Page by page, until all is done, the server stops, or another worker has the job.
    async fn work(&self, job: &Job) -> Result<(), Error> {
        let mut progress = Progress::read(&job.payload);
        while !self.stop.is_cancelled() {
            let key = self.context.sealer.key_id();
            if progress.key != key {
                progress = Progress { key, ..Progress::default() };
            }
            let Some(column) = SEALED.get(progress.column) else {
                if progress.found == 0 {
                    return self.conclude(job, progress).await;
                }
                progress = progress.again();
                continue;
            };
            match self.page(job, column, progress).await? {
                Some(next) => progress = next,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// One page. `None`: the job belongs to somebody else.
    async fn page(
        &self,
        job: &Job,
        column: &'static SealedColumn,
        progress: Progress,
    ) -> Result<Option<Progress>, Error> {
        let sealer = self.context.sealer.clone();
        let after = progress.after.as_deref().map(hex::decode).transpose();
        let after =
            after.map_err(|_| Error::Internal("the progress of a rotation cannot be read".to_owned()))?;
        let page: Page = self
            .context
            .store
            .read("read_sealed", move |c| {
                let rows = column.page(c, after.as_deref(), AT_ONCE)?;
                Ok::<_, Error>(
                    rows.into_iter()
                        .map(|row| {
                            let new = column.reseal(&sealer, &row);
                            (row, new)
                        })
                        .collect(),
                )
            })
            .await?;
        let (job, until) = (job.clone(), self.context.now() + LEASE);
        self.context
            .store
            .tx("reseal_page", move |tx| {
                let next = write(tx, column, &page, progress.clone())?;
                Ok::<_, Error>(job.go_on(tx, &next.write()?, until)?.then_some(next))
            })
            .await
    }

    /// Nothing stands under another key: the others are retired, and those that were retired long ago destroyed.
    async fn conclude(&self, job: &Job, progress: Progress) -> Result<(), Error> {
        let (now, job) = (self.context.now(), job.clone());
        self.context
            .store
            .tx("end_resealing", move |tx| {
                if DataKey::current(tx)?.is_none_or(|key| key.id != progress.key) {
                    return Ok(());
                }
                let (mut retired, mut destroyed) = (Vec::new(), Vec::new());
                for mut key in DataKey::list(tx)? {
                    if key.replaced_at.is_none() {
                        key.resealed_at = Some(now);
                        key.resealed = key.resealed.saturating_add_unsigned(progress.moved);
                    } else if progress.held.contains(&key.id) {
                        continue;
                    } else if key.retired_at.is_none() {
                        key.retired_at = Some(now);
                        retired.push(key.id.clone());
                    } else if is_to_be_destroyed(&key, now) {
                        (key.wrapped, key.destroyed_at) = (None, Some(now));
                        destroyed.push(key.id.clone());
                    }
                    key.save(tx)?;
                }
                if progress.moved > 0 || !retired.is_empty() || !destroyed.is_empty() {
                    let detail = json!({
                        "data_key": progress.key, "resealed": progress.moved, "unreadable": progress.unreadable,
                        "retired": retired, "destroyed": destroyed,
                    });
                    let act = Act::by_ward("sealing.resealed").of_class(catalog::Class::D3);
                    audit::record(tx, now, &act.with(detail))?;
                }
                let _held = job.finish(tx)?;
                Ok::<_, Error>(())
            })
            .await?;
        load(&self.context).await
    }

    /// Takes in the keys of other processes, and asks for the proof by which old keys are destroyed.
    async fn sweep(&self) -> Result<(), Error> {
        let now = self.context.now();
        {
            let mut swept_at = self.swept_at.lock();
            if swept_at.is_some_and(|last| now.since(last) < SWEEP_EVERY) {
                return Ok(());
            }
            *swept_at = Some(now);
        }
        let keys =
            self.context.store.read("look_at_data_keys", |c| Ok::<_, Error>(DataKey::list(c)?)).await?;
        let current = keys.iter().find(|key| key.replaced_at.is_none());
        if current.is_some_and(|key| key.id != self.context.sealer.key_id()) {
            load(&self.context).await?;
        }
        if keys.iter().any(|key| is_to_be_destroyed(key, now)) {
            let ground = self.context.clone();
            self.context.store.tx("ask_for_proof", move |tx| ask(tx, &ground)).await?;
        }
        Ok(())
    }
}

fn is_to_be_destroyed(key: &DataKey, now: Timestamp) -> bool {
    key.wrapped.is_some() && key.retired_at.is_some_and(|at| now.since(at) >= KEPT)
}

/// Writes a page and says how far that is. What has changed since it was read is left for the next pass.
fn write(
    tx: &mut Tx<'_>,
    column: &SealedColumn,
    page: &Page,
    mut progress: Progress,
) -> Result<Progress, Error> {
    for (row, new) in page {
        progress.seen += 1;
        match new {
            Ok(None) => {}
            Ok(Some(sealed)) => {
                progress.found += 1;
                progress.moved += u64::from(column.replace(tx, row, sealed.clone())?);
            }
            Err(error) => {
                tracing::error!(error = %error, "A sealed value was passed over: {error}");
                progress.unreadable += 1;
                progress.held.extend(SealedColumn::key_of(row));
            }
        }
    }
    match page.last() {
        Some((row, _)) if i64::try_from(page.len()).is_ok_and(|count| count >= AT_ONCE) => {
            progress.after = Some(hex::encode(&row.row));
        }
        _ => (progress.column, progress.after) = (progress.column + 1, None),
    }
    Ok(progress)
}
