//! What a transaction can do with the queue.

use std::sync::Arc;

use clock::Timestamp;
use diesel::prelude::*;

use super::{NewDelivery, NewEvent, NextOptions, Pending, Progress, Recorded, rows};
use crate::column::{Millis, OptionalMillis};
use crate::schema::{commands, deliveries, delivery_events, pending};
use crate::{ChannelId, Delivery, DeliverySeq, DeliveryState, Error, Tx};

impl Tx<'_> {
    /// Puts a command into a channel's queue.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the command does not exist; [`Error::Conflict`] when the channel has had this command
    /// before (look with [`Tx::find_delivery`] first when the command is not new).
    pub fn enqueue(&mut self, new: NewDelivery) -> Result<DeliverySeq, Error> {
        let (command_uuid, request_type) = match self.index.head(new.command_id) {
            Some(head) => head,
            None => {
                let (uuid, request_type) = commands::table
                    .find(new.command_id)
                    .select((commands::uuid, commands::request_type))
                    .first::<(String, String)>(self.connection)?;
                (Arc::from(uuid), Arc::from(request_type))
            }
        };
        let seq = diesel::insert_into(deliveries::table)
            .values((
                deliveries::command_id.eq(new.command_id),
                deliveries::channel_id.eq(new.channel_id),
                deliveries::enrollment_id.eq(new.enrollment_id),
                deliveries::lane.eq(new.lane),
                deliveries::enqueued_at.eq(Millis::from(new.enqueued_at)),
                deliveries::expires_at.eq(OptionalMillis::from(new.expires_at)),
            ))
            .returning(deliveries::seq)
            .get_result::<DeliverySeq>(self.connection)?;
        diesel::insert_into(pending::table)
            .values((pending::seq.eq(seq), pending::channel_id.eq(new.channel_id)))
            .execute(self.connection)?;
        self.index.insert(Pending {
            seq,
            command_id: new.command_id,
            command_uuid,
            request_type,
            channel_id: new.channel_id,
            enrollment_id: new.enrollment_id,
            lane: new.lane,
            enqueued_at: new.enqueued_at,
            expires_at: new.expires_at,
            state: DeliveryState::Queued,
            changed_at: new.enqueued_at,
            hand_outs: 0,
            last_identity: None,
            last_handed_out_at: None,
            not_nows: 0,
        });
        Ok(seq)
    }

    /// The delivery that is to be handed out next, if any: the first by lane and place that has not expired, that is
    /// not passed over and that the device did not put off (unless `options` offers those again).
    ///
    /// It changes nothing: who hands it out records [`DeliveryState::HandedOut`] in the same transaction. What was
    /// handed out and never answered is offered again, because a device that asks has nothing in hand.
    #[must_use]
    pub fn next(&self, channel: ChannelId, now: Timestamp, options: &NextOptions) -> Option<Pending> {
        self.index
            .of_channel(channel)
            .find(|pending| {
                !pending.is_expired(now)
                    && (options.offer_not_now || pending.state != DeliveryState::NotNow)
                    && !options.skip.contains(&pending.seq)
            })
            .cloned()
    }

    /// All that is pending for a channel, in order.
    #[must_use]
    pub fn pending(&self, channel: ChannelId) -> Vec<Pending> {
        self.index.of_channel(channel).cloned().collect()
    }

    /// A pending delivery by its place; none when it is finished or never was.
    #[must_use]
    pub fn pending_by_seq(&self, seq: DeliverySeq) -> Option<Pending> {
        self.index.find(seq).cloned()
    }

    /// A pending delivery of a channel by the command's UUID.
    #[must_use]
    pub fn find_pending(&self, channel: ChannelId, command_uuid: &str) -> Option<Pending> {
        self.index.of_channel(channel).find(|pending| &*pending.command_uuid == command_uuid).cloned()
    }

    /// A delivery to a channel by the command's UUID, finished ones included.
    ///
    /// # Errors
    /// The database's.
    pub fn find_delivery(
        &mut self,
        channel: ChannelId,
        command_uuid: &str,
    ) -> Result<Option<Delivery>, Error> {
        Delivery::find_by_uuid(self.connection, channel, command_uuid)
    }

    /// Stores what happened to a delivery, if it says anything new.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such delivery.
    pub fn record(&mut self, seq: DeliverySeq, event: NewEvent) -> Result<Recorded, Error> {
        let mut progress = match self.index.find(seq) {
            Some(pending) => pending.progress(),
            None => self.finished_progress(seq)?,
        };
        let recorded = progress.apply(event.state, event.at, event.identity_id);
        let repeated = recorded == Recorded::Late && self.has_event(seq, event.state)?;
        if recorded == Recorded::Ignored || repeated {
            return Ok(Recorded::Ignored);
        }
        self.insert_event(seq, event)?;
        self.index.advance(seq, &progress);
        Ok(recorded)
    }

    /// Takes a delivery back. `false` when it was handed out before, or is finished: then nothing changes.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such delivery.
    pub fn cancel(&mut self, seq: DeliverySeq, at: Timestamp, detail: Option<&str>) -> Result<bool, Error> {
        let event =
            NewEvent { detail: detail.map(str::to_owned), ..NewEvent::new(DeliveryState::Cancelled, at) };
        Ok(self.record(seq, event)? == Recorded::Applied)
    }

    /// Closes all that is pending for a channel because its epoch is over: as `no_reply` what was handed out without
    /// an answer, else as `state` (`superseded` or `cancelled`; what the device put off has left Ward and becomes
    /// `superseded` in any case). Returns what was closed, as it was before.
    ///
    /// # Errors
    /// The database's.
    pub fn end_all(
        &mut self,
        channel: ChannelId,
        state: DeliveryState,
        at: Timestamp,
        detail: &str,
    ) -> Result<Vec<Pending>, Error> {
        let ended = self.pending(channel);
        for pending in &ended {
            let state = match pending.state {
                DeliveryState::HandedOut => DeliveryState::NoReply,
                _ if pending.hand_outs > 0 => DeliveryState::Superseded,
                _ => state,
            };
            let event = NewEvent { detail: Some(detail.to_owned()), ..NewEvent::new(state, at) };
            self.record(pending.seq, event)?;
        }
        Ok(ended)
    }

    /// Notes that the device of a channel was woken: what is queued becomes pushed. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub fn mark_pushed(&mut self, channel: ChannelId, at: Timestamp) -> Result<usize, Error> {
        let queued: Vec<DeliverySeq> = self
            .index
            .of_channel(channel)
            .filter(|pending| pending.state == DeliveryState::Queued)
            .map(|pending| pending.seq)
            .collect();
        for seq in &queued {
            self.record(*seq, NewEvent::new(DeliveryState::Pushed, at))?;
        }
        Ok(queued.len())
    }

    /// Closes up to `limit` deliveries whose time is over: as `no_reply` what was handed out without an answer, else
    /// as `expired`. Returns what was closed, as it was before, with its new state.
    ///
    /// # Errors
    /// The database's.
    pub fn expire(&mut self, now: Timestamp, limit: usize) -> Result<Vec<(Pending, DeliveryState)>, Error> {
        let mut expired = Vec::new();
        for seq in self.index.expired(now, limit) {
            let Some(pending) = self.pending_by_seq(seq) else { continue };
            let state = match pending.state {
                DeliveryState::HandedOut => DeliveryState::NoReply,
                _ => DeliveryState::Expired,
            };
            self.record(seq, NewEvent::new(state, now))?;
            expired.push((pending, state));
        }
        Ok(expired)
    }

    fn finished_progress(&mut self, seq: DeliverySeq) -> Result<Progress, Error> {
        rows::progress_of(self.connection, &[seq])?.remove(&seq).ok_or(Error::NotFound)
    }

    fn has_event(&mut self, seq: DeliverySeq, state: DeliveryState) -> Result<bool, Error> {
        let count: i64 = delivery_events::table
            .filter(delivery_events::seq.eq(seq))
            .filter(delivery_events::state.eq(state))
            .count()
            .get_result(self.connection)?;
        Ok(count > 0)
    }

    fn insert_event(&mut self, seq: DeliverySeq, event: NewEvent) -> Result<(), Error> {
        diesel::insert_into(delivery_events::table)
            .values((
                delivery_events::seq.eq(seq),
                delivery_events::state.eq(event.state),
                delivery_events::at.eq(Millis::from(event.at)),
                delivery_events::identity_id.eq(event.identity_id),
                delivery_events::class.eq(event.class),
                delivery_events::detail.eq(event.detail),
                delivery_events::result_digest.eq(event.result_digest),
                delivery_events::facts_json.eq(event.facts_json),
                delivery_events::result.eq(event.result),
            ))
            .execute(self.connection)?;
        Ok(())
    }
}
