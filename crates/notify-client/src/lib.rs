#![doc = include_str!("../README.md")]

mod connect;
mod deliver;
mod guard;
mod json_lines;
mod message;
mod secrets;
mod syslog;
mod tls;
mod webhook;

pub use deliver::{Deliver, Delivered, Trouble};
pub use guard::{HostRules, Refused};
pub use json_lines::JsonLines;
pub use message::{Message, SCHEMA};
pub use secrets::{SigningSecrets, sign};
pub use syslog::{Syslog, SyslogSettings};
pub use tls::TlsSettings;
pub use webhook::{Webhook, WebhookSettings};
