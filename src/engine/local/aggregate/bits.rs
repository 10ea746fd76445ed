//! `binary_all_and`, `binary_all_or`, `binary_all_xor`: the bits of all values. Of no value the result is null.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};

use super::super::column::{Result, Vector};
use super::super::functions::Whole;
use super::{Accumulator, same};

#[derive(Debug)]
pub struct Bits {
    join: fn(i64, i64) -> i64,
    values: Vec<Option<i64>>,
}

impl Bits {
    pub fn new(join: fn(i64, i64) -> i64) -> Self {
        Self { join, values: Vec::new() }
    }

    fn add(&mut self, group: usize, value: i64) {
        let slot = &mut self.values[group];
        *slot = Some(slot.map_or(value, |old| (self.join)(old, value)));
    }
}

impl Accumulator for Bits {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.values.resize(count, None);
        let Some(arg) = args.first() else { return Ok(()) };
        let n = Whole::of(arg)?;
        for (i, g) in groups.iter().enumerate() {
            if let Some(value) = n.get(i) {
                self.add(*g as usize, value);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.values.resize(count, None);
        for (value, to) in same::<Self>(other)?.values.into_iter().zip(mapping) {
            if let Some(value) = value {
                self.add(*to as usize, value);
            }
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.values.resize(count, None);
        Ok(Arc::new(self.values.iter().copied().collect::<Int64Array>()))
    }

    fn bytes(&self) -> u64 {
        self.values.capacity() as u64 * 16
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
