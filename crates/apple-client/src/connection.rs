//! One HTTP/2 connection to APNs.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use openssl::ssl::SslConnector;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::reply::{Verdict, judge};
use crate::{ApnsSettings, PushError, tls};

/// Streams that are used before the server has said how many it allows.
const FIRST_STREAMS: usize = 100;
/// Longest answer that is read; APNs sends some 60 bytes.
const ANSWER_BYTES: usize = 4096;
/// How long a lost connection may take to say why.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// An open connection with a limit on the pushes under way.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    permits: Semaphore,
    granted: AtomicUsize,
    /// How many streams the server allows, as far as it has said.
    allowed: Arc<AtomicUsize>,
    wanted: usize,
    /// Why the connection ended, once it has.
    end: watch::Receiver<Option<String>>,
}

impl Connection {
    /// Connects within the limit of the settings.
    pub(crate) async fn open(settings: &ApnsSettings, connector: &SslConnector) -> Result<Self, PushError> {
        timeout(settings.connect_timeout, Self::establish(settings, connector))
            .await
            .unwrap_or_else(|_elapsed| Err(PushError::unavailable("no connection in time")))
    }

    async fn establish(settings: &ApnsSettings, connector: &SslConnector) -> Result<Self, PushError> {
        let stream = tls::connect(settings, connector).await?;
        let (sender, driver) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(settings.ping_interval)
            .keep_alive_timeout(settings.connect_timeout)
            .keep_alive_while_idle(true)
            .initial_max_send_streams(FIRST_STREAMS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| PushError::unavailable(tls::chain(&error)))?;
        let (say, end) = watch::channel(None);
        let allowed = Arc::new(AtomicUsize::new(FIRST_STREAMS));
        let told = Arc::clone(&allowed);
        tokio::spawn(async move {
            let mut driver = pin!(driver);
            let result = poll_fn(|context| {
                told.store(driver.as_ref().get_ref().current_max_send_streams(), Ordering::Relaxed);
                driver.as_mut().poll(context)
            })
            .await;
            let words = match result {
                Ok(()) => "the connection was closed".to_owned(),
                Err(error) => tls::chain(&error),
            };
            say.send_replace(Some(words));
        });
        metrics::counter!("ward_apns_connections_total").increment(1);
        let first = settings.streams.clamp(1, FIRST_STREAMS);
        Ok(Self {
            sender,
            permits: Semaphore::new(first),
            granted: AtomicUsize::new(first),
            allowed,
            wanted: settings.streams,
            end,
        })
    }

    /// Whether new pushes are pointless.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.end.borrow().is_some()
    }

    /// Lets nobody wait for this connection any longer; pushes under way may finish.
    pub(crate) fn retire(&self) {
        self.permits.close();
    }

    /// Sends one request and judges its answer. Waiting for its turn and waiting for the answer are limited apart: a
    /// long queue is no fault of the connection.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>, limit: Duration) -> Verdict {
        let _permit = match timeout(limit, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_closed)) => {
                return Verdict::Reconnect(PushError::unavailable("the connection was closed"));
            }
            Err(_elapsed) => {
                return Verdict::Done(Err(PushError::unavailable("too many pushes are under way")));
            }
        };
        match timeout(limit, self.exchange(request)).await {
            Ok(verdict) => verdict,
            Err(_elapsed) => Verdict::Abandon(PushError::unavailable("no answer in time")),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Verdict {
        let response = match self.sender.clone().send_request(request).await {
            Ok(response) => response,
            Err(error) => return self.lost(&tls::chain(&error)).await,
        };
        self.widen();
        let (head, body) = response.into_parts();
        match Limited::new(body, ANSWER_BYTES).collect().await {
            Ok(body) => judge(head.status, &head.headers, &body.to_bytes()),
            Err(error) => self.lost(&tls::chain(&*error)).await,
        }
    }

    /// The connection failed under a push: finds out whether it was refused or merely lost.
    async fn lost(&self, error: &str) -> Verdict {
        let mut end = self.end.clone();
        let words = match timeout(LAST_WORDS, end.wait_for(Option::is_some)).await {
            Ok(Ok(words)) => words.clone().unwrap_or_default(),
            _ => String::new(),
        };
        match tls::refusal(error).or_else(|| tls::refusal(&words)) {
            Some(refusal) => Verdict::Abandon(refusal),
            None => Verdict::Reconnect(PushError::unavailable(format!("the connection was lost: {error}"))),
        }
    }

    /// After the first answer the server's own limit is known: uses it up to the limit of the settings.
    fn widen(&self) {
        let allowed = self.allowed.load(Ordering::Relaxed).min(self.wanted);
        let before = self.granted.fetch_max(allowed, Ordering::Relaxed);
        if let Some(more) = allowed.checked_sub(before) {
            self.permits.add_permits(more);
        }
    }
}
