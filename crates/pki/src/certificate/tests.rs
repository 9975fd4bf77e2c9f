//! Certificates as they are read.
