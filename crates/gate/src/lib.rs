#![doc = include_str!("../README.md")]

mod exit;
mod gate;
mod permit;

pub use exit::{Exit, ExitKind};
pub use gate::{Decision, Gate};
pub use permit::Permit;
