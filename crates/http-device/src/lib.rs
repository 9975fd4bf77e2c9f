//! What devices call
