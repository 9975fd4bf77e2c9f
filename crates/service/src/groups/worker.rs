//! The worker that evaluates rules: for a device when something about it has changed, for every device when a rule has.

use std::time::Duration;

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Device, DeviceId, Group, GroupId, GroupKind, Job, NewJob, Page, Tx};
use tokio_util::sync::CancellationToken;

use super::evaluate::{Finding, Rules, look, settle};
use crate::desired::trigger::{Changed, EVALUATE_GROUPS, device_changed};
use crate::{Context, Error};

/// The kind of the jobs that evaluate one group for every device; their key is the group's id.
pub const EVALUATE_GROUP: &str = "EvaluateGroup";
/// Devices that are looked at in one step.
const AT_ONCE: i64 = 200;
/// How long a job belongs to the worker.
const LEASE: Duration = Duration::from_secs(300);
/// How often the worker looks for jobs when there are none.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a job waits that failed.
const WAIT: Duration = Duration::from_secs(60);
/// Tries of a job that goes on failing.
const TRIES: i32 = 5;

/// How far the evaluation of a group has come.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Progress {
    /// The last device that was looked at.
    after: Option<DeviceId>,
}

/// The worker. Clones share what they have read of the rules.
#[derive(Clone)]
pub struct Evaluator {
    context: Context,
    rules: Rules,
}

/// Asks for a group to be evaluated for every device.
///
/// # Errors
/// The database's.
pub(super) fn evaluate_all(tx: &mut Tx<'_>, context: &Context, group: GroupId) -> Result<(), Error> {
    enqueue(tx, context, group, Progress { after: None })
}

fn enqueue(tx: &mut Tx<'_>, context: &Context, group: GroupId, progress: Progress) -> Result<(), Error> {
    let payload = serde_json::to_string(&progress).map_err(|error| Error::Internal(error.to_string()))?;
    let job = NewJob { kind: EVALUATE_GROUP, key: group.to_string(), payload, run_at: context.now() };
    Job::enqueue(tx, context.clock.as_ref(), &job)?;
    Ok(())
}

impl Evaluator {
    /// Over the common ground.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, rules: Rules::default() }
    }

    /// Works until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let done = self.run_once().await;
            if let Err(error) = &done {
                tracing::warn!(error = %error, "A round of the rules for groups failed: {error}");
            }
            if stop.is_cancelled() {
                break;
            }
            if matches!(done, Ok(count) if count > 0) {
                continue;
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
        let kinds = [EVALUATE_GROUPS, EVALUATE_GROUP];
        let due = move |c: &mut store::Connection| Ok::<_, Error>(Job::is_due(c, &kinds, now)?);
        if !self.context.store.read("look_for_rules", due).await? {
            return Ok(0);
        }
        let lease = move |tx: &mut Tx<'_>| Ok::<_, Error>(Job::lease(tx, &kinds, now, now + LEASE, AT_ONCE)?);
        let jobs = self.context.store.tx("lease_rules", lease).await?;
        let count = jobs.len();
        let (of_groups, of_devices): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| job.kind == EVALUATE_GROUP);
        if !of_devices.is_empty()
            && let Err(error) = self.devices(of_devices.clone()).await
        {
            self.put_off(of_devices, now, &error).await?;
        }
        for job in of_groups {
            if let Err(error) = self.step(job.clone()).await {
                self.put_off(vec![job], now, &error).await?;
            }
        }
        Ok(count)
    }

    /// Evaluates all groups for the devices of these jobs.
    async fn devices(&self, jobs: Vec<Job>) -> Result<(), Error> {
        let devices: Vec<DeviceId> = jobs.iter().filter_map(|job| job.key.parse().ok()).collect();
        let rules = self.rules.clone();
        let findings = self
            .context
            .store
            .read("evaluate_groups", move |c| {
                let groups = Group::with_rules(c)?;
                look_at(c, &rules, &groups, &devices)
            })
            .await?;
        self.write(findings, move |tx, context| {
            for job in &jobs {
                job.finish(tx)?;
                reconcile_after(tx, context, job)?;
            }
            Ok(())
        })
        .await
    }

    /// Evaluates one group for the next devices.
    async fn step(&self, job: Job) -> Result<(), Error> {
        let id: GroupId = job.key.parse().map_err(|_| Error::Internal("a job without a group".to_owned()))?;
        let progress: Progress = serde_json::from_str(&job.payload).unwrap_or(Progress { after: None });
        let rules = self.rules.clone();
        let (findings, last) = self
            .context
            .store
            .read("evaluate_group", move |c| {
                let group = match Group::find(c, id) {
                    Ok(group) => group,
                    Err(store::Error::NotFound) => return Ok((Vec::new(), None)),
                    Err(error) => return Err(error.into()),
                };
                if group.archived_at.is_some() || group.kind != GroupKind::Rule {
                    return Ok((Vec::new(), None));
                }
                let devices = Device::ids(c, Page { after: progress.after, limit: AT_ONCE })?;
                let findings = look_at(c, &rules, &[group], &devices)?;
                Ok::<_, Error>((findings, devices.last().copied()))
            })
            .await?;
        self.write(findings, move |tx, context| {
            if !job.finish(tx)? {
                return Ok(());
            }
            // Asked for again meanwhile: the job begins from the first device, and this pass ends here.
            let begun_anew = Job::find(tx, job.id).is_ok();
            if last.is_some() && !begun_anew {
                enqueue(tx, context, id, Progress { after: last })?;
            }
            Ok(())
        })
        .await
    }

    async fn write(
        &self,
        findings: Vec<Finding>,
        mut finish: impl FnMut(&mut Tx<'_>, &Context) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let context = self.context.clone();
        let events = self
            .context
            .store
            .tx("settle_groups", move |tx| {
                let events = settle(tx, &context, &findings)?;
                finish(tx, &context)?;
                Ok::<_, Error>(events)
            })
            .await?;
        for event in events {
            self.context.events.publish(event);
        }
        Ok(())
    }

    async fn put_off(&self, jobs: Vec<Job>, now: Timestamp, error: &Error) -> Result<(), Error> {
        let text = error.to_string();
        tracing::warn!(error = %text, "{} evaluations of rules failed and are put off: {text}", jobs.len());
        let context = self.context.clone();
        self.context
            .store
            .tx("put_off_rules", move |tx| {
                for job in &jobs {
                    let _held = if job.attempts >= TRIES {
                        let held = job.bury(tx, &text)?;
                        reconcile_after(tx, &context, job)?;
                        held
                    } else {
                        job.retry(tx, now + WAIT, &text)?
                    };
                }
                Ok(())
            })
            .await
    }
}

/// The desired state of a device waits for the rules about it: once they have been asked, or were given up, it is looked at.
fn reconcile_after(tx: &mut Tx<'_>, context: &Context, job: &Job) -> Result<(), Error> {
    match job.key.parse() {
        Ok(device) if job.kind == EVALUATE_GROUPS => device_changed(tx, context, device, Changed::Membership),
        _ => Ok(()),
    }
}

/// The findings about several devices; one that is gone has none.
fn look_at(
    connection: &mut store::Connection,
    rules: &Rules,
    groups: &[Group],
    devices: &[DeviceId],
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for device in devices {
        match look(connection, rules, groups, *device) {
            Ok(found) => findings.extend(found),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}
