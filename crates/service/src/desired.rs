//! Desired state: what every device should have, and the way there.
//!
//! [`resolve`] says what a device should have and why, and reads nothing. The reconciler brings the device there and sends nothing
//! twice. Nothing is removed because a fact is missing or old, or because a rule cannot be evaluated.

pub mod trigger;
