//! The rows behind the index: reading what is pending, and sweeping what no longer is.

use std::collections::HashMap;
use std::sync::Arc;

use clock::Timestamp;
use diesel::prelude::*;

use super::{Pending, Progress};
use crate::column::{Millis, OptionalMillis};
use crate::schema::{commands, deliveries, delivery_events, pending};
use crate::{ChannelId, CommandId, Connection, DeliverySeq, DeliveryState, EnrollmentId, Error, IdentityId};

/// How many deliveries' events one query reads.
const CHUNK: usize = 500;

/// What the rows say.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) pending: Vec<Pending>,
    /// Finished, and still in `pending`.
    pub(crate) finished: Vec<DeliverySeq>,
}

#[derive(Queryable)]
struct PendingRow {
    seq: DeliverySeq,
    command_id: CommandId,
    uuid: String,
    request_type: String,
    channel_id: ChannelId,
    enrollment_id: EnrollmentId,
    lane: i16,
    enqueued_at: Millis,
    expires_at: OptionalMillis,
}

type EventRow = (DeliverySeq, DeliveryState, Millis, Option<IdentityId>);

/// Everything in `pending`.
pub(crate) fn load_all(connection: &mut Connection) -> Result<Loaded, Error> {
    let rows = pending::table
        .inner_join(deliveries::table.inner_join(commands::table))
        .select(columns())
        .order(pending::seq)
        .load::<PendingRow>(connection)?;
    let events = delivery_events::table
        .inner_join(pending::table.on(pending::seq.eq(delivery_events::seq)))
        .select(event_columns())
        .order(delivery_events::id)
        .load::<EventRow>(connection)?;
    Ok(fold(rows, events))
}

/// What of `pending` belongs to one channel.
pub(crate) fn load_channel(connection: &mut Connection, channel: ChannelId) -> Result<Loaded, Error> {
    let rows = pending::table
        .inner_join(deliveries::table.inner_join(commands::table))
        .filter(pending::channel_id.eq(channel))
        .select(columns())
        .order(pending::seq)
        .load::<PendingRow>(connection)?;
    let seqs: Vec<DeliverySeq> = rows.iter().map(|row| row.seq).collect();
    let events = load_events(connection, &seqs)?;
    Ok(fold(rows, events))
}

/// How far each of some deliveries has come, finished ones included. Deliveries that do not exist are left out.
pub(crate) fn progress_of(
    connection: &mut Connection,
    seqs: &[DeliverySeq],
) -> Result<HashMap<DeliverySeq, Progress>, Error> {
    let mut progress = HashMap::with_capacity(seqs.len());
    for chunk in seqs.chunks(CHUNK) {
        let rows = deliveries::table
            .filter(deliveries::seq.eq_any(chunk))
            .select((deliveries::seq, deliveries::enqueued_at))
            .load::<(DeliverySeq, Millis)>(connection)?;
        progress.extend(rows.into_iter().map(|(seq, at)| (seq, Progress::queued(at.into()))));
    }
    apply_all(&mut progress, load_events(connection, seqs)?);
    Ok(progress)
}

/// Deletes rows of `pending` whose deliveries are finished.
pub(crate) fn sweep(connection: &mut Connection, finished: &[DeliverySeq]) -> Result<(), Error> {
    if !finished.is_empty() {
        diesel::delete(pending::table.filter(pending::seq.eq_any(finished))).execute(connection)?;
    }
    Ok(())
}

fn load_events(connection: &mut Connection, seqs: &[DeliverySeq]) -> Result<Vec<EventRow>, Error> {
    let mut events = Vec::new();
    for chunk in seqs.chunks(CHUNK) {
        events.extend(
            delivery_events::table
                .filter(delivery_events::seq.eq_any(chunk))
                .select(event_columns())
                .order(delivery_events::id)
                .load::<EventRow>(connection)?,
        );
    }
    Ok(events)
}

type Columns = (
    pending::seq,
    deliveries::command_id,
    commands::uuid,
    commands::request_type,
    deliveries::channel_id,
    deliveries::enrollment_id,
    deliveries::lane,
    deliveries::enqueued_at,
    deliveries::expires_at,
);

const fn columns() -> Columns {
    (
        pending::seq,
        deliveries::command_id,
        commands::uuid,
        commands::request_type,
        deliveries::channel_id,
        deliveries::enrollment_id,
        deliveries::lane,
        deliveries::enqueued_at,
        deliveries::expires_at,
    )
}

type EventColumns =
    (delivery_events::seq, delivery_events::state, delivery_events::at, delivery_events::identity_id);

const fn event_columns() -> EventColumns {
    (delivery_events::seq, delivery_events::state, delivery_events::at, delivery_events::identity_id)
}

fn apply_all(progress: &mut HashMap<DeliverySeq, Progress>, events: Vec<EventRow>) {
    for (seq, state, at, identity) in events {
        if let Some(progress) = progress.get_mut(&seq) {
            progress.apply(state, Timestamp::from(at), identity);
        }
    }
}

/// Events must come in the order in which they were stored.
fn fold(rows: Vec<PendingRow>, events: Vec<EventRow>) -> Loaded {
    let mut progress: HashMap<DeliverySeq, Progress> =
        rows.iter().map(|row| (row.seq, Progress::queued(row.enqueued_at.into()))).collect();
    apply_all(&mut progress, events);
    let mut heads: HashMap<CommandId, (Arc<str>, Arc<str>)> = HashMap::new();
    let mut loaded = Loaded::default();
    for row in rows {
        let Some(progress) = progress.get(&row.seq) else { continue };
        if progress.state.is_final() {
            loaded.finished.push(row.seq);
            continue;
        }
        let (uuid, request_type) = heads
            .entry(row.command_id)
            .or_insert_with(|| (row.uuid.as_str().into(), row.request_type.as_str().into()))
            .clone();
        let mut pending = Pending {
            seq: row.seq,
            command_id: row.command_id,
            command_uuid: uuid,
            request_type,
            channel_id: row.channel_id,
            enrollment_id: row.enrollment_id,
            lane: row.lane,
            enqueued_at: row.enqueued_at.into(),
            expires_at: row.expires_at.into(),
            state: progress.state,
            changed_at: progress.changed_at,
            hand_outs: 0,
            last_identity: None,
            last_handed_out_at: None,
            not_nows: 0,
        };
        pending.set_progress(progress);
        loaded.pending.push(pending);
    }
    loaded
}
