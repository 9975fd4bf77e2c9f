//! The accept loop of a door: TLS, limits, time limits, graceful end.
//!
//! A connection that is one too many is still answered, with 503 and Retry-After, so that a device knows to come back;
//! only a flood far above the limits is dropped without a word.

mod activity;
mod admission;
mod connection;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use admission::Admission;
pub use tls::{ServerTls, TlsFiles};

/// What a door allows.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time for the headers of a request.
    pub headers: Duration,
    /// Time for the body of a request and its handling.
    pub request: Duration,
    /// Time that a connection may rest with nothing to do.
    pub idle: Duration,
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address.
    pub per_address: usize,
    /// Connections with one certificate.
    pub per_device: usize,
    /// Addresses that stand for many devices, and are counted in all only.
    pub proxies: Vec<http_device::Network>,
}

/// A bound door.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Arc<ServerTls>>,
    limits: Arc<Limits>,
}

impl Listener {
    /// Binds `address`. Without `tls` the door speaks plain HTTP.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<ServerTls>>, limits: Limits) -> Result<Self> {
        let socket = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}: is another server running there, or is the port below 1024?")
        })?;
        Ok(Self { socket, tls, limits: Arc::new(limits) })
    }

    /// Where the door is, with the port that the system chose if it was asked to.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_address(&self) -> Result<SocketAddr> {
        self.socket.local_addr().context("the listener has no address")
    }

    /// Serves `router` until `stop`; then takes no more connections and waits for what is in flight, at most `grace`.
    pub async fn serve(self, router: Router, stop: CancellationToken, grace: Duration) {
        let admission = Arc::new(Admission::new(&self.limits));
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors or a connection that was reset while it waited: pause and go on.
                    tracing::warn!(%error, "Could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Some(place) = admission.enter(peer.ip()) else { continue };
            let door = connection::Door {
                router: router.clone(),
                tls: self.tls.clone(),
                limits: Arc::clone(&self.limits),
                admission: Arc::clone(&admission),
                stop: stop.clone(),
            };
            tasks.spawn(door.serve(stream, peer, place));
        }
        // Whoever comes now is refused at once instead of waiting in vain.
        drop(self.socket);
        tasks.close();
        if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!("Some connections did not end in time and were cut");
        }
    }
}

/// A port of loopback that is free at the moment: `preferred`, or any other if that one is taken.
///
/// # Errors
/// The system has no port to give.
pub fn free_port(preferred: u16) -> Result<u16> {
    let bind = |port| std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port));
    let socket = bind(preferred).or_else(|_| bind(0)).context("no port is free")?;
    Ok(socket.local_addr()?.port())
}
