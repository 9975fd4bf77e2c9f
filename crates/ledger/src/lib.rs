//! The tamper-evident log: a Merkle tree over canonical events, signed heads of it, and proofs that need no server.
//!
//! [`canonical`] writes an event the one way it can be written (RFC 8785); [`Frontier`] appends its hash to the tree of RFC 9162;
//! [`Checkpoint`] is the head of the tree in C2SP's `tlog-checkpoint` form, which [`CheckpointSigner`] signs and
//! [`CheckpointKey`] verifies; [`inclusion_proof`] and [`consistency_proof`] prove that an event is in it and that nothing
//! before was changed. Personal strings stand beside the leaf, which holds a [`Commitment`] to them.

mod canonical;
mod checkpoint;
mod commitment;
mod error;
mod hash;
mod note;
mod proof;
mod tree;

pub use canonical::canonical;
pub use checkpoint::{Checkpoint, CheckpointKey, CheckpointSigner, SignedCheckpoint};
pub use commitment::{Commitment, Opening};
pub use error::Error;
pub use hash::{Hash, leaf_hash, node_hash};
pub use proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use tree::{Frontier, NewNode, NodeAt, Nodes, root_at};
