#![doc = include_str!("../README.md")]

// What both halves share.
mod circumstances;
mod context;
mod error;
mod reply;
mod services;
mod settings;
#[cfg(test)]
mod testing;
mod work;

// What devices call.
pub mod authorities;
pub mod checkin;
pub mod connect;
pub mod declarations;
pub mod enrollment;
pub mod handout;
pub mod identity;
mod inventory;
pub mod lifecycle;
pub mod own_commands;
pub mod quarantine;
pub mod renewal;
pub mod scep;
pub mod setup;

// What operators call, and the work between requests.
pub mod audit;
pub mod commands;
pub mod deliveries;
pub mod desired;
pub mod device_certificates;
pub mod devices;
pub mod escrow;
pub mod events;
pub mod groups;
pub mod health;
pub mod idempotency;
pub mod links;
pub mod network;
pub mod operators;
pub mod organisation;
mod paging;
mod plist_json;
pub mod push;
mod qr;
pub mod results;
pub mod rollouts;
pub mod schedule;
pub mod sealing;
pub mod streams;
mod targets;
pub mod tokens;
pub mod views;

pub use context::Context;
pub use error::{Error, IdentityRefusal};
pub use reply::Reply;
pub use services::Services;
pub use settings::Settings;
