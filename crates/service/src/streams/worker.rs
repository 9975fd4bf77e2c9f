//! The worker of one sink: reads what is due, hands it over, notes how far it came.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use notify_client::{Delivered, Message, Trouble};
use rand::Rng as _;
use serde_json::{Value as Json, json};
use store::{Outbox, Sink, Tx};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::plan::{SinkPlan, StreamSettings, message};
use super::{feed, show};
use crate::{Context, Error};

/// How many events are looked at in one round. After a failure the events behind the one that failed go no further than this.
const WINDOW: i64 = 64;
/// How often a worker looks when there was nothing to do.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long one round may take.
const ROUND: Duration = Duration::from_secs(60);
/// How long a sink belongs to a process.
const LEASE: Duration = Duration::from_secs(180);
/// The first and the longest wait after a failure: a receiver that comes back is told within minutes.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// The longest wish of a receiver that is granted.
const LONGEST_WISH: Duration = Duration::from_secs(60 * 60);

/// The worker.
pub(super) struct Worker {
    context: Context,
    node: Uuid,
    plan: Arc<SinkPlan>,
    settings: StreamSettings,
    state: Mutex<State>,
}

/// What only the memory knows.
#[derive(Debug, Default)]
struct State {
    /// The turn for which the rest holds.
    turn: Option<i64>,
    /// Handed over up to here.
    position: i64,
    /// Handed over beyond that, after one that was not taken.
    ahead: BTreeSet<i64>,
    /// Handed over and in doubt, with when.
    doubtful: VecDeque<(i64, Timestamp)>,
    /// The sink is ours until then.
    leased_until: Option<Timestamp>,
}

/// What a round found.
struct Found {
    row: Sink,
    events: Vec<Outbox>,
}

/// What a round came to.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// The sink has everything up to here, beyond doubt.
    settled: i64,
    trouble: Option<Trouble>,
    /// Something was taken.
    heard: bool,
    heartbeat: bool,
    gap_told: bool,
    /// The checkpoints of the ledger among what is settled, by the size of the tree.
    witnessed: Vec<i64>,
}

impl Worker {
    pub(super) fn new(context: Context, node: Uuid, plan: Arc<SinkPlan>, settings: StreamSettings) -> Self {
        Self { context, node, plan, settings, state: Mutex::default() }
    }

    pub(super) fn plan(&self) -> &SinkPlan {
        &self.plan
    }

    /// Works until `stop` is cancelled.
    pub(super) async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let more = self.round().await.unwrap_or_else(|error| {
                let name = &self.plan.name;
                tracing::warn!(sink = %name, error = %error, "Sink {name} was not settled, it is tried again: {error}");
                false
            });
            if !more {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }

    /// Hands over what is due now, a window at most. Returns whether there may be more.
    pub(super) async fn round(&self) -> Result<bool, Error> {
        let mut state = self.state.lock().await;
        let now = self.context.now();
        let found = self.look(&state).await?;
        if state.turn != Some(found.row.turn) {
            *state = State {
                turn: Some(found.row.turn),
                position: found.row.last_seq,
                leased_until: state.leased_until,
                ..State::default()
            };
        }
        let beat = found.row.heartbeat_at.is_none_or(|at| now.since(at) >= self.settings.heartbeat);
        let due = !found.events.is_empty() || found.row.gap.is_some() || beat || !state.doubtful.is_empty();
        if !due || found.row.next_try_at.is_some_and(|at| at > now) {
            return Ok(false);
        }
        let elsewhere = found.row.leased_by.as_deref() != Some(self.node.as_bytes().as_slice());
        if elsewhere && found.row.leased_until.is_some_and(|until| until > now) {
            return Ok(false);
        }
        if !self.is_ours(&mut state, now).await? {
            return Ok(false);
        }
        let before = state.position;
        let progress = match &found.row.gap {
            Some(gap) => self.tell_gap(&found.row, gap).await,
            None => self.tell(&mut state, &found, beat).await,
        };
        let (failed, settled) = (progress.trouble.is_some(), progress.settled);
        let something = progress.heard || failed || progress.gap_told || settled > found.row.last_seq;
        if something && !self.note(&found.row, progress).await? {
            *state = State::default();
            return Ok(true);
        }
        Ok(!failed && (state.position > before || found.row.gap.is_some()))
    }

    /// Hands a single message over, out of turn.
    pub(super) async fn try_out(&self, message: Message) -> Delivered {
        self.hand_over(&[message]).await
    }

    async fn look(&self, state: &State) -> Result<Found, Error> {
        let (name, turn, position) = (self.plan.name.clone(), state.turn, state.position);
        let look = move |c: &mut store::Connection| {
            let row = Sink::find(c, &name)?;
            let from = if turn == Some(row.turn) { position } else { row.last_seq };
            Ok::<_, Error>(Found { events: Outbox::after(c, from, WINDOW)?, row })
        };
        self.context.store.read("look_at_sink", look).await
    }

    /// Takes the sink for this process, or keeps it.
    async fn is_ours(&self, state: &mut State, now: Timestamp) -> Result<bool, Error> {
        if state.leased_until.is_some_and(|until| until >= now + LEASE / 2) {
            return Ok(true);
        }
        let (name, node, until) = (self.plan.name.clone(), self.node, now + LEASE);
        let lease = move |tx: &mut Tx<'_>| Ok::<_, Error>(Sink::lease(tx, &name, node, now, until)?);
        let Some(row) = self.context.store.tx("lease_sink", lease).await? else {
            *state = State::default();
            return Ok(false);
        };
        if row.last_seq > state.position || state.turn != Some(row.turn) {
            // Another process had it meanwhile.
            *state = State { leased_until: Some(until), ..State::default() };
            return Ok(false);
        }
        state.leased_until = Some(until);
        Ok(true)
    }

    async fn hand_over(&self, messages: &[Message]) -> Delivered {
        let handed = tokio::time::timeout(ROUND, self.plan.deliver.deliver(messages)).await;
        handed.unwrap_or_else(|_elapsed| {
            Delivered::until(0, messages.len(), Trouble::new("it did not take the events in a minute"))
        })
    }

    async fn tell_gap(&self, row: &Sink, gap: &str) -> Progress {
        let data: Json = serde_json::from_str(gap).unwrap_or(Json::Null);
        // The same gap has the same id, however often it is told.
        let id = format!("gap_{}", hex::encode(pki::sha256(format!("{} {gap}", self.plan.name).as_bytes())));
        let message = self.plan.about_itself(feed::GAP, id, self.context.now(), data);
        let told = self.hand_over(&[message]).await;
        let taken = told.trouble.is_none();
        Progress {
            settled: row.last_seq,
            heard: taken,
            gap_told: taken,
            trouble: told.trouble,
            ..Progress::default()
        }
    }

    async fn tell(&self, state: &mut State, found: &Found, beat: bool) -> Progress {
        let wanted = found.events.iter().filter(|event| self.is_due(state, event));
        // While it fails one event is enough to find out whether it is back.
        let window = if found.row.failures > 0 { 1 } else { usize::MAX };
        let messages: Vec<Message> = wanted.take(window).map(message).collect();
        let outcome = self.hand_over(&messages).await;
        for (message, _) in messages.iter().zip(&outcome.taken).filter(|(_, taken)| **taken) {
            state.ahead.extend(message.seq);
        }
        for event in &found.events {
            if self.is_due(state, event) {
                break;
            }
            state.ahead.remove(&event.seq);
            state.position = event.seq;
        }
        let mut progress = Progress {
            heard: outcome.taken.contains(&true),
            trouble: outcome.trouble,
            settled: found.row.last_seq,
            ..Progress::default()
        };
        if beat && progress.trouble.is_none() {
            let told = self.hand_over(&[self.heartbeat(state.position)]).await;
            progress.heartbeat = told.trouble.is_none();
            progress.heard |= progress.heartbeat;
            progress.trouble = told.trouble;
        }
        self.settle(state, &mut progress);
        let checkpoint = |event: &&Outbox| self.plan.witness && event.kind == super::plan::CHECKPOINT;
        let settled = found.events.iter().filter(|event| event.seq <= progress.settled);
        progress.witnessed = settled.filter(checkpoint).filter_map(tree_size).collect();
        progress
    }

    /// Whether an event is still to be handed over.
    fn is_due(&self, state: &State, event: &Outbox) -> bool {
        self.plan.wants(&event.kind) && !state.ahead.contains(&event.seq)
    }

    /// What was handed over counts at once, or when it is no longer in doubt; trouble takes back what was.
    fn settle(&self, state: &mut State, progress: &mut Progress) {
        let (doubt, now) = (self.plan.deliver.in_doubt(), self.context.now());
        if doubt.is_zero() {
            progress.settled = state.position.max(progress.settled);
            return;
        }
        if progress.trouble.is_some() {
            state.doubtful.clear();
            state.ahead.clear();
            state.position = progress.settled;
            return;
        }
        if state.doubtful.back().map_or(progress.settled, |(seq, _)| *seq) < state.position {
            state.doubtful.push_back((state.position, now));
        }
        while let Some((seq, _)) = state.doubtful.front().filter(|(_, at)| now.since(*at) >= doubt) {
            progress.settled = *seq;
            state.doubtful.pop_front();
        }
    }

    fn heartbeat(&self, position: i64) -> Message {
        let now = self.context.now();
        let id = format!("beat_{}", clock::new_id(self.context.clock.as_ref()));
        let seconds = self.settings.heartbeat.as_secs();
        let data = json!({ "told_until": position, "every_seconds": seconds });
        self.plan.about_itself("ward.heartbeat", id, now, data)
    }

    /// Writes down what a round came to. `false`: a person or another process has taken the sink meanwhile.
    async fn note(&self, before: &Sink, progress: Progress) -> Result<bool, Error> {
        let (name, node, turn, now) = (self.plan.name.clone(), self.node, before.turn, self.context.now());
        self.tell_log(before, &progress);
        show::count(&self.plan.name, progress.trouble.is_some());
        let note = move |tx: &mut Tx<'_>| {
            let Some(mut row) = Sink::held(tx, &name, node, turn)? else { return Ok::<_, Error>(false) };
            row.last_seq = progress.settled.max(row.last_seq);
            if progress.gap_told {
                row.gap = None;
            }
            if progress.heartbeat {
                row.heartbeat_at = Some(now);
            }
            if progress.heard {
                row.heard_at = Some(now);
            }
            match &progress.trouble {
                Some(trouble) => {
                    // What was taken in the same round shows that it is not gone altogether.
                    row.failures = if progress.heard { 1 } else { row.failures.saturating_add(1) };
                    row.next_try_at = Some(now + wait(row.failures, trouble.retry_after));
                    row.last_error = Some(trouble.text.clone());
                }
                None if progress.heard => {
                    (row.failures, row.next_try_at, row.last_error) = (0, None, None);
                }
                None => {}
            }
            row.save(tx)?;
            for size in &progress.witnessed {
                super::witnessed(tx, &name, *size, now)?;
            }
            Ok(true)
        };
        self.context.store.tx("note_sink", note).await
    }

    /// Once when it begins to fail, once when it is back.
    fn tell_log(&self, before: &Sink, progress: &Progress) {
        let name = &self.plan.name;
        match &progress.trouble {
            Some(trouble) if before.failures == 0 => {
                tracing::warn!(sink = %name, "Sink {name} takes nothing, events wait: {}", trouble.text);
            }
            None if before.failures > 0 && progress.heard => {
                tracing::info!(sink = %name, "Sink {name} takes events again");
            }
            Some(_) | None => {}
        }
    }
}

fn tree_size(event: &Outbox) -> Option<i64> {
    let body: Json = serde_json::from_str(&event.body).ok()?;
    body.get("tree_size")?.as_i64()
}

/// The wait after so many failures in a row: doubled each time, scattered by a quarter, never less than was asked for.
fn wait(failures: i32, asked: Option<Duration>) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or_default().min(16);
    let doubled = FIRST_WAIT.saturating_mul(1_u32 << doublings).min(LONGEST_WAIT);
    let scattered = doubled.mul_f64(rand::rng().random_range(0.75..=1.25));
    scattered.max(asked.unwrap_or_default().min(LONGEST_WISH))
}
