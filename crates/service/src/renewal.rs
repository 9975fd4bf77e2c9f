//! The renewal of identities. Apple devices do not renew by themselves: they are sent the enrolment profile again with a fresh challenge,
//! and both certificates count until the new one is seen.

use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use parking_lot::Mutex;
use plist::Dictionary;
use protocol_profile::AccessRights;
use store::{
    Channel, Command, Connection, Enrollment, EnrollmentId, EnrollmentState, Issuance, IssuancePurpose,
    RenewalDue, Tx,
};

use crate::authorities::{Authorities, Loaded};
use crate::enrollment::profile;
use crate::handout::{FILL_KEY, FILL_RENEWAL};
use crate::lifecycle::Speaker;
use crate::own_commands::{self, AUTHOR, OwnCommand};
use crate::work::Work;
use crate::{Context, Error, push};

#[cfg(test)]
mod tests;

/// The reason in the record of a renewal.
const REASON: &str = "the device certificate is due for renewal";
/// How long a renewal waits for its device before it is made anew.
const WAITS: Duration = Duration::from_secs(30 * 86_400);
/// How soon after a hand-out another attempt is made.
const AGAIN_AFTER: Duration = Duration::from_secs(86_400);
/// How many epochs of each kind one round looks at.
const LOOKED_AT: i64 = 10_000;
/// Renewals are enqueued in transactions of this many.
const BATCH: usize = 50;

/// Enqueues renewals.
pub struct Renewals {
    context: Context,
    authorities: Arc<Authorities>,
    looked: Mutex<Option<Timestamp>>,
}

impl Renewals {
    /// With these authorities.
    #[must_use]
    pub fn new(context: Context, authorities: Arc<Authorities>) -> Self {
        Self { context, authorities, looked: Mutex::new(None) }
    }

    /// Enqueues what is due, if it has not been looked for lately.
    ///
    /// # Errors
    /// The database's.
    pub async fn round(&self) -> Result<usize, Error> {
        let now = self.context.now();
        {
            let mut looked = self.looked.lock();
            if looked.is_some_and(|last| now.since(last) < self.context.settings.renewals_every) {
                return Ok(0);
            }
            *looked = Some(now);
        }
        self.enqueue_due(LOOKED_AT).await
    }

    /// Enqueues the renewals that are due, looking at no more than `limit` of each kind: of certificates that have passed their
    /// half-life, of those that an older authority issued, and of profiles that are not what they should be. Returns how many were
    /// enqueued.
    ///
    /// # Errors
    /// The database's.
    pub async fn enqueue_due(&self, limit: i64) -> Result<usize, Error> {
        let (ground, authorities) = (self.context.clone(), self.authorities.current());
        let rule = rule(&ground, &authorities);
        let due = self.context.store.read("renewals_due", move |connection| {
            let mut due = Enrollment::list_due_for_renewal(connection, rule, limit)?;
            due.extend(Enrollment::list_of_other_authorities(connection, authorities.active.id, limit)?);
            for digest in outdated(connection, &ground, &authorities)? {
                due.extend(Enrollment::list_by_profile(connection, &digest, limit)?);
            }
            Ok::<Vec<EnrollmentId>, Error>(due.into_iter().map(|enrollment| enrollment.id).collect())
        });
        let mut due = due.await?;
        due.sort();
        due.dedup();
        let mut enqueued = 0;
        for batch in due.chunks(BATCH) {
            let (batch, ground) = (batch.to_vec(), self.context.clone());
            let work = move |tx: &mut Tx<'_>| enqueue_batch(tx, &ground, &batch);
            enqueued += self.context.store.tx("enqueue_renewals", work).await?;
        }
        Ok(enqueued)
    }
}

/// When certificates are due: no device is asked for one that ends no later than the one that it has, as an authority with a short rest
/// of life would have it every day.
pub(crate) fn rule(context: &Context, authorities: &Loaded) -> RenewalDue {
    let (now, settings) = (context.now(), &context.settings);
    let life = Duration::from_secs(u64::from(settings.identity_days) * 86_400);
    let new_end = (now + life).min(authorities.active.authority.certificate().not_after());
    RenewalDue { now, percent: settings.renew_after_percent, new_end }
}

/// The digests of profiles that devices have and should not have any more.
fn outdated(
    connection: &mut Connection,
    context: &Context,
    authorities: &Loaded,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut outdated = Vec::new();
    for (topic, rights, digest) in Enrollment::profiles_in_use(connection)? {
        let rights = u32::try_from(rights).ok().and_then(|bits| AccessRights::new(bits).ok());
        let (Some(digest), Some(rights)) = (digest, rights) else { continue };
        if profile::digest(context, authorities, &topic, rights)?.as_slice() != digest {
            outdated.push(digest);
        }
    }
    Ok(outdated)
}

fn enqueue_batch(tx: &mut Tx<'_>, context: &Context, batch: &[EnrollmentId]) -> Result<usize, Error> {
    let mut enqueued = 0;
    for id in batch {
        let enrollment = Enrollment::find(tx, *id)?;
        if enqueue(tx, context, &enrollment)? {
            let channel = Channel::find_device_channel(tx, enrollment.id)?;
            push::request(tx, channel.id, context.now())?;
            enqueued += 1;
        }
    }
    Ok(enqueued)
}

/// Sees to it that a device which has come with an expired certificate finds its renewal in the queue.
///
/// One that would end no later repairs nothing and would be asked for at every poll.
pub(crate) fn ensure(work: &mut Work<'_, '_>, speaker: &Speaker) -> Result<(), Error> {
    let enrollment = &speaker.enrollment;
    if rule(work.context, work.authorities).new_end <= speaker.identity.not_after {
        return Ok(());
    }
    enqueue(work.tx, work.context, enrollment).map(|_| ())
}

/// Enqueues a renewal unless one is on its way. Says whether it did.
fn enqueue(tx: &mut Tx<'_>, context: &Context, enrollment: &Enrollment) -> Result<bool, Error> {
    let now = context.now();
    if enrollment.state != EnrollmentState::Enrolled {
        return Ok(false);
    }
    let channel = Channel::find_device_channel(tx, enrollment.id)?;
    for pending in tx.pending(channel.id) {
        if &*pending.request_type == "InstallProfile" && is_renewal(&Command::find(tx, pending.command_id)?) {
            return Ok(false);
        }
    }
    let handed_out = Issuance::list_for_enrollment(tx, enrollment.id)?
        .into_iter()
        .find(|issuance| issuance.purpose == IssuancePurpose::Renew);
    if handed_out.is_some_and(|issuance| now.since(issuance.created_at) < AGAIN_AFTER) {
        return Ok(false);
    }
    let mut dictionary = Dictionary::new();
    dictionary.insert("RequestType".to_owned(), "InstallProfile".into());
    dictionary.insert(FILL_KEY.to_owned(), FILL_RENEWAL.into());
    let expires_at = Some(now + WAITS);
    let own = OwnCommand { enrollment, channel: channel.id, dictionary, lane: 0, expires_at, reason: REASON };
    own_commands::enqueue(tx, context, own)?;
    Ok(true)
}

fn is_renewal(command: &Command) -> bool {
    command.created_by == AUTHOR && command.reason.as_deref() == Some(REASON)
}
