//! The simulated APNs: HTTP/2 over TLS with a client certificate.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use openssl::ssl::{AlpnError, Ssl, SslAcceptor, SslMethod, SslVerifyMode, select_next_proto};
use openssl::x509::X509;
use parking_lot::Mutex;
use pki::{Certificate, PrivateKey};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;

use super::{PushFault, PushFaults, Registry, answer};

/// How many received pushes are remembered.
const REMEMBERED: usize = 10_000;
/// Streams at once on one connection, as the real service announces.
const STREAMS: u32 = 1000;

/// A running simulated APNs. It stops when it is dropped.
pub struct SimulatedApns {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

/// One push as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedPush {
    /// The UID of the client certificate.
    pub topic: String,
    /// The device's token.
    pub token: Vec<u8>,
    /// The `mdm` value of the body.
    pub magic: String,
    /// `apns-push-type`.
    pub push_type: Option<String>,
    /// `apns-priority`.
    pub priority: Option<String>,
    /// `apns-expiration`, in seconds since 1970.
    pub expiration: Option<i64>,
}

struct Shared {
    registry: Arc<Registry>,
    faults: PushFaults,
    received: Mutex<Vec<ReceivedPush>>,
    pushes: AtomicU64,
    connections: AtomicUsize,
}

/// The switches of one connection.
#[derive(Default)]
struct Line {
    go_away: Notify,
    cut: Notify,
}

impl SimulatedApns {
    pub(super) async fn start(
        address: SocketAddr,
        tls: SslAcceptor,
        registry: Arc<Registry>,
    ) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("the simulated APNs cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            registry,
            faults: PushFaults::default(),
            received: Mutex::default(),
            pushes: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        });
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, tls, Arc::clone(&shared), stop.clone()));
        Ok(Self { address, shared, stop })
    }

    /// The host name that its certificate is for.
    #[must_use]
    pub const fn host(&self) -> &'static str {
        "localhost"
    }

    /// The port it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it is to do wrong.
    #[must_use]
    pub fn faults(&self) -> &PushFaults {
        &self.shared.faults
    }

    /// The well-formed pushes that arrived so far, oldest first, whatever became of them.
    #[must_use]
    pub fn received(&self) -> Vec<ReceivedPush> {
        self.shared.received.lock().clone()
    }

    /// How many pushes arrived.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.pushes.load(Ordering::Relaxed)
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for SimulatedApns {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// TLS settings that demand a client certificate of the simulated Apple.
pub(super) fn acceptor(certificate: &Certificate, key: &PrivateKey, ca: &Certificate) -> Result<SslAcceptor> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_certificate(X509::from_der(certificate.der())?.as_ref())?;
    builder.set_private_key(key.as_openssl())?;
    builder.cert_store_mut().add_cert(X509::from_der(ca.der())?)?;
    builder.set_session_id_context(b"apns")?;
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    builder.set_alpn_select_callback(|_, offered| {
        select_next_proto(b"\x02h2", offered).ok_or(AlpnError::ALERT_FATAL)
    });
    Ok(builder.build())
}

async fn accept(listener: TcpListener, tls: SslAcceptor, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (tls, shared, stop) = (tls.clone(), Arc::clone(&shared), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                result = serve(stream, tls, shared) => if let Err(error) = result {
                    tracing::debug!(%error, "a connection to the simulated APNs ended");
                },
            }
        });
    }
}

async fn serve(stream: TcpStream, tls: SslAcceptor, shared: Arc<Shared>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = SslStream::new(Ssl::new(tls.context())?, stream)?;
    tokio::time::timeout(Duration::from_secs(10), Pin::new(&mut stream).accept()).await??;
    let peer = stream.ssl().peer_certificate().context("no client certificate")?;
    let topic =
        Certificate::from_der(&peer.to_der()?)?.uid().context("no topic in the client certificate")?;
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let line = Arc::new(Line::default());
    let service = {
        let line = Arc::clone(&line);
        service_fn(move |request| handle(request, topic.clone(), Arc::clone(&shared), Arc::clone(&line)))
    };
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(STREAMS);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            result = connection.as_mut() => return Ok(result?),
            () = line.go_away.notified() => connection.as_mut().graceful_shutdown(),
            () = line.cut.notified() => return Ok(()),
        }
    }
}

async fn handle(
    request: Request<Incoming>,
    topic: String,
    shared: Arc<Shared>,
    line: Arc<Line>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let push = match answer::read(request, &topic).await {
        Ok(push) => push,
        Err(refusal) => return Ok(refusal),
    };
    let id = shared.pushes.fetch_add(1, Ordering::Relaxed);
    let fault = shared.faults.draw();
    {
        let mut received = shared.received.lock();
        if received.len() < REMEMBERED {
            received.push(push.clone());
        }
    }
    match fault {
        None => {}
        Some(PushFault::Delay(time)) => tokio::time::sleep(time).await,
        Some(PushFault::GoAway) => line.go_away.notify_one(),
        Some(PushFault::Stall) => std::future::pending().await,
        Some(PushFault::Cut) => {
            line.cut.notify_one();
            std::future::pending().await
        }
        Some(PushFault::Answer { status, reason, timestamp, retry_after }) => {
            let mut response = answer::unregistered(status, &reason, timestamp);
            if let Some(after) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().into());
            }
            return Ok(response);
        }
    }
    Ok(answer::deliver(&shared.registry, &push, id))
}
