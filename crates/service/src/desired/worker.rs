//! The worker of the desired state: takes the enrolments that something has changed about, a batch in each transaction.

use std::time::Duration;

use clock::Timestamp;
use store::{EnrollmentId, Job, Tx};
use tokio_util::sync::CancellationToken;

use super::known::{Assigned, Versions};
use super::reconcile::reconcile;
use super::trigger::RECONCILE;
use crate::{Context, Error};

/// Jobs that one round takes.
const AT_ONCE: i64 = 200;
/// Enrolments that one transaction brings forward.
const BATCH: usize = 20;
/// How long a job belongs to a worker.
const LEASE: Duration = Duration::from_secs(300);
/// How often the worker looks when nothing was due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Tries of a job that goes on failing.
const TRIES: i32 = 5;

/// The worker.
#[derive(Clone)]
pub struct Reconciler {
    context: Context,
    versions: Versions,
}

impl Reconciler {
    pub(super) const fn new(context: Context, versions: Versions) -> Self {
        Self { context, versions }
    }

    /// Works until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let done = self.round().await.unwrap_or_else(|error| {
                tracing::warn!(error = %error, "A round of the reconciler failed: {error}");
                0
            });
            if done > 0 && !stop.is_cancelled() {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Everything that is due now. Returns how many enrolments were looked at.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_once(&self) -> Result<usize, Error> {
        let mut all = 0;
        loop {
            match self.round().await? {
                0 => return Ok(all),
                done => all += done,
            }
        }
    }

    async fn round(&self) -> Result<usize, Error> {
        let now = self.context.now();
        let due = self
            .context
            .store
            .read("look_for_reconciling", move |c| Ok::<_, Error>(Job::is_due(c, &[RECONCILE], now)?))
            .await?;
        if !due {
            return Ok(0);
        }
        let lease =
            move |tx: &mut Tx<'_>| Ok::<_, Error>(Job::lease(tx, &[RECONCILE], now, now + LEASE, AT_ONCE)?);
        let jobs = self.context.store.tx("lease_reconciling", lease).await?;
        for batch in jobs.chunks(BATCH) {
            if self.bring_forward(batch.to_vec()).await.is_ok() {
                continue;
            }
            // One enrolment that cannot be brought forward must not keep the others from it.
            for job in batch {
                if let Err(error) = self.bring_forward(vec![job.clone()]).await {
                    self.put_off(job.clone(), now, &error).await?;
                }
            }
        }
        Ok(jobs.len())
    }

    async fn bring_forward(&self, jobs: Vec<Job>) -> Result<(), Error> {
        let (context, versions) = (self.context.clone(), self.versions.clone());
        self.context
            .store
            .tx("reconcile", move |tx| {
                let assigned = Assigned::load(tx, &context.sealer, &versions)?;
                for job in &jobs {
                    let id: EnrollmentId = job
                        .key
                        .parse()
                        .map_err(|_| Error::Internal("a job without an enrolment".to_owned()))?;
                    // The worker that has lost its lease leaves it to the one that has it.
                    if job.finish(tx)? {
                        reconcile(tx, &context, &assigned, id)?;
                    }
                }
                Ok::<_, Error>(())
            })
            .await
    }

    async fn put_off(&self, job: Job, now: Timestamp, error: &Error) -> Result<(), Error> {
        let text = error.to_string();
        tracing::warn!(enrollment.id = %job.key, error = %text, "Enrolment {} was not brought to its desired state: {text}", job.key);
        let work = move |tx: &mut Tx<'_>| {
            let _held = if job.attempts >= TRIES {
                job.bury(tx, &text)?
            } else {
                job.retry(tx, now + Duration::from_secs(60), &text)?
            };
            Ok::<_, Error>(())
        };
        self.context.store.tx("put_off_reconciling", work).await
    }
}
