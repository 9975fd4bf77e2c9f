//! The issue of identities by SCEP (RFC 8894): to devices for the MDM door, and at an address of its own for the hospital's network.
//!
//! Who may have a certificate is decided by the challenge, or for a renewal by the old certificate; the row of that permission binds the
//! new certificate to its enrolment. Cryptography runs beside the threads that serve connections, and only so many at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;
use parking_lot::Mutex;
use pki::{Certificate, NewCertificate, Usage};
use protocol_scep::{
    CONTENT_TYPE_MESSAGE, CONTENT_TYPE_TEXT, FailInfo, Header, Operation, Rejection, Request,
    ca_certificates, capabilities, failure, message_from_query, success,
};
use store::AuthorityId;
use tokio::sync::Semaphore;

use crate::authorities::{Authorities, Issuer, Loaded, Realm};
use crate::enrollment::profile;
use crate::events::Event;
use crate::{Context, Error, network};

mod grant;
mod list;

#[cfg(test)]
mod tests;

use grant::{Claim, Granted, Ticket};

/// How many requests are worked on at a time. More are told to come back.
const AT_A_TIME: usize = 64;

/// The SCEP server.
pub struct Scep {
    context: Context,
    authorities: Arc<Authorities>,
    room: Arc<Semaphore>,
    lists: Mutex<HashMap<AuthorityId, (Timestamp, Vec<u8>)>>,
}

/// What goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScepReply {
    /// Its content type; clients compare it to the letter.
    pub content_type: &'static str,
    /// The bytes.
    pub body: Vec<u8>,
}

/// A request that was read, and whose authority it was encrypted for.
struct Opened {
    request: Request,
    /// The place in [`Loaded::of`].
    recipient: usize,
}

impl Scep {
    /// With these authorities.
    #[must_use]
    pub fn new(context: Context, authorities: Arc<Authorities>) -> Self {
        Self { context, authorities, room: Arc::new(Semaphore::new(AT_A_TIME)), lists: Mutex::default() }
    }

    /// Answers one request: its query, and the body of a POST (empty for a GET). A refusal is a message too, not an error.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no SCEP message at all, [`Error::Unavailable`] when too many come at once.
    pub async fn receive(&self, query: &str, body: Vec<u8>) -> Result<ScepReply, Error> {
        self.receive_in(Realm::Devices, query, body).await
    }

    /// The same at the network's address. Its authority is made when it is first asked for.
    ///
    /// # Errors
    /// As [`Scep::receive`].
    pub async fn receive_for_network(&self, query: &str, body: Vec<u8>) -> Result<ScepReply, Error> {
        self.authorities.with_network().await?;
        self.receive_in(Realm::Network, query, body).await
    }

    async fn receive_in(&self, realm: Realm, query: &str, body: Vec<u8>) -> Result<ScepReply, Error> {
        let operation = Operation::from_query(query).map_err(|error| Error::Malformed(error.to_string()))?;
        match operation {
            Operation::GetCaCaps => {
                Ok(ScepReply { content_type: CONTENT_TYPE_TEXT, body: capabilities().as_bytes().to_vec() })
            }
            Operation::GetCaCert => {
                let loaded = self.authorities.current();
                let (content_type, body) = ca_certificates(&issuing(&loaded, realm)?.authority);
                Ok(ScepReply { content_type, body })
            }
            Operation::PkiOperation => {
                let message = if body.is_empty() {
                    message_from_query(query).map_err(|error| Error::Malformed(error.to_string()))?
                } else {
                    body
                };
                let body = self.exchange(realm, message).await?;
                Ok(ScepReply { content_type: CONTENT_TYPE_MESSAGE, body })
            }
        }
    }

    async fn exchange(&self, realm: Realm, message: Vec<u8>) -> Result<Vec<u8>, Error> {
        let busy = || Error::Unavailable("too many certificate requests at once".to_owned());
        let _room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| busy())?;
        let loaded = self.authorities.current();
        let allow_single_des = self.context.settings.allow_single_des;
        let of_parsing = Arc::clone(&loaded);
        let opened = blocking(move || Ok(open(&of_parsing, realm, &message, allow_single_des))).await?;
        let opened = match opened {
            Ok(opened) => opened,
            Err(Rejection::Unreadable(error)) => return Err(Error::Malformed(error.to_string())),
            Err(Rejection::Failed { header, fail_info, error }) => {
                return self.refuse((&loaded, realm), *header, fail_info, &error.to_string()).await;
            }
        };
        let claim = Claim::of(realm, &opened.request);
        match self.issue(&loaded, &claim, opened.request.csr.public_key_der().to_vec()).await? {
            Ok(issued) => {
                blocking(move || {
                    let recipient = match loaded.of(realm).get(opened.recipient) {
                        Some(recipient) => recipient,
                        None => issuing(&loaded, realm)?,
                    };
                    success(&opened.request, &recipient.authority, &issued)
                        .map_err(|error| Error::Internal(error.to_string()))
                })
                .await
            }
            Err(why) => self.refuse((&loaded, realm), opened.request.header, FailInfo::BadRequest, why).await,
        }
    }

    /// Issues what the claim entitles to, or says why it entitles to nothing.
    async fn issue(
        &self,
        loaded: &Arc<Loaded>,
        claim: &Claim,
        public_key_der: Vec<u8>,
    ) -> Result<Result<Certificate, &'static str>, Error> {
        let (ground, of_check) = (self.context.clone(), claim.clone());
        let checked = self
            .context
            .store
            .read("scep_challenge", move |connection| grant::check(connection, &ground, &of_check));
        let ticket = match checked.await? {
            Ok(Granted::Ticket(ticket)) => ticket,
            Ok(Granted::Again(der)) => return Ok(Ok(Certificate::from_der(&der)?)),
            Err(why) => return Ok(Err(why)),
        };
        let (ground, of_issue, realm) = (self.context.clone(), Arc::clone(loaded), claim.realm());
        let authority = issuing(loaded, realm)?.id;
        let issued =
            blocking(move || sign(&ground, issuing(&of_issue, realm)?, &ticket, (realm, public_key_der)))
                .await?;
        let (ground, claim, certificate) = (self.context.clone(), claim.clone(), issued.clone());
        let granted = self
            .context
            .store
            .tx("issue_identity", move |tx| grant::redeem(tx, &ground, &claim, (authority, &certificate)));
        match granted.await? {
            Ok(Granted::Ticket(_)) => {
                metrics::counter!("ward_identities_issued_total").increment(1);
                let detail =
                    serde_json::json!({ "serial": issued.serial_hex(), "not_after": issued.not_after() });
                self.context.events.publish(Event::new("identity.issued", self.context.now()).with(detail));
                Ok(Ok(issued))
            }
            // The same request was answered in between: everybody gets that certificate.
            Ok(Granted::Again(der)) => Ok(Ok(Certificate::from_der(&der)?)),
            Err(why) => Ok(Err(why)),
        }
    }

    async fn refuse(
        &self,
        (loaded, realm): (&Arc<Loaded>, Realm),
        header: Header,
        fail_info: FailInfo,
        why: &str,
    ) -> Result<Vec<u8>, Error> {
        metrics::counter!("ward_scep_refusals_total").increment(1);
        tracing::info!(error.reason = why, "Refused a certificate request: {why}");
        let loaded = Arc::clone(loaded);
        blocking(move || {
            failure(&header, &issuing(&loaded, realm)?.authority, fail_info)
                .map_err(|error| Error::Internal(error.to_string()))
        })
        .await
    }
}

/// The authority that issues in a realm.
fn issuing(loaded: &Loaded, realm: Realm) -> Result<&Issuer, Error> {
    match realm {
        Realm::Devices => Ok(&loaded.active),
        Realm::Network => loaded.network.first().ok_or_else(|| Error::not_found("authority", "network")),
    }
}

/// Reads a message with the key of whichever authority it was encrypted for.
fn open(loaded: &Loaded, realm: Realm, message: &[u8], allow_single_des: bool) -> Result<Opened, Rejection> {
    let mut first = None;
    for (recipient, issuer) in loaded.of(realm).into_iter().enumerate() {
        match Request::parse(message, &issuer.authority, allow_single_des) {
            Ok(request) => return Ok(Opened { request, recipient }),
            Err(rejection) => {
                first.get_or_insert(rejection);
            }
        }
    }
    let none = || Rejection::Unreadable(protocol_scep::Error::Malformed("there is no authority to read it"));
    Err(first.unwrap_or_else(none))
}

fn sign(
    context: &Context,
    issuer: &Issuer,
    ticket: &Ticket,
    (realm, public_key_der): (Realm, Vec<u8>),
) -> Result<Certificate, Error> {
    let (now, settings) = (context.now(), &context.settings);
    let (organization, name) = (&settings.organization, &ticket.common_name);
    let (subject, life) = match realm {
        Realm::Devices => (
            profile::subject(organization, name),
            Duration::from_secs(u64::from(settings.identity_days) * 86_400),
        ),
        Realm::Network => (network::subject(organization, name), network::life(context)),
    };
    let certificate = issuer.authority.issue(&NewCertificate {
        public_key_der,
        subject,
        not_before: now - settings.back_date,
        not_after: now + life,
        usage: Usage::Client,
        serial: None,
    })?;
    Ok(certificate)
}

async fn blocking<T, F>(work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Error> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?
}
