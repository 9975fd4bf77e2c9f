//! How far each sink has been told: for operators, for the checks of health, and as figures.

use std::time::Duration;

use clock::Timestamp;
use serde_json::Value as Json;
use store::{Connection, Outbox, Sink};

use super::plan::SinkPlan;
use super::{Streams, unknown};
use crate::views::{CheckSeverity, CheckView, SinkEventView, SinkView};
use crate::{Context, Error};

/// How many events are looked through for the next one that a sink wants.
const LOOK_AHEAD: i64 = 1_000;
/// How far behind a sink may be before somebody must act.
const LATE: Duration = Duration::from_secs(15 * 60);

impl Streams {
    /// The sinks, also those that have left the configuration.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self) -> Result<Vec<SinkView>, Error> {
        let plans: Vec<_> = self.workers.read().iter().map(|worker| worker.plan().clone()).collect();
        let now = self.context.now();
        let list = move |c: &mut Connection| {
            let rows = Sink::list(c)?;
            let plan = |row: &Sink| plans.iter().find(|plan| plan.name == row.name);
            rows.into_iter().map(|row| view(c, plan(&row), row, now)).collect()
        };
        self.context.store.read("list_sinks", list).await
    }

    /// One sink.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn show(&self, name: &str) -> Result<SinkView, Error> {
        let sinks = self.list().await?;
        sinks.into_iter().find(|sink| sink.name == name).ok_or_else(|| unknown(name))
    }
}

fn view(c: &mut Connection, plan: Option<&SinkPlan>, row: Sink, now: Timestamp) -> Result<SinkView, Error> {
    let settings: Json = serde_json::from_str(&row.settings).unwrap_or_default();
    let text = |key: &str| settings.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let ahead = Outbox::after(c, row.last_seq, LOOK_AHEAD)?;
    let next = ahead.iter().find(|event| plan.is_none_or(|plan| plan.wants(&event.kind)));
    let kinds = settings.get("kinds").and_then(Json::as_array).into_iter().flatten();
    let state = match (&row.configured, row.failures) {
        (false, _) => "not_configured",
        (true, 0) => "ok",
        (true, _) => "failing",
    };
    Ok(SinkView {
        kind: text("kind"),
        target: text("target"),
        kinds: kinds.filter_map(Json::as_str).map(ToOwned::to_owned).collect(),
        witness: settings.get("witness").and_then(Json::as_bool).unwrap_or_default(),
        state: state.to_owned(),
        waiting: Outbox::count_after(c, row.last_seq)?,
        lag_seconds: next.map_or(0, |event| now.since(event.at).as_secs()),
        next: next.map(|event| SinkEventView {
            seq: event.seq,
            id: format!("evt_{}", event.id),
            kind: event.kind.clone(),
            object: event.object.clone(),
            at: event.at,
        }),
        gap: row.gap.as_deref().and_then(|gap| serde_json::from_str(gap).ok()),
        name: row.name,
        last_seq: row.last_seq,
        failures: row.failures,
        next_try_at: row.next_try_at,
        last_error: row.last_error,
        heard_at: row.heard_at,
        heartbeat_at: row.heartbeat_at,
        skipped: row.skipped,
        created_at: row.created_at,
    })
}

/// Counts a round.
pub(super) fn count(sink: &str, failed: bool) {
    let outcome = if failed { "failed" } else { "taken" };
    metrics::counter!("ward_sink_rounds_total", "sink" => sink.to_owned(), "outcome" => outcome).increment(1);
}

/// For each configured sink, how long the oldest event that it was not told waits.
fn lags(c: &mut Connection, now: Timestamp) -> Result<Vec<(Sink, Duration)>, Error> {
    let rows = Sink::list(c)?.into_iter().filter(|row| row.configured);
    rows.map(|row| {
        let next = Outbox::after(c, row.last_seq, 1)?.into_iter().next();
        Ok((row, next.map_or(Duration::ZERO, |event| now.since(event.at))))
    })
    .collect()
}

/// What the checks of health say of the sinks.
///
/// # Errors
/// The database's.
pub(crate) fn checks(c: &mut Connection, now: Timestamp) -> Result<Vec<CheckView>, Error> {
    let checks = lags(c, now)?.into_iter().map(|(row, lag)| {
        let minutes = lag.as_secs() / 60;
        let (severity, detail) = match &row.last_error {
            Some(error) if lag >= LATE => {
                (CheckSeverity::Error, format!("{} is {minutes} minutes behind: {error}", row.name))
            }
            Some(error) => (CheckSeverity::Warning, format!("{} takes nothing: {error}", row.name)),
            None if lag >= LATE => {
                (CheckSeverity::Warning, format!("{} is {minutes} minutes behind", row.name))
            }
            None => (CheckSeverity::Ok, format!("{} has been told everything", row.name)),
        };
        let advice = "nothing is lost while events are kept: repair the receiver, it is told in order then";
        CheckView {
            name: "sink".to_owned(),
            severity,
            detail,
            advice: (severity != CheckSeverity::Ok).then(|| advice.to_owned()),
        }
    });
    Ok(checks.collect())
}

/// Sets the figures of the sinks.
pub(crate) async fn gauges(context: &Context) {
    let now = context.now();
    match context.store.read("sink_gauges", move |c| lags(c, now)).await {
        Ok(lags) => {
            for (row, lag) in lags {
                let sink = row.name;
                metrics::gauge!("ward_sink_lag_seconds", "sink" => sink.clone()).set(lag.as_secs_f64());
                metrics::gauge!("ward_sink_failures", "sink" => sink).set(f64::from(row.failures));
            }
        }
        Err(error) => tracing::warn!(error = %error, "The figures of the sinks cannot be read: {error}"),
    }
}
