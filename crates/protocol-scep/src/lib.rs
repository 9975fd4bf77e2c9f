//! SCEP messages (RFC 8894) as Apple devices speak it: the server's side, and the client's for simulated devices.
//!
//! Bytes in, bytes out: no network, no database, no decision who may have a certificate. See `README.md` for what is
//! accepted beyond the RFC.

pub mod client;

mod attributes;
mod error;
mod operation;
mod reply;
mod request;

pub use attributes::{FailInfo, MessageType};
pub use error::{Error, Result};
pub use operation::{MESSAGE_LIMIT, Operation, message_from_query};
pub use reply::{CONTENT_TYPE_MESSAGE, CONTENT_TYPE_TEXT, ca_certificates, capabilities, failure, success};
pub use request::{Header, Rejection, Request};
