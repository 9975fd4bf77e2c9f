#![doc = include_str!("../README.md")]

mod exit;
mod gate;
mod permit;
mod profile;

pub use exit::{Exit, ExitKind, class_of_bytes};
pub use gate::{Decision, Gate};
pub use permit::Permit;
