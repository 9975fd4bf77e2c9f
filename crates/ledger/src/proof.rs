//! Proofs of inclusion and consistency (RFC 9162 sections 2.1.3 and 2.1.4).

use crate::tree::{range, split};
use crate::{Error, Hash, Nodes, node_hash};

/// The hashes that lead from entry `index` to the root of the first `size` entries, from the leaf upwards.
///
/// # Errors
/// [`Error::OutOfRange`], or those of `nodes`.
pub fn inclusion_proof<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    if index >= size {
        return Err(Error::OutOfRange { index, size }.into());
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Whether `proof` leads from the entry with this leaf hash at `index` to `root` of `size` entries.
///
/// # Errors
/// [`Error::OutOfRange`], [`Error::WrongLength`], [`Error::WrongRoot`].
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), Error> {
    if index >= size {
        return Err(Error::OutOfRange { index, size });
    }
    let (mut place, mut last, mut found) = (index, size - 1, leaf);
    for &sibling in proof {
        if last == 0 {
            return Err(Error::WrongLength);
        }
        if place & 1 == 1 || place == last {
            found = node_hash(sibling, found);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            found = node_hash(found, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(Error::WrongLength);
    }
    is_root(found, root)
}

/// The hashes that prove that the first `old` of `new` entries are the same as ever.
///
/// # Errors
/// [`Error::OutOfRange`] when `old` is 0 or above `new`, or those of `nodes`.
pub fn consistency_proof<N: Nodes>(nodes: &mut N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    if old == 0 || old > new {
        return Err(Error::OutOfRange { index: old, size: new }.into());
    }
    let (mut start, mut end, mut path) = (0, new, Vec::new());
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    // The old tree as a whole is known to whoever verifies; a part of it is not.
    if start != 0 {
        path.push(range(nodes, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether the tree of `old` entries with `old_root` is the beginning of the one of `new` entries with `new_root`.
///
/// # Errors
/// [`Error::OutOfRange`], [`Error::WrongLength`], [`Error::WrongRoot`].
pub fn verify_consistency(
    old: u64,
    old_root: Hash,
    new: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), Error> {
    if old == 0 || old > new {
        return Err(Error::OutOfRange { index: old, size: new });
    }
    if old == new {
        return if proof.is_empty() { is_root(old_root, new_root) } else { Err(Error::WrongLength) };
    }
    let mut rest = proof.iter().copied();
    let first = if old.is_power_of_two() { old_root } else { rest.next().ok_or(Error::WrongLength)? };
    let (mut place, mut last) = (old - 1, new - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(Error::WrongLength);
        }
        if place & 1 == 1 || place == last {
            before = node_hash(sibling, before);
            after = node_hash(sibling, after);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            after = node_hash(after, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(Error::WrongLength);
    }
    is_root(before, old_root)?;
    is_root(after, new_root)
}

fn is_root(found: Hash, wanted: Hash) -> Result<(), Error> {
    if found == wanted { Ok(()) } else { Err(Error::WrongRoot { wanted, found }) }
}

#[cfg(test)]
mod tests;
