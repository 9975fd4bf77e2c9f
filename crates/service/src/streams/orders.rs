//! What operators order: try a sink, tell it again from somewhere on, leave one event out.

use serde_json::json;
use store::{Outbox, Sink, Tx};

use super::{Streams, unknown};
use crate::Error;
use crate::audit::{self, Act, reason};
use crate::operators::Operator;
use crate::views::{ReplayRequest, SinkTestView, SinkView, SkipRequest};

impl Streams {
    /// Sends a `ward.test` message now, out of turn.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn test(&self, operator: &Operator, name: &str) -> Result<SinkTestView, Error> {
        let worker = self.worker(name)?;
        let now = self.context.now();
        let act = Act::new(operator, "sink.test").on(format!("sink:{name}"));
        self.context.store.tx("test_sink", move |tx| audit::record(tx, now, &act)).await?;
        let id = format!("test_{}", clock::new_id(self.context.clock.as_ref()));
        let message = worker.plan().about_itself("ward.test", id.clone(), now, json!({}));
        let outcome = worker.try_out(message).await;
        let error = outcome.trouble.map(|trouble| trouble.text);
        Ok(SinkTestView { id, taken: error.is_none(), error })
    }

    /// Tells a sink again what it was told before, from a number or a time on; what is new follows in order.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for no start, two, or one that has not been reached;
    /// [`Error::Conflict`] when the events from there on are not kept any more.
    pub async fn replay(
        &self,
        operator: &Operator,
        name: &str,
        request: ReplayRequest,
    ) -> Result<SinkView, Error> {
        self.worker(name)?;
        if request.from_seq.is_some() == request.from_time.is_some() {
            return Err(Error::invalid("from_seq", "say from_seq or from_time, one of them"));
        }
        let why = reason(&request.reason)?.to_owned();
        let (operator, key, now) = (operator.clone(), name.to_owned(), self.context.now());
        let replay = move |tx: &mut Tx<'_>| {
            let mut row = find(tx, &key)?;
            let from = match (request.from_seq, request.from_time) {
                (Some(seq), _) => seq,
                (None, Some(time)) => {
                    let first = Outbox::first_since(tx, time)?;
                    first.map_or(i64::MAX, |event| event.seq)
                }
                (None, None) => i64::MAX,
            };
            if from > row.last_seq {
                let told = "it has not been told anything from there on yet; it will be, without a replay";
                return Err(Error::invalid("from_seq", told));
            }
            let oldest = Outbox::oldest(tx)?.map_or(i64::MAX, |event| event.seq);
            if from < oldest {
                let kept = if oldest == i64::MAX { "none".to_owned() } else { oldest.to_string() };
                return Err(Error::Conflict(format!(
                    "event {from} is not kept any more; the oldest kept event: {kept}"
                )));
            }
            row.last_seq = from.saturating_sub(1);
            begin_again(&mut row);
            row.save(tx)?;
            let detail = json!({ "from_seq": from, "reason": why });
            audit::record(tx, now, &Act::new(&operator, "sink.replay").on(format!("sink:{key}")).with(detail))
        };
        self.context.store.tx("replay_sink", replay).await?;
        self.show(name).await
    }

    /// Leaves out the event at which a sink stands. It stays in the outbox: a replay tells it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it does not stand at that event.
    pub async fn skip(
        &self,
        operator: &Operator,
        name: &str,
        request: SkipRequest,
    ) -> Result<SinkView, Error> {
        self.worker(name)?;
        let why = reason(&request.reason)?.to_owned();
        let shown = self.show(name).await?;
        let next = shown.next.map(|next| next.seq);
        if next != Some(request.seq) {
            let stands =
                next.map_or("it waits for none".to_owned(), |seq| format!("it stands at event {seq}"));
            return Err(Error::Conflict(format!("{name} does not stand at event {}: {stands}", request.seq)));
        }
        let (operator, key, now, before) =
            (operator.clone(), name.to_owned(), self.context.now(), shown.last_seq);
        let skip = move |tx: &mut Tx<'_>| {
            let mut row = find(tx, &key)?;
            if row.last_seq != before {
                return Err(Error::Conflict(format!("{key} has gone on meanwhile")));
            }
            row.last_seq = request.seq;
            row.skipped = row.skipped.saturating_add(1);
            begin_again(&mut row);
            row.save(tx)?;
            let act = Act::new(&operator, "sink.skip").on(format!("sink:{key}")).of_class(catalog::Class::D3);
            audit::record(tx, now, &act.with(json!({ "seq": request.seq, "reason": why })))
        };
        self.context.store.tx("skip_event", skip).await?;
        self.show(name).await
    }
}

fn find(tx: &mut Tx<'_>, name: &str) -> Result<Sink, Error> {
    match Sink::find(tx, name) {
        Ok(row) => Ok(row),
        Err(store::Error::NotFound) => Err(unknown(name)),
        Err(error) => Err(error.into()),
    }
}

/// What was under way does not count any more, and the next try is now.
fn begin_again(row: &mut Sink) {
    row.turn = row.turn.saturating_add(1);
    (row.failures, row.next_try_at, row.last_error) = (0, None, None);
}
