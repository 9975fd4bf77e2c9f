//! Enrolment links as the person sees them who enrols: a page in plain words, and a profile with a challenge of its own.
//!
//! Fetching the page or the profile uses nothing up: a link counts a use when a device first speaks with a certificate that came of it.

use std::sync::Arc;

use catalog::Ownership;
use clock::Timestamp;
use gate::{Decision, Exit, Permit};
use protocol_profile::AccessRights;
use secrecy::{ExposeSecret, SecretString};
use store::{EnrollmentLink, Issuance, IssuanceId, IssuancePurpose, PushCertificate};

use crate::audit::{self, Act};
use crate::authorities::Authorities;
use crate::{Context, Error};

mod offer;
pub(crate) mod profile;

#[cfg(test)]
mod tests;

pub use offer::Offer;
use profile::ProfileOrder;

/// Challenges of one link that wait for their first use, for each device that may still enrol by it.
const WAITING_PER_USE: i64 = 20;
/// The same for a link without a limit.
const WAITING_AT_MOST: i64 = 20_000;
/// The longest token that is looked up, in bytes.
const LONGEST_TOKEN: usize = 200;

/// The public side of enrolment links.
pub struct Enrollments {
    context: Context,
    authorities: Arc<Authorities>,
}

impl Enrollments {
    /// With these authorities.
    #[must_use]
    pub fn new(context: Context, authorities: Arc<Authorities>) -> Self {
        Self { context, authorities }
    }

    /// What a link offers.
    ///
    /// # Errors
    /// [`Error::NotFound`] for no link, [`Error::Gone`] for one whose time is over, [`Error::Forbidden`] for a personal one while those
    /// are switched off.
    pub async fn open(&self, token: &str) -> Result<Offer, Error> {
        let link = self.find(token).await?;
        let organization = &self.context.settings.organization;
        Ok(Offer::new(organization, link.owner, link.ownership, link.expires_at))
    }

    /// The signed profile of a link, with a new challenge.
    ///
    /// # Errors
    /// As [`Enrollments::open`]; [`Error::Unavailable`] while there is no push certificate, or when the profile was fetched too often
    /// without being installed.
    pub async fn profile(&self, token: &str) -> Result<(Vec<u8>, Permit), Error> {
        let link = self.find(token).await?;
        let topic = self.topic().await?;
        let (challenge, common_name) = (new_challenge(), common_name());
        let mut issuance = self.issuance(&link, &challenge, &common_name);
        issuance.topic = Some(topic.clone());
        let (ground, authorities) = (self.context.clone(), self.authorities.current());
        let access_rights = AccessRights::for_ownership(link.ownership);
        let signed = tokio::task::spawn_blocking(move || {
            let order = ProfileOrder { topic: &topic, access_rights, challenge, common_name: &common_name };
            let profile = profile::build(&ground, &authorities, order)?;
            let digest = profile::digest(&ground, &authorities, &topic, access_rights)?;
            Ok::<_, Error>((profile::sign(&authorities, &profile)?, digest))
        });
        let (signed, digest) = signed.await.map_err(|error| Error::Internal(error.to_string()))??;
        // What the device will have is what is fetched now, however the server has changed when it first speaks.
        issuance.profile_digest = Some(digest.to_vec());
        let permit = self.allow(issuance).await?;
        Ok((signed, permit))
    }

    async fn find(&self, token: &str) -> Result<EnrollmentLink, Error> {
        if token.len() > LONGEST_TOKEN {
            return Err(Error::not_found("enrolment link", "(too long)"));
        }
        let hash = pki::sha256(token.as_bytes());
        let found = self.context.store.read("enrollment_link", move |connection| {
            Ok::<_, Error>(EnrollmentLink::find_by_token_hash(connection, &hash)?)
        });
        // The token stays out of the error: errors are logged.
        let link = found.await?.ok_or_else(|| Error::not_found("enrolment link", "(not shown)"))?;
        check(&link, self.context.now(), self.context.settings.allow_personal_links)?;
        Ok(link)
    }

    async fn topic(&self) -> Result<String, Error> {
        let active = self
            .context
            .store
            .read("active_topic", |connection| Ok::<_, Error>(PushCertificate::list_active(connection)?));
        let newest = active.await?.into_iter().max_by_key(|certificate| certificate.installed_at);
        let missing = || Error::Unavailable("no push certificate is installed yet".to_owned());
        newest.map(|certificate| certificate.topic).ok_or_else(missing)
    }

    fn issuance(&self, link: &EnrollmentLink, challenge: &SecretString, common_name: &str) -> Issuance {
        let now = self.context.now();
        Issuance {
            id: IssuanceId::new(&*self.context.clock),
            purpose: IssuancePurpose::Enroll,
            challenge_hash: challenge_hash(challenge).to_vec(),
            link_id: Some(link.id),
            enrollment_id: None,
            delivery_seq: None,
            ownership: link.ownership,
            owner: link.owner.clone(),
            subject: common_name.to_owned(),
            created_at: now,
            expires_at: now + self.context.settings.challenge_lifetime,
            transaction_id: None,
            key_digest: None,
            first_used_at: None,
            identity_id: None,
            topic: None,
            profile_digest: None,
            revoked_at: None,
        }
    }

    async fn allow(&self, issuance: Issuance) -> Result<Permit, Error> {
        let ground = self.context.clone();
        self.context
            .store
            .tx("enrollment_profile", move |tx| {
                let now = ground.now();
                if let Some(id) = issuance.link_id {
                    let link = EnrollmentLink::find(tx, id)?;
                    check(&link, now, ground.settings.allow_personal_links)?;
                    let left = link.uses_limit.map(|limit| i64::from(limit.saturating_sub(link.uses)));
                    let most = left
                        .map_or(WAITING_AT_MOST, |left| left.saturating_mul(WAITING_PER_USE))
                        .min(WAITING_AT_MOST);
                    if Issuance::count_waiting(tx, id, now)? >= most {
                        return Err(Error::Unavailable(
                            "the profile was fetched too often without being installed".to_owned(),
                        ));
                    }
                }
                issuance.insert(tx)?;
                match ground.gate.decide(tx, &Exit::EnrollmentProfile)? {
                    Decision::Leave(permit) => {
                        let link = issuance.link_id.map(|id| format!("link:{id}")).unwrap_or_default();
                        let act = Act::by_ward(permit.kind().action()).of_class(permit.class()).on(link);
                        audit::record(tx, now, &act)?;
                        Ok(permit)
                    }
                    Decision::Withhold(reason) => Err(Error::Withheld(reason.to_owned())),
                }
            })
            .await
    }
}

/// Whether a link may be used now, and in words why not.
///
/// # Errors
/// [`Error::Gone`] and [`Error::Forbidden`].
pub(crate) fn check(link: &EnrollmentLink, now: Timestamp, personal_allowed: bool) -> Result<(), Error> {
    let gone = |reason: &str| Err(Error::Gone(reason.to_owned()));
    if link.revoked_at.is_some() {
        return gone("It was withdrawn. Ask for a new one.");
    }
    if link.stopped_at.is_some() {
        return gone(
            "It was stopped because something unusual happened with it. Ask the people who gave it to you.",
        );
    }
    if now >= link.expires_at {
        return gone("It has expired. Ask for a new one.");
    }
    if link.uses_limit.is_some_and(|limit| link.uses >= limit) {
        return gone("It has been used by as many devices as it was made for. Ask for a new one.");
    }
    if link.ownership == Ownership::Personal && !personal_allowed {
        let why = "Personal devices are not enrolled by a profile here, because such a profile shows the serial number and all apps of the \
                   device. Sign in with your work account instead.";
        return Err(Error::Forbidden(why.to_owned()));
    }
    Ok(())
}

/// A challenge: 192 bits in letters that every client can put into a request.
pub(crate) fn new_challenge() -> SecretString {
    SecretString::from(hex::encode(pki::random_bytes::<24>()))
}

/// What is stored of a challenge.
pub(crate) fn challenge_hash(challenge: &SecretString) -> [u8; 32] {
    pki::sha256(challenge.expose_secret().as_bytes())
}

/// The common name of a new identity: it names nobody and is in no other certificate.
pub(crate) fn common_name() -> String {
    format!("Ward device {}", hex::encode(pki::random_bytes::<8>()))
}
