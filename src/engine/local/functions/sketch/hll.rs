//! HyperLogLog: hashes themselves while they are few, then for each of 2^p buckets the longest run of zeros seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::dynamic::write_list;
use crate::event::json;

/// Hashes kept as they are; up to so many distinct values the count is exact.
const FEW: usize = 1024;

#[derive(Clone, Debug)]
pub struct Hll {
    bits: u32,
    hashes: BTreeSet<i64>,
    /// One a bucket, empty while hashes are few.
    registers: Vec<u8>,
}

impl Hll {
    /// Kusto's levels of accuracy: 1 is the default.
    pub fn with_accuracy(accuracy: i64) -> Self {
        let bits = match accuracy {
            0 => 12,
            2 => 16,
            3 => 17,
            4 => 18,
            _ => 14,
        };
        Self { bits, hashes: BTreeSet::new(), registers: Vec::new() }
    }

    pub fn add(&mut self, hash: i64) {
        if self.registers.is_empty() {
            self.hashes.insert(hash);
            if self.hashes.len() > FEW {
                self.spread();
            }
        } else {
            self.count_in(hash);
        }
    }

    fn spread(&mut self) {
        self.registers = vec![0; 1 << self.bits];
        for hash in std::mem::take(&mut self.hashes) {
            self.count_in(hash);
        }
    }

    fn count_in(&mut self, hash: i64) {
        let hash = hash as u64;
        let bucket = (hash >> (64 - self.bits)) as usize;
        // A one behind the bits that are left, so that the run of zeros ends.
        let run = (hash << self.bits | 1 << (self.bits - 1)).leading_zeros() as u8 + 1;
        self.registers[bucket] = self.registers[bucket].max(run);
    }

    /// Takes in another sketch. Of two accuracies the lower one stays.
    pub fn merge(&mut self, other: &Self) {
        if other.bits < self.bits && !other.registers.is_empty() {
            let mut lower = other.clone();
            lower.merge_same(&self.reduced(other.bits));
            *self = lower;
        } else {
            self.merge_same(&other.reduced(self.bits));
        }
    }

    fn merge_same(&mut self, other: &Self) {
        if !other.registers.is_empty() {
            if self.registers.is_empty() {
                self.spread();
            }
            for (mine, theirs) in self.registers.iter_mut().zip(&other.registers) {
                *mine = (*mine).max(*theirs);
            }
        }
        for hash in &other.hashes {
            self.add(*hash);
        }
    }

    /// The sketch over fewer buckets.
    fn reduced(&self, bits: u32) -> Self {
        if self.registers.is_empty() || bits >= self.bits {
            return Self { bits, ..self.clone() };
        }
        let by = self.bits - bits;
        let mut registers = vec![0_u8; 1 << bits];
        for (bucket, run) in self.registers.iter().enumerate().filter(|(_, run)| **run > 0) {
            let low = bucket & ((1 << by) - 1);
            // The bits that leave the bucket's number stand before the run.
            let run = if low == 0 { run + by as u8 } else { by as u8 - low.ilog2() as u8 };
            let slot = &mut registers[bucket >> by];
            *slot = (*slot).max(run);
        }
        Self { bits, hashes: BTreeSet::new(), registers }
    }

    /// The number of distinct values: exact while they are few, else the estimate, with linear counting where buckets are empty.
    pub fn count(&self) -> i64 {
        if self.registers.is_empty() {
            return self.hashes.len() as i64;
        }
        let m = self.registers.len() as f64;
        let sum: f64 = self.registers.iter().map(|r| (-f64::from(*r)).exp2()).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let empty: usize = self.registers.iter().map(|r| usize::from(*r == 0)).sum();
        let counted = if estimate <= 2.5 * m && empty > 0 { m * (m / empty as f64).ln() } else { estimate };
        counted.round() as i64
    }

    pub fn write(&self, out: &mut String) {
        let written = write!(out, "[[{FEW},{}],", self.bits);
        debug_assert!(written.is_ok());
        write_list(out, self.hashes.iter(), |out, h| {
            let written = write!(out, "\"{h}\"");
            debug_assert!(written.is_ok());
        });
        out.push(',');
        write_list(out, self.registers.iter(), |out, r| {
            let written = write!(out, "{r}");
            debug_assert!(written.is_ok());
        });
        out.push(']');
    }

    pub fn parse(text: &str) -> Option<Self> {
        let parts = json::elements(text)?;
        let [head, hashes, registers] = parts.as_slice() else { return None };
        let bits = json::elements(head)?.get(1)?.parse().ok().filter(|b| (4..=18).contains(b))?;
        let hashes = json::elements(hashes)?
            .into_iter()
            .map(|h| json::string(h)?.parse().ok())
            .collect::<Option<BTreeSet<i64>>>()?;
        let registers = json::elements(registers)?.into_iter().map(|r| r.parse().ok()).collect::<Option<Vec<u8>>>()?;
        (registers.is_empty() || registers.len() == 1_usize << bits).then_some(Self { bits, hashes, registers })
    }

    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.hashes.len() * 16 + self.registers.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::hash::xxh64;
    use super::*;

    fn of(values: std::ops::Range<u64>, accuracy: i64) -> Hll {
        let mut hll = Hll::with_accuracy(accuracy);
        values.for_each(|n| hll.add(xxh64(&n.to_le_bytes()) as i64));
        hll
    }

    #[test]
    fn few_values_are_counted_exactly() {
        assert_eq!(of(0..1000, 1).count(), 1000);
        assert_eq!(of(0..0, 1).count(), 0);
    }

    #[test]
    fn many_values_are_counted_to_a_few_percent() {
        for (accuracy, error) in [(0, 0.05), (1, 0.025), (2, 0.02)] {
            let count = of(0..200_000, accuracy).count() as f64;
            assert!((count / 200_000.0 - 1.0).abs() < error, "{accuracy}: {count}");
        }
    }

    #[test]
    fn a_sketch_of_two_is_a_sketch_of_the_union() {
        let mut one = of(0..30_000, 1);
        one.merge(&of(20_000..60_000, 1));
        assert_eq!(one.count(), of(0..60_000, 1).count());
        let mut finer = of(0..30_000, 2);
        finer.merge(&of(20_000..60_000, 1));
        assert_eq!(finer.count(), of(0..60_000, 1).count());
    }

    #[test]
    fn a_sketch_is_read_back_from_its_text() {
        for values in [0..10, 0..5_000] {
            let hll = of(values, 0);
            let mut text = String::new();
            hll.write(&mut text);
            assert_eq!(Hll::parse(&text).unwrap().count(), hll.count());
        }
        assert!(Hll::parse("[1,2,3]").is_none());
        assert!(Hll::parse("[[1024,14],[],[1]]").is_none());
    }
}
