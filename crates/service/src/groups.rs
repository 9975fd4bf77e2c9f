//! Groups of devices, by hand and by rule.

pub mod rule;
