//! Lists and counts that operators ask for, across the tables.

use std::collections::HashMap;

use clock::Timestamp;
use diesel::dsl::count_star;
use diesel::prelude::*;

use super::{Delivery, DeliveryFilter, Enrollment, IdempotencyKey, Identity, Job, Report};
use crate::column::Millis;
use crate::schema::{
    deliveries, delivery_events, enrollments, idempotency_keys, identities, jobs, pending, reports,
};
use crate::{
    CommandId, Connection, DeliverySeq, DeliveryState, DeviceId, EnrollmentId, EnrollmentState, Error,
    IdentityId, JobId, JobState, Page, TokenId,
};

/// Which identities are wanted. Empty means all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IdentityFilter {
    /// Pinned to this epoch.
    pub enrollment_id: Option<EnrollmentId>,
    /// Ending before this moment.
    pub ending_before: Option<Timestamp>,
}

/// Which epochs are wanted. Empty means all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EnrollmentFilter {
    /// In this state.
    pub state: Option<EnrollmentState>,
    /// Of this device.
    pub device_id: Option<DeviceId>,
}

impl Identity {
    /// A page of identities, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &IdentityFilter,
        page: Page<IdentityId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = identities::table.into_boxed();
        if let Some(enrollment) = filter.enrollment_id {
            query = query.filter(identities::enrollment_id.eq(enrollment));
        }
        if let Some(before) = filter.ending_before {
            query = query.filter(identities::not_after.lt(Millis::from(before)));
        }
        if let Some(after) = page.after {
            query = query.filter(identities::id.lt(after));
        }
        Ok(query.order(identities::id.desc()).limit(page.limit).select(Self::as_select()).load(connection)?)
    }
}

impl Enrollment {
    /// A page of epochs, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        filter: &EnrollmentFilter,
        page: Page<EnrollmentId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = enrollments::table.into_boxed();
        if let Some(state) = filter.state {
            query = query.filter(enrollments::state.eq(state));
        }
        if let Some(device) = filter.device_id {
            query = query.filter(enrollments::device_id.eq(device));
        }
        if let Some(after) = page.after {
            query = query.filter(enrollments::id.lt(after));
        }
        Ok(query
            .order(enrollments::id.desc())
            .limit(page.limit)
            .select(Self::as_select())
            .load(connection)?)
    }

    /// How many enrolled epochs expect each topic.
    ///
    /// # Errors
    /// The database's.
    pub fn count_by_topic(connection: &mut Connection) -> Result<HashMap<String, i64>, Error> {
        let rows: Vec<(String, i64)> = enrollments::table
            .filter(enrollments::state.eq(EnrollmentState::Enrolled))
            .group_by(enrollments::topic)
            .select((enrollments::topic, count_star()))
            .load(connection)?;
        Ok(rows.into_iter().collect())
    }
}

impl Delivery {
    /// A page of deliveries that are not finished, newest first. The page may be shorter than asked for although there is more
    /// where finished ones have not been swept yet; the second value is where to read on, if there may be more.
    ///
    /// # Errors
    /// The database's.
    pub fn list_open(
        connection: &mut Connection,
        filter: &DeliveryFilter,
        page: Page<DeliverySeq>,
    ) -> Result<(Vec<Self>, Option<DeliverySeq>), Error> {
        let mut query = pending::table.inner_join(deliveries::table).select(pending::seq).into_boxed();
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
            query = query.filter(pending::seq.lt(after));
        }
        let seqs: Vec<DeliverySeq> = query.order(pending::seq.desc()).limit(page.limit).load(connection)?;
        let full = i64::try_from(seqs.len()).is_ok_and(|count| count >= page.limit);
        let last = seqs.last().copied().filter(|_| full);
        let mut found = Self::list_by_seq(connection, &seqs)?;
        found.retain(|delivery| !delivery.progress.state.is_final());
        Ok((found, last))
    }

    /// How many deliveries each command has, and how many of these are unfinished.
    ///
    /// # Errors
    /// The database's.
    pub fn count_by_command(
        connection: &mut Connection,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, (i64, i64)>, Error> {
        let mut counts = HashMap::with_capacity(commands.len());
        let all: Vec<(CommandId, i64)> = deliveries::table
            .filter(deliveries::command_id.eq_any(commands))
            .group_by(deliveries::command_id)
            .select((deliveries::command_id, count_star()))
            .load(connection)?;
        // Finished deliveries stay in `pending` until they are swept, so their events decide.
        let last_words =
            DeliveryState::ALL.iter().filter(|state| state.is_final()).map(|state| state.as_str());
        let ended = delivery_events::table
            .filter(delivery_events::seq.eq(pending::seq))
            .filter(delivery_events::state.eq_any(last_words));
        let open: Vec<(CommandId, i64)> = pending::table
            .inner_join(deliveries::table)
            .filter(deliveries::command_id.eq_any(commands))
            .filter(diesel::dsl::not(diesel::dsl::exists(ended)))
            .group_by(deliveries::command_id)
            .select((deliveries::command_id, count_star()))
            .load(connection)?;
        counts.extend(all.into_iter().map(|(id, count)| (id, (count, 0))));
        for (id, count) in open {
            counts.entry(id).or_insert((0, 0)).1 = count;
        }
        Ok(counts)
    }
}

impl IdempotencyKey {
    /// Whether there are answers given before a moment.
    ///
    /// # Errors
    /// The database's.
    pub fn has_before(connection: &mut Connection, before: Timestamp) -> Result<bool, Error> {
        let old: Option<String> = idempotency_keys::table
            .filter(idempotency_keys::created_at.lt(Millis::from(before)))
            .select(idempotency_keys::key)
            .first(connection)
            .optional()?;
        Ok(old.is_some())
    }

    /// Writes the answer into the row of a request that was being worked on.
    ///
    /// # Errors
    /// The database's.
    pub fn finish(
        connection: &mut Connection,
        (token, key): (TokenId, &str),
        status: i32,
        body: &[u8],
    ) -> Result<(), Error> {
        diesel::update(idempotency_keys::table.find((token, key)))
            .set((idempotency_keys::status.eq(status), idempotency_keys::body.eq(body)))
            .execute(connection)?;
        Ok(())
    }

    /// Forgets a key, so that it can be used afresh.
    ///
    /// # Errors
    /// The database's.
    pub fn delete(connection: &mut Connection, token: TokenId, key: &str) -> Result<(), Error> {
        diesel::delete(idempotency_keys::table.find((token, key))).execute(connection)?;
        Ok(())
    }
}

impl Job {
    /// Whether a job of these kinds is due, or its worker's lease has ended.
    ///
    /// # Errors
    /// The database's.
    pub fn is_due(connection: &mut Connection, kinds: &[&str], now: Timestamp) -> Result<bool, Error> {
        let ready = jobs::state.eq(JobState::Ready).and(jobs::run_at.le(Millis::from(now)));
        let lapsed = jobs::state.eq(JobState::Leased).and(jobs::leased_until.le(Millis::from(now)));
        let first: Option<JobId> = jobs::table
            .filter(jobs::kind.eq_any(kinds))
            .filter(ready.or(lapsed))
            .select(jobs::id)
            .first(connection)
            .optional()?;
        Ok(first.is_some())
    }

    /// Ends all leases. To be called when no other process can hold one. Returns how many there were.
    ///
    /// # Errors
    /// The database's.
    pub fn take_back_leases(connection: &mut Connection) -> Result<usize, Error> {
        let leased = jobs::table.filter(jobs::state.eq(JobState::Leased));
        Ok(diesel::update(leased).set(jobs::state.eq(JobState::Ready)).execute(connection)?)
    }

    /// Makes all waiting jobs of a kind due, because what they waited for has been repaired. Returns how many.
    ///
    /// # Errors
    /// The database's.
    pub fn hurry(connection: &mut Connection, kind: &str, now: Timestamp) -> Result<usize, Error> {
        let waiting = jobs::table.filter(jobs::kind.eq(kind)).filter(jobs::state.eq(JobState::Ready));
        let waiting = waiting.filter(jobs::run_at.gt(Millis::from(now)));
        Ok(diesel::update(waiting).set(jobs::run_at.eq(Millis::from(now))).execute(connection)?)
    }
}

impl Report {
    /// The first report of a device from one source that was observed after a moment.
    ///
    /// # Errors
    /// The database's.
    pub fn first_after(
        connection: &mut Connection,
        device: DeviceId,
        source: &str,
        after: Timestamp,
    ) -> Result<Option<Self>, Error> {
        Ok(reports::table
            .filter(reports::device_id.eq(device))
            .filter(reports::source.eq(source))
            .filter(reports::observed_at.gt(Millis::from(after)))
            .order((reports::observed_at, reports::id))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }
}
