//! `basket`, `autocluster`, `diffpatterns`: values that occur together in many rows.
//!
//! Kusto documents what these find, not how they choose among it. Here all sets of values that are frequent enough are found exactly (a walk
//! down tid-lists, as Eclat does), of those with the same rows the largest stays, and a greedy choice takes what says most and overlaps least.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, UInt32Array};
use hashbrown::HashMap;

use super::Rows;
use crate::engine::QueryError;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, concat, repeat};
use crate::engine::local::control::Control;
use crate::engine::local::functions::Number;
use crate::engine::local::intern::Interner;
use crate::engine::local::pipeline::Runner;
use crate::kql::plan::{Mining, Patterns};
use crate::kql::{Type, Value};

/// Sets of values that are looked at before it is too many.
const MOST_PATTERNS: usize = 200_000;
/// Rows that `autocluster` and `diffpatterns` choose.
const MOST_CHOSEN: usize = 20;
/// The least share of rows that `autocluster` looks at.
const LEAST_SHARE: f64 = 0.015;
/// A pattern is left out when so much of it lies in those chosen before.
const OVERLAP: f64 = 0.5;

/// A column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Item {
    column: usize,
    code: u32,
}

/// Equal rows as one: in which of the two sets, and how much they weigh there.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    a: f64,
    b: f64,
}

impl Weight {
    fn add(self, other: Self) -> Self {
        Self { a: self.a + other.a, b: self.b + other.b }
    }

    fn sum(of: &[u32], weights: &[Self]) -> Self {
        of.iter().map(|at| weights[*at as usize]).fold(Self::default(), Self::add)
    }
}

/// Values that occur together, and the distinct rows that have them all.
#[derive(Clone, Debug)]
struct Pattern {
    items: Vec<Item>,
    rows: Vec<u32>,
    weight: Weight,
}

/// The patterns of (column, …, [weight], [split: string]).
pub fn patterns(runner: &Runner, mut rows: Rows, plugin: &Patterns) -> Result<Batch> {
    let n = rows.batch.rows;
    let split = matches!(plugin.mining, Mining::Difference { .. });
    let width = rows.types.len() - usize::from(plugin.weighted) - usize::from(split);
    let mut interners: Vec<Interner> = rows.types[..width].iter().map(|ty| Interner::new(*ty)).collect();
    let mut codes = Vec::with_capacity(width);
    for (at, interner) in interners.iter_mut().enumerate() {
        runner.control.check()?;
        codes.push(interner.codes(&rows.column(at)?, n)?);
    }
    let weights = row_weights(&rows, width, plugin)?;
    let total = weights.iter().copied().fold(Weight::default(), Weight::add);
    rows.account.add(interners.iter().map(Interner::bytes).sum::<u64>() + (n * (4 * width + 16)) as u64)?;
    // Equal rows are one.
    let mut at: HashMap<Vec<u32>, u32> = HashMap::new();
    let mut distinct: Vec<Weight> = Vec::new();
    for row in 0..n {
        if row % 65_536 == 0 {
            runner.control.check()?;
        }
        let key: Vec<u32> = codes.iter().map(|c| c[row]).collect();
        let next = distinct.len() as u32;
        let own = *at.entry(key).or_insert(next);
        if own == next {
            distinct.push(Weight::default());
        }
        distinct[own as usize] = distinct[own as usize].add(weights[row]);
    }
    rows.account.add((at.len() * (48 + 4 * width)) as u64)?;
    let least = Least::of(&plugin.mining, total);
    let mut items: HashMap<Item, Vec<u32>> = HashMap::new();
    for (key, own) in &at {
        for (column, code) in key.iter().enumerate() {
            if !interners[column].is_null(*code) {
                items.entry(Item { column, code: *code }).or_default().push(*own);
            }
        }
    }
    let mut frequent: Vec<Pattern> = items
        .into_iter()
        .map(|(item, mut rows)| {
            rows.sort_unstable();
            Pattern { items: vec![item], weight: Weight::sum(&rows, &distinct), rows }
        })
        .filter(|p| least.holds(p.weight))
        .collect();
    frequent.sort_by_key(|p| p.items[0]);
    let mut search = Search {
        frequent: &frequent,
        weights: &distinct,
        least,
        most: most_items(plugin, width),
        found: Vec::new(),
        control: &runner.control,
    };
    for (from, pattern) in frequent.iter().enumerate() {
        search.walk(pattern, from + 1)?;
    }
    let found = closed(search.found);
    let chosen = match plugin.mining {
        Mining::Basket { .. } => {
            let mut found = found;
            found.sort_by(|a, b| b.weight.a.total_cmp(&a.weight.a).then_with(|| a.items.cmp(&b.items)));
            found
        }
        Mining::Cluster { size_weight } => {
            let score = |p: &Pattern| {
                let (size, shared) = (p.weight.a / total.a, p.items.len() as f64 / width.max(1) as f64);
                size.powf(size_weight) * shared.powf(1.0 - size_weight)
            };
            chosen(found, &distinct, score)
        }
        Mining::Difference { .. } => chosen(found, &distinct, |p| difference(p.weight, total).abs()),
    };
    shown(&rows, &interners, plugin, &chosen, total)
}

fn most_items(plugin: &Patterns, width: usize) -> usize {
    match plugin.mining {
        Mining::Basket { most, .. } | Mining::Difference { most, .. } => most,
        Mining::Cluster { .. } => width,
    }
}

/// Each row's weight, in the set that it belongs to; without a split in the first.
fn row_weights(rows: &Rows, width: usize, plugin: &Patterns) -> Result<Vec<Weight>> {
    let n = rows.batch.rows;
    let mut weights = vec![1.0; n];
    if plugin.weighted {
        let column = rows.column(width)?;
        let call = crate::engine::local::functions::Call {
            args: &[column],
            types: &[rows.types[width]],
            ty: Type::Real,
            rows: n,
        };
        let number: Number<'_> = call.number(0)?;
        for (row, weight) in weights.iter_mut().enumerate() {
            *weight = number.get(row).filter(|w| *w > 0.0).unwrap_or(0.0);
        }
    }
    let Mining::Difference { a, b, .. } = &plugin.mining else {
        return Ok(weights.into_iter().map(|w| Weight { a: w, b: 0.0 }).collect());
    };
    let column = rows.column(width + usize::from(plugin.weighted))?;
    let split = column.texts()?;
    let of = |(row, w): (usize, f64)| match split.text(row) {
        text if text == &**a => Weight { a: w, b: 0.0 },
        text if text == &**b => Weight { a: 0.0, b: w },
        _ => Weight::default(),
    };
    Ok(weights.into_iter().enumerate().map(of).collect())
}

/// How much a pattern must weigh to be looked at.
#[derive(Clone, Copy, Debug)]
struct Least {
    a: f64,
    b: f64,
}

impl Least {
    fn of(mining: &Mining, total: Weight) -> Self {
        let share = match mining {
            Mining::Basket { threshold, .. } | Mining::Difference { threshold, .. } => *threshold,
            Mining::Cluster { .. } => LEAST_SHARE,
        };
        Self { a: (share * total.a).max(f64::MIN_POSITIVE), b: (share * total.b).max(f64::MIN_POSITIVE) }
    }

    fn holds(self, weight: Weight) -> bool {
        weight.a >= self.a || weight.b >= self.b
    }
}

/// Percentage points between a pattern's share of the one set and of the other.
fn difference(weight: Weight, total: Weight) -> f64 {
    share(weight.a, total.a) - share(weight.b, total.b)
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { 100.0 * part / whole } else { 0.0 }
}

struct Search<'a> {
    frequent: &'a [Pattern],
    weights: &'a [Weight],
    least: Least,
    most: usize,
    found: Vec<Pattern>,
    control: &'a Arc<Control>,
}

impl Search<'_> {
    /// Keeps a pattern, and goes on to those with one value more, of columns that follow.
    fn walk(&mut self, pattern: &Pattern, from: usize) -> Result<()> {
        self.control.check()?;
        if self.found.len() >= MOST_PATTERNS {
            return Err(QueryError::Runtime(format!(
                "more than {MOST_PATTERNS} patterns are frequent: project fewer columns, or raise the threshold"
            )));
        }
        self.found.push(pattern.clone());
        if pattern.items.len() >= self.most {
            return Ok(());
        }
        let frequent = self.frequent;
        for (at, next) in frequent.iter().enumerate().skip(from) {
            if pattern.items.iter().any(|i| i.column == next.items[0].column) {
                continue;
            }
            let rows = common(&pattern.rows, &next.rows);
            let weight = Weight::sum(&rows, self.weights);
            if self.least.holds(weight) {
                let items = pattern.items.iter().copied().chain([next.items[0]]).collect();
                self.walk(&Pattern { items, rows, weight }, at + 1)?;
            }
        }
        Ok(())
    }
}

/// What two sorted lists share.
fn common(a: &[u32], b: &[u32]) -> Vec<u32> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x == y {
            both.push(*x);
        }
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    both
}

/// Of patterns with the same rows, the one with the most values.
fn closed(found: Vec<Pattern>) -> Vec<Pattern> {
    let mut largest: HashMap<Vec<u32>, Pattern> = HashMap::new();
    for pattern in found {
        match largest.get_mut(&pattern.rows) {
            Some(known) if known.items.len() >= pattern.items.len() => {}
            Some(known) => *known = pattern,
            None => {
                largest.insert(pattern.rows.clone(), pattern);
            }
        }
    }
    largest.into_values().collect()
}

/// The best ones, without those that say of the same rows what is said already.
fn chosen(mut found: Vec<Pattern>, weights: &[Weight], score: impl Fn(&Pattern) -> f64) -> Vec<Pattern> {
    found.sort_by(|a, b| score(b).total_cmp(&score(a)).then_with(|| a.items.cmp(&b.items)));
    let mut taken = vec![false; weights.len()];
    let mut chosen = Vec::new();
    for pattern in found {
        if chosen.len() >= MOST_CHOSEN {
            break;
        }
        let covered: Vec<u32> = pattern.rows.iter().copied().filter(|r| taken[*r as usize]).collect();
        let covered = Weight::sum(&covered, weights);
        if covered.a + covered.b <= OVERLAP * (pattern.weight.a + pattern.weight.b) {
            pattern.rows.iter().for_each(|r| taken[*r as usize] = true);
            chosen.push(pattern);
        }
    }
    chosen
}

/// Counts and percentages, then each column's value or wildcard.
fn shown(rows: &Rows, interners: &[Interner], plugin: &Patterns, chosen: &[Pattern], total: Weight) -> Result<Batch> {
    let longs = |f: &dyn Fn(&Pattern) -> f64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(chosen.iter().map(|p| f(p).round() as i64)))
    };
    let reals = |f: &dyn Fn(&Pattern) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(chosen.iter().map(|p| (f(p) * 100.0).round() / 100.0)))
    };
    let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(0..chosen.len() as i64))];
    if matches!(plugin.mining, Mining::Difference { .. }) {
        columns.extend([longs(&|p| p.weight.a), longs(&|p| p.weight.b)]);
        columns.extend([reals(&|p| share(p.weight.a, total.a)), reals(&|p| share(p.weight.b, total.b))]);
        columns.push(reals(&|p| difference(p.weight, total).abs()));
    } else {
        columns.extend([longs(&|p| p.weight.a), reals(&|p| share(p.weight.a, total.a))]);
    }
    for (at, interner) in interners.iter().enumerate() {
        let ty = rows.types[at];
        let wildcard = plugin.wildcards.iter().find(|w| w.ty() == ty).cloned().unwrap_or_else(|| Value::null(ty));
        let all: Vec<u32> = (0..interner.len() as u32).collect();
        let values = concat(ty, &[interner.column(&all), repeat(&wildcard, 1)])?;
        let none = all.len() as u32;
        let code = |p: &Pattern| p.items.iter().find(|i| i.column == at).map_or(none, |i| i.code);
        let codes = UInt32Array::from_iter_values(chosen.iter().map(code));
        columns.push(arrow::compute::take(values.as_ref(), &codes, None)?);
    }
    Ok(Batch::new(chosen.len(), columns))
}
