//! What the listener learned about a connection before the first request came.

use std::net::SocketAddr;
use std::sync::Arc;

/// The certificate that the other side presented in the TLS handshake, DER. Proven to be in its possession, but neither
/// its issuer nor its dates are checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerCertificate(pub Option<Arc<[u8]>>);

/// The address of the other side of the connection; with a proxy in between, the proxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);
