//! The door, called by `oneshot` over real services and a real store.

mod bench;
mod commands;
mod events;
mod groups;
mod idempotency;
mod links;
mod openapi;
mod organisation;
mod problems;
mod reading;
mod tokens;
mod walk;
