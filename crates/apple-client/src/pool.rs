//! The connections of one push certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openssl::ssl::SslConnector;
use pki::{Fingerprint, PushCertificate};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::reply::Verdict;
use crate::{ApnsSettings, PushError, PushMessage, PushReceipt, payload, tls};

/// Opens connections when they are needed and shares the pushes among them.
pub(crate) struct Pool {
    settings: Arc<ApnsSettings>,
    connector: SslConnector,
    fingerprint: Fingerprint,
    slots: Vec<Mutex<Slot>>,
    next: AtomicUsize,
}

/// The place of one connection.
#[derive(Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    failure: Option<(Instant, PushError)>,
}

impl Pool {
    /// A pool without connections yet.
    pub(crate) fn new(settings: Arc<ApnsSettings>, certificate: &PushCertificate) -> Result<Self, PushError> {
        Ok(Self {
            connector: tls::connector(&settings, certificate)?,
            fingerprint: certificate.certificate().fingerprint(),
            slots: (0..settings.connections.max(1)).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
            settings,
        })
    }

    /// The certificate that the pool was made for.
    pub(crate) const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Sends one push. If the connection is lost under it, it goes out once more on a new one: a push only wakes
    /// the device, so a second one does no harm.
    pub(crate) async fn send(&self, message: &PushMessage) -> Result<PushReceipt, PushError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let Some(slot) = self.slots.get(turn) else {
            return Err(PushError::unavailable("the pool has no connections"));
        };
        let mut again = true;
        loop {
            let request = payload::request(&self.settings, message)?;
            let connection = self.connection(slot).await?;
            match connection.send(request, self.settings.request_timeout).await {
                Verdict::Done(result) => return result,
                Verdict::Reconnect(_) if again => metrics::counter!("ward_apns_retries_total").increment(1),
                Verdict::Reconnect(error) | Verdict::Abandon(error) => {
                    discard(slot, &connection).await;
                    return Err(error);
                }
            }
            discard(slot, &connection).await;
            again = false;
        }
    }

    /// The open connection of `slot`, or a new one. Whoever comes while one is being opened waits for it.
    async fn connection(&self, slot: &Mutex<Slot>) -> Result<Arc<Connection>, PushError> {
        let mut slot = slot.lock().await;
        if let Some(open) = slot.connection.as_ref().filter(|open| !open.is_closed()) {
            return Ok(Arc::clone(open));
        }
        slot.connection = None;
        if let Some((at, error)) = &slot.failure
            && at.elapsed() < self.settings.reconnect_pause
        {
            return Err(error.clone());
        }
        match Connection::open(&self.settings, &self.connector).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                slot.connection = Some(Arc::clone(&connection));
                slot.failure = None;
                Ok(connection)
            }
            Err(error) => {
                slot.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

/// Takes `connection` out of use, unless another push has done so. Pushes still under way on it may finish.
async fn discard(slot: &Mutex<Slot>, connection: &Arc<Connection>) {
    connection.retire();
    let mut slot = slot.lock().await;
    if slot.connection.as_ref().is_some_and(|current| Arc::ptr_eq(current, connection)) {
        slot.connection = None;
    }
}
