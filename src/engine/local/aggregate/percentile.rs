//! `percentile` and its kin: nearest rank over all values, exact; a value with a weight stands for so many.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array};

use super::super::column::{DECIMAL_SCALE, Result, Vector, build_texts, decimals, internal};
use super::super::functions::dynamic::write_list;
use super::super::functions::{Whole, parse_number, real_text};
use super::{Accumulator, same};
use crate::base::time::{Span, Ticks};
use crate::kql::Type;

#[derive(Debug)]
pub struct Percentile {
    of: Type,
    percents: Vec<f64>,
    /// All percents as one array.
    as_array: bool,
    weighted: bool,
    rows: Vec<(u32, Rank)>,
    /// One a row where values have weights.
    weights: Vec<f64>,
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

    fn whole(self) -> Option<i128> {
        if let Self::Whole(n) = self { Some(n) } else { None }
    }

    fn real(self) -> Option<f64> {
        if let Self::Real(n) = self { Some(n) } else { None }
    }

    fn write_json(self, out: &mut String, of: Type) {
        let written = match (self, of) {
            (Self::Real(n), _) => {
                real_text::write_real(out, n);
                Ok(())
            }
            (Self::Whole(n), Type::DateTime) => write!(out, "\"{}\"", Ticks(n as i64)),
            (Self::Whole(n), Type::TimeSpan) => write!(out, "\"{}\"", Span(n as i64)),
            (Self::Whole(n), Type::Decimal) => {
                parse_number::write_decimal(out, n, DECIMAL_SCALE);
                Ok(())
            }
            (Self::Whole(n), _) => write!(out, "{n}"),
        };
        debug_assert!(written.is_ok());
    }
}

impl Percentile {
    pub fn new(of: Type, percents: Vec<f64>, weighted: bool, as_array: bool) -> Self {
        Self { of, percents, as_array, weighted, rows: Vec::new(), weights: Vec::new() }
    }

    /// For each group the values at the percents; none where the group has no values.
    fn chosen(&mut self, count: usize) -> Vec<Vec<Rank>> {
        let mut chosen = vec![Vec::new(); count];
        if !self.weighted {
            self.rows.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.order(&b.1)));
            for group in self.rows.chunk_by(|a, b| a.0 == b.0) {
                let at = |percent: &f64| {
                    let rank = (percent / 100.0 * group.len() as f64).ceil() as usize;
                    group[rank.clamp(1, group.len()) - 1].1
                };
                chosen[group[0].0 as usize] = self.percents.iter().map(at).collect();
            }
            return chosen;
        }
        let mut rows: Vec<_> = self.rows.iter().zip(&self.weights).map(|((g, r), w)| (*g, *r, *w)).collect();
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.order(&b.1)));
        for group in rows.chunk_by(|a, b| a.0 == b.0) {
            let total: f64 = group.iter().map(|row| row.2).sum();
            let at = |percent: &f64| {
                let (wanted, mut so_far) = ((percent / 100.0 * total).ceil(), 0.0);
                let hit = group.iter().position(|row| {
                    so_far += row.2;
                    so_far >= wanted
                });
                group[hit.unwrap_or(group.len() - 1)].1
            };
            chosen[group[0].0 as usize] = self.percents.iter().map(at).collect();
        }
        chosen
    }
}

impl Accumulator for Percentile {
    fn update(&mut self, groups: &[u32], _: usize, args: &[Vector]) -> Result<()> {
        let arg = args.first().ok_or_else(|| internal("percentile of nothing"))?;
        let weights = if self.weighted { args.get(1).map(Whole::of).transpose()? } else { None };
        let (rows, kept) = (&mut self.rows, &mut self.weights);
        let mut add = |i: usize, g: u32, rank: Option<Rank>| {
            let Some(rank) = rank else { return };
            if let Some(weights) = &weights {
                let Some(weight) = weights.get(i).filter(|w| *w > 0) else { return };
                kept.push(weight as f64);
            }
            rows.push((g, rank));
        };
        match self.of {
            Type::Real => {
                let n = arg.reals()?;
                groups.iter().enumerate().for_each(|(i, g)| add(i, *g, n.get(i).map(Rank::Real)));
            }
            Type::Decimal => {
                let n = arg.decimals()?;
                groups.iter().enumerate().for_each(|(i, g)| add(i, *g, n.get(i).map(Rank::Whole)));
            }
            _ => {
                let n = Whole::of(arg)?;
                groups.iter().enumerate().for_each(|(i, g)| add(i, *g, n.get(i).map(|n| Rank::Whole(i128::from(n)))));
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], _: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.rows.extend(other.rows.into_iter().map(|(g, r)| (mapping[g as usize], r)));
        self.weights.extend(other.weights);
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        let chosen = self.chosen(count);
        if self.as_array {
            let of = self.of;
            return Ok(build_texts(count, |group, out| {
                write_list(out, chosen[group].iter(), |out, rank| rank.write_json(out, of));
                !chosen[group].is_empty()
            }));
        }
        let first = chosen.iter().map(|ranks| ranks.first());
        let whole = first.clone().map(|r| r.and_then(|r| r.whole()));
        Ok(match self.of {
            Type::Real => Arc::new(first.map(|r| r.and_then(|r| r.real())).collect::<Float64Array>()),
            Type::Decimal => decimals(whole),
            Type::Int => Arc::new(whole.map(|n| n.map(|n| n as i32)).collect::<Int32Array>()),
            _ => Arc::new(whole.map(|n| n.map(|n| n as i64)).collect::<Int64Array>()),
        })
    }

    fn bytes(&self) -> u64 {
        (self.rows.capacity() * size_of::<(u32, Rank)>() + self.weights.capacity() * 8) as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
