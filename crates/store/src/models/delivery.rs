//! Deliveries and their events, for reading. Only [`crate::Tx`] writes them.

use std::collections::BTreeMap;

use clock::Timestamp;
use diesel::prelude::*;

use super::Command;
use crate::column::{Millis, OptionalMillis};
use crate::queue::{Progress, progress_of};
use crate::schema::{commands, deliveries, delivery_events};
use crate::{
    ChannelId, CommandId, Connection, DeliverySeq, DeliveryState, EnrollmentId, Error, IdentityId, Page,
};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
struct DeliveryRow {
    seq: DeliverySeq,
    command_id: CommandId,
    channel_id: ChannelId,
    enrollment_id: EnrollmentId,
    lane: i16,
    #[diesel(deserialize_as = Millis)]
    enqueued_at: Timestamp,
    #[diesel(deserialize_as = OptionalMillis)]
    expires_at: Option<Timestamp>,
}

/// The passage of a command to a channel: what was asked, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its place in the order of all deliveries.
    pub seq: DeliverySeq,
    /// Which command.
    pub command_id: CommandId,
    /// To which channel.
    pub channel_id: ChannelId,
    /// In which epoch.
    pub enrollment_id: EnrollmentId,
    /// Lower lanes go first.
    pub lane: i16,
    /// When it was asked for.
    pub enqueued_at: Timestamp,
    /// From when it is not handed out any more.
    pub expires_at: Option<Timestamp>,
    /// How far it has come, told by its events.
    pub progress: Progress,
}

/// Something that happened to a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = delivery_events)]
pub struct DeliveryEvent {
    /// Its place in the order of all events.
    pub id: i64,
    /// To which delivery.
    pub seq: DeliverySeq,
    /// What happened.
    pub state: DeliveryState,
    /// When.
    #[diesel(deserialize_as = Millis)]
    pub at: Timestamp,
    /// With which certificate the device spoke.
    pub identity_id: Option<IdentityId>,
    /// At a hand-out: the effect class of the bytes that left.
    pub class: Option<String>,
    /// A few words for people.
    pub detail: Option<String>,
    /// SHA-256 of the device's answer as received.
    pub result_digest: Option<Vec<u8>>,
    /// What the answer tells, parsed.
    pub facts_json: Option<String>,
    /// The answer as received, less what is secret (XML).
    pub result: Option<Vec<u8>>,
}

/// Which deliveries are wanted. Empty means all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this command.
    pub command_id: Option<CommandId>,
    /// To this channel.
    pub channel_id: Option<ChannelId>,
    /// In this epoch.
    pub enrollment_id: Option<EnrollmentId>,
}

impl Delivery {
    /// A delivery by its place.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn find(connection: &mut Connection, seq: DeliverySeq) -> Result<Self, Error> {
        let row = deliveries::table.find(seq).select(DeliveryRow::as_select()).first(connection)?;
        Self::with_progress(connection, vec![row])?.pop().ok_or(Error::NotFound)
    }

    /// The delivery to a channel of the command with this UUID.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_uuid(
        connection: &mut Connection,
        channel: ChannelId,
        command_uuid: &str,
    ) -> Result<Option<Self>, Error> {
        let row = deliveries::table
            .inner_join(commands::table)
            .filter(commands::uuid.eq(command_uuid))
            .filter(deliveries::channel_id.eq(channel))
            .select(DeliveryRow::as_select())
            .first(connection)
            .optional()?;
        match row {
            Some(row) => Ok(Self::with_progress(connection, vec![row])?.pop()),
            None => Ok(None),
        }
    }

    /// To which of some channels a command has been sent before, and by which delivery.
    ///
    /// # Errors
    /// The database's.
    pub fn of_command(
        connection: &mut Connection,
        command: CommandId,
        channels: &[ChannelId],
    ) -> Result<BTreeMap<ChannelId, DeliverySeq>, Error> {
        let rows: Vec<(ChannelId, DeliverySeq)> = deliveries::table
            .filter(deliveries::command_id.eq(command))
            .filter(deliveries::channel_id.eq_any(channels))
            .select((deliveries::channel_id, deliveries::seq))
            .load(connection)?;
        Ok(rows.into_iter().collect())
    }

    /// A page of deliveries, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &DeliveryFilter,
        page: Page<DeliverySeq>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = deliveries::table.into_boxed();
        if let Some(command) = filter.command_id {
            query = query.filter(deliveries::command_id.eq(command));
        }
        if let Some(channel) = filter.channel_id {
            query = query.filter(deliveries::channel_id.eq(channel));
        }
        if let Some(enrollment) = filter.enrollment_id {
            query = query.filter(deliveries::enrollment_id.eq(enrollment));
        }
        if let Some(after) = page.after {
            query = query.filter(deliveries::seq.lt(after));
        }
        let rows = query
            .order(deliveries::seq.desc())
            .limit(page.limit)
            .select(DeliveryRow::as_select())
            .load(connection)?;
        Self::with_progress(connection, rows)
    }

    /// The deliveries of one kind of command in an epoch, newest first, `limit` at most.
    ///
    /// # Errors
    /// The database's.
    pub fn list_of_type(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        request_type: &str,
        limit: i64,
    ) -> Result<Vec<Self>, Error> {
        let rows = deliveries::table
            .inner_join(commands::table)
            .filter(deliveries::enrollment_id.eq(enrollment))
            .filter(commands::request_type.eq(request_type))
            .order(deliveries::seq.desc())
            .limit(limit)
            .select(DeliveryRow::as_select())
            .load(connection)?;
        Self::with_progress(connection, rows)
    }

    /// The command of this delivery.
    ///
    /// # Errors
    /// The database's.
    pub fn command(&self, connection: &mut Connection) -> Result<Command, Error> {
        Command::find(connection, self.command_id)
    }

    /// Some deliveries, newest first.
    pub(crate) fn list_by_seq(connection: &mut Connection, seqs: &[DeliverySeq]) -> Result<Vec<Self>, Error> {
        let rows = deliveries::table
            .filter(deliveries::seq.eq_any(seqs))
            .order(deliveries::seq.desc())
            .select(DeliveryRow::as_select())
            .load(connection)?;
        Self::with_progress(connection, rows)
    }

    fn with_progress(connection: &mut Connection, rows: Vec<DeliveryRow>) -> Result<Vec<Self>, Error> {
        let seqs: Vec<DeliverySeq> = rows.iter().map(|row| row.seq).collect();
        let progress = progress_of(connection, &seqs)?;
        Ok(rows
            .into_iter()
            .map(|row| Self {
                seq: row.seq,
                command_id: row.command_id,
                channel_id: row.channel_id,
                enrollment_id: row.enrollment_id,
                lane: row.lane,
                enqueued_at: row.enqueued_at,
                expires_at: row.expires_at,
                progress: progress.get(&row.seq).copied().unwrap_or(Progress::queued(row.enqueued_at)),
            })
            .collect())
    }
}

impl DeliveryEvent {
    /// All events of a delivery, oldest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection, seq: DeliverySeq) -> Result<Vec<Self>, Error> {
        Ok(delivery_events::table
            .filter(delivery_events::seq.eq(seq))
            .order(delivery_events::id)
            .select(Self::as_select())
            .load(connection)?)
    }
}
