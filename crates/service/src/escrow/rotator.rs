//! The worker that changes what people have seen, on the devices, and says so when it does not succeed in time.

use std::time::Duration;

use clock::Timestamp;
use serde_json::json;
use store::{
    Channel, Enrollment, EnrollmentState, Incident, IncidentId, Job, NewJob, Reveal, RevealId, RotationState,
    Secret, Tx,
};
use tokio_util::sync::CancellationToken;

use super::rotate::{self, INCIDENT, Plan};
use crate::own_commands::{self, OwnCommand};
use crate::{Context, Error, push};

/// The kind of the jobs that change a value; their key is the id of the showing.
pub const ROTATE_REVEALED: &str = "RotateRevealed";
/// Until when the device should have another value.
pub(super) const WITHIN: Duration = Duration::from_secs(3_600);
/// How long the value is left alone: who asked for it needs it now.
pub(super) const LEFT_ALONE: Duration = Duration::from_secs(900);
/// How often it is looked whether the device has done it.
const LOOK_AGAIN: Duration = Duration::from_secs(900);
/// How often the worker looks for jobs.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a job belongs to a worker.
const LEASE: Duration = Duration::from_secs(120);
/// Jobs that one round takes.
const AT_ONCE: i64 = 50;
/// Commands that are tried; after that a person must see to it.
const TRIES: u64 = 3;
/// The lane of these commands: behind what operators ask for now.
const LANE: i16 = 150;

/// The worker.
pub struct Rotator {
    context: Context,
}

impl Rotator {
    pub(super) const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Works until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.run_once().await {
                tracing::warn!(error = %error, "Changing secrets that were shown failed and is put off: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Does what is due now and returns how many jobs there were.
    ///
    /// # Errors
    /// The database's.
    pub async fn run_once(&self) -> Result<usize, Error> {
        let now = self.context.now();
        let due = move |c: &mut store::Connection| Ok::<_, Error>(Job::is_due(c, &[ROTATE_REVEALED], now)?);
        if !self.context.store.read("look_for_rotations", due).await? {
            return Ok(0);
        }
        let lease = move |tx: &mut Tx<'_>| {
            Ok::<_, Error>(Job::lease(tx, &[ROTATE_REVEALED], now, now + LEASE, AT_ONCE)?)
        };
        let jobs = self.context.store.tx("lease_rotations", lease).await?;
        let count = jobs.len();
        for job in jobs {
            let (context, due) = (self.context.clone(), job.clone());
            let done = self.context.store.tx("rotate_revealed", move |tx| step(tx, &context, &due)).await;
            if let Err(error) = done {
                let text = error.to_string();
                self.context
                    .store
                    .tx("put_off_rotation", move |tx| {
                        let _held = job.retry(tx, now + LOOK_AGAIN, &text)?;
                        Ok::<_, Error>(())
                    })
                    .await?;
            }
        }
        Ok(count)
    }
}

/// Asks for the next look at a showing. `tried` commands were sent for it.
pub(super) fn ask(
    tx: &mut Tx<'_>,
    context: &Context,
    reveal: RevealId,
    run_at: Timestamp,
) -> Result<(), Error> {
    ask_with(tx, context, reveal, (run_at, 0))
}

fn ask_with(
    tx: &mut Tx<'_>,
    context: &Context,
    reveal: RevealId,
    (run_at, tried): (Timestamp, u64),
) -> Result<(), Error> {
    let payload = json!({ "tried": tried }).to_string();
    let job = NewJob { kind: ROTATE_REVEALED, key: reveal.to_string(), payload, run_at };
    Job::enqueue(tx, context.clock.as_ref(), &job)?;
    Ok(())
}

fn tried(job: &Job) -> u64 {
    let payload: serde_json::Value = serde_json::from_str(&job.payload).unwrap_or_default();
    payload.get("tried").and_then(serde_json::Value::as_u64).unwrap_or_default()
}

/// One look at one showing.
fn step(tx: &mut Tx<'_>, context: &Context, job: &Job) -> Result<(), Error> {
    let id: RevealId = job.key.parse().map_err(|_| Error::Internal("a job without a showing".to_owned()))?;
    let (mut reveal, now) = (Reveal::find(tx, id)?, context.now());
    if !job.finish(tx)? || reveal.rotation != RotationState::Due {
        return Ok(());
    }
    let enrollment = Enrollment::find(tx, reveal.enrollment_id)?;
    if enrollment.state != EnrollmentState::Enrolled {
        let why = "the enrolment ended before the value was changed";
        (reveal.rotation, reveal.detail) = (RotationState::Gone, Some(why.to_owned()));
        return Ok(reveal.save(tx)?);
    }
    let channel = Channel::find_device_channel(tx, enrollment.id)?;
    let waits = tx.pending(channel.id).iter().any(|pending| Some(pending.command_id) == reveal.command_id);
    if waits {
        if reveal.rotate_by.is_some_and(|by| by <= now) {
            complain(
                tx,
                context,
                &enrollment,
                &reveal,
                "the device has not fetched or answered the command",
            )?;
        }
        return ask_with(tx, context, id, (now + LOOK_AGAIN, tried(job)));
    }
    let secret = Secret::find(tx, reveal.secret_id)?;
    match rotate::plan(tx, &secret)? {
        Ok(_) if tried(job) >= TRIES => {
            let why =
                "the device refused the commands that change it: send one by hand and look at its answer";
            (reveal.rotation, reveal.detail) = (RotationState::Failed, Some(why.to_owned()));
            complain(tx, context, &enrollment, &reveal, why)?;
            Ok(reveal.save(tx)?)
        }
        Ok(plan) => {
            send(tx, context, (&enrollment, &channel), (&mut reveal, plan))?;
            ask_with(tx, context, id, (now + LOOK_AGAIN, tried(job) + 1))
        }
        Err(why) => {
            (reveal.rotation, reveal.detail) = (RotationState::Needless, Some(why.to_owned()));
            Ok(reveal.save(tx)?)
        }
    }
}

/// Queues the command and wakes the device for it.
fn send(
    tx: &mut Tx<'_>,
    context: &Context,
    (enrollment, channel): (&Enrollment, &Channel),
    (reveal, plan): (&mut Reveal, Plan),
) -> Result<(), Error> {
    let own = OwnCommand {
        enrollment,
        channel: channel.id,
        dictionary: plan.dictionary,
        lane: LANE,
        expires_at: None,
        reason: "the value was shown to a person",
    };
    let (command, _) = own_commands::enqueue_with(tx, context, own, plan.makes)?;
    reveal.command_id = Some(command);
    reveal.save(tx)?;
    push::request(tx, channel.id, context.now())
}

/// Opens an incident, once.
fn complain(
    tx: &mut Tx<'_>,
    context: &Context,
    enrollment: &Enrollment,
    reveal: &Reveal,
    why: &str,
) -> Result<(), Error> {
    let subject = reveal.id.to_string();
    if Incident::find_open(tx, INCIDENT, &subject)?.is_some() {
        return Ok(());
    }
    let detail = json!({ "kind": reveal.kind, "secret": reveal.secret_id, "shown_at": reveal.at, "shown_to": reveal.revealed_by, "why": why });
    let incident = Incident {
        id: IncidentId::new(&*context.clock),
        kind: INCIDENT.to_owned(),
        device_id: Some(enrollment.device_id),
        item_id: None,
        subject,
        detail: detail.to_string(),
        opened_at: context.now(),
        closed_at: None,
        closed_by: None,
        closed_reason: None,
    };
    Ok(incident.insert(tx)?)
}

#[cfg(test)]
mod tests;
