//! The world around the simulated devices: whom they trust, where names lead, what time it is, who wakes them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clock::{Clock, SystemClock};
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use parking_lot::Mutex;
use pki::{Certificate, Fingerprint, PrivateKey};
use tokio::sync::Semaphore;

use crate::apple::Registry;

/// What the devices of one process share. Made once, given to every device.
pub struct Network {
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeout: Duration,
    pub(crate) handshakes: Semaphore,
    roots: Vec<Certificate>,
    system_roots: bool,
    resolve: HashMap<String, SocketAddr>,
    connectors: Mutex<HashMap<Vec<Fingerprint>, SslConnector>>,
    keys: KeyPool,
}

/// How a [`Network`] is to be.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// Certificates (PEM) that devices trust for TLS from the start, as if Apple shipped them.
    pub roots_pem: Vec<u8>,
    /// Whether the roots of this machine are trusted as well.
    pub system_roots: bool,
    /// Where a host name leads, in place of the resolver's answer.
    pub resolve: HashMap<String, SocketAddr>,
    /// The tokens that the simulated APNs wakes; without it devices poll on their own schedule only.
    pub registry: Option<Arc<Registry>>,
    /// The clock of the devices.
    pub clock: Arc<dyn Clock>,
    /// Limit for one request, connecting included.
    pub timeout: Duration,
    /// TLS handshakes under way at once, over all devices.
    pub handshakes: usize,
    /// 0: every identity gets a key of its own, as on real devices. Otherwise that many RSA keys are made and
    /// shared, which makes enrolling thousands of devices bearable.
    pub shared_keys: usize,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            roots_pem: Vec::new(),
            system_roots: false,
            resolve: HashMap::new(),
            registry: None,
            clock: Arc::new(SystemClock),
            timeout: Duration::from_secs(30),
            handshakes: 64,
            shared_keys: 0,
        }
    }
}

/// RSA keys, each made when first asked for.
struct KeyPool {
    size: usize,
    next: AtomicUsize,
    keys: tokio::sync::Mutex<Vec<PrivateKey>>,
}

impl Network {
    /// The network that `options` describe.
    ///
    /// # Errors
    /// When the roots cannot be read.
    pub fn new(options: NetworkOptions) -> Result<Arc<Self>> {
        let roots = if options.roots_pem.is_empty() {
            Vec::new()
        } else {
            Certificate::chain_from_pem(&options.roots_pem).context("the roots of the simulated network")?
        };
        Ok(Arc::new(Self {
            registry: options.registry.unwrap_or_default(),
            clock: options.clock,
            timeout: options.timeout,
            handshakes: Semaphore::new(options.handshakes.max(1)),
            roots,
            system_roots: options.system_roots,
            resolve: options.resolve,
            connectors: Mutex::default(),
            keys: KeyPool {
                size: options.shared_keys,
                next: AtomicUsize::new(0),
                keys: tokio::sync::Mutex::default(),
            },
        }))
    }

    /// The address that `host` leads to, if the resolver is not to be asked.
    pub(crate) fn address(&self, host: &str) -> Option<SocketAddr> {
        self.resolve.get(host).copied()
    }

    /// TLS settings that trust the network's roots and `anchors`. Made once for each set of anchors: a store of
    /// roots for each of thousands of devices would fill the memory.
    pub(crate) fn connector(&self, anchors: &[Certificate]) -> Result<SslConnector> {
        let key: Vec<Fingerprint> = anchors.iter().map(Certificate::fingerprint).collect();
        if let Some(connector) = self.connectors.lock().get(&key) {
            return Ok(connector.clone());
        }
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        if !self.system_roots {
            builder.set_cert_store(X509StoreBuilder::new()?.build());
        }
        for root in self.roots.iter().chain(anchors) {
            builder.cert_store_mut().add_cert(X509::from_der(root.der())?)?;
        }
        let connector = builder.build();
        self.connectors.lock().insert(key, connector.clone());
        Ok(connector)
    }

    /// An RSA key: a new one, or one of the shared ones.
    pub(crate) async fn rsa_key(&self) -> Result<PrivateKey> {
        if self.keys.size == 0 {
            return generate().await;
        }
        let turn = self.keys.next.fetch_add(1, Ordering::Relaxed) % self.keys.size;
        let mut keys = self.keys.keys.lock().await;
        while keys.len() <= turn {
            keys.push(generate().await?);
        }
        keys.get(turn).cloned().context("the pool of keys is empty")
    }
}

async fn generate() -> Result<PrivateKey> {
    Ok(tokio::task::spawn_blocking(PrivateKey::generate_rsa_2048).await??)
}
