//! `percentile`, `stdev`, `variance`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array};

use super::super::column::{Result, Vector, decimals, internal};
use super::super::functions::{Number, Whole};
use super::{Accumulator, same};
use crate::kql::Type;

/// Nearest rank over all values, exact.
#[derive(Debug)]
pub struct Percentile {
    of: Type,
    percent: f64,
    rows: Vec<(u32, Rank)>,
}

/// A value that sorts: reals by their total order.
#[derive(Clone, Copy, Debug)]
enum Rank {
    Whole(i128),
    Real(f64),
}

impl Rank {
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Real(a), Self::Real(b)) => a.total_cmp(b),
            _ => std::cmp::Ordering::Equal,
        }
    }
}

impl Percentile {
    pub fn new(of: Type, percent: f64) -> Self {
        Self { of, percent, rows: Vec::new() }
    }
}

impl Accumulator for Percentile {
    fn update(&mut self, groups: &[u32], _: usize, args: &[Vector]) -> Result<()> {
        let arg = args.first().ok_or_else(|| internal("percentile of nothing"))?;
        let rows = &mut self.rows;
        let mut add = |g: u32, rank: Option<Rank>| rows.extend(rank.map(|r| (g, r)));
        match self.of {
            Type::Real => {
                let n = arg.reals()?;
                groups.iter().enumerate().for_each(|(i, g)| add(*g, n.get(i).map(Rank::Real)));
            }
            Type::Decimal => {
                let n = arg.decimals()?;
                groups.iter().enumerate().for_each(|(i, g)| add(*g, n.get(i).map(Rank::Whole)));
            }
            _ => {
                let n = Whole::of(arg)?;
                groups.iter().enumerate().for_each(|(i, g)| add(*g, n.get(i).map(|n| Rank::Whole(i128::from(n)))));
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], _: usize) -> Result<()> {
        self.rows.extend(same::<Self>(other)?.rows.into_iter().map(|(g, r)| (mapping[g as usize], r)));
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.rows.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.order(&b.1)));
        let mut chosen: Vec<Option<Rank>> = vec![None; count];
        for group in self.rows.chunk_by(|a, b| a.0 == b.0) {
            let rank = (self.percent / 100.0 * group.len() as f64).ceil() as usize;
            chosen[group[0].0 as usize] = group.get(rank.clamp(1, group.len()) - 1).map(|(_, r)| *r);
        }
        let whole = chosen.iter().map(|r| match r {
            Some(Rank::Whole(n)) => Some(*n),
            _ => None,
        });
        Ok(match self.of {
            Type::Real => Arc::new(
                chosen
                    .iter()
                    .map(|r| match r {
                        Some(Rank::Real(n)) => Some(*n),
                        _ => None,
                    })
                    .collect::<Float64Array>(),
            ),
            Type::Decimal => decimals(whole),
            Type::Int => Arc::new(whole.map(|n| n.map(|n| n as i32)).collect::<Int32Array>()),
            _ => Arc::new(whole.map(|n| n.map(|n| n as i64)).collect::<Int64Array>()),
        })
    }

    fn bytes(&self) -> u64 {
        (self.rows.capacity() * size_of::<(u32, Rank)>()) as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

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

    /// Kusto rounds a variance to ten decimals; of one value, or none, it is 0.
    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.moments.resize(count, (0.0, 0.0, 0.0));
        let value = |(n, _, squares): &(f64, f64, f64)| {
            let by = if self.sample { n - 1.0 } else { *n };
            let variance = if by > 0.0 { squares / by } else { 0.0 };
            match self.gives {
                Gives::Variance if variance.abs() < 1e5 => (variance * 1e10).round() / 1e10,
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
