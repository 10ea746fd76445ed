//! The chain: what makes a changed, removed, added or moved event visible.
//!
//! Every event is a leaf; the leaves of a batch (one committed page) form a Merkle tree as in RFC 6962; every batch root covers
//! the one before it. All numbers are big-endian, `‖` joins bytes.
//!
//! **Leaf**, SHA-256 over:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | `0x00`, RFC 6962's prefix of a leaf |
//! | 1 | version of this format: `0x01` |
//! | 2, n | length of the account's UUID, and the UUID as UTF-8 |
//! | 2, n | length of the feed's name, and the name: `auditevents` … |
//! | 2, n | length of the event's UUID, and the UUID as UTF-8 |
//! | 8 | arrival: 100 ns ticks since 0001-01-01T00:00:00Z |
//! | 2, n | length of the source's name, and the name: `live`, `backfill`, `gap`, `import`, `demo` |
//! | 8, n | length of the event's text, and the text, byte for byte as it came |
//!
//! **Tree.** The hash of one leaf is the leaf; of n > 1 leaves SHA-256(`0x01` ‖ hash of the first k ‖ hash of the rest), k the largest
//! power of two below n; of none SHA-256 of nothing.
//!
//! **Root of a batch**: SHA-256(`0x02` ‖ `0x01` ‖ batch number, 8 bytes, from 1 ‖ root of the batch before, 32 bytes, zeros before the
//! first ‖ first sequence number, 8 bytes ‖ number of leaves, 8 bytes ‖ tree hash, 32 bytes).
//!
//! **Tag** of an event: the first 8 bytes of its leaf, stored with it, so that `verify` can name the event and not only its batch.

#[cfg(test)]
mod example;
pub mod pruned;

use sha2::{Digest, Sha256};

use crate::base::time::Ticks;
use crate::event::{Feed, Source};

/// A SHA-256 hash.
pub type Root = [u8; 32];

const VERSION: u8 = 1;

/// What a leaf covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf<'a> {
    pub account: &'a str,
    pub feed: Feed,
    pub uuid: &'a str,
    pub arrived: Ticks,
    pub source: Source,
    pub raw: &'a [u8],
}

impl Leaf<'_> {
    pub(super) fn hash(&self) -> Root {
        self.hash_with(&mut Vec::with_capacity(192))
    }

    /// `hash` with room to work in, for millions of them.
    pub(super) fn hash_with(&self, head: &mut Vec<u8>) -> Root {
        head.clear();
        head.extend([0x00, VERSION]);
        let mut text = |text: &str| {
            // The decoder's limits keep these far below 64 KiB; a longer one would only make the leaf unverifiable, so it is
            // cut here and in the length alike.
            let bytes = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
            head.extend((bytes.len() as u16).to_be_bytes());
            head.extend(bytes);
        };
        text(self.account);
        text(self.feed.name());
        text(self.uuid);
        head.extend(self.arrived.0.to_be_bytes());
        let source = self.source.name();
        head.extend((source.len() as u16).to_be_bytes());
        head.extend(source.as_bytes());
        head.extend((self.raw.len() as u64).to_be_bytes());
        sha256(&[head, self.raw])
    }
}

/// The tag of an event from its leaf.
pub(super) fn tag(leaf: &Root) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&leaf[..8]);
    i64::from_be_bytes(first)
}

/// The hash of a tree over leaves.
pub(super) fn tree(leaves: &[Root]) -> Root {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            node(&tree(left), &tree(right))
        }
    }
}

/// The hash of a tree from those of its halves.
fn node(left: &Root, right: &Root) -> Root {
    sha256(&[&[0x01], left, right])
}

/// The root of batch `number`, which follows the batch whose root is `before`, over so many leaves with this tree hash.
pub(super) fn root(number: u64, before: &Root, first_seq: i64, leaves: u64, tree: &Root) -> Root {
    let (number, first_seq, leaves) = (number.to_be_bytes(), first_seq.to_be_bytes(), leaves.to_be_bytes());
    sha256(&[&[0x02, VERSION], &number, before, &first_seq, &leaves, tree])
}

/// SHA-256 over these parts, one after the other.
pub(super) fn sha256(parts: &[&[u8]]) -> Root {
    parts.iter().fold(Sha256::new(), Digest::chain_update).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |s, b| s + &format!("{b:02x}"))
    }

    /// RFC 6962's tree over the eight inputs of the certificate-transparency test vectors.
    #[test]
    fn the_tree_is_that_of_rfc_6962() {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves = inputs.map(|i| Sha256::new_with_prefix([0x00]).chain_update(i).finalize().into());
        for (n, want) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex(&tree(&leaves[..n])), want, "{n} leaves");
        }
    }

    /// Written out by hand from the table above, so that the format cannot drift unnoticed.
    #[test]
    fn a_leaf_is_what_the_table_says_byte_by_byte() {
        let leaf = Leaf {
            account: "ACCT",
            feed: Feed::ItemUsages,
            uuid: "U1",
            arrived: Ticks(0x0102_0304_0506_0708),
            source: Source::Live,
            raw: b"{}",
        };
        let bytes = b"\x00\x01\x00\x04ACCT\x00\x0aitemusages\x00\x02U1\x01\x02\x03\x04\x05\x06\x07\x08\x00\x04live\x00\x00\x00\x00\x00\x00\x00\x02{}";
        let want: Root = Sha256::digest(bytes).into();
        assert_eq!(leaf.hash(), want);
        assert_eq!(tag(&want).to_be_bytes(), want[..8]);
    }

    #[test]
    fn a_root_covers_number_order_and_the_root_before() {
        let (a, b, zero) = ([1; 32], [2; 32], [0; 32]);
        let base = root(1, &zero, 1, 2, &tree(&[a, b]));
        for other in [
            root(2, &zero, 1, 2, &tree(&[a, b])),
            root(1, &a, 1, 2, &tree(&[a, b])),
            root(1, &zero, 2, 2, &tree(&[a, b])),
            root(1, &zero, 1, 2, &tree(&[b, a])),
            root(1, &zero, 1, 1, &tree(&[a, b])),
        ] {
            assert_ne!(base, other);
        }
    }
}
