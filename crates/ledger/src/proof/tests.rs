use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::{Frontier, NodeAt, leaf_hash, root_at};

#[derive(Default)]
struct Memory {
    nodes: HashMap<NodeAt, Hash>,
    frontier: Frontier,
}

impl Nodes for Memory {
    type Error = Error;

    fn node(&mut self, at: NodeAt) -> Result<Hash, Error> {
        self.nodes.get(&at).copied().ok_or(Error::MissingNode { level: at.level, index: at.index })
    }
}

impl Memory {
    fn append(&mut self, entry: &[u8]) {
        for new in self.frontier.append(entry) {
            assert!(self.nodes.insert(new.at, new.hash).is_none(), "a node changed");
        }
    }

    fn of(entries: &[Vec<u8>]) -> Self {
        let mut memory = Self::default();
        entries.iter().for_each(|entry| memory.append(entry));
        memory
    }
}

/// The definition of RFC 9162 section 2.1.1, word for word.
fn defined(entries: &[Vec<u8>]) -> Hash {
    match entries {
        [] => Hash::of_nothing(),
        [one] => leaf_hash(one),
        many => {
            let (left, right) = many.split_at(usize::try_from(split(many.len() as u64)).unwrap());
            node_hash(defined(left), defined(right))
        }
    }
}

/// The entries and roots by which the implementations of Certificate Transparency are compared.
#[test]
fn the_roots_of_the_known_tree_are_right() {
    let entries =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut memory = Memory::default();
    assert_eq!(
        memory.frontier.root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    for (entry, root) in entries.iter().zip(roots) {
        memory.append(&hex::decode(entry).unwrap());
        assert_eq!(memory.frontier.root().to_string(), root);
    }
    for (size, root) in (1..).zip(roots) {
        assert_eq!(root_at(&mut memory, size).unwrap().to_string(), root);
    }
}

#[test]
fn proofs_of_what_does_not_exist_are_refused() {
    let mut memory = Memory::of(&[vec![1], vec![2], vec![3]]);
    assert_eq!(inclusion_proof(&mut memory, 3, 3), Err(Error::OutOfRange { index: 3, size: 3 }));
    assert!(consistency_proof(&mut memory, 0, 3).is_err());
    assert!(consistency_proof(&mut memory, 4, 3).is_err());
    assert!(inclusion_proof(&mut memory, 0, 5).is_err(), "the tree is not that large");
    let root = memory.frontier.root();
    assert!(verify_inclusion(leaf_hash(&[1]), 3, 3, &[], root).is_err());
    assert!(verify_consistency(0, root, 3, root, &[]).is_err());
    assert!(verify_consistency(3, root, 3, root, &[root]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_proof_verifies_and_no_changed_one_does(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 1..70),
        flip in any::<(usize, usize)>(),
    ) {
        let mut memory = Memory::of(&entries);
        let size = entries.len() as u64;
        let root = memory.frontier.root();
        prop_assert_eq!(root, defined(&entries));
        prop_assert_eq!(&Frontier::load(&mut memory, size).unwrap(), &memory.frontier.clone());
        for (index, entry) in (0_u64..).zip(&entries) {
            let proof = inclusion_proof(&mut memory, index, size).unwrap();
            verify_inclusion(leaf_hash(entry), index, size, &proof, root).unwrap();
            prop_assert!(verify_inclusion(leaf_hash(b"other"), index, size, &proof, root).is_err());
            if let Some(wrong) = broken(&proof, flip) {
                prop_assert!(verify_inclusion(leaf_hash(entry), index, size, &wrong, root).is_err());
            }
        }
        for old in 1..=size {
            let before = root_at(&mut memory, old).unwrap();
            let proof = consistency_proof(&mut memory, old, size).unwrap();
            verify_consistency(old, before, size, root, &proof).unwrap();
            prop_assert!(verify_consistency(old, leaf_hash(b"other"), size, root, &proof).is_err());
            if let Some(wrong) = broken(&proof, flip) {
                prop_assert!(verify_consistency(old, before, size, root, &wrong).is_err());
            }
        }
    }
}

/// The proof with one bit turned.
fn broken(proof: &[Hash], (place, bit): (usize, usize)) -> Option<Vec<Hash>> {
    let mut wrong = proof.to_vec();
    let count = wrong.len().checked_sub(1)?.saturating_add(1);
    let hash = wrong.get_mut(place % count)?;
    hash.0[bit % 32] ^= 1;
    Some(wrong)
}
