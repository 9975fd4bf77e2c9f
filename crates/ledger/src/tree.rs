//! The tree of RFC 9162 section 2.1: appended at its right edge, kept as complete nodes that never change.

use crate::{Error, Hash, leaf_hash, node_hash};

/// Where a complete node stands: level 0 are the leaves, and node `index` of a level covers the entries from
/// `index << level` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeAt {
    /// Its level.
    pub level: u8,
    /// Its place on the level.
    pub index: u64,
}

/// A node that an append completed, to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewNode {
    /// Where it stands.
    pub at: NodeAt,
    /// Its hash.
    pub hash: Hash,
}

/// Where complete nodes are read from.
pub trait Nodes {
    /// What can go wrong.
    type Error: From<Error>;

    /// The hash of a complete node.
    ///
    /// # Errors
    /// [`Error::MissingNode`] when there is none, or the storage's own.
    fn node(&mut self, at: NodeAt) -> Result<Hash, Self::Error>;
}

/// The right edge of a tree: all that appending needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// The roots of the complete subtrees, from the largest; one for each bit that is set in the size.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The edge of the tree that `nodes` keeps.
    ///
    /// # Errors
    /// Those of `nodes`.
    pub fn load<N: Nodes>(nodes: &mut N, size: u64) -> Result<Self, N::Error> {
        let mut peaks = Vec::new();
        let mut start = 0_u64;
        for level in (0..64_u8).rev().filter(|level| size >> level & 1 == 1) {
            peaks.push(nodes.node(NodeAt { level, index: start >> level })?);
            start |= 1 << level;
        }
        Ok(Self { size, peaks })
    }

    /// How many entries there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry and returns the nodes that became complete, the leaf first.
    pub fn append(&mut self, entry: &[u8]) -> Vec<NewNode> {
        let mut at = NodeAt { level: 0, index: self.size };
        let mut hash = leaf_hash(entry);
        let mut complete = vec![NewNode { at, hash }];
        while at.index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(left, hash);
            at = NodeAt { level: at.level.saturating_add(1), index: at.index >> 1 };
            complete.push(NewNode { at, hash });
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1);
        complete
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        peaks
            .next()
            .map_or_else(Hash::of_nothing, |last| peaks.fold(last, |right, left| node_hash(left, right)))
    }
}

/// The root of the tree when it had `size` entries.
///
/// # Errors
/// Those of `nodes`.
pub fn root_at<N: Nodes>(nodes: &mut N, size: u64) -> Result<Hash, N::Error> {
    Ok(Frontier::load(nodes, size)?.root())
}

/// The hash over the entries from `start` up to `end`, where `start` is aligned as in the recursion of the RFC.
pub(crate) fn range<N: Nodes>(nodes: &mut N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let count = end.saturating_sub(start);
    if count == 0 {
        return Ok(Hash::of_nothing());
    }
    if count.is_power_of_two() {
        let level = u8::try_from(count.trailing_zeros()).unwrap_or(u8::MAX);
        return nodes.node(NodeAt { level, index: start >> level });
    }
    let middle = start.saturating_add(split(count));
    let left = range(nodes, start, middle)?;
    Ok(node_hash(left, range(nodes, middle, end)?))
}

/// The largest power of two below `count`, which is at least 2.
pub(crate) const fn split(count: u64) -> u64 {
    1 << (63 - count.saturating_sub(1).leading_zeros())
}
