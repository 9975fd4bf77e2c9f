//! One connection, from the handshake to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_layers::{PeerAddress, PeerCertificate};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::activity::{Activity, Watched};
use super::admission::{Admission, Place};
use super::tls::peer_certificate;
use super::{Limits, ServerTls};

/// Header lists above this size are refused. A client that repeats a SCEP message in its query needs 12 KB and more.
const HEADER_BYTES: u32 = 128 * 1024;

/// What a connection needs to be served.
pub(super) struct Door {
    pub(super) router: Router,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) limits: Arc<Limits>,
    pub(super) admission: Arc<Admission>,
    pub(super) stop: CancellationToken,
}

impl Door {
    /// Serves the connection until it ends, rests too long, or the server stops.
    pub(super) async fn serve(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let mut full = place.is_full();
        let activity = Activity::new();
        let Some(tls) = self.tls.clone() else {
            self.exchange(
                Watched::new(stream, Arc::clone(&activity)),
                peer,
                PeerCertificate(None),
                full,
                activity,
            )
            .await;
            return;
        };
        let stream = match tokio::time::timeout(self.limits.handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(peer.address = %peer.ip(), %error, "A TLS handshake failed");
                metrics::counter!("ward_tls_handshakes_total", "outcome" => "failed").increment(1);
                return;
            }
            Err(_) => {
                metrics::counter!("ward_tls_handshakes_total", "outcome" => "timeout").increment(1);
                return;
            }
        };
        metrics::counter!("ward_tls_handshakes_total", "outcome" => "done").increment(1);
        let certificate = peer_certificate(&stream);
        let device = certificate.0.as_deref().map(|der| self.admission.enter_device(pki::sha256(der)));
        full |= matches!(device, Some(None));
        self.exchange(Watched::new(stream, Arc::clone(&activity)), peer, certificate, full, activity).await;
        drop((place, device));
    }

    async fn exchange<S>(
        &self,
        stream: Watched<S>,
        peer: SocketAddr,
        certificate: PeerCertificate,
        full: bool,
        activity: Arc<Activity>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handled = Arc::clone(&activity);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let busy = handled.busy();
            request.extensions_mut().insert(PeerAddress(peer));
            request.extensions_mut().insert(certificate.clone());
            let (router, time) = (self.router.clone(), self.limits.request);
            async move {
                let response = match full {
                    true => come_back_later(),
                    false => tokio::time::timeout(time, answer(router, request))
                        .await
                        .unwrap_or_else(|_| come_back_later()),
                };
                drop(busy);
                Ok::<_, Infallible>(response)
            }
        });
        let builder = self.builder();
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut ending = false;
        loop {
            let rest = if ending {
                self.limits.idle
            } else {
                activity.rest_left(self.limits.idle).unwrap_or_default()
            };
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(peer.address = %peer.ip(), %error, "A connection broke");
                    }
                    return;
                }
                () = self.stop.cancelled(), if !ending => ending = true,
                () = tokio::time::sleep(rest) => match (ending, activity.rest_left(self.limits.idle)) {
                    (_, Some(_)) => continue,
                    (true, None) => return,
                    (false, None) => ending = true,
                },
            }
            connection.as_mut().graceful_shutdown();
        }
    }

    fn builder(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.headers).max_headers(100);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_BYTES)
            .max_concurrent_streams(64)
            .keep_alive_interval(self.limits.idle)
            .keep_alive_timeout(self.limits.headers);
        builder
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> Response<Body> {
    match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// 503 with Retry-After: a device keeps what it has and comes back.
fn come_back_later() -> Response<Body> {
    metrics::counter!("ward_connections_told_to_wait_total").increment(1);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
