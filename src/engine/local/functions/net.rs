//! IPv4 addresses and ranges. What is no address is null, or no match.

use std::net::Ipv4Addr;

use super::dynamic::{quote, write_list};
use super::{Call, Eval};
use crate::engine::local::column::{Result, Texts, Vector};
use crate::event::json;
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "parse_ipv4" => |c| {
            let t = c.texts(0)?;
            Ok(c.give_longs(|i| Range::parse(t.text(i)).map(|r| i64::from(r.first()))))
        },
        "parse_ipv4_mask" => |c| {
            let (t, bits) = (c.texts(0)?, c.whole(1)?);
            Ok(c.give_longs(|i| Some(i64::from(Range::parse(t.text(i))?.under(bits.get(i)?)?.first()))))
        },
        "format_ipv4" => |c| format(c, false),
        "format_ipv4_mask" => |c| format(c, true),
        "ipv4_netmask_suffix" => |c| {
            let t = c.texts(0)?;
            Ok(c.give_longs(|i| Range::parse(t.text(i)).map(|r| i64::from(r.bits))))
        },
        "ipv4_range_to_cidr_list" => |c| {
            let (a, b) = (c.texts(0)?, c.texts(1)?);
            Ok(c.write_texts(|i, out| {
                let (Some(from), Some(to)) = (Range::parse(a.text(i)), Range::parse(b.text(i))) else { return false };
                write_list(out, cover(from.first(), to.last()).iter(), |out, r| quote(out, &r.text(true)));
                true
            }))
        },
        "ipv4_is_private" => |c| {
            let t = c.texts(0)?;
            Ok(c.maybe_bools(|i| {
                let r = Range::parse(t.text(i))?;
                Some(PRIVATE.iter().any(|p| p.holds(r)))
            }))
        },
        "ipv4_is_in_range" => |c| {
            let (a, b) = (c.texts(0)?, c.texts(1)?);
            Ok(c.maybe_bools(|i| Some(Range::parse(b.text(i))?.holds(Range::parse(a.text(i))?))))
        },
        "ipv4_is_in_any_range" => |c| {
            let a = c.texts(0)?;
            let ranges = lists(c)?;
            Ok(c.maybe_bools(|i| {
                let address = Range::parse(a.text(i))?;
                let mut hit = false;
                each(&ranges, i, |t| hit |= Range::parse(t).is_some_and(|r| r.holds(address)));
                Some(hit)
            }))
        },
        "ipv4_compare" => |c| compare(c, |a, b| a.cmp(&b) as i64),
        "ipv4_is_match" => |c| {
            let answer = compare(&Call { ty: Type::Long, ..*c }, |a, b| a.cmp(&b) as i64)?;
            let n = answer.longs()?;
            Ok(c.maybe_bools(|i| n.get(i).map(|n| n == 0)))
        },
        "has_ipv4" | "has_any_ipv4" => |c| holds(c, |found, wanted| found == wanted),
        "has_ipv4_prefix" | "has_any_ipv4_prefix" => |c| holds(c, |found, wanted| found.starts_with(wanted)),
        _ => return None,
    })
}

#[derive(Clone, Copy)]
struct Range {
    address: u32,
    bits: u32,
}

const PRIVATE: [Range; 3] = [
    Range { address: 0x0A00_0000, bits: 8 },
    Range { address: 0xAC10_0000, bits: 12 },
    Range { address: 0xC0A8_0000, bits: 16 },
];

impl Range {
    /// `a.b.c.d` or `a.b.c.d/n`.
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((a, b)) => (a, b.parse().ok().filter(|b| *b <= 32)?),
            None => (text.trim(), 32),
        };
        Some(Self { address: address.parse::<Ipv4Addr>().ok()?.to_bits(), bits })
    }

    /// The first address of the range.
    fn first(self) -> u32 {
        self.address & mask(self.bits)
    }

    fn last(self) -> u32 {
        self.address | !mask(self.bits)
    }

    /// The range with so many bits at most; `None` where they are no prefix.
    fn under(self, bits: i64) -> Option<Self> {
        let bits = u32::try_from(bits).ok().filter(|b| *b <= 32)?;
        Some(Self { bits: self.bits.min(bits), ..self })
    }

    fn text(self, with_bits: bool) -> String {
        let address = Ipv4Addr::from_bits(self.first());
        if with_bits { format!("{address}/{}", self.bits) } else { address.to_string() }
    }

    fn holds(self, other: Self) -> bool {
        let mask = mask(self.bits.min(other.bits));
        self.address & mask == other.address & mask && other.bits >= self.bits
    }
}

fn mask(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)
}

fn compare(call: &Call<'_>, f: impl Fn(u32, u32) -> i64) -> Result<Vector> {
    let (a, b) = (call.texts(0)?, call.texts(1)?);
    let prefix = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
    Ok(call.give_longs(|i| {
        let (a, b) = (Range::parse(a.text(i))?, Range::parse(b.text(i))?);
        let most = match &prefix {
            None => 32,
            Some(p) => u32::try_from(p.get(i)?).ok().filter(|p| *p <= 32)?,
        };
        let mask = mask(a.bits.min(b.bits).min(most));
        Some(f(a.address & mask, b.address & mask))
    }))
}

/// The fewest ranges that hold the addresses from one to another, both included, and no others.
fn cover(from: u32, to: u32) -> Vec<Range> {
    let (mut next, end) = (u64::from(from), u64::from(to) + 1);
    let mut ranges = Vec::new();
    while next < end {
        // As wide as the start is aligned, and no wider than what is left.
        let aligned = if next == 0 { 32 } else { next.trailing_zeros().min(32) };
        let wide = aligned.min((end - next).ilog2());
        ranges.push(Range { address: next as u32, bits: 32 - wide });
        next += 1 << wide;
    }
    ranges
}

/// An address, as text or as a number, under a prefix; "" where it is none.
fn format(call: &Call<'_>, with_bits: bool) -> Result<Vector> {
    let bits = if call.args.len() > 1 { Some(call.whole(1)?) } else { None };
    let number = matches!(call.types[0], Type::Int | Type::Long);
    let (texts, numbers) = if number { (None, Some(call.whole(0)?)) } else { (Some(call.texts(0)?), None) };
    let read = |i: usize| {
        let range = match (&texts, &numbers) {
            (Some(t), _) => Range::parse(t.text(i))?,
            (_, Some(n)) => Range { address: u32::try_from(n.get(i)?).ok()?, bits: 32 },
            _ => return None,
        };
        range.under(bits.as_ref().map_or(Some(32), |b| b.get(i))?)
    };
    Ok(call.give_texts(|i| Some(read(i).map(|r| r.text(with_bits)).unwrap_or_default())))
}

pub fn lists<'a>(call: &Call<'a>) -> Result<Vec<(Texts<'a>, Type)>> {
    (1..call.args.len()).map(|k| Ok((call.texts(k)?, call.types[k]))).collect()
}

/// Each text of the further arguments, lists opened.
pub fn each(lists: &[(Texts<'_>, Type)], row: usize, mut f: impl FnMut(&str)) {
    for (texts, ty) in lists {
        let text = texts.text(row);
        match if *ty == Type::Dynamic { json::elements(text) } else { None } {
            Some(list) => list.into_iter().filter_map(json::string).for_each(|t| f(&t)),
            None => f(text),
        }
    }
}

/// Addresses in a text, each with a boundary on both sides, tested against the arguments.
fn holds(call: &Call<'_>, test: impl Fn(&str, &str) -> bool) -> Result<Vector> {
    let texts = call.texts(0)?;
    let wanted = lists(call)?;
    Ok(call.bools(|i| {
        let text = texts.text(i);
        let runs = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
        let mut hit = false;
        for run in runs.map(|r| r.trim_matches('.')).filter(|r| r.parse::<Ipv4Addr>().is_ok()) {
            // A letter on either side makes it part of a word.
            let at = run.as_ptr() as usize - text.as_ptr() as usize;
            let bounded = !text[..at].chars().next_back().is_some_and(char::is_alphanumeric)
                && !text[at + run.len()..].chars().next().is_some_and(char::is_alphanumeric);
            if bounded {
                each(&wanted, i, |w| hit |= test(run, w));
            }
        }
        hit
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_addresses_is_covered_by_ranges() {
        let text = |from: &str, to: &str| -> Vec<String> {
            let (from, to) = (Range::parse(from).unwrap(), Range::parse(to).unwrap());
            cover(from.first(), to.last()).into_iter().map(|r| r.text(true)).collect()
        };
        assert_eq!(text("10.0.0.0", "10.0.0.255"), ["10.0.0.0/24"]);
        assert_eq!(text("10.0.0.5", "10.0.0.8"), ["10.0.0.5/32", "10.0.0.6/31", "10.0.0.8/32"]);
        assert_eq!(text("0.0.0.0", "255.255.255.255"), ["0.0.0.0/0"]);
        assert!(text("10.0.0.9", "10.0.0.1").is_empty());
    }

    #[test]
    fn a_prefix_only_narrows() {
        let range = Range::parse("10.1.2.3/24").unwrap();
        assert_eq!(range.under(32).unwrap().text(true), "10.1.2.0/24");
        assert_eq!(range.under(8).unwrap().text(false), "10.0.0.0");
        assert!(range.under(-1).is_none() && range.under(33).is_none());
    }
}
