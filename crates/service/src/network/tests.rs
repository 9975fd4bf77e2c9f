//! Access that is withdrawn and given back.
