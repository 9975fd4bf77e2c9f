//! The client: one pool of connections per topic.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::RwLock;
use pki::PushCertificate;

use crate::pool::Pool;
use crate::{ApnsSettings, Push, PushError, PushMessage, PushReceipt};

/// Sends pushes to APNs with the certificate of each topic.
pub struct ApnsClient {
    settings: Arc<ApnsSettings>,
    pools: RwLock<BTreeMap<String, Arc<Pool>>>,
}

impl ApnsClient {
    /// A client without certificates. It connects when the first push of a topic is sent.
    #[must_use]
    pub fn new(settings: ApnsSettings) -> Self {
        Self { settings: Arc::new(settings), pools: RwLock::default() }
    }
}

impl Debug for ApnsClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ApnsClient")
            .field("host", &self.settings.host)
            .field("port", &self.settings.port)
            .field("topics", &self.topics())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Push for ApnsClient {
    async fn send(&self, message: PushMessage) -> Result<PushReceipt, PushError> {
        let pool = self.pools.read().get(&message.topic).cloned();
        let result = match pool {
            Some(pool) => pool.send(&message).await,
            None => Err(PushError::NoCertificate(message.topic.clone())),
        };
        let outcome = result.as_ref().map_or_else(PushError::kind, |_| "sent");
        metrics::counter!("ward_apns_pushes_total", "outcome" => outcome).increment(1);
        result
    }

    fn install(&self, certificate: PushCertificate) -> Result<(), PushError> {
        let fingerprint = certificate.certificate().fingerprint();
        let topic = certificate.topic().to_owned();
        if self.pools.read().get(&topic).is_some_and(|pool| *pool.fingerprint() == fingerprint) {
            return Ok(());
        }
        let pool = Arc::new(Pool::new(Arc::clone(&self.settings), &certificate)?);
        self.pools.write().insert(topic, pool);
        Ok(())
    }

    fn remove(&self, topic: &str) -> bool {
        self.pools.write().remove(topic).is_some()
    }

    fn topics(&self) -> Vec<String> {
        self.pools.read().keys().cloned().collect()
    }
}
