//! IPv6 addresses and ranges. An IPv4 address stands for its image under `::ffff:0:0/96`, its prefix counted from there.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::net::{each, lists};
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "parse_ipv6" => |c| {
            let t = c.texts(0)?;
            Ok(c.give_texts(|i| Some(Range::parse(t.text(i)).map(Range::text).unwrap_or_default())))
        },
        "parse_ipv6_mask" => |c| {
            let (t, bits) = (c.texts(0)?, c.whole(1)?);
            Ok(c.give_texts(|i| {
                let range = Range::parse(t.text(i)).zip(bits.get(i).and_then(prefix));
                Some(range.map(|(r, bits)| Range { bits: r.bits.min(bits), ..r }.text()).unwrap_or_default())
            }))
        },
        "ipv6_compare" => |c| compare(c),
        "ipv6_is_match" => |c| {
            let answer = compare(c)?;
            let n = answer.longs()?;
            Ok(c.maybe_bools(|i| n.get(i).map(|n| n == 0)))
        },
        "ipv6_is_in_range" => |c| {
            let (a, b) = (c.texts(0)?, c.texts(1)?);
            Ok(c.maybe_bools(|i| Some(Range::parse(b.text(i))?.holds(Range::parse(a.text(i))?))))
        },
        "ipv6_is_in_any_range" => |c| {
            let a = c.texts(0)?;
            let ranges = lists(c)?;
            Ok(c.maybe_bools(|i| {
                let address = Range::parse(a.text(i))?;
                let mut hit = false;
                each(&ranges, i, |t| hit |= Range::parse(t).is_some_and(|r| r.holds(address)));
                Some(hit)
            }))
        },
        _ => return None,
    })
}

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub address: u128,
    pub bits: u32,
}

fn prefix(bits: i64) -> Option<u32> {
    u32::try_from(bits).ok().filter(|b| *b <= 128)
}

impl Range {
    /// Either kind of address, with `/n` behind it or not.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (address, bits) = match text.split_once('/') {
            Some((a, b)) => (a, Some(b.parse::<u32>().ok()?)),
            None => (text, None),
        };
        // Where the address is written with dots, the prefix counts from there.
        let first = if address.contains('.') { 96 } else { 0 };
        let bits = bits.map_or(Some(128), |b| Some(b + first).filter(|b| *b <= 128))?;
        let address = match address.parse::<Ipv6Addr>() {
            Ok(address) => address,
            Err(_) => address.parse::<Ipv4Addr>().ok()?.to_ipv6_mapped(),
        };
        Some(Self { address: address.to_bits(), bits })
    }

    fn mask(self) -> u128 {
        u128::MAX.checked_shl(128 - self.bits).unwrap_or(0)
    }

    pub fn holds(self, other: Self) -> bool {
        self.address & self.mask() == other.address & self.mask() && other.bits >= self.bits
    }

    /// The address under its prefix, all groups written out.
    fn text(self) -> String {
        let groups = Ipv6Addr::from_bits(self.address & self.mask()).segments();
        groups.map(|g| format!("{g:04x}")).join(":")
    }
}

fn compare(call: &Call<'_>) -> Result<Vector> {
    let (a, b) = (call.texts(0)?, call.texts(1)?);
    let bits = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
    Ok(call.give_longs(|i| {
        let (a, b) = (Range::parse(a.text(i))?, Range::parse(b.text(i))?);
        let most = match &bits {
            None => 128,
            Some(p) => prefix(p.get(i)?)?,
        };
        let mask = Range { address: 0, bits: a.bits.min(b.bits).min(most) }.mask();
        // `::1.2.3.4` is the older way to write an IPv4 address.
        let plain = |n: u128| if n >> 32 == 0 { n | 0xFFFF << 32 } else { n };
        Some((plain(a.address) & mask).cmp(&(plain(b.address) & mask)) as i64)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_is_read_as_its_image() {
        let image = Range::parse("10.1.2.3").unwrap();
        assert_eq!(image.text(), "0000:0000:0000:0000:0000:ffff:0a01:0203");
        assert_eq!(Range::parse("10.1.2.3/8").unwrap().bits, 104);
        assert_eq!(Range::parse("10.1.2.3/33"), None);
        assert_eq!(Range::parse("2001:db8::/129"), None);
        assert_eq!(Range::parse("vault"), None);
    }

    #[test]
    fn a_range_holds_what_shares_its_prefix() {
        let range = Range::parse("2001:db8:a::/48").unwrap();
        assert!(range.holds(Range::parse("2001:db8:a:ffff::1").unwrap()));
        assert!(!range.holds(Range::parse("2001:db8:b::1").unwrap()));
        assert!(!range.holds(Range::parse("2001:db8::/32").unwrap()));
        assert_eq!(range.text(), "2001:0db8:000a:0000:0000:0000:0000:0000");
    }
}
