//! Where APNs is and how patiently it is spoken to.

use std::time::Duration;

/// The settings of an [`ApnsClient`](crate::ApnsClient). The default is Apple's production service.
#[derive(Debug, Clone)]
pub struct ApnsSettings {
    /// Host name, also the name that the server's certificate must have.
    pub host: String,
    /// Port; Apple listens on 443 and 2197.
    pub port: u16,
    /// Roots (PEM) trusted in addition to those of the system: for a simulated APNs or an inspecting proxy.
    pub roots_pem: Option<Vec<u8>>,
    /// Connections per topic, at least 1.
    pub connections: usize,
    /// Pushes under way at once on one connection; never more than the server allows.
    pub streams: usize,
    /// Limit for connecting: TCP, TLS and the HTTP/2 preface together.
    pub connect_timeout: Duration,
    /// Limit for one push on an open connection.
    pub request_timeout: Duration,
    /// How often an idle connection is pinged.
    pub ping_interval: Duration,
    /// How long after a failed attempt to connect the next one is made; pushes in between fail at once.
    pub reconnect_pause: Duration,
}

impl Default for ApnsSettings {
    fn default() -> Self {
        Self {
            host: "api.push.apple.com".to_owned(),
            port: 443,
            roots_pem: None,
            connections: 1,
            streams: 500,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(20),
            ping_interval: Duration::from_secs(60),
            reconnect_pause: Duration::from_secs(1),
        }
    }
}
