//! The worker that sends pushes: takes due jobs by lease, a bounded number at a time, and writes down what Apple answered.

use std::sync::Arc;
use std::time::Duration;

use apple_client::{Push, PushError, PushMessage, PushReceipt};
use clock::Timestamp;
use serde_json::json;
use store::{Channel, ChannelId, Enrollment, EnrollmentState, Job, Tx};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Alarms, FORCED, SEND_PUSH, backoff, not_before};
use crate::events::Event;
use crate::{Context, Error, streams};

/// Pushes under way at most.
const AT_ONCE: usize = 64;
/// How long a job belongs to a worker.
const LEASE: Duration = Duration::from_secs(120);
/// How often the worker looks for jobs when there are none.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Tries of a push that fails in ways that nobody understands.
const TRIES: i32 = 5;

/// The worker. Clones share everything.
#[derive(Clone)]
pub struct PushWorker {
    context: Context,
    push: Arc<dyn Push>,
    alarms: Alarms,
}

/// A push that is to be sent.
struct Due {
    job: Job,
    channel: Channel,
    enrollment: Enrollment,
    message: PushMessage,
}

/// What is to be done with a job.
enum Plan {
    Send(Box<Due>),
    Later(Timestamp),
    Nothing,
}

impl PushWorker {
    /// Over the common ground.
    #[must_use]
    pub fn new(context: Context, push: Arc<dyn Push>, alarms: Alarms) -> Self {
        Self { context, push, alarms }
    }

    /// Works until `stop` is cancelled; pushes under way are finished.
    pub async fn run(self, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        loop {
            while under_way.try_join_next().is_some() {}
            let jobs = match self.lease(AT_ONCE.saturating_sub(under_way.len())).await {
                Ok(jobs) => jobs,
                Err(error) => {
                    tracing::warn!(error = %error, "The push worker cannot take jobs: {error}");
                    Vec::new()
                }
            };
            let idle = jobs.is_empty();
            for job in jobs {
                let worker = self.clone();
                under_way.spawn(async move { worker.handle_loudly(job).await });
            }
            if idle {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            } else if stop.is_cancelled() {
                break;
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Sends what is due now and returns how many jobs there were.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_once(&self) -> Result<usize, Error> {
        let jobs = self.lease(AT_ONCE).await?;
        let count = jobs.len();
        for job in jobs {
            self.handle(job).await?;
        }
        Ok(count)
    }

    async fn lease(&self, room: usize) -> Result<Vec<Job>, Error> {
        let now = self.context.now();
        let limit = i64::try_from(room).unwrap_or_default();
        let due = self
            .context
            .store
            .read("look_for_pushes", move |c| Ok::<_, Error>(Job::is_due(c, &[SEND_PUSH], now)?))
            .await?;
        if limit == 0 || !due {
            return Ok(Vec::new());
        }
        let lease =
            move |tx: &mut Tx<'_>| Ok::<_, Error>(Job::lease(tx, &[SEND_PUSH], now, now + LEASE, limit)?);
        self.context.store.tx("lease_pushes", lease).await
    }

    async fn handle_loudly(&self, job: Job) {
        let channel = job.key.clone();
        if let Err(error) = self.handle(job).await {
            tracing::warn!(channel.id = %channel, error = %error, "The push of channel {channel} was not settled, its lease will end: {error}");
        }
    }

    async fn handle(&self, job: Job) -> Result<(), Error> {
        let context = self.context.clone();
        let plan = self.context.store.read("plan_push", move |c| plan(c, &context, job)).await?;
        let (job, plan) = plan;
        match plan {
            Plan::Nothing => self.settle(job, |tx, job| Ok(job.finish(tx).map(|_| ())?)).await,
            Plan::Later(at) => {
                self.settle(job, move |tx, job| Ok(job.retry(tx, at, "pushed a moment ago").map(|_| ())?))
                    .await
            }
            Plan::Send(due) => {
                let outcome = self.push.send(due.message.clone()).await;
                let kind = outcome.as_ref().map_or_else(PushError::kind, |_| "accepted");
                metrics::counter!("ward_pushes_total", "outcome" => kind).increment(1);
                self.note(*due, outcome).await
            }
        }
    }

    async fn settle(
        &self,
        job: Job,
        mut how: impl FnMut(&mut Tx<'_>, &Job) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        self.context.store.tx("settle_push", move |tx| how(tx, &job)).await
    }

    async fn note(&self, due: Due, outcome: Result<PushReceipt, PushError>) -> Result<(), Error> {
        let now = self.context.now();
        let Due { job, channel, enrollment, message } = due;
        let id = channel.id;
        match outcome {
            Ok(_) => {
                self.alarms.clear(&message.topic);
                let marked = self
                    .context
                    .store
                    .tx("record_push", move |tx| {
                        Channel::set_pushed(tx, id, now)?;
                        job.finish(tx)?;
                        Ok::<_, Error>(tx.mark_pushed(id, now)?)
                    })
                    .await?;
                let event = Event::new("push.accepted", now).about(enrollment.device_id, enrollment.id);
                self.context
                    .events
                    .publish(event.with(json!({ "channel": channel.key, "deliveries": marked })));
                Ok(())
            }
            Err(PushError::Unregistered { since }) => self.retire(job, &channel, &enrollment, since).await,
            Err(error) => {
                let alarm = error.is_configuration_fault()
                    && self.alarms.raise(&message.topic, &error.to_string(), now);
                if alarm {
                    tracing::error!(push.topic = %message.topic, "Push does not work for topic {}: {error}", message.topic);
                    let detail = json!({ "topic": message.topic, "reason": error.to_string() });
                    self.context.events.publish(Event::new("push.alarm", now).with(detail));
                }
                let give_up = matches!(error, PushError::Unexpected(_)) && job.attempts >= TRIES;
                let attempts = u32::try_from(job.attempts).unwrap_or_default();
                let at = now + backoff::wait(attempts, error.retry_after());
                let text = error.to_string();
                let topic = message.topic;
                let how = move |tx: &mut Tx<'_>, job: &Job| {
                    if alarm {
                        streams::notice(tx, now, "push.alarm", "ward", json!({ "topic": topic }))?;
                    }
                    let _held = if give_up { job.bury(tx, &text)? } else { job.retry(tx, at, &text)? };
                    Ok(())
                };
                self.settle(job, how).await
            }
        }
    }

    /// Apple says that the token is gone. A token that came after that moment is not meant; the device stays enrolled.
    async fn retire(
        &self,
        job: Job,
        channel: &Channel,
        enrollment: &Enrollment,
        since: Option<Timestamp>,
    ) -> Result<(), Error> {
        let now = self.context.now();
        let (id, at) =
            (channel.id, now + backoff::wait(u32::try_from(job.attempts).unwrap_or_default(), None));
        let known = channel.token_updated_at;
        // Apple's timestamp decides; without one the token that was just used is meant, unless a newer one came meanwhile.
        let since = since.unwrap_or_else(|| known.map_or(now, |known| known + Duration::from_millis(1)));
        let (object, owner) = (format!("device:{}", enrollment.device_id), enrollment.id.0);
        let dead = self
            .context
            .store
            .tx("retire_token", move |tx| {
                let dead = Channel::set_push_dead(tx, id, since)?;
                let _held = if dead { job.finish(tx)? } else { job.retry(tx, at, "an older token is gone")? };
                if dead {
                    streams::notice(tx, now, "push.dead", &object, json!({ "enrollment": owner }))?;
                }
                Ok::<_, Error>(dead)
            })
            .await?;
        if dead {
            let event = Event::new("push.dead", now).about(enrollment.device_id, enrollment.id);
            self.context.events.publish(event.with(json!({ "channel": channel.key })));
        }
        Ok(())
    }
}

/// Decides about a job with what the database knows now.
fn plan(connection: &mut store::Connection, context: &Context, job: Job) -> Result<(Job, Plan), Error> {
    let now = context.now();
    let Ok(id) = job.key.parse::<ChannelId>() else { return Ok((job, Plan::Nothing)) };
    let channel = match Channel::find(connection, id) {
        Ok(channel) => channel,
        Err(store::Error::NotFound) => return Ok((job, Plan::Nothing)),
        Err(error) => return Err(error.into()),
    };
    let enrollment = Enrollment::find(connection, channel.enrollment_id)?;
    let wanted = job.payload == FORCED || context.store.has_pending(id);
    let live =
        channel.enabled && channel.push_dead_at.is_none() && enrollment.state == EnrollmentState::Enrolled;
    if !wanted || !live {
        return Ok((job, Plan::Nothing));
    }
    if let Some(at) = not_before(context, &channel).filter(|at| *at > now) {
        return Ok((job, Plan::Later(at)));
    }
    let Some((token, magic)) = channel.push_address(&context.sealer)? else {
        return Ok((job, Plan::Nothing));
    };
    let expiration = Some(now + context.settings.push_expiration);
    let message = PushMessage { topic: channel.topic.clone(), token, magic, expiration };
    let due = Due { job: job.clone(), channel, enrollment, message };
    Ok((job, Plan::Send(Box::new(due))))
}
