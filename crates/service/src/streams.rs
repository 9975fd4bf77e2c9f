//! Streams: what happens is told to other systems, from an outbox that is written in the transaction of the cause.
//!
//! Each sink has everything in one order, at least once. A sink that fails is tried again until it takes what is due; only a
//! person's order, or the age of what waits, leaves something out, and the latter is told.

mod feed;
mod orders;
mod plan;
mod prune;
mod show;
#[cfg(test)]
mod tests;
mod worker;

use std::fmt;
use std::sync::Arc;

use clock::Timestamp;
use parking_lot::RwLock;
use serde_json::json;
use store::{NewOutboxEvent, Outbox, Sink, Tx};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit::{self, Act};
use crate::{Context, Error};

pub(crate) use feed::{Recorded, recorded, told};
pub use plan::{SinkPlan, StreamSettings};
pub(crate) use show::{checks, gauges};
use worker::Worker;

/// The service.
pub struct Streams {
    context: Context,
    /// This process, among those on one database.
    node: Uuid,
    workers: RwLock<Vec<Arc<Worker>>>,
    settings: RwLock<StreamSettings>,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}

impl Streams {
    /// Over the common ground, without sinks.
    #[must_use]
    pub fn new(context: Context) -> Self {
        let node = clock::new_id(context.clock.as_ref());
        Self { context, node, workers: RwLock::default(), settings: RwLock::default() }
    }

    /// Takes the sinks of the configuration. What is new, changed or gone is recorded.
    ///
    /// # Errors
    /// The database's.
    pub async fn configure(&self, plans: Vec<SinkPlan>, settings: StreamSettings) -> Result<(), Error> {
        self.context.store.stream_events(!plans.is_empty());
        let (plans, now) = (plans.into_iter().map(Arc::new).collect::<Vec<_>>(), self.context.now());
        let wanted = plans.clone();
        self.context
            .store
            .tx("configure_sinks", move |tx| {
                // This process takes over: whoever told the sinks before is gone, or will notice.
                Sink::release(tx, None)?;
                take(tx, now, &wanted)
            })
            .await?;
        let worker = |plan| Arc::new(Worker::new(self.context.clone(), self.node, plan, settings.clone()));
        *self.workers.write() = plans.into_iter().map(worker).collect();
        *self.settings.write() = settings;
        Ok(())
    }

    /// Tells the sinks until `stop` is cancelled.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let workers = self.workers.read().clone();
        let mut running = tokio::task::JoinSet::new();
        for worker in workers {
            let stop = stop.clone();
            running.spawn(async move { worker.run(stop).await });
        }
        let (streams, ended) = (Arc::clone(&self), stop.clone());
        running.spawn(async move { streams.keep_house(ended).await });
        while running.join_next().await.is_some() {}
        let node = self.node;
        let released = self
            .context
            .store
            .tx("release_sinks", move |tx| Ok::<_, Error>(Sink::release(tx, Some(node))?))
            .await;
        if let Err(error) = released {
            tracing::warn!(error = %error, "The sinks stay taken for a moment: {error}");
        }
    }

    /// Tells every sink what is due now, until nothing is. For tests.
    ///
    /// # Errors
    /// The database's.
    #[cfg(test)]
    pub(crate) async fn run_once(&self) -> Result<(), Error> {
        let workers = self.workers.read().clone();
        for worker in workers {
            while worker.round().await? {}
        }
        Ok(())
    }

    fn worker(&self, name: &str) -> Result<Arc<Worker>, Error> {
        let workers = self.workers.read();
        let found = workers.iter().find(|worker| worker.plan().name == name);
        found.cloned().ok_or_else(|| unknown(name))
    }
}

/// There is no such sink.
fn unknown(name: &str) -> Error {
    Error::not_found("sink", name)
}

/// Brings the rows in step with the configuration.
fn take(tx: &mut Tx<'_>, now: Timestamp, plans: &[Arc<SinkPlan>]) -> Result<(), Error> {
    let rows = Sink::list(tx)?;
    let last = Outbox::last_seq(tx)?;
    for plan in plans {
        let text = plan.settings().to_string();
        let Some(row) = rows.iter().find(|row| row.name == plan.name) else {
            plan.row(last, now).insert(tx)?;
            change(tx, now, "sink.add", &plan.name)?;
            continue;
        };
        let mut row = row.clone();
        let changed = row.settings != text || !row.configured;
        if let Some(since) = row.off_since.take() {
            row.gap = Some(json!({ "why": "streams were off", "since": since, "until": now }).to_string());
        }
        (row.settings, row.configured, row.next_try_at) = (text, true, None);
        row.save(tx)?;
        if changed {
            change(tx, now, "sink.change", &plan.name)?;
        }
    }
    for mut row in rows {
        let named = plans.iter().any(|plan| plan.name == row.name);
        let gone = row.configured && !named;
        row.configured = named;
        if plans.is_empty() && row.off_since.is_none() {
            row.off_since = Some(now);
        } else if !gone {
            continue;
        }
        row.save(tx)?;
        if gone {
            change(tx, now, "sink.remove", &row.name)?;
        }
    }
    Ok(())
}

/// Records that a sink came, changed or went: whoever silences a sink is to be seen.
fn change(tx: &mut Tx<'_>, now: Timestamp, action: &'static str, name: &str) -> Result<(), Error> {
    let act = Act::by_ward(action).on(format!("sink:{name}")).of_class(catalog::Class::D3);
    audit::record(tx, now, &act)
}

/// Adds a notice of the server itself to what is told.
///
/// # Errors
/// The database's.
pub(crate) fn notice(
    tx: &mut Tx<'_>,
    at: Timestamp,
    kind: &str,
    object: &str,
    body: serde_json::Value,
) -> Result<(), Error> {
    Ok(Outbox::add(tx, &NewOutboxEvent { at, object, kind, body })?)
}

/// A sink that keeps checkpoints has one of the ledger at this size.
#[expect(clippy::unnecessary_wraps, reason = "the ledger's part fails with the database")]
fn witnessed(_tx: &mut Tx<'_>, sink: &str, size: i64, _at: Timestamp) -> Result<(), Error> {
    tracing::debug!(sink, size, "Sink {sink} keeps a checkpoint of the ledger at {size}");
    Ok(())
}
