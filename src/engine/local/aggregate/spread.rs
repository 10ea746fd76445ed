//! `stdev`, `variance`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};

use super::super::column::{Result, Vector, internal};
use super::super::functions::{Number, Whole};
use super::{Accumulator, same};
use crate::kql::Type;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    Variance,
    StandardDeviation,
}

/// Welford's moments: count, mean, sum of squares from the mean.
#[derive(Debug)]
pub struct Spread {
    of: Type,
    gives: Gives,
    sample: bool,
    moments: Vec<(f64, f64, f64)>,
}

impl Spread {
    pub fn new(of: Type, gives: Gives, sample: bool) -> Self {
        Self { of, gives, sample, moments: Vec::new() }
    }
}

impl Accumulator for Spread {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.moments.resize(count, (0.0, 0.0, 0.0));
        let arg = args.first().ok_or_else(|| internal("variance of nothing"))?;
        let n = match self.of {
            Type::Real => Number::Real(arg.reals()?),
            Type::Decimal => Number::Decimal(arg.decimals()?),
            _ => Number::Whole(Whole::of(arg)?),
        };
        for (i, g) in groups.iter().enumerate() {
            if let Some(value) = n.get(i) {
                let (count, mean, squares) = &mut self.moments[*g as usize];
                *count += 1.0;
                let delta = value - *mean;
                *mean += delta / *count;
                *squares += delta * (value - *mean);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.moments.resize(count, (0.0, 0.0, 0.0));
        for ((n, mean, squares), to) in same::<Self>(other)?.moments.into_iter().zip(mapping) {
            let mine = &mut self.moments[*to as usize];
            let total = mine.0 + n;
            if n > 0.0 {
                let delta = mean - mine.1;
                *mine = (total, mine.1 + delta * n / total, mine.2 + squares + delta * delta * mine.0 * n / total);
            }
        }
        Ok(())
    }

    /// Kusto rounds a variance to ten decimals, and a deviation is the root of what is left; of one value, or none, it is 0.
    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.moments.resize(count, (0.0, 0.0, 0.0));
        let value = |(n, _, squares): &(f64, f64, f64)| {
            let by = if self.sample { n - 1.0 } else { *n };
            let variance = if by > 0.0 { squares / by } else { 0.0 };
            let variance = if variance.abs() < 1e5 { (variance * 1e10).round() / 1e10 } else { variance };
            match self.gives {
                Gives::Variance => variance,
                Gives::StandardDeviation => variance.sqrt(),
            }
        };
        Ok(Arc::new(self.moments.iter().map(value).collect::<Vec<_>>().into_iter().map(Some).collect::<Float64Array>()))
    }

    fn bytes(&self) -> u64 {
        self.moments.capacity() as u64 * 24
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
