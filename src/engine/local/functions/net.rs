//! IPv4 addresses and ranges. What is no address is null, or no match.

use std::net::Ipv4Addr;

use super::{Call, Eval};
use crate::engine::local::column::{Result, Texts, Vector};
use crate::event::json;
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "parse_ipv4" => |c| {
            let t = c.texts(0)?;
            Ok(c.give_longs(|i| Range::parse(t.text(i)).map(|r| i64::from(r.address & r.mask()))))
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

    fn mask(self) -> u32 {
        mask(self.bits)
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

fn lists<'a>(call: &Call<'a>) -> Result<Vec<(Texts<'a>, Type)>> {
    (1..call.args.len()).map(|k| Ok((call.texts(k)?, call.types[k]))).collect()
}

/// Each text of the further arguments, lists opened.
fn each(lists: &[(Texts<'_>, Type)], row: usize, mut f: impl FnMut(&str)) {
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
