//! Push: devices are woken by jobs, one per channel however many commands wait; the certificates for it are kept here.

mod alarm;
mod backoff;
mod certificates;
mod worker;

use clock::{Clock, Timestamp};
use store::{Channel, ChannelId, Job, NewJob, Tx};

use crate::{Context, Error};

pub use alarm::{Alarm, Alarms};
pub use certificates::PushCertificates;
pub(crate) use certificates::{REQUESTS, WaitingKey, days_left, keep_waiting};
pub use worker::PushWorker;

/// The kind of the jobs that wake a channel; their key is the channel's id.
pub const SEND_PUSH: &str = "SendPush";
/// The payload of a job that wakes a channel for which nothing waits.
const FORCED: &str = r#"{"forced":true}"#;

/// Asks that a channel be woken because something waits for it. Several requests are one push.
///
/// # Errors
/// The database's.
pub fn request(tx: &mut Tx<'_>, channel: ChannelId, now: Timestamp) -> Result<(), Error> {
    enqueue(tx, channel, now, "{}")
}

/// Asks that a channel be woken whether or not something waits for it.
///
/// # Errors
/// The database's.
pub fn wake(tx: &mut Tx<'_>, channel: ChannelId, now: Timestamp) -> Result<(), Error> {
    enqueue(tx, channel, now, FORCED)
}

/// Asks that channels be woken because something waits for them.
///
/// # Errors
/// The database's.
pub fn request_all(tx: &mut Tx<'_>, channels: &[ChannelId], now: Timestamp) -> Result<(), Error> {
    let job = |channel: &ChannelId| NewJob {
        kind: SEND_PUSH,
        key: channel.to_string(),
        payload: "{}".to_owned(),
        run_at: now,
    };
    let jobs: Vec<NewJob> = channels.iter().map(job).collect();
    Ok(Job::enqueue_all(tx, &At(now), SEND_PUSH, &jobs)?)
}

fn enqueue(tx: &mut Tx<'_>, channel: ChannelId, now: Timestamp, payload: &str) -> Result<(), Error> {
    let job = NewJob { kind: SEND_PUSH, key: channel.to_string(), payload: payload.to_owned(), run_at: now };
    Job::enqueue(tx, &At(now), &job)?;
    Ok(())
}

/// When a channel may be pushed again.
fn not_before(context: &Context, channel: &Channel) -> Option<Timestamp> {
    channel.last_pushed_at.map(|last| last + context.settings.push_interval)
}

/// The clock of a transaction, which stands.
#[derive(Debug)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests;
