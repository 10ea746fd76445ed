//! A batch's tree of which some leaves are gone: by retention, or because an export is about others.
//!
//! What is gone stands in for itself as the hash of its subtree, as few and as large subtrees as will do, so that the leaves that are left
//! still hash to the tree that the batch's root covers. Of five leaves with the second and the last two kept:
//!
//! ```text
//!            root                   nodes kept in place of what is gone:
//!        ┌────┴─────┐                 position 0, size 1
//!      ┌─┴──┐     [4]                 position 2, size 1
//!    ┌─┴─┐ ┌┴──┐
//!    0  [1] 2 [3]
//! ```
//!
//! **Bytes**: `0x01` (version), the number of nodes, then each node by position: its position less the end of the node before (0 before
//! the first), its size, its hash (32 bytes). Numbers are unsigned LEB128.

use super::{Root, node};

const VERSION: u8 = 1;

/// A subtree whose leaves are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The position of its first leaf in the batch, from 0.
    pub at: u64,
    /// The leaves it stands for.
    pub size: u64,
    pub hash: Root,
}

/// Which leaves of a batch's tree are gone, and what they hashed to. Without nodes: the whole tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    leaves: u64,
    nodes: Vec<Node>,
}

/// What a subtree has come to.
enum Part {
    Gone(Root),
    Kept(Root),
}

impl Pruned {
    /// The tree of so many leaves, all there.
    pub fn whole(leaves: u64) -> Self {
        Self { leaves, nodes: Vec::new() }
    }

    /// The tree of these leaves without those that `keep` (one for each) says no to.
    #[cfg(test)]
    pub fn of(leaves: &[Root], keep: &[bool]) -> Self {
        Self::whole(leaves.len() as u64).prune(leaves, keep).unwrap_or_else(|| Self::whole(0))
    }

    /// A tree with these nodes, as somebody else wrote them. `None` where they overlap, lie outside or are not by position; whether each is
    /// a subtree shows in [`Pruned::tree`].
    pub fn from_nodes(leaves: u64, nodes: Vec<Node>) -> Option<Self> {
        let mut end = 0u64;
        for node in &nodes {
            if node.at < end || node.size == 0 {
                return None;
            }
            end = node.at.checked_add(node.size)?;
        }
        (end <= leaves).then_some(Self { leaves, nodes })
    }

    /// Leaves of the whole tree, gone ones included.
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    /// By position.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Leaves that are gone.
    pub fn gone(&self) -> u64 {
        self.nodes.iter().map(|node| node.size).sum()
    }

    /// The positions of the leaves that are there, ascending.
    pub fn present(&self) -> impl Iterator<Item = u64> + '_ {
        let starts = std::iter::once(0).chain(self.nodes.iter().map(|node| node.at + node.size));
        let ends = self.nodes.iter().map(|node| node.at).chain(std::iter::once(self.leaves));
        starts.zip(ends).flat_map(|(from, to)| from..to)
    }

    /// The hash of the whole tree from the leaves that are there, by position. `None` where their number is not that of the gaps between
    /// the nodes, or a node is no subtree.
    pub fn tree(&self, present: &[Root]) -> Option<Root> {
        if self.leaves == 0 {
            return present.is_empty().then(|| super::tree(&[]));
        }
        if self.nodes.is_empty() {
            return (present.len() as u64 == self.leaves).then(|| super::tree(present));
        }
        let (mut nodes, mut rest) = (self.nodes.as_slice(), present);
        let tree = hash(0, self.leaves, &mut nodes, &mut rest)?;
        (nodes.is_empty() && rest.is_empty()).then_some(tree)
    }

    /// The tree with more of its leaves gone. `present` are the leaves that are there, by position, and `keep` says of each whether it
    /// stays. `None` as in [`Pruned::tree`].
    pub fn prune(&self, present: &[Root], keep: &[bool]) -> Option<Self> {
        if present.len() != keep.len() || present.len() as u64 + self.gone() != self.leaves {
            return None;
        }
        if self.leaves == 0 {
            return Some(self.clone());
        }
        let mut work = Work { nodes: &self.nodes, leaves: present, keep, out: Vec::new() };
        if let Part::Gone(hash) = work.prune(0, self.leaves)? {
            work.out = vec![Node { at: 0, size: self.leaves, hash }];
        }
        let done = work.nodes.is_empty() && work.leaves.is_empty();
        done.then_some(Self { leaves: self.leaves, nodes: work.out })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + self.nodes.len() * 36);
        out.push(VERSION);
        leb128(self.nodes.len() as u64, &mut out);
        let mut end = 0;
        for node in &self.nodes {
            leb128(node.at - end, &mut out);
            leb128(node.size, &mut out);
            out.extend(node.hash);
            end = node.at + node.size;
        }
        out
    }

    /// The tree of so many leaves from its bytes; `None` where they are not such a tree's, to the last byte.
    pub fn from_bytes(leaves: u64, bytes: &[u8]) -> Option<Self> {
        let (version, mut rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let count = read_leb128(&mut rest)?;
        // At least 34 bytes a node: a count that cannot be is not believed.
        let mut nodes = Vec::with_capacity(usize::try_from(count).ok()?.min(rest.len() / 34));
        let mut end = 0u64;
        for _ in 0..count {
            let at = end.checked_add(read_leb128(&mut rest)?)?;
            let size = read_leb128(&mut rest)?;
            let (hash, after) = rest.split_first_chunk::<32>()?;
            rest = after;
            end = at.checked_add(size)?;
            nodes.push(Node { at, size, hash: *hash });
        }
        rest.is_empty().then(|| Self::from_nodes(leaves, nodes)).flatten()
    }
}

/// The leaves of the left half of a tree of `size` leaves, two at least.
fn left(size: u64) -> u64 {
    size.next_power_of_two() / 2
}

fn hash(at: u64, size: u64, nodes: &mut &[Node], leaves: &mut &[Root]) -> Option<Root> {
    if let Some((first, rest)) = nodes.split_first()
        && (first.at, first.size) == (at, size)
    {
        *nodes = rest;
        return Some(first.hash);
    }
    if size == 1 {
        let (first, rest) = leaves.split_first()?;
        *leaves = rest;
        return Some(*first);
    }
    let k = left(size);
    let before = hash(at, k, nodes, leaves)?;
    let after = hash(at + k, size - k, nodes, leaves)?;
    Some(node(&before, &after))
}

struct Work<'a> {
    nodes: &'a [Node],
    leaves: &'a [Root],
    keep: &'a [bool],
    out: Vec<Node>,
}

impl Work<'_> {
    fn prune(&mut self, at: u64, size: u64) -> Option<Part> {
        if let Some((first, rest)) = self.nodes.split_first()
            && (first.at, first.size) == (at, size)
        {
            self.nodes = rest;
            return Some(Part::Gone(first.hash));
        }
        if size == 1 {
            let ((leaf, leaves), (keep, keeps)) = (self.leaves.split_first()?, self.keep.split_first()?);
            (self.leaves, self.keep) = (leaves, keeps);
            return Some(if *keep { Part::Kept(*leaf) } else { Part::Gone(*leaf) });
        }
        let (k, from) = (left(size), self.out.len());
        let before = self.prune(at, k)?;
        // Entered before what the right half enters; taken back when that is gone too.
        if let Part::Gone(hash) = before {
            self.out.push(Node { at, size: k, hash });
        }
        let after = self.prune(at + k, size - k)?;
        Some(match (before, after) {
            (Part::Gone(a), Part::Gone(b)) => {
                self.out.truncate(from);
                Part::Gone(node(&a, &b))
            }
            (Part::Gone(a) | Part::Kept(a), Part::Kept(b)) => Part::Kept(node(&a, &b)),
            (Part::Kept(a), Part::Gone(b)) => {
                self.out.push(Node { at: at + k, size: size - k, hash: b });
                Part::Kept(node(&a, &b))
            }
        })
    }
}

fn leb128(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn read_leb128(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        n |= bits << shift;
        if byte & 0x80 == 0 {
            // One form a number, so that the same tree is the same bytes.
            return (*byte != 0 || shift == 0).then_some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree;
    use super::*;

    fn leaves(n: usize) -> Vec<Root> {
        (0..n).map(|i| super::super::sha256(&[&(i as u64).to_be_bytes()])).collect()
    }

    fn kept(leaves: &[Root], keep: &[bool]) -> Vec<Root> {
        leaves.iter().zip(keep).filter(|(_, keep)| **keep).map(|(leaf, _)| *leaf).collect()
    }

    #[test]
    fn what_is_gone_is_as_few_subtrees_as_will_do() {
        let leaves = leaves(5);
        let nodes = |keep: [bool; 5]| -> Vec<(u64, u64)> {
            Pruned::of(&leaves, &keep).nodes().iter().map(|n| (n.at, n.size)).collect()
        };
        assert_eq!(nodes([false, true, false, true, true]), [(0, 1), (2, 1)]);
        assert_eq!(nodes([false, false, false, false, true]), [(0, 4)]);
        assert_eq!(nodes([true, true, false, false, false]), [(2, 2), (4, 1)]);
        assert_eq!(nodes([false; 5]), [(0, 5)]);
        assert_eq!(nodes([true; 5]), []);
    }

    #[test]
    fn a_tree_without_leaves_has_nothing_to_lose() {
        let none = Pruned::of(&[], &[]);
        assert_eq!(none.tree(&[]), Some(tree(&[])));
        assert_eq!(Pruned::from_bytes(0, &none.to_bytes()), Some(none));
    }

    #[test]
    fn bytes_that_are_no_tree_are_refused() {
        let leaves = leaves(9);
        let keep: Vec<bool> = (0..9).map(|i| i % 3 == 0).collect();
        let bytes = Pruned::of(&leaves, &keep).to_bytes();
        for cut in 0..bytes.len() {
            assert_eq!(Pruned::from_bytes(9, &bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(Pruned::from_bytes(9, &[bytes.as_slice(), &[0]].concat()), None);
        assert_eq!(Pruned::from_bytes(5, &bytes), None, "more leaves gone than there are");
        assert_eq!(Pruned::from_bytes(9, &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), None);
        assert_eq!(Pruned::from_bytes(9, &[1, 0x80, 0]), None, "two forms of one number");
    }

    #[test]
    fn a_node_that_is_no_subtree_gives_no_tree() {
        let leaves = leaves(8);
        let wrong = Pruned::from_nodes(8, vec![Node { at: 1, size: 2, hash: [0; 32] }]).unwrap();
        assert_eq!(wrong.tree(&leaves[..6]), None);
        let overlap = vec![Node { at: 0, size: 2, hash: [0; 32] }, Node { at: 1, size: 1, hash: [0; 32] }];
        assert_eq!(Pruned::from_nodes(8, overlap), None);
    }

    proptest! {
        #[test]
        fn a_pruned_tree_hashes_as_the_whole_one(keep in prop::collection::vec(any::<bool>(), 0..200)) {
            let leaves = leaves(keep.len());
            let pruned = Pruned::of(&leaves, &keep);
            let there = kept(&leaves, &keep);
            prop_assert_eq!(pruned.tree(&there), Some(tree(&leaves)));
            prop_assert_eq!(pruned.gone() as usize, keep.len() - there.len());
            let positions: Vec<bool> = pruned.present().fold(vec![false; keep.len()], |mut all, at| {
                all[at as usize] = true;
                all
            });
            prop_assert_eq!(positions, keep.clone());
            prop_assert_eq!(Pruned::from_bytes(keep.len() as u64, &pruned.to_bytes()), Some(pruned.clone()));
            if let Some(fewer) = there.len().checked_sub(1) {
                prop_assert_eq!(pruned.tree(&there[..fewer]), None);
            }
        }

        #[test]
        fn pruning_in_two_steps_is_pruning_in_one(states in prop::collection::vec(0u8..3, 1..150)) {
            let leaves = leaves(states.len());
            let first: Vec<bool> = states.iter().map(|s| *s > 0).collect();
            let both: Vec<bool> = states.iter().map(|s| *s > 1).collect();
            let there = kept(&leaves, &first);
            let second: Vec<bool> = states.iter().filter(|s| **s > 0).map(|s| *s > 1).collect();
            let twice = Pruned::of(&leaves, &first).prune(&there, &second).unwrap();
            prop_assert_eq!(twice, Pruned::of(&leaves, &both));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120), leaves in 0u64..64) {
            if let Some(pruned) = Pruned::from_bytes(leaves, &bytes) {
                prop_assert_eq!(pruned.to_bytes(), bytes);
            }
        }
    }
}
