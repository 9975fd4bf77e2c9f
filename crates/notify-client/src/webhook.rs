//! Webhooks: one signed POST for each message.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clock::Clock;
use futures_util::future::join_all;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use openssl::ssl::SslConnector;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::connect::Place;
use crate::{Deliver, Delivered, HostRules, Message, SigningSecrets, TlsSettings, Trouble, sign};

/// How long a receiver may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How much of an answer is read.
const ANSWER_BYTES: usize = 16 * 1024;
/// The longest head of an answer that is read.
const HEAD_BYTES: usize = 16 * 1024;
/// How many headers an answer may have.
const HEADERS: usize = 64;
/// How many messages, about as many objects, are under way at once.
const AT_ONCE: usize = 8;
/// The longest wish of a receiver that is granted.
const LONGEST_WISH: Duration = Duration::from_secs(60 * 60);

type Sender = SendRequest<Full<Bytes>>;

/// Where a webhook goes, and how it is signed.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// `https://host[:port]/path`; `http://` to this machine alone.
    pub url: String,
    /// What signs.
    pub secrets: SigningSecrets,
    /// Whom to trust.
    pub tls: TlsSettings,
    /// Which hosts may be reached.
    pub rules: Arc<HostRules>,
}

/// A receiver of webhooks.
pub struct Webhook {
    place: Place,
    uri: Uri,
    authority: HeaderValue,
    tls: Option<SslConnector>,
    secrets: SigningSecrets,
    clock: Arc<dyn Clock>,
    idle: Mutex<Vec<Sender>>,
    room: Semaphore,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("host", &self.place.host).finish_non_exhaustive()
    }
}

impl Webhook {
    /// A receiver that is connected to when there is something to tell.
    ///
    /// # Errors
    /// The URL is none, names a person or a host that is not listed; the certificates or secrets are unusable.
    pub fn new(settings: WebhookSettings, clock: Arc<dyn Clock>) -> Result<Self, Trouble> {
        let uri: Uri = settings.url.parse().map_err(|_| Trouble::new("the url is no address"))?;
        let authority = uri.authority().ok_or_else(|| Trouble::new("the url names no host"))?;
        if authority.as_str().contains('@') {
            return Err(Trouble::new("the url holds a user name; a webhook is known by its signature"));
        }
        let plain = match uri.scheme_str() {
            Some("https") => false,
            Some("http") => true,
            _ => return Err(Trouble::new("the url must begin with https://")),
        };
        let port = authority.port_u16().unwrap_or(if plain { 80 } else { 443 });
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        settings.rules.knows(&host).map_err(|refused| Trouble::new(refused.to_string()))?;
        settings.secrets.read()?;
        let header = HeaderValue::from_str(authority.as_str());
        Ok(Self {
            authority: header.map_err(|_| Trouble::new("the url names no host"))?,
            place: Place { host, port, rules: settings.rules },
            tls: if plain { None } else { Some(settings.tls.connector()?) },
            uri,
            secrets: settings.secrets,
            clock,
            idle: Mutex::new(Vec::new()),
            room: Semaphore::new(AT_ONCE),
        })
    }

    /// Sends the messages of one object, each after the one before was taken. Returns how many were.
    async fn send_in_order(
        &self,
        messages: &[(usize, &Message)],
        secrets: &[Zeroizing<Vec<u8>>],
    ) -> (usize, Option<Trouble>) {
        let Ok(_permit) = self.room.acquire().await else { return (0, None) };
        for (count, (_, message)) in messages.iter().enumerate() {
            if let Err(trouble) = self.send(message, secrets).await {
                return (count, Some(trouble));
            }
        }
        (messages.len(), None)
    }

    async fn send(&self, message: &Message, secrets: &[Zeroizing<Vec<u8>>]) -> Result<(), Trouble> {
        let kept = self.idle.lock().await.pop().filter(|sender| sender.is_ready());
        if let Some(sender) = kept {
            // A kept connection may have been closed meanwhile: the message goes out once more on a new one.
            if let Ok(outcome) = self.exchange(sender, message, secrets).await {
                return outcome;
            }
        }
        let sender = self.open().await?;
        self.exchange(sender, message, secrets).await.unwrap_or_else(Err)
    }

    async fn open(&self) -> Result<Sender, Trouble> {
        let stream = self.place.connect(self.tls.as_ref()).await?;
        let (sender, connection) = Builder::new()
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.place.trouble(error))?;
        // Ends with the connection; what went wrong is told to whoever sends.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    /// One request and its answer. The outer error: the connection was lost before there was an answer.
    async fn exchange(
        &self,
        mut sender: Sender,
        message: &Message,
        secrets: &[Zeroizing<Vec<u8>>],
    ) -> Result<Result<(), Trouble>, Trouble> {
        let request = self.request(message, secrets)?;
        let answered = timeout(ANSWER_WITHIN, sender.send_request(request)).await;
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.place.trouble(format!("the connection was lost: {error}"))),
            Err(_elapsed) => return Ok(Err(self.place.trouble("no answer in time"))),
        };
        let (head, body) = response.into_parts();
        // The answer's words are of no interest: it is read so that the connection can be used again.
        let body = timeout(ANSWER_WITHIN, Limited::new(body, ANSWER_BYTES).collect()).await;
        if matches!(body, Ok(Ok(_))) {
            let mut idle = self.idle.lock().await;
            if idle.len() < AT_ONCE {
                idle.push(sender);
            }
        }
        Ok(self.judge(head.status, head.headers.get(header::RETRY_AFTER)))
    }

    fn request(
        &self,
        message: &Message,
        secrets: &[Zeroizing<Vec<u8>>],
    ) -> Result<Request<Full<Bytes>>, Trouble> {
        let body = message.to_json();
        let now = self.clock.now().as_seconds();
        Request::post(self.uri.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, self.authority.clone())
            .header(header::USER_AGENT, concat!("Ward/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", sign(secrets, &message.id, now, &body))
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| Trouble::new("the message makes no request"))
    }

    fn judge(&self, status: StatusCode, wish: Option<&HeaderValue>) -> Result<(), Trouble> {
        if status.is_success() {
            return Ok(());
        }
        let seconds = wish.and_then(|wish| wish.to_str().ok()).and_then(|wish| wish.trim().parse().ok());
        let retry_after = seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WISH));
        let text = if status.is_redirection() {
            format!("it answers {status}, and redirects are not followed: configure the address itself")
        } else {
            format!("it answers {status}")
        };
        Err(Trouble { retry_after, ..self.place.trouble(text) })
    }
}

#[async_trait]
impl Deliver for Webhook {
    async fn deliver(&self, messages: &[Message]) -> Delivered {
        let mut outcome = Delivered { taken: vec![false; messages.len()], trouble: None };
        if messages.is_empty() {
            return outcome;
        }
        let secrets = match self.secrets.read() {
            Ok(secrets) => secrets,
            Err(trouble) => return Delivered { trouble: Some(trouble), ..outcome },
        };
        let mut objects: BTreeMap<&str, Vec<(usize, &Message)>> = BTreeMap::new();
        for (index, message) in messages.iter().enumerate() {
            objects.entry(&message.object).or_default().push((index, message));
        }
        let sent = objects.values().map(|messages| self.send_in_order(messages, &secrets));
        for (messages, (count, trouble)) in objects.values().zip(join_all(sent).await) {
            for (index, _) in messages.iter().take(count) {
                if let Some(taken) = outcome.taken.get_mut(*index) {
                    *taken = true;
                }
            }
            outcome.trouble = outcome.trouble.or(trouble);
        }
        outcome
    }
}
