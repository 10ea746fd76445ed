//! `dcount`, exact: bitmaps of value codes a group while they are small together, a set of (group, value) pairs beyond.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use hashbrown::HashSet;

use super::super::column::{Result, Vector, internal};
use super::super::intern::Interner;
use super::{Accumulator, same};
use crate::kql::Type;

/// Words that the bitmaps of all groups may take before pairs are smaller: 8 MiB.
const BITMAP_WORDS: usize = 1 << 20;

#[derive(Debug)]
pub struct Distinct {
    values: Interner,
    seen: Seen,
    counts: Vec<i64>,
}

#[derive(Debug)]
enum Seen {
    Bitmaps { groups: Vec<Vec<u64>>, words: usize },
    Pairs { set: HashSet<u64>, last: u64 },
}

impl Distinct {
    pub fn new(of: Type) -> Self {
        let seen = Seen::Bitmaps { groups: Vec::new(), words: 0 };
        Self { values: Interner::new(of), seen, counts: Vec::new() }
    }

    fn add(&mut self, pairs: impl Iterator<Item = (u32, u32)>) {
        for (group, code) in pairs {
            if self.values.is_null(code) {
                continue;
            }
            let new = match &mut self.seen {
                Seen::Bitmaps { groups, words } => {
                    let (group, word) = (group as usize, code as usize / 64);
                    if group >= groups.len() {
                        groups.resize_with(group + 1, Vec::new);
                        *words += 3;
                    }
                    let bitmap = &mut groups[group];
                    if word >= bitmap.len() {
                        *words += word + 1 - bitmap.len();
                        bitmap.resize(word + 1, 0);
                    }
                    let bit = 1_u64 << (code % 64);
                    let new = bitmap[word] & bit == 0;
                    bitmap[word] |= bit;
                    new
                }
                Seen::Pairs { set, last } => {
                    let pair = u64::from(group) << 32 | u64::from(code);
                    if *last == pair {
                        continue;
                    }
                    *last = pair;
                    set.insert(pair)
                }
            };
            self.counts[group as usize] += i64::from(new);
            if let Seen::Bitmaps { words, .. } = &self.seen
                && *words > BITMAP_WORDS
            {
                self.grow_into_pairs();
            }
        }
    }

    fn grow_into_pairs(&mut self) {
        let mut set = HashSet::with_capacity(self.counts.iter().sum::<i64>() as usize);
        self.each(|group, code| {
            set.insert(u64::from(group) << 32 | u64::from(code));
        });
        self.seen = Seen::Pairs { set, last: u64::MAX };
    }

    fn each(&self, mut f: impl FnMut(u32, u32)) {
        match &self.seen {
            Seen::Bitmaps { groups, .. } => {
                for (group, bitmap) in groups.iter().enumerate() {
                    for (at, word) in bitmap.iter().enumerate() {
                        let mut left = *word;
                        while left != 0 {
                            f(group as u32, at as u32 * 64 + left.trailing_zeros());
                            left &= left - 1;
                        }
                    }
                }
            }
            Seen::Pairs { set, .. } => set.iter().for_each(|pair| f((pair >> 32) as u32, *pair as u32)),
        }
    }
}

impl Accumulator for Distinct {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.counts.resize(count, 0);
        let arg = args.first().ok_or_else(|| internal("dcount of nothing"))?;
        let codes = self.values.codes(arg, groups.len())?;
        self.add(groups.iter().copied().zip(codes));
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.counts.resize(count, 0);
        let other = same::<Self>(other)?;
        let all: Vec<u32> = (0..other.values.len() as u32).collect();
        let codes = self.values.codes(&Vector::Array(other.values.column(&all)), all.len())?;
        let mut pairs = Vec::new();
        other.each(|group, code| pairs.push((mapping[group as usize], codes[code as usize])));
        if let Seen::Pairs { set, .. } = &mut self.seen {
            set.reserve(pairs.len());
        }
        self.add(pairs.into_iter());
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.counts.resize(count, 0);
        Ok(Arc::new(Int64Array::from(std::mem::take(&mut self.counts))))
    }

    fn bytes(&self) -> u64 {
        let seen = match &self.seen {
            Seen::Bitmaps { words, .. } => words * 8,
            Seen::Pairs { set, .. } => set.capacity() * 9,
        };
        self.values.bytes() + (seen + self.counts.capacity() * 8) as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
