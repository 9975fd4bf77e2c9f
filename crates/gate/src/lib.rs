//! Decides what may leave and makes the Permit
