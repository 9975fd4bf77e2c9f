//! Events are kept for a time, told or not. A sink that has not been told loses them, and is told that.

use std::time::Duration;

use clock::Timestamp;
use serde_json::{Value as Json, json};
use store::{Outbox, Sink, Tx};
use tokio_util::sync::CancellationToken;

use super::{Streams, change};
use crate::Error;

/// How often old events are looked for.
const EVERY: Duration = Duration::from_secs(60);
/// How many events go in one transaction.
const CHUNK: i64 = 2_000;

impl Streams {
    /// Prunes until `stop` is cancelled.
    pub(super) async fn keep_house(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.prune().await {
                tracing::warn!(error = %error, "Old events could not be pruned: {error}");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Deletes what is older than the configuration wants. Returns how many events went.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn prune(&self) -> Result<usize, Error> {
        let now = self.context.now();
        let keep = i64::try_from(self.settings.read().keep.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(now.as_millis().saturating_sub(keep));
        let mut gone = 0;
        loop {
            let look = move |c: &mut store::Connection| Ok::<_, Error>(Outbox::old_until(c, before, CHUNK)?);
            let Some(until) = self.context.store.read("look_for_old_events", look).await? else {
                return Ok(gone);
            };
            let prune = move |tx: &mut Tx<'_>| {
                for row in Sink::list(tx)? {
                    leave_behind(tx, row, until, now)?;
                }
                Ok::<_, Error>(Outbox::delete_until(tx, until)?)
            };
            gone += self.context.store.tx("prune_events", prune).await?;
        }
    }
}

/// A sink that has not been told everything up to `until` will be told that it never will be.
fn leave_behind(tx: &mut Tx<'_>, mut row: Sink, until: i64, now: Timestamp) -> Result<(), Error> {
    if row.last_seq >= until {
        return Ok(());
    }
    let before: Json = row.gap.as_deref().and_then(|gap| serde_json::from_str(gap).ok()).unwrap_or_default();
    let from =
        before.get("from_seq").and_then(Json::as_i64).unwrap_or_else(|| row.last_seq.saturating_add(1));
    let mut gap = json!({ "why": "kept too long", "from_seq": from, "to_seq": until });
    if let (Some(gap), Some(since)) = (gap.as_object_mut(), before.get("since")) {
        gap.insert("since".to_owned(), since.clone());
    }
    if row.gap.is_none() && row.configured {
        tracing::error!(sink = %row.name, "Sink {} was not told events from {from} on, they are too old now", row.name);
    }
    row.gap = Some(gap.to_string());
    row.last_seq = until;
    row.turn = row.turn.saturating_add(1);
    row.save(tx)?;
    change(tx, now, "sink.gap", &row.name)
}
