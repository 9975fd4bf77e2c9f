//! Push certificates: asked for, installed without a restart, several topics beside each other.

use std::sync::Arc;

use apple_client::Push;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::Timestamp;
use pki::PrivateKey;
use pki::seal::Sealer;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Enrollment, Job, PushCertificate, PushCertificateId, Setting};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Alarms, SEND_PUSH};
use crate::audit::{self, Act};
use crate::events::Event;
use crate::operators::Operator;
use crate::views::{
    InstallPushCertificateRequest, InstalledPushCertificateView, PushCertificateRequestRequest,
    PushCertificateRequestView, PushCertificateView,
};
use crate::{Context, Error};

/// Where the keys of requests wait for their certificates.
pub(crate) const REQUESTS: &str = "push_certificate_requests";
/// How many requests wait at most; the oldest goes.
const KEPT_REQUESTS: usize = 5;
/// Days before its end when a certificate is worth a warning.
const SOON: i64 = 30;

/// What to do with a request, for people.
const ADVICE: &str = "Have an MDM vendor sign this request, upload the signed file at https://identity.apple.com/pushcert with an Apple Account \
    of the hospital's (never a person's; to renew, the same account and 'Renew' on the same certificate), then install the PEM file \
    that the portal gives. The private key stays here, sealed.";

/// The service.
pub struct PushCertificates {
    context: Context,
    push: Arc<dyn Push>,
    alarms: Alarms,
}

/// A key whose certificate has not come yet.
#[derive(Serialize, Deserialize)]
pub(crate) struct WaitingKey {
    pub(crate) id: Uuid,
    /// PKCS#8, base64.
    pub(crate) key: String,
    pub(crate) created_at: Timestamp,
}

impl PushCertificates {
    /// Over the common ground.
    #[must_use]
    pub fn new(context: Context, push: Arc<dyn Push>, alarms: Alarms) -> Self {
        Self { context, push, alarms }
    }

    /// Gives every certificate in force to the sender. One that cannot be used does not keep the others from it.
    ///
    /// # Errors
    /// The database's.
    pub async fn load(&self) -> Result<(), Error> {
        let rows = self
            .context
            .store
            .read("load_push", |c| Ok::<_, Error>(PushCertificate::list_active(c)?))
            .await?;
        for row in rows {
            if let Err(error) = open(&self.context, &row).and_then(|ready| self.hand_over(ready)) {
                tracing::error!(push.topic = %row.topic, error = %error, "The push certificate of {} cannot be used: {error}", row.topic);
                self.alarms.raise(&row.topic, &error.to_string(), self.context.now());
            }
        }
        Ok(())
    }

    /// The certificates, those in force first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self) -> Result<Vec<PushCertificateView>, Error> {
        let now = self.context.now();
        self.context
            .store
            .read("list_push_certificates", move |c| {
                let counts = Enrollment::count_by_topic(c)?;
                let mut rows = PushCertificate::list(c)?;
                rows.sort_by_key(|row| row.replaced_at.is_some());
                let count = |topic: &str| counts.get(topic).copied().unwrap_or_default();
                Ok(rows.iter().map(|row| view(row, count(&row.topic), now)).collect())
            })
            .await
    }

    /// Makes a key and a request for a certificate.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an organisation that no subject can hold.
    pub async fn request(
        &self,
        operator: &Operator,
        request: PushCertificateRequestRequest,
    ) -> Result<PushCertificateRequestView, Error> {
        let organization = request.organization.unwrap_or_else(|| self.context.settings.organization.clone());
        let made = tokio::task::spawn_blocking(move || pki::PushCertificate::request(&organization)).await;
        let made = made.map_err(|error| Error::Internal(error.to_string()))?;
        let (key, csr) = made.map_err(|error| Error::invalid("organization", error.to_string()))?;
        let (id, now) = (clock::new_id(self.context.clock.as_ref()), self.context.now());
        let key = Zeroizing::new(STANDARD.encode(&*key.to_pkcs8_der()?));
        let sealer = self.context.sealer.clone();
        let act = Act::new(operator, "push_certificate.request").of_class(catalog::Class::D3);
        self.context
            .store
            .tx("request_push_certificate", move |tx| {
                let mut waiting = waiting(tx, &sealer)?;
                waiting.push(WaitingKey { id, key: key.to_string(), created_at: now });
                let excess = waiting.len().saturating_sub(KEPT_REQUESTS);
                waiting.drain(..excess);
                keep_waiting(tx, &sealer, &waiting)?;
                audit::record(tx, now, &act)
            })
            .await?;
        Ok(PushCertificateRequestView {
            csr_pem: pem(&csr),
            csr_der_base64: STANDARD.encode(csr),
            advice: ADVICE.to_owned(),
        })
    }

    /// Installs a certificate and uses it from the next push on. One of another topic is added beside those that are there.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that cannot be used: no key, an encrypted key, a key that does not fit, no MDM topic, expired.
    pub async fn install(
        &self,
        operator: &Operator,
        request: InstallPushCertificateRequest,
    ) -> Result<InstalledPushCertificateView, Error> {
        let ready = self.read(&request).await?;
        let now = self.context.now();
        if ready.not_after() <= now {
            return Err(Error::invalid("pem", format!("the certificate expired on {}", ready.not_after())));
        }
        let row = self.row(&ready, now)?;
        let act =
            Act::new(operator, "push_certificate.install").on(row.topic.clone()).of_class(catalog::Class::D3);
        let (stored, act) = (
            row.clone(),
            act.with(json!({ "serial": ready.certificate().serial_hex(), "not_after": row.not_after })),
        );
        let (before, counts) = self
            .context
            .store
            .tx("install_push_certificate", move |tx| {
                let before = PushCertificate::list_active(tx)?;
                stored.install(tx)?;
                Job::hurry(tx, SEND_PUSH, now)?;
                audit::record(tx, now, &act)?;
                Ok::<_, Error>((before, Enrollment::count_by_topic(tx)?))
            })
            .await?;
        self.hand_over(ready)?;
        self.alarms.clear(&row.topic);
        let event = Event::new("push.certificate", now)
            .with(json!({ "topic": row.topic, "not_after": row.not_after }));
        self.context.events.publish(event);
        let count = counts.get(&row.topic).copied().unwrap_or_default();
        let warnings = warnings(&row, &before, counts.keys(), now);
        Ok(InstalledPushCertificateView { certificate: view(&row, count, now), warnings })
    }

    fn hand_over(&self, ready: pki::PushCertificate) -> Result<(), Error> {
        self.push.install(ready).map_err(|error| Error::invalid("pem", error.to_string()))
    }

    async fn read(&self, request: &InstallPushCertificateRequest) -> Result<pki::PushCertificate, Error> {
        match (&request.pem, &request.pkcs12) {
            (Some(text), None) => match pki::PushCertificate::from_pem(text.as_bytes()) {
                Err(pki::Error::Missing("the private key")) => self.with_waiting_key(text).await,
                other => other.map_err(|error| Error::invalid("pem", error.to_string())),
            },
            (None, Some(text)) => {
                let dense: String = text.split_ascii_whitespace().collect();
                let der = STANDARD.decode(dense).map_err(|_| Error::invalid("pkcs12", "is not base64"))?;
                let password = request.password.as_deref().unwrap_or_default();
                pki::PushCertificate::from_pkcs12(&der, password)
                    .map_err(|error| Error::invalid("pkcs12", error.to_string()))
            }
            _ => Err(Error::invalid("pem", "give either 'pem' or 'pkcs12'")),
        }
    }

    /// A certificate alone: its key is one that Ward made a request with.
    async fn with_waiting_key(&self, text: &str) -> Result<pki::PushCertificate, Error> {
        let certificate = pki::Certificate::from_pem(text.as_bytes())
            .map_err(|error| Error::invalid("pem", error.to_string()))?;
        let sealer = self.context.sealer.clone();
        let waiting = self.context.store.read("waiting_push_keys", move |c| waiting(c, &sealer)).await?;
        for candidate in waiting.iter().rev() {
            let der = STANDARD.decode(&candidate.key).map_err(|error| Error::Internal(error.to_string()))?;
            let key = PrivateKey::from_pkcs8_der(&Zeroizing::new(der))?;
            if certificate.matches_key(&key) {
                return pki::PushCertificate::new(certificate, key)
                    .map_err(|error| Error::invalid("pem", error.to_string()));
            }
        }
        Err(Error::invalid("pem", "there is no private key in it, and it fits no request that was made here"))
    }

    fn row(&self, ready: &pki::PushCertificate, now: Timestamp) -> Result<PushCertificate, Error> {
        let id = PushCertificateId::new(self.context.clock.as_ref());
        Ok(PushCertificate {
            id,
            topic: ready.topic().to_owned(),
            certificate_der: ready.certificate().der().to_vec(),
            sealed_key: PushCertificate::seal_key(&self.context.sealer, id, &ready.key().to_pkcs8_der()?)?,
            not_after: ready.not_after(),
            installed_at: now,
            replaced_at: None,
        })
    }
}

fn open(context: &Context, row: &PushCertificate) -> Result<pki::PushCertificate, Error> {
    let key = PrivateKey::from_pkcs8_der(&row.key(&context.sealer)?)?;
    Ok(pki::PushCertificate::new(pki::Certificate::from_der(&row.certificate_der)?, key)?)
}

fn waiting(connection: &mut store::Connection, sealer: &Sealer) -> Result<Vec<WaitingKey>, Error> {
    match Setting::open(connection, sealer, REQUESTS)? {
        Some(text) => serde_json::from_slice(&text).map_err(|error| Error::Internal(error.to_string())),
        None => Ok(Vec::new()),
    }
}

/// Seals the keys that wait into their setting.
pub(crate) fn keep_waiting(
    connection: &mut store::Connection,
    sealer: &Sealer,
    waiting: &[WaitingKey],
) -> Result<(), Error> {
    let text = serde_json::to_vec(waiting).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Setting::seal(connection, sealer, REQUESTS, &Zeroizing::new(text))?)
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE REQUEST-----\n".to_owned();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE REQUEST-----\n");
    pem
}

/// What is worth saying about a certificate that was just installed.
fn warnings<'a>(
    row: &PushCertificate,
    before: &[PushCertificate],
    in_use: impl Iterator<Item = &'a String>,
    now: Timestamp,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let in_use: Vec<&String> = in_use.collect();
    if !in_use.is_empty() && !in_use.contains(&&row.topic) {
        warnings.push(format!(
            "No enrolled device uses the topic {}: they expect {}. If this was meant as a renewal, it was made as a new certificate; renew \
             the old one in the portal instead. The certificates of the other topics stay in force.",
            row.topic,
            in_use.iter().map(|topic| topic.as_str()).collect::<Vec<_>>().join(", ")
        ));
    }
    if let Some(old) = before.iter().find(|old| old.topic == row.topic && old.not_after > row.not_after) {
        warnings.push(format!("The certificate that it replaces is valid longer, until {}.", old.not_after));
    }
    let left = days_left(row.not_after, now);
    if left <= SOON {
        warnings.push(format!("It expires in {left} days."));
    }
    warnings
}

/// Whole days until a moment; negative afterwards.
pub(crate) const fn days_left(until: Timestamp, now: Timestamp) -> i64 {
    until.as_millis().saturating_sub(now.as_millis()).div_euclid(86_400_000)
}

fn view(row: &PushCertificate, enrollments: i64, now: Timestamp) -> PushCertificateView {
    let certificate = pki::Certificate::from_der(&row.certificate_der).ok();
    PushCertificateView {
        id: row.id.0,
        topic: row.topic.clone(),
        subject: certificate
            .as_ref()
            .map(|certificate| certificate.subject().to_string())
            .unwrap_or_default(),
        serial: certificate
            .as_ref()
            .map(|certificate| certificate.serial_hex().to_string())
            .unwrap_or_default(),
        not_after: row.not_after,
        days_left: days_left(row.not_after, now),
        installed_at: row.installed_at,
        replaced_at: row.replaced_at,
        active: row.replaced_at.is_none(),
        enrollments: u64::try_from(enrollments).unwrap_or_default(),
    }
}
