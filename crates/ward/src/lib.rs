//! The program: command line, configuration, wiring, the two doors, the demo.
//!
//! It is a library as well, so that the end to end tests start exactly what `ward serve` starts.

pub mod cli;
pub mod config;
pub mod demo;
pub mod doctor;
mod figures;
pub mod init;
mod key_source;
pub mod listener;
mod logging;
mod memory;
pub mod paths;
pub mod serve;
pub mod simulate;
mod sinks;
