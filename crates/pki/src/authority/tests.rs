//! What the authority issues.
