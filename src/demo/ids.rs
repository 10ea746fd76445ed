//! Identifiers of 26 characters, as 1Password's are: upper case for events, users, sessions and accounts, lower case for
//! vaults, items, groups and devices.

/// What an identifier names. Each has its own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Domain {
    Account = 1,
    User,
    Vault,
    Item,
    Group,
    Device,
    Session,
    Background,
    Story,
    Thing,
    Cursor,
}

/// A bijection on 64 bits that leaves no pattern (splitmix64's finish).
pub(super) const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// The key of the `n`th thing of a domain. Different things have different keys, `n` below 2^56.
pub(super) const fn key(seed: u64, domain: Domain, n: u64) -> u64 {
    mix(seed) ^ (((domain as u64) << 56) | n)
}

const UPPER: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LOWER: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

fn id26(key: u64, alphabet: &[u8; 32]) -> [u8; 26] {
    // `mix` is a bijection: different keys differ in the first 13 characters already.
    let (high, low) = (mix(key), mix(key ^ 0x5555_5555_5555_5555));
    let mut id = [0; 26];
    let (mut a, mut b) = (high, low);
    for at in 0..13 {
        id[at] = alphabet[(a & 31) as usize];
        id[at + 13] = alphabet[(b & 31) as usize];
        a >>= 5;
        b >>= 5;
    }
    id
}

pub(super) fn push_upper(key: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&id26(key, UPPER));
}

pub(super) fn push_lower(key: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&id26(key, LOWER));
}

pub(super) fn upper(key: u64) -> String {
    id26(key, UPPER).iter().map(|&b| char::from(b)).collect()
}

pub(super) fn lower(key: u64) -> String {
    id26(key, LOWER).iter().map(|&b| char::from(b)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn different_things_have_different_identifiers_of_26_characters() {
        let mut seen = HashSet::new();
        for domain in [Domain::User, Domain::Background, Domain::Story] {
            for n in 0..10_000 {
                let id = upper(key(7, domain, n));
                assert_eq!(id.len(), 26);
                assert!(seen.insert(id));
            }
        }
        assert!(lower(5).bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')));
    }
}
