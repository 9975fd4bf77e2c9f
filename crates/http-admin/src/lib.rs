#![doc = include_str!("../README.md")]

mod error;
mod idempotency;
mod json;
mod openapi;
mod operator;
mod router;
mod routes;
mod services;

pub use error::Problem;
pub use openapi::document;
pub use router::router;
pub use services::AdminServices;

#[cfg(test)]
mod tests;
