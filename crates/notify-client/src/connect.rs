//! Connecting to a host at an address that was checked, and at no other.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openssl::ssl::SslConnector;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::{HostRules, Trouble};

/// How long resolving, connecting and the TLS handshake may take together.
const LIMIT: Duration = Duration::from_secs(15);
/// How long what was written may stay without acknowledgement before Linux gives the connection up (RFC 5482).
pub(crate) const UNACKNOWLEDGED: Duration = Duration::from_secs(20);
/// Addresses of a name that are looked at.
const ADDRESSES: usize = 16;

/// A connection, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where to connect.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) rules: Arc<HostRules>,
}

impl Place {
    /// Connects; `tls`: none for plain HTTP.
    pub(crate) async fn connect(&self, tls: Option<&SslConnector>) -> Result<Box<dyn Stream>, Trouble> {
        timeout(LIMIT, self.establish(tls))
            .await
            .unwrap_or_else(|_elapsed| Err(self.trouble("no connection in time")))
    }

    async fn establish(&self, tls: Option<&SslConnector>) -> Result<Box<dyn Stream>, Trouble> {
        let addresses = self.addresses(tls.is_none()).await?;
        let tcp = self.dial(&addresses).await?;
        tcp.set_nodelay(true).map_err(|error| self.trouble(error))?;
        #[cfg(target_os = "linux")]
        SockRef::from(&tcp)
            .set_tcp_user_timeout(Some(UNACKNOWLEDGED))
            .map_err(|error| self.trouble(error))?;
        let Some(connector) = tls else { return Ok(Box::new(tcp)) };
        let ssl = connector
            .configure()
            .and_then(|configuration| configuration.into_ssl(&self.host))
            .map_err(|error| self.trouble(error))?;
        let mut stream = SslStream::new(ssl, tcp).map_err(|error| self.trouble(error))?;
        Pin::new(&mut stream).connect().await.map_err(|error| {
            let verified = stream.ssl().verify_result();
            if verified == openssl::x509::X509VerifyResult::OK {
                return self.trouble(format!("TLS: {error}"));
            }
            self.trouble(format!("its certificate is not trusted: {}", verified.error_string()))
        })?;
        Ok(Box::new(stream))
    }

    /// The addresses of the host, every one of which must be admitted: a name with a public and a private one is not trusted.
    async fn addresses(&self, plain: bool) -> Result<Vec<SocketAddr>, Trouble> {
        self.rules.knows(&self.host).map_err(|refused| Trouble::new(refused.to_string()))?;
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let found = lookup_host((bare, self.port))
            .await
            .map_err(|error| self.trouble(format!("its name does not resolve: {error}")))?;
        let addresses: Vec<SocketAddr> = found.take(ADDRESSES).collect();
        for address in &addresses {
            self.rules
                .admit(&self.host, address.ip(), plain)
                .map_err(|refused| Trouble::new(refused.to_string()))?;
        }
        Ok(addresses)
    }

    async fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Trouble> {
        let mut last = self.trouble("its name has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = self.trouble(error),
            }
        }
        Err(last)
    }

    /// Trouble with this place.
    pub(crate) fn trouble(&self, what: impl std::fmt::Display) -> Trouble {
        Trouble::new(format!("{}:{}: {what}", self.host, self.port))
    }
}
