//! `dcount`, exact: bitmaps of value codes a group while they are small together, a list of (group, value) pairs beyond, sorted and without doubles
//! whenever it has doubled. Sorting reads memory in order, where a hash table of as many pairs would miss the cache at each.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};

use super::super::column::{Result, Vector, internal};
use super::super::intern::Interner;
use super::{Accumulator, same};
use crate::kql::Type;

/// Words that the bitmaps of all groups may take before pairs are smaller: 8 MiB.
const BITMAP_WORDS: usize = 1 << 20;
/// Pairs that are added before doubles are looked for.
const UNSORTED: usize = 1 << 20;

#[derive(Debug)]
pub struct Distinct {
    values: Interner,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    Bitmaps { groups: Vec<Vec<u64>>, words: usize },
    Pairs(Pairs),
}

/// Group and code in one word, the group above.
#[derive(Debug, Default)]
struct Pairs {
    list: Vec<u64>,
    /// So many from the start are sorted and without doubles.
    sorted: usize,
}

impl Pairs {
    fn push(&mut self, pair: u64) {
        if self.list.last() == Some(&pair) {
            return;
        }
        if self.list.len() >= self.sorted.max(UNSORTED) + self.sorted {
            self.sort();
        }
        self.list.push(pair);
    }

    fn sort(&mut self) {
        if self.sorted < self.list.len() {
            #[expect(clippy::stable_sort_primitive, reason = "a stable sort takes what is sorted already as it is")]
            self.list.sort();
            self.list.dedup();
            self.sorted = self.list.len();
        }
    }
}

fn pair(group: u32, code: u32) -> u64 {
    u64::from(group) << 32 | u64::from(code)
}

impl Distinct {
    pub fn new(of: Type) -> Self {
        Self { values: Interner::new(of), seen: Seen::Bitmaps { groups: Vec::new(), words: 0 } }
    }

    fn add(&mut self, pairs: impl Iterator<Item = (u32, u32)>) {
        for (group, code) in pairs {
            if self.values.is_null(code) {
                continue;
            }
            match &mut self.seen {
                Seen::Pairs(pairs) => pairs.push(pair(group, code)),
                Seen::Bitmaps { groups, words } => {
                    let (group, word) = (group as usize, code as usize / 64);
                    if group >= groups.len() {
                        *words += 3 * (group + 1 - groups.len());
                        groups.resize_with(group + 1, Vec::new);
                    }
                    let bitmap = &mut groups[group];
                    if word >= bitmap.len() {
                        *words += word + 1 - bitmap.len();
                        bitmap.resize(word + 1, 0);
                    }
                    bitmap[word] |= 1_u64 << (code % 64);
                    if *words > BITMAP_WORDS {
                        self.grow_into_pairs();
                    }
                }
            }
        }
    }

    fn grow_into_pairs(&mut self) {
        let mut list = Vec::new();
        self.each(|group, code| list.push(pair(group, code)));
        let sorted = list.len();
        self.seen = Seen::Pairs(Pairs { list, sorted });
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
            Seen::Pairs(pairs) => pairs.list.iter().for_each(|pair| f((pair >> 32) as u32, *pair as u32)),
        }
    }
}

impl Accumulator for Distinct {
    fn update(&mut self, groups: &[u32], _: usize, args: &[Vector]) -> Result<()> {
        let arg = args.first().ok_or_else(|| internal("dcount of nothing"))?;
        let codes = self.values.codes(arg, groups.len())?;
        self.add(groups.iter().copied().zip(codes));
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], _: usize) -> Result<()> {
        let mut other = same::<Self>(other)?;
        if let Seen::Pairs(pairs) = &mut other.seen {
            pairs.sort();
        }
        let all: Vec<u32> = (0..other.values.len() as u32).collect();
        let codes = self.values.codes(&Vector::Array(other.values.column(&all)), all.len())?;
        let mut pairs = Vec::new();
        other.each(|group, code| pairs.push((mapping[group as usize], codes[code as usize])));
        drop(other);
        if let Seen::Pairs(mine) = &mut self.seen {
            mine.sort();
            mine.list.reserve(pairs.len());
        }
        self.add(pairs.into_iter());
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        let mut counts = vec![0_i64; count];
        if let Seen::Pairs(pairs) = &mut self.seen {
            pairs.sort();
        }
        match &self.seen {
            Seen::Bitmaps { groups, .. } => {
                for (count, bitmap) in counts.iter_mut().zip(groups) {
                    *count = bitmap.iter().map(|word| i64::from(word.count_ones())).sum();
                }
            }
            Seen::Pairs(pairs) => pairs.list.iter().for_each(|pair| counts[(pair >> 32) as usize] += 1),
        }
        Ok(Arc::new(Int64Array::from(counts)))
    }

    fn bytes(&self) -> u64 {
        let seen = match &self.seen {
            Seen::Bitmaps { words, .. } => words * 8,
            // Sorting takes half as much again for a moment.
            Seen::Pairs(pairs) => pairs.list.capacity() * 12,
        };
        self.values.bytes() + seen as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    fn longs(values: impl Iterator<Item = i64>) -> Vector {
        Vector::Array(Arc::new(Int64Array::from_iter_values(values)))
    }

    fn counts(mut of: Distinct, groups: usize) -> Vec<i64> {
        of.finish(groups).unwrap().as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn many_groups_of_many_values_are_counted_as_few_are() {
        // 3,000 groups of 20 values that no other group has: bitmaps would be long and empty. Twice, so that all are doubles once.
        let groups: Vec<u32> = (0..60_000).map(|n| n / 20).collect();
        let mut one = Distinct::new(Type::Long);
        let mut two = Distinct::new(Type::Long);
        one.update(&groups, 3_000, &[longs(0..60_000)]).unwrap();
        assert!(matches!(one.seen, Seen::Pairs { .. }));
        two.update(&groups, 3_000, &[longs((0..60_000).map(|n| n + i64::from(n < 20)))]).unwrap();
        let mapping: Vec<u32> = (0..3_000).collect();
        one.merge(Box::new(two), &mapping, 3_000).unwrap();
        let mut want = vec![20; 3_000];
        want[0] = 21;
        assert_eq!(counts(one, 3_000), want);
    }

    #[test]
    fn a_group_without_values_has_none() {
        let mut few = Distinct::new(Type::Long);
        few.update(&[0, 2, 2, 2], 3, &[longs([5, 5, 6, 5].into_iter())]).unwrap();
        assert_eq!(counts(few, 4), [1, 0, 2, 0]);
    }
}
