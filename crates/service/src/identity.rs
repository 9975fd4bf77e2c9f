//! Who is knocking: from a certificate to the enrolment that it is pinned to.
//!
//! The memory here only spares the database the frequent and harmless question of an idle device. Whatever writes or hands
//! something out looks at the rows again, in its own transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clock::Timestamp;
use parking_lot::RwLock;
use pki::{Certificate, Fingerprint};
use protocol_mdm::EnrollmentKey;
use store::{
    Channel, ChannelId, Connection, Enrollment, EnrollmentId, EnrollmentState, Identity, IdentityId,
};

use crate::authorities::{Authorities, Loaded};
use crate::{Context, Error, IdentityRefusal};

#[cfg(test)]
mod tests;

/// More than this many certificates are not remembered at once.
const REMEMBERED: usize = 250_000;

/// Recognises devices by their certificates.
pub struct Identities {
    context: Context,
    authorities: Arc<Authorities>,
    memory: Memory,
}

/// A caller whose certificate one of our authorities issued and nobody has revoked.
#[derive(Clone)]
pub struct Caller {
    fingerprint: Fingerprint,
    known: Option<Arc<Known>>,
}

/// What the rows said of a certificate when they were last read.
#[derive(Debug)]
pub(crate) struct Known {
    identity: IdentityId,
    not_after: Timestamp,
    revoked: bool,
    epoch: Option<Epoch>,
}

/// The epoch of a certificate, as far as the quiet path needs it.
#[derive(Debug)]
struct Epoch {
    enrollment: EnrollmentId,
    apple_id: String,
    /// Enrolled, with this very certificate, and nobody disputes it.
    settled: bool,
    channels: Vec<(String, ChannelId)>,
}

/// What is remembered, and a number that changes when it no longer holds.
#[derive(Default)]
struct Memory {
    version: AtomicU64,
    known: RwLock<HashMap<Fingerprint, Arc<Known>>>,
}

impl Identities {
    /// Recognises by these authorities.
    #[must_use]
    pub fn new(context: Context, authorities: Arc<Authorities>) -> Self {
        Self { context, authorities, memory: Memory::default() }
    }

    /// Recognises a certificate whose possession the caller has proven. Dates are judged leniently: an expired certificate is served
    /// for repair for as long as the settings say.
    ///
    /// # Errors
    /// [`Error::Identity`] for one that is foreign, revoked, or expired for too long.
    pub async fn recognize(&self, certificate: &Certificate) -> Result<Caller, Error> {
        let fingerprint = certificate.fingerprint();
        let known = match self.memory.find(&fingerprint) {
            Some(known) => Some(known),
            None => self.look_up(fingerprint).await?,
        };
        match &known {
            Some(known) => self.check(known)?,
            // The signature of our authority makes a stranger worth recording, and no more.
            None if self.authorities.current().issued(certificate) => {}
            None => return Err(IdentityRefusal::Untrusted.into()),
        }
        Ok(Caller { fingerprint, known })
    }

    /// The authorities as they are now.
    pub(crate) fn authorities(&self) -> Arc<Loaded> {
        self.authorities.current()
    }

    /// Forgets everything that is remembered: after a change to many identities or enrolments.
    pub fn forget_all(&self) {
        self.memory.forget(|_| true);
    }

    /// Forgets what is remembered of these enrolments, and of certificates that were not pinned yet. Called after every change to
    /// an identity, an enrolment or a channel.
    pub fn forget(&self, enrollments: &[EnrollmentId]) {
        self.memory
            .forget(|known| known.epoch.as_ref().is_none_or(|epoch| enrollments.contains(&epoch.enrollment)));
    }

    /// The channel of a caller about whom everything is settled, if it has nothing to fetch and nothing to be told: such a poll is
    /// answered from memory.
    pub(crate) fn quiet_channel(&self, caller: &Caller, key: &EnrollmentKey) -> Option<ChannelId> {
        let known = caller.known.as_ref()?;
        let epoch = known.epoch.as_ref().filter(|epoch| epoch.settled && epoch.apple_id == key.device)?;
        if known.not_after < self.context.now() {
            return None;
        }
        let channel = epoch.find(&key.to_string())?;
        (!self.context.store.has_pending(channel)).then_some(channel)
    }

    fn check(&self, known: &Known) -> Result<(), IdentityRefusal> {
        if known.revoked {
            return Err(IdentityRefusal::Revoked);
        }
        if known.not_after + self.context.settings.expired_grace < self.context.now() {
            return Err(IdentityRefusal::Expired);
        }
        Ok(())
    }

    async fn look_up(&self, fingerprint: Fingerprint) -> Result<Option<Arc<Known>>, Error> {
        let version = self.memory.version();
        let found = self
            .context
            .store
            .read("recognize", move |connection| Known::read(connection, fingerprint))
            .await?;
        let found = found.map(Arc::new);
        if let Some(known) = &found {
            self.memory.put(version, fingerprint, known);
        }
        Ok(found)
    }
}

impl Caller {
    /// SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The row of the certificate, if there was one when it was last looked at.
    #[must_use]
    pub fn identity_id(&self) -> Option<IdentityId> {
        self.known.as_ref().map(|known| known.identity)
    }

    /// The enrolment that the certificate is pinned to, if it was when it was last looked at.
    #[must_use]
    pub fn enrollment_id(&self) -> Option<EnrollmentId> {
        self.known.as_ref()?.epoch.as_ref().map(|epoch| epoch.enrollment)
    }

    /// The channel with this composite id in the caller's epoch, if it was there when it was last looked at.
    pub(crate) fn channel(&self, key: &str) -> Option<ChannelId> {
        self.known.as_ref()?.epoch.as_ref()?.find(key)
    }
}

impl Known {
    fn read(connection: &mut Connection, fingerprint: Fingerprint) -> Result<Option<Self>, Error> {
        let Some(identity) = Identity::find_by_fingerprint(connection, fingerprint.as_bytes())? else {
            return Ok(None);
        };
        let epoch = match identity.enrollment_id {
            Some(id) => Some(Epoch::read(connection, &identity, id)?),
            None => None,
        };
        let (not_after, revoked) = (identity.not_after, identity.revoked_at.is_some());
        Ok(Some(Self { identity: identity.id, not_after, revoked, epoch }))
    }
}

impl Epoch {
    fn read(connection: &mut Connection, identity: &Identity, id: EnrollmentId) -> Result<Self, Error> {
        let enrollment = Enrollment::find(connection, id)?;
        let channels = Channel::list_for_enrollment(connection, id)?;
        let settled = enrollment.state == EnrollmentState::Enrolled
            && enrollment.identity_id == Some(identity.id)
            && enrollment.superseded_by.is_none()
            && identity.first_seen_at.is_some();
        let channels = channels.into_iter().map(|channel| (channel.key, channel.id)).collect();
        Ok(Self { enrollment: id, apple_id: enrollment.apple_id, settled, channels })
    }

    fn find(&self, key: &str) -> Option<ChannelId> {
        self.channels.iter().find(|(known, _)| known == key).map(|(_, id)| *id)
    }
}

impl Memory {
    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn find(&self, fingerprint: &Fingerprint) -> Option<Arc<Known>> {
        self.known.read().get(fingerprint).cloned()
    }

    /// Remembers what was read when the version was `version`, unless it has changed since.
    fn put(&self, version: u64, fingerprint: Fingerprint, known: &Arc<Known>) {
        let mut remembered = self.known.write();
        if self.version() != version {
            return;
        }
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(fingerprint, Arc::clone(known));
    }

    fn forget(&self, is_stale: impl Fn(&Known) -> bool) {
        let mut remembered = self.known.write();
        self.version.fetch_add(1, Ordering::AcqRel);
        remembered.retain(|_, known| !is_stale(known));
    }
}
