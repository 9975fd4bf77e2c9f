//! Jobs by lease: work that must be done once something has been committed, and again until it succeeds.

use std::collections::{HashMap, HashSet};

use clock::{Clock, Timestamp};
use diesel::prelude::*;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::jobs;
use crate::{Connection, Error, JobId, JobState, Page};

/// A job. While it is open there is one of its kind and key; finished jobs are deleted, given up ones stay.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = jobs, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is to be done, a verb phrase: `SendPush`.
    pub kind: String,
    /// To what: jobs of one kind and key coalesce.
    pub key: String,
    /// What the worker needs to know (JSON).
    pub payload: String,
    /// Not before.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub run_at: Timestamp,
    /// How often it was begun. Also tells one lease from the next.
    pub attempts: i32,
    /// Until when the present worker has it.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub leased_until: Option<Timestamp>,
    /// Whether it was asked for again while somebody worked on it.
    pub again: bool,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// When it was first asked for.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
}

by_id!(Job, jobs, JobId);

/// A job to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What is to be done.
    pub kind: &'static str,
    /// To what.
    pub key: String,
    /// What the worker needs to know (JSON).
    pub payload: String,
    /// Not before.
    pub run_at: Timestamp,
}

impl Job {
    /// Asks for a job. If one of the same kind and key waits, it takes the new payload and the earlier time; if
    /// somebody works on one, it will run once more.
    ///
    /// # Errors
    /// The database's.
    pub fn enqueue(connection: &mut Connection, clock: &dyn Clock, new: &NewJob) -> Result<JobId, Error> {
        let open: Option<Self> = jobs::table
            .filter(jobs::kind.eq(new.kind))
            .filter(jobs::key.eq(&new.key))
            .filter(jobs::state.ne(JobState::Dead))
            .select(Self::as_select())
            .first(connection)
            .optional()?;
        Self::join(connection, clock, open, new)
    }

    /// The same for many jobs of one kind. The open ones are read at once.
    ///
    /// # Errors
    /// The database's.
    pub fn enqueue_all(
        connection: &mut Connection,
        clock: &dyn Clock,
        kind: &str,
        new: &[NewJob],
    ) -> Result<(), Error> {
        let keys: Vec<&str> = new.iter().map(|job| job.key.as_str()).collect();
        let rows: Vec<Self> = jobs::table
            .filter(jobs::kind.eq(kind))
            .filter(jobs::key.eq_any(keys))
            .filter(jobs::state.ne(JobState::Dead))
            .select(Self::as_select())
            .load(connection)?;
        let mut open: HashMap<String, Self> = rows.into_iter().map(|job| (job.key.clone(), job)).collect();
        let mut seen = HashSet::new();
        for job in new.iter().filter(|job| job.kind == kind && seen.insert(&job.key)) {
            Self::join(connection, clock, open.remove(&job.key), job)?;
        }
        Ok(())
    }

    /// Joins an open job, or makes one.
    fn join(
        connection: &mut Connection,
        clock: &dyn Clock,
        open: Option<Self>,
        new: &NewJob,
    ) -> Result<JobId, Error> {
        let Some(mut job) = open else {
            let job = Self {
                id: JobId::new(clock),
                kind: new.kind.to_owned(),
                key: new.key.clone(),
                payload: new.payload.clone(),
                run_at: new.run_at,
                attempts: 0,
                leased_until: None,
                again: false,
                last_error: None,
                state: JobState::Ready,
                created_at: clock.now(),
            };
            job.insert(connection)?;
            return Ok(job.id);
        };
        job.payload.clone_from(&new.payload);
        if job.state == JobState::Leased {
            job.run_at = if job.again { job.run_at.min(new.run_at) } else { new.run_at };
            job.again = true;
        } else {
            job.run_at = job.run_at.min(new.run_at);
        }
        job.save(connection)?;
        Ok(job.id)
    }

    /// Takes up to `limit` jobs of these kinds that are due, or whose worker's lease has ended, until `until`.
    /// To be called in a [`crate::Store::tx`], so that no two workers get the same.
    ///
    /// # Errors
    /// The database's.
    pub fn lease(
        connection: &mut Connection,
        kinds: &[&str],
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<Self>, Error> {
        let ready = jobs::state.eq(JobState::Ready).and(jobs::run_at.le(Millis::from(now)));
        let lapsed = jobs::state.eq(JobState::Leased).and(jobs::leased_until.le(Millis::from(now)));
        let mut due: Vec<Self> = jobs::table
            .filter(jobs::kind.eq_any(kinds))
            .filter(ready.or(lapsed))
            .order((jobs::run_at, jobs::id))
            .limit(limit)
            .select(Self::as_select())
            .load(connection)?;
        for job in &mut due {
            job.state = JobState::Leased;
            job.attempts = job.attempts.saturating_add(1);
            job.leased_until = Some(until);
            job.again = false;
            job.save(connection)?;
        }
        Ok(due)
    }

    /// Whether a job of this kind and key still has to be done; one that was given up does not count.
    ///
    /// # Errors
    /// The database's.
    pub fn is_open(connection: &mut Connection, kind: &str, key: &str) -> Result<bool, Error> {
        let open = jobs::table
            .filter(jobs::kind.eq(kind))
            .filter(jobs::key.eq(key))
            .filter(jobs::state.ne(JobState::Dead));
        Ok(diesel::select(diesel::dsl::exists(open)).get_result(connection)?)
    }

    /// The work is done: the job goes, or becomes due once more if it was asked for again meanwhile. `false`: the
    /// lease had ended and somebody else has it; nothing changed.
    ///
    /// # Errors
    /// The database's.
    pub fn finish(&self, connection: &mut Connection) -> Result<bool, Error> {
        let Some(mut held) = self.held(connection)? else { return Ok(false) };
        if held.again {
            held.release(connection)?;
        } else {
            diesel::delete(jobs::table.find(held.id)).execute(connection)?;
        }
        Ok(true)
    }

    /// The work failed and is to be tried at `at`. `false`: the lease had ended.
    ///
    /// # Errors
    /// The database's.
    pub fn retry(&self, connection: &mut Connection, at: Timestamp, error: &str) -> Result<bool, Error> {
        let Some(mut held) = self.held(connection)? else { return Ok(false) };
        held.last_error = Some(error.to_owned());
        held.run_at = if held.again { held.run_at.min(at) } else { at };
        let attempts = held.attempts;
        held.release(connection)?;
        // A job that goes on failing must not look like a fresh one.
        diesel::update(jobs::table.find(held.id)).set(jobs::attempts.eq(attempts)).execute(connection)?;
        Ok(true)
    }

    /// The work is given up and listed for a person. `false`: the lease had ended.
    ///
    /// # Errors
    /// The database's.
    pub fn bury(&self, connection: &mut Connection, error: &str) -> Result<bool, Error> {
        let Some(mut held) = self.held(connection)? else { return Ok(false) };
        held.last_error = Some(error.to_owned());
        held.state = JobState::Dead;
        held.leased_until = None;
        held.save(connection)?;
        Ok(true)
    }

    /// Jobs in one state or in any, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list(
        connection: &mut Connection,
        state: Option<JobState>,
        page: Page<JobId>,
    ) -> Result<Vec<Self>, Error> {
        let mut query = jobs::table.into_boxed();
        if let Some(state) = state {
            query = query.filter(jobs::state.eq(state));
        }
        if let Some(after) = page.after {
            query = query.filter(jobs::id.lt(after));
        }
        Ok(query.order(jobs::id.desc()).limit(page.limit).select(Self::as_select()).load(connection)?)
    }

    /// How many jobs stand in one state.
    ///
    /// # Errors
    /// The database's.
    pub fn count(connection: &mut Connection, state: JobState) -> Result<i64, Error> {
        Ok(jobs::table.filter(jobs::state.eq(state)).count().get_result(connection)?)
    }

    /// The work goes on: what is done so far is noted, and the lease lasts until `until`. `false`: the lease had ended.
    ///
    /// # Errors
    /// The database's.
    pub fn go_on(&self, connection: &mut Connection, payload: &str, until: Timestamp) -> Result<bool, Error> {
        let Some(mut held) = self.held(connection)? else { return Ok(false) };
        held.leased_until = Some(until);
        // Asked for again meanwhile: the new request's payload counts.
        if !held.again {
            payload.clone_into(&mut held.payload);
        }
        held.save(connection)?;
        Ok(true)
    }

    /// The open job of a kind and key.
    ///
    /// # Errors
    /// The database's.
    pub fn find_open(connection: &mut Connection, kind: &str, key: &str) -> Result<Option<Self>, Error> {
        Ok(jobs::table
            .filter(jobs::kind.eq(kind))
            .filter(jobs::key.eq(key))
            .filter(jobs::state.ne(JobState::Dead))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// The row as it is now, if this lease still holds.
    fn held(&self, connection: &mut Connection) -> Result<Option<Self>, Error> {
        Ok(jobs::table
            .find(self.id)
            .filter(jobs::state.eq(JobState::Leased))
            .filter(jobs::attempts.eq(self.attempts))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    fn release(&mut self, connection: &mut Connection) -> Result<(), Error> {
        self.state = JobState::Ready;
        self.leased_until = None;
        self.again = false;
        self.attempts = 0;
        self.save(connection)
    }
}
