//! Every outbound call to Apple. Today that is push: waking devices through APNs.
//!
//! [`Push`] is the seam that the rest of the server sees; [`ApnsClient`] is the real one, speaking HTTP/2 over
//! TLS with the push certificate of each topic. The words of a notification (payload, push type, priority, error
//! reasons) are the crate `a2`'s; its client is not used, because it can be pointed neither at another endpoint
//! nor at a private root. See the README.

mod client;
mod connection;
mod payload;
mod pool;
mod push;
mod reply;
mod settings;
mod tls;

pub use client::ApnsClient;
pub use push::{Push, PushError, PushMessage, PushReceipt};
pub use settings::ApnsSettings;
