//! What happens without anybody asking: devices are asked for their state, silent ones are pushed again, what is overdue is closed.

mod questions;
mod sweeps;

use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use parking_lot::Mutex;
use store::{Channel, ChannelId, Enrollment, EnrollmentId, EnrollmentState, Job, NewJob, Tx};
use tokio_util::sync::CancellationToken;

use crate::own_commands::{self, OwnCommand};
use crate::quarantine::Quarantine;
use crate::renewal::Renewals;
use crate::{Context, Error, network, push, rollouts};

/// The kind of the jobs that ask a device for its state; their key is the enrolment's id.
pub const REFRESH_DEVICE: &str = "RefreshDevice";
/// The lane of questions: after everything that somebody waits for.
const QUESTION_LANE: i16 = 500;
/// Jobs that one round takes.
const AT_ONCE: i64 = 200;
/// How long a job belongs to a worker.
const LEASE: Duration = Duration::from_secs(300);
/// How often the scheduler looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often everything that waits is looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Tries of a job that goes on failing.
const TRIES: i32 = 5;

/// Asks a device that has just enrolled for its state, and sees to it that it is asked again.
///
/// # Errors
/// The database's.
pub fn after_enrollment(
    tx: &mut Tx<'_>,
    context: &Context,
    enrollment: &Enrollment,
    channel: &Channel,
) -> Result<(), Error> {
    ask(tx, context, enrollment, channel.id)?;
    plan_next(tx, context, enrollment.id)
}

/// Asks a device that has just acknowledged a command for what shows its effect, so that its word need not be taken for it.
/// It is in contact: no push is needed.
///
/// # Errors
/// The database's.
pub(crate) fn look_after(
    tx: &mut Tx<'_>,
    context: &Context,
    enrollment: &Enrollment,
    channel: ChannelId,
    acknowledged: &str,
) -> Result<(), Error> {
    let Some(question) = questions::about_effect(acknowledged) else { return Ok(()) };
    let request_type = question.get("RequestType").and_then(plist::Value::as_string).unwrap_or_default();
    if tx.pending(channel).iter().any(|before| &*before.request_type == request_type) {
        return Ok(());
    }
    let question = OwnCommand {
        enrollment,
        channel,
        dictionary: question,
        lane: QUESTION_LANE,
        expires_at: None,
        reason: "to see that it did",
    };
    own_commands::enqueue(tx, context, question).map(|_| ())
}

/// Queues the questions that are not waiting for an answer already. Returns whether there is anything to wake the device for.
fn ask(
    tx: &mut Tx<'_>,
    context: &Context,
    enrollment: &Enrollment,
    channel: ChannelId,
) -> Result<bool, Error> {
    let pending = tx.pending(channel);
    let mut asked = false;
    for dictionary in questions::of(tx, enrollment, channel)? {
        let request_type =
            dictionary.get("RequestType").and_then(plist::Value::as_string).unwrap_or_default();
        let waits = pending.iter().any(|before| &*before.request_type == request_type);
        if waits {
            continue;
        }
        let question = OwnCommand {
            enrollment,
            channel,
            dictionary,
            lane: QUESTION_LANE,
            expires_at: None,
            reason: "the state of the device",
        };
        own_commands::enqueue(tx, context, question)?;
        asked = true;
    }
    Ok(asked)
}

fn plan_next(tx: &mut Tx<'_>, context: &Context, enrollment: EnrollmentId) -> Result<(), Error> {
    let jitter = context.settings.refresh_jitter;
    let earlier = context.settings.refresh_every.saturating_sub(jitter / 2);
    let run_at = context.now() + earlier + jitter.mul_f64(rand::random::<f64>());
    let job = NewJob { kind: REFRESH_DEVICE, key: enrollment.to_string(), payload: "{}".to_owned(), run_at };
    Job::enqueue(tx, context.clock.as_ref(), &job)?;
    Ok(())
}

/// The worker.
pub struct Scheduler {
    context: Context,
    renewals: Arc<Renewals>,
    quarantine: Arc<Quarantine>,
    swept_at: Mutex<Option<Timestamp>>,
}

impl Scheduler {
    /// Over the common ground.
    #[must_use]
    pub fn new(context: Context, renewals: Arc<Renewals>, quarantine: Arc<Quarantine>) -> Self {
        Self { context, renewals, quarantine, swept_at: Mutex::new(None) }
    }

    /// Works until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.run_once().await {
                tracing::warn!(error = %error, "A round of the schedule failed: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// One round: everything that is due now.
    ///
    /// # Errors
    /// The first error; what failed is tried in the next round, and keeps nothing else from being done.
    pub async fn run_once(&self) -> Result<(), Error> {
        let refreshed = self.refresh_due().await;
        let expired = sweeps::expire(&self.context).await;
        let renewals = self.renewals.round().await.map(|_| ());
        let silent = self.quarantine.close_silent().await.map(|_| ());
        let rolled = rollouts::round(&self.context).await.map(|_| ());
        refreshed.and(expired).and(rolled).and(renewals).and(silent).and(self.sweep().await)
    }

    /// What looks at every channel that waits, and therefore not in every round.
    async fn sweep(&self) -> Result<(), Error> {
        let now = self.context.now();
        {
            let mut swept_at = self.swept_at.lock();
            if swept_at.is_some_and(|last| now.since(last) < SWEEP_EVERY) {
                return Ok(());
            }
            *swept_at = Some(now);
        }
        let network = network::round(&self.context).await.map(|_| ());
        let erases = sweeps::note_unanswered_erases(&self.context).await;
        let pushes = sweeps::push_again(&self.context).await;
        erases.and(pushes).and(network).and(sweeps::forget_answers(&self.context).await)
    }

    async fn refresh_due(&self) -> Result<(), Error> {
        let now = self.context.now();
        let due = self
            .context
            .store
            .read("look_for_refreshes", move |c| Ok::<_, Error>(Job::is_due(c, &[REFRESH_DEVICE], now)?))
            .await?;
        if !due {
            return Ok(());
        }
        let lease = move |tx: &mut Tx<'_>| {
            Ok::<_, Error>(Job::lease(tx, &[REFRESH_DEVICE], now, now + LEASE, AT_ONCE)?)
        };
        for job in self.context.store.tx("lease_refreshes", lease).await? {
            let (context, due) = (self.context.clone(), job.clone());
            let done =
                self.context.store.tx("refresh_device", move |tx| refresh(tx, &context, &due, now)).await;
            if let Err(error) = done {
                self.put_off(job, now, &error).await?;
            }
        }
        Ok(())
    }

    /// One device that cannot be asked must not keep the others from it.
    async fn put_off(&self, job: Job, now: Timestamp, error: &Error) -> Result<(), Error> {
        let text = error.to_string();
        tracing::warn!(enrollment.id = %job.key, error = %text, "Enrolment {} was not asked for its state: {text}", job.key);
        self.context
            .store
            .tx("put_off_refresh", move |tx| {
                let _held = if job.attempts >= TRIES {
                    job.bury(tx, &text)?
                } else {
                    job.retry(tx, now + Duration::from_secs(600), &text)?
                };
                Ok(())
            })
            .await
    }
}

/// Asks one device again; an enrolment that is over is not asked any more.
fn refresh(tx: &mut Tx<'_>, context: &Context, job: &Job, now: Timestamp) -> Result<(), Error> {
    let id: EnrollmentId =
        job.key.parse().map_err(|_| Error::Internal("a job without an enrolment".to_owned()))?;
    let live = match Enrollment::find(tx, id) {
        Ok(enrollment) => Some(enrollment).filter(|enrollment| enrollment.state == EnrollmentState::Enrolled),
        Err(store::Error::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    if !job.finish(tx)? {
        return Ok(());
    }
    let Some(enrollment) = live else { return Ok(()) };
    let channel = Channel::find_device_channel(tx, enrollment.id)?;
    if ask(tx, context, &enrollment, channel.id)? {
        push::request(tx, channel.id, now)?;
    }
    plan_next(tx, context, enrollment.id)
}

#[cfg(test)]
mod tests;
