//! Push certificates as administrators bring them.
