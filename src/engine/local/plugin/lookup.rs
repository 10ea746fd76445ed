//! `ipv4_lookup`, `ipv6_lookup`: addresses in the ranges of a table. Ranges are kept by the length of their prefix: an address is looked up once
//! for each length that occurs, never compared with every range.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arrow::array::UInt32Array;
use hashbrown::HashMap;

use super::{Input, Rows};
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, Texts, Vector, internal};
use crate::engine::local::control::Control;
use crate::engine::local::intern::{Keys, NONE};
use crate::engine::local::pipeline::{Emit, MORSEL, Pipeline, Runner, Step};
use crate::kql::plan::Lookup;

/// The bits before those of an IPv4 address where it lies among the IPv6 ones.
const MAPPED: u8 = 96;

/// The first input's rows beside those of the second one's that they are in.
pub fn lookup(runner: &Runner, plugin: &Lookup, source: Input<'_>, table: Input<'_>) -> Result<Pipeline> {
    let what = if plugin.v6 { "ipv6_lookup" } else { "ipv4_lookup" };
    let mut rows = Rows::of(runner, table, what)?;
    let types: Vec<_> = plugin.equal.iter().map(|(_, right)| rows.types[*right]).collect();
    let mut keys = Keys::new(&types);
    let columns = plugin.equal.iter().map(|(_, right)| rows.column(*right)).collect::<Result<Vec<_>>>()?;
    let groups = keys.groups(&columns, rows.batch.rows)?;
    let ranges = rows.column(plugin.on.1)?;
    let ranges = ranges.texts()?;
    let mut prefixes = Prefixes::default();
    for (row, group) in groups.iter().enumerate() {
        if row % MORSEL == 0 {
            runner.control.check()?;
        }
        if let Some(range) = Range::parse(ranges.text(row), plugin.v6) {
            prefixes.add(*group, range, row as u32);
        }
    }
    prefixes.ready();
    rows.account.add(prefixes.bytes() + keys.bytes())?;
    let probe = Probe { plugin: plugin.clone(), rows, keys, prefixes, control: Arc::clone(&runner.control) };
    Ok(source.pipeline.then(probe))
}

/// An address, or the range that a prefix stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    address: u128,
    bits: u8,
}

impl Range {
    /// `a.b.c.d`, `a.b.c.d/n` and, where IPv6 is asked for, its forms.
    fn parse(text: &str, v6: bool) -> Option<Self> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text.trim(), None),
        };
        let (address, bits) = if let Ok(v4) = address.parse::<Ipv4Addr>() {
            (v4.to_ipv6_mapped().to_bits(), MAPPED + bits.unwrap_or(32).min(33))
        } else if v6 {
            (address.parse::<Ipv6Addr>().ok()?.to_bits(), bits.unwrap_or(128))
        } else {
            return None;
        };
        (bits <= 128).then(|| Self { address: address & mask(bits), bits })
    }
}

fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

/// Rows of ranges, by group of the other keys, length and base.
#[derive(Debug, Default)]
struct Prefixes {
    rows: HashMap<(u32, u8, u128), Vec<u32>>,
    lengths: Vec<u8>,
    /// The same in the order of bases: for addresses that are ranges themselves, in which narrower ones lie.
    sorted: Vec<(u32, u128, u8, u32)>,
}

impl Prefixes {
    fn add(&mut self, group: u32, range: Range, row: u32) {
        self.rows.entry((group, range.bits, range.address)).or_default().push(row);
        self.sorted.push((group, range.address, range.bits, row));
    }

    fn ready(&mut self) {
        self.sorted.sort_unstable();
        self.lengths = self.rows.keys().map(|(_, bits, _)| *bits).collect();
        self.lengths.sort_unstable_by(|a, b| b.cmp(a));
        self.lengths.dedup();
    }

    fn bytes(&self) -> u64 {
        (self.rows.capacity() * 72 + self.sorted.capacity() * 48) as u64
    }

    /// Each row whose range holds the address, or lies in it, the narrowest that hold it first.
    fn each(&self, group: u32, at: Range, mut found: impl FnMut(u32)) {
        if self.lengths.first().is_some_and(|longest| *longest > at.bits) {
            let last = at.address | !mask(at.bits);
            let from = self.sorted.partition_point(|(g, base, _, _)| (*g, *base) < (group, at.address));
            let inside = self.sorted[from..].iter().take_while(|(g, base, _, _)| *g == group && *base <= last);
            inside.filter(|(_, _, bits, _)| *bits > at.bits).for_each(|(_, _, _, row)| found(*row));
        }
        for bits in self.lengths.iter().filter(|bits| **bits <= at.bits) {
            for row in self.rows.get(&(group, *bits, at.address & mask(*bits))).into_iter().flatten() {
                found(*row);
            }
        }
    }
}

struct Probe {
    plugin: Lookup,
    rows: Rows,
    keys: Keys,
    prefixes: Prefixes,
    control: Arc<Control>,
}

impl Probe {
    fn emit(&self, batch: &Batch, left: &[u32], right: &[Option<u32>], emit: Emit<'_>) -> Result<bool> {
        let mut own = batch.take(&UInt32Array::from(left.to_vec()))?;
        let other = self.rows.batch.take(&right.iter().copied().collect::<UInt32Array>())?;
        own.columns.extend(other.columns);
        emit(own)
    }
}

impl Step for Probe {
    fn push(&self, batch: Batch, emit: Emit<'_>) -> Result<bool> {
        let column = |n: usize| {
            let column = batch.columns.get(n).ok_or_else(|| internal(format!("a lookup without column {n}")))?;
            Ok(Vector::Array(column.clone()))
        };
        let keys = self.plugin.equal.iter().map(|(left, _)| column(*left)).collect::<Result<Vec<_>>>()?;
        let groups = if keys.is_empty() { vec![0; batch.rows] } else { self.keys.lookup(&keys, batch.rows)? };
        let addresses = column(self.plugin.on.0)?;
        let addresses: Texts<'_> = addresses.texts()?;
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (row, group) in groups.iter().enumerate() {
            let before = left.len();
            if *group != NONE
                && let Some(at) = Range::parse(addresses.text(row), self.plugin.v6)
            {
                self.prefixes.each(*group, at, |found| {
                    left.push(row as u32);
                    right.push(Some(found));
                });
            }
            if left.len() == before && self.plugin.unmatched {
                left.push(row as u32);
                right.push(None);
            }
            if left.len() >= MORSEL {
                self.control.check()?;
                if !self.emit(&batch, &left, &right, &mut *emit)? {
                    return Ok(false);
                }
                left.clear();
                right.clear();
            }
        }
        if left.is_empty() { Ok(true) } else { self.emit(&batch, &left, &right, emit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_finds_every_range_that_holds_it() {
        let mut prefixes = Prefixes::default();
        for (row, text) in ["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "0.0.0.0/0", "10.1.2.3"].iter().enumerate() {
            prefixes.add(0, Range::parse(text, false).unwrap(), row as u32);
        }
        prefixes.ready();
        let rows = |text: &str| {
            let mut rows = Vec::new();
            prefixes.each(0, Range::parse(text, false).unwrap(), |row| rows.push(row));
            rows.sort_unstable();
            rows
        };
        assert_eq!(rows("10.1.2.3"), [0, 1, 3, 4]);
        assert_eq!(rows("10.2.0.1"), [0, 3]);
        assert_eq!(rows("12.0.0.1"), [3]);
        // A range finds those around it, and those inside.
        assert_eq!(rows("10.1.0.0/12"), [0, 1, 3, 4]);
    }

    #[test]
    fn what_is_no_address_is_no_range() {
        for text in ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/x", "::1/129", "::1"] {
            assert_eq!(Range::parse(text, false), None, "{text}");
        }
        assert_eq!(Range::parse("1.2.3.4", true), Range::parse("::ffff:1.2.3.4", true));
    }
}
