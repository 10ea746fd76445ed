//! A segment's membership filter: is an event's identity perhaps in there?
//!
//! A binary fuse filter (Graf and Lemire, 2022) with 13-bit fingerprints: three reads a question, about 1.9 bytes an event at 65,536
//! events and less in larger segments, one false "perhaps" in 8,192. A "perhaps" is confirmed in the segment; a "no" is certain.
//!
//! Keys are 64-bit identities (`identity`): two identities that share one only cost a confirmation.

use arrow::array::RecordBatch;
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::event::Feed;
use crate::event::columns::text_at;

const BITS: u32 = 13;
const MASK: u32 = (1 << BITS) - 1;
const HEADER: usize = 24;

/// The 64-bit key of an event's identity, the same in every build: the first bytes of SHA-256 over account, feed and UUID.
pub(super) fn identity(account: &str, feed: Feed, uuid: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(account);
    hash.update([0]);
    hash.update(feed.name());
    hash.update([0]);
    hash.update(uuid);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    u64::from_be_bytes(first)
}

/// The columns that identities are made of.
pub(super) const IDENTITY: [&str; 3] = ["feed", "account", "uuid_s"];

/// The keys of a batch's events.
pub(super) fn identities(batch: &RecordBatch) -> impl Iterator<Item = u64> {
    let [feeds, accounts, uuids] = IDENTITY.map(|name| batch.column_by_name(name));
    let key = move |row| {
        let feed = text_at(feeds?, row).and_then(Feed::from_name)?;
        Some(identity(text_at(accounts?, row).unwrap_or_default(), feed, text_at(uuids?, row).unwrap_or_default()))
    };
    (0..batch.num_rows()).filter_map(key)
}

/// A filter over a set of identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    seed: u64,
    /// Slots in a window; a power of two.
    segment: u32,
    /// First slots to choose from: slots less two windows.
    starts: u32,
    /// Fingerprints of `BITS` bits, packed from the lowest bit, with three spare bytes so that a read never ends short.
    bits: Vec<u8>,
}

impl Filter {
    /// Builds the filter of `keys`, in any order, repeats allowed.
    pub(super) fn build(mut keys: Vec<u64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let n = keys.len().max(2) as f64;
        let segment = 1_u32 << ((n.ln() / 3.33_f64.ln() + 2.25) as u32).min(18);
        let factor = (0.875 + 0.25 * 1e6_f64.ln() / n.ln()).max(1.125);
        let windows = ((n * factor).round() as u32).div_ceil(segment).saturating_sub(2).max(1);
        let mut filter = Self { seed: 0, segment, starts: windows * segment, bits: Vec::new() };
        // One in a few hundred seeds leaves keys that cannot be peeled; the next one is tried.
        for seed in 1.. {
            filter.seed = seed;
            if let Some(order) = filter.peel(&keys) {
                filter.fill(&order);
                break;
            }
        }
        filter
    }

    fn slots(&self) -> usize {
        (self.starts + 2 * self.segment) as usize
    }

    /// The three slots of a mixed hash.
    fn places(&self, hash: u64) -> [usize; 3] {
        let first = ((u128::from(hash) * u128::from(self.starts)) >> 64) as u32;
        let low = self.segment - 1;
        let second = (first + self.segment) ^ ((hash >> 18) as u32 & low);
        let third = (first + 2 * self.segment) ^ (hash as u32 & low);
        [first as usize, second as usize, third as usize]
    }

    fn mix(&self, key: u64) -> u64 {
        // Murmur's finaliser.
        let mut h = key.wrapping_add(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        h ^ (h >> 33)
    }

    /// An order in which each hash owns a slot that no later one touches: (hash, owned slot).
    fn peel(&self, keys: &[u64]) -> Option<Vec<(u64, usize)>> {
        // A slot's count of hashes and their xor: at a count of one, the xor is the hash.
        let mut count = vec![0_u32; self.slots()];
        let mut xor = vec![0_u64; self.slots()];
        for key in keys {
            let hash = self.mix(*key);
            for place in self.places(hash) {
                count[place] += 1;
                xor[place] ^= hash;
            }
        }
        let mut alone: Vec<usize> = (0..self.slots()).filter(|s| count[*s] == 1).collect();
        let mut order = Vec::with_capacity(keys.len());
        while let Some(slot) = alone.pop() {
            if count[slot] != 1 {
                continue;
            }
            let hash = xor[slot];
            order.push((hash, slot));
            for place in self.places(hash) {
                count[place] -= 1;
                xor[place] ^= hash;
                if count[place] == 1 {
                    alone.push(place);
                }
            }
        }
        (order.len() == keys.len()).then_some(order)
    }

    fn fill(&mut self, order: &[(u64, usize)]) {
        self.bits = vec![0; (self.slots() * BITS as usize).div_ceil(8) + 3];
        for (hash, owned) in order.iter().rev() {
            let others = self.places(*hash).iter().fold(0, |x, p| if p == owned { x } else { x ^ self.get(*p) });
            self.set(*owned, fingerprint(*hash) ^ others);
        }
    }

    fn get(&self, slot: usize) -> u32 {
        let bit = slot * BITS as usize;
        let at = bit / 8;
        let mut word = [0; 4];
        word.copy_from_slice(&self.bits[at..at + 4]);
        (u32::from_le_bytes(word) >> (bit % 8)) & MASK
    }

    fn set(&mut self, slot: usize, value: u32) {
        let bit = slot * BITS as usize;
        let at = bit / 8;
        let mut word = [0; 4];
        word.copy_from_slice(&self.bits[at..at + 4]);
        let word = u32::from_le_bytes(word) & !(MASK << (bit % 8)) | value << (bit % 8);
        self.bits[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }

    /// False: certainly not in the set. True: perhaps.
    pub(super) fn may_hold(&self, key: u64) -> bool {
        let hash = self.mix(key);
        let [a, b, c] = self.places(hash);
        self.get(a) ^ self.get(b) ^ self.get(c) == fingerprint(hash)
    }

    /// The filter as it lies in the catalogue.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.bits.len());
        bytes.extend(b"FUSE\x01\x00\x00");
        bytes.push(BITS as u8);
        bytes.extend(self.seed.to_be_bytes());
        bytes.extend(self.segment.to_be_bytes());
        bytes.extend(self.starts.to_be_bytes());
        bytes.extend(&self.bits);
        bytes
    }

    /// Reads what `to_bytes` wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::damaged("a segment's membership filter");
        let head = bytes.first_chunk::<HEADER>().ok_or_else(damaged)?;
        let word = |at: usize| head[at..at + 4].iter().fold(0_u32, |n, b| n << 8 | u32::from(*b));
        let filter = Self {
            seed: u64::from(word(8)) << 32 | u64::from(word(12)),
            segment: word(16),
            starts: word(20),
            bits: bytes[HEADER..].to_vec(),
        };
        let sound = head.starts_with(b"FUSE\x01\x00\x00")
            && head[7] == BITS as u8
            && filter.segment.is_power_of_two()
            && filter.segment <= 1 << 18
            && filter.starts >= filter.segment
            && filter.starts < 1 << 30
            && filter.bits.len() == (filter.slots() * BITS as usize).div_ceil(8) + 3;
        sound.then_some(filter).ok_or_else(damaged)
    }

    /// Bytes in memory.
    #[cfg(test)]
    fn size(&self) -> usize {
        self.bits.len()
    }
}

fn fingerprint(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32 & MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(from: u64, n: u64) -> Vec<u64> {
        (from..from + n).map(|i| identity("ACCOUNT", Feed::AuditEvents, &format!("UUID{i}"))).collect()
    }

    #[test]
    fn what_is_in_is_found_and_what_is_not_is_rarely_suspected() {
        for n in [0, 1, 2, 3, 10, 1_000, 8_000] {
            let inside = keys(0, n);
            let filter = Filter::build(inside.clone());
            assert!(inside.iter().all(|k| filter.may_hold(*k)), "{n}");
            let suspected = keys(1 << 32, 20_000).iter().filter(|k| filter.may_hold(**k)).count();
            assert!(suspected < 20, "{suspected} of 20,000 at {n}");
        }
    }

    #[test]
    fn a_sealed_segment_costs_less_than_two_bytes_an_event() {
        let n = 65_536;
        assert!(Filter::build(keys(0, n)).size() as u64 <= 2 * n);
    }

    #[test]
    fn it_comes_back_from_its_bytes_and_damaged_bytes_are_refused() {
        let filter = Filter::build(keys(0, 500));
        let bytes = filter.to_bytes();
        assert_eq!(Filter::from_bytes(&bytes).unwrap(), filter);
        for cut in [0, 10, HEADER, bytes.len() - 1] {
            assert!(Filter::from_bytes(&bytes[..cut]).is_err());
        }
        let mut wrong = bytes.clone();
        wrong[20] = 0xff;
        assert!(Filter::from_bytes(&wrong).is_err());
    }

    #[test]
    fn identities_differ_by_account_feed_and_uuid() {
        let base = identity("A", Feed::AuditEvents, "U");
        for other in [
            identity("B", Feed::AuditEvents, "U"),
            identity("A", Feed::ItemUsages, "U"),
            identity("A", Feed::AuditEvents, "V"),
        ] {
            assert_ne!(base, other);
        }
    }
}
