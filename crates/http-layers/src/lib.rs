//! Tower layers that every door shares.
//!
//! What a listener knows about a connection travels in request extensions ([`PeerCertificate`], [`PeerAddress`]);
//! [`observe`] gives every request an id, one line in the log and a figure; [`catch_panic`] turns a panic into a plain 500;
//! [`read_body`] reads a body up to a limit.

mod body;
mod connection;
mod observe;
mod panic;

pub use body::{BodyError, discard_body, read_body};
pub use connection::{PeerAddress, PeerCertificate};
pub use observe::{Door, RequestId, observe};
pub use panic::catch_panic;
