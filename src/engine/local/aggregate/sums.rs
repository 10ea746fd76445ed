//! `count`, `sum`, `avg`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};

use super::super::column::{Numbers, Result, Vector, decimals};
use super::super::functions::{Number, Whole};
use super::{Accumulator, same};
use crate::kql::Type;

#[derive(Debug, Default)]
pub struct Count {
    counts: Vec<i64>,
}

impl Accumulator for Count {
    fn update(&mut self, groups: &[u32], count: usize, _: &[Vector]) -> Result<()> {
        self.counts.resize(count, 0);
        if count == 1 {
            self.counts[0] += groups.len() as i64;
        } else {
            for g in groups {
                self.counts[*g as usize] += 1;
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.counts.resize(count, 0);
        for (n, to) in same::<Self>(other)?.counts.iter().zip(mapping) {
            self.counts[*to as usize] += n;
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.counts.resize(count, 0);
        Ok(Arc::new(Int64Array::from(std::mem::take(&mut self.counts))))
    }

    fn bytes(&self) -> u64 {
        self.counts.capacity() as u64 * 8
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// `sum` of a type: whole numbers and lengths of time wrap, reals and decimals add.
pub fn sum(of: Type) -> Box<dyn Accumulator> {
    match of {
        Type::Real => Box::new(SumReal::default()),
        Type::Decimal => Box::new(SumDecimal::default()),
        _ => Box::new(SumWhole::default()),
    }
}

#[derive(Debug, Default)]
struct SumWhole {
    sums: Vec<i64>,
}

impl Accumulator for SumWhole {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.sums.resize(count, 0);
        let Some(arg) = args.first() else { return Ok(()) };
        match Whole::of(arg)? {
            Whole::Longs(Numbers::Array(values, None)) => {
                for (g, n) in groups.iter().zip(values) {
                    let sum = &mut self.sums[*g as usize];
                    *sum = sum.wrapping_add(*n);
                }
            }
            n => {
                for (i, g) in groups.iter().enumerate() {
                    let sum = &mut self.sums[*g as usize];
                    *sum = sum.wrapping_add(n.get(i).unwrap_or(0));
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.sums.resize(count, 0);
        for (n, to) in same::<Self>(other)?.sums.iter().zip(mapping) {
            self.sums[*to as usize] = self.sums[*to as usize].wrapping_add(*n);
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.sums.resize(count, 0);
        Ok(Arc::new(Int64Array::from(std::mem::take(&mut self.sums))))
    }

    fn bytes(&self) -> u64 {
        self.sums.capacity() as u64 * 8
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[derive(Debug, Default)]
struct SumReal {
    sums: Vec<f64>,
}

impl Accumulator for SumReal {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.sums.resize(count, 0.0);
        let Some(arg) = args.first() else { return Ok(()) };
        let n = arg.reals()?;
        for (i, g) in groups.iter().enumerate() {
            self.sums[*g as usize] += n.get(i).unwrap_or(0.0);
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.sums.resize(count, 0.0);
        for (n, to) in same::<Self>(other)?.sums.iter().zip(mapping) {
            self.sums[*to as usize] += n;
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.sums.resize(count, 0.0);
        Ok(Arc::new(Float64Array::from(std::mem::take(&mut self.sums))))
    }

    fn bytes(&self) -> u64 {
        self.sums.capacity() as u64 * 8
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[derive(Debug, Default)]
struct SumDecimal {
    sums: Vec<i128>,
}

impl Accumulator for SumDecimal {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.sums.resize(count, 0);
        let Some(arg) = args.first() else { return Ok(()) };
        let n = arg.decimals()?;
        for (i, g) in groups.iter().enumerate() {
            let sum = &mut self.sums[*g as usize];
            *sum = sum.wrapping_add(n.get(i).unwrap_or(0));
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.sums.resize(count, 0);
        for (n, to) in same::<Self>(other)?.sums.iter().zip(mapping) {
            self.sums[*to as usize] = self.sums[*to as usize].wrapping_add(*n);
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.sums.resize(count, 0);
        Ok(decimals(std::mem::take(&mut self.sums).into_iter().map(Some)))
    }

    fn bytes(&self) -> u64 {
        self.sums.capacity() as u64 * 16
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// `avg`: NaN of no numbers, null of no times.
#[derive(Debug)]
pub struct Mean {
    of: Type,
    gives: Type,
    sums: Vec<f64>,
    /// Times are too long for a real's digits; the sum of whole numbers wraps, as in Kusto.
    ticks: Vec<i128>,
    counts: Vec<i64>,
}

impl Mean {
    pub fn new(of: Type, gives: Type) -> Self {
        Self { of, gives, sums: Vec::new(), ticks: Vec::new(), counts: Vec::new() }
    }

    fn exact(&self) -> bool {
        self.of != Type::Real
    }

    fn grow(&mut self, count: usize) {
        self.counts.resize(count, 0);
        if self.exact() { self.ticks.resize(count, 0) } else { self.sums.resize(count, 0.0) }
    }
}

impl Accumulator for Mean {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.grow(count);
        let Some(arg) = args.first() else { return Ok(()) };
        let mut add = |group: u32, exact: Option<i128>, real: Option<f64>| {
            if let Some(n) = exact {
                self.ticks[group as usize] = self.ticks[group as usize].wrapping_add(n);
                self.counts[group as usize] += 1;
            } else if let Some(n) = real {
                self.sums[group as usize] += n;
                self.counts[group as usize] += 1;
            }
        };
        match self.of {
            Type::Decimal => {
                let n = arg.decimals()?;
                groups.iter().enumerate().for_each(|(i, g)| add(*g, n.get(i), None));
            }
            Type::DateTime | Type::TimeSpan => {
                let n = arg.longs()?;
                groups.iter().enumerate().for_each(|(i, g)| add(*g, n.get(i).map(i128::from), None));
            }
            Type::Real => {
                let n = Number::Real(arg.reals()?);
                groups.iter().enumerate().for_each(|(i, g)| add(*g, None, n.get(i)));
            }
            _ => {
                let n = Whole::of(arg)?;
                groups.iter().enumerate().for_each(|(i, g)| add(*g, n.get(i).map(i128::from), None));
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.grow(count);
        let other = same::<Self>(other)?;
        for (g, to) in mapping.iter().enumerate().filter(|(g, _)| *g < other.counts.len()) {
            let to = *to as usize;
            self.counts[to] += other.counts[g];
            if self.exact() {
                self.ticks[to] = self.ticks[to].wrapping_add(other.ticks[g]);
            } else {
                self.sums[to] += other.sums[g];
            }
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.grow(count);
        let counts = &self.counts;
        if !self.exact() {
            let means = self.sums.iter().zip(counts).map(|(s, n)| if *n == 0 { f64::NAN } else { s / *n as f64 });
            return Ok(Arc::new(means.collect::<Float64Array>()));
        }
        let means = self.ticks.iter().zip(counts).map(|(s, n)| if *n == 0 { None } else { Some(s / i128::from(*n)) });
        Ok(match self.gives {
            Type::Decimal => decimals(means),
            Type::Real if self.of == Type::Decimal => {
                Arc::new(means.map(|m| m.map(|m| m as f64 / 1e18)).collect::<Float64Array>())
            }
            Type::Real => {
                let real = |(sum, n): (&i128, &i64)| if *n == 0 { f64::NAN } else { *sum as i64 as f64 / *n as f64 };
                Arc::new(self.ticks.iter().zip(counts).map(real).map(Some).collect::<Float64Array>())
            }
            _ => Arc::new(means.map(|m| m.map(|m| m as i64)).collect::<Int64Array>()),
        })
    }

    fn bytes(&self) -> u64 {
        (self.sums.capacity() * 8 + self.ticks.capacity() * 16 + self.counts.capacity() * 8) as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
