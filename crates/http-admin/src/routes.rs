//! The routes, one file per resource.

pub(crate) mod audit;
pub(crate) mod authorities;
pub(crate) mod commands;
pub(crate) mod deliveries;
pub(crate) mod desired;
pub(crate) mod devices;
pub(crate) mod enrollments;
pub(crate) mod events;
pub(crate) mod groups;
pub(crate) mod identities;
pub(crate) mod jobs;
pub(crate) mod links;
pub(crate) mod network;
pub(crate) mod organisation;
pub(crate) mod people;
pub(crate) mod places;
pub(crate) mod probes;
pub(crate) mod profiles;
pub(crate) mod push;
pub(crate) mod rollouts;
pub(crate) mod sealing;
pub(crate) mod secrets;
pub(crate) mod server;
pub(crate) mod sinks;
pub(crate) mod tokens;
