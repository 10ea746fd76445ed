//! `min`, `max`, `arg_min`, `arg_max`, `take_any`.
//!
//! Of a batch only the best row of each group is looked at twice, so that text is copied once a batch and group, not once a row.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array};

use super::super::column::{Numbers, Result, Texts, Vector, collect_texts, decimals, from_values, internal};
use super::{Accumulator, same};
use crate::kql::{Type, Value};

/// `min` or `max` of a type.
pub fn extreme(of: Type, greatest: bool) -> Box<dyn Accumulator> {
    match of {
        Type::String | Type::Guid | Type::Dynamic => Box::new(ExtremeText { of, greatest, best: Vec::new() }),
        _ => Box::new(Extreme { of, greatest, best: Vec::new(), any: Vec::new() }),
    }
}

/// Any orderable scalar but text, as a word that sorts the same.
#[derive(Debug)]
struct Extreme {
    of: Type,
    greatest: bool,
    best: Vec<i128>,
    any: Vec<bool>,
}

/// A real as a word that sorts as reals do; NaN wins, whichever end is asked for.
fn real_order(n: f64, greatest: bool) -> i64 {
    if n.is_nan() {
        return if greatest { i64::MAX } else { i64::MIN };
    }
    let bits = n.to_bits() as i64;
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

fn order_real(word: i64) -> f64 {
    if word == i64::MIN || word == i64::MAX {
        return f64::NAN;
    }
    f64::from_bits(if word < 0 { word ^ i64::MAX } else { word } as u64)
}

/// Row by row, a column's values as words that sort the same.
fn words<'a>(of: Type, column: &'a Vector, greatest: bool) -> Result<Box<dyn Fn(usize) -> Option<i128> + 'a>> {
    Ok(match of {
        Type::Real => {
            let n = column.reals()?;
            Box::new(move |i| n.get(i).map(|n| i128::from(real_order(n, greatest))))
        }
        Type::Decimal => {
            let n = column.decimals()?;
            Box::new(move |i| n.get(i))
        }
        Type::Int => {
            let n = column.ints()?;
            Box::new(move |i| n.get(i).map(i128::from))
        }
        Type::Bool => {
            let n = column.bools()?;
            Box::new(move |i| n.get(i).map(i128::from))
        }
        Type::Long | Type::DateTime | Type::TimeSpan => {
            let n = column.longs()?;
            Box::new(move |i| n.get(i).map(i128::from))
        }
        Type::String | Type::Guid | Type::Dynamic => return Err(internal("text has no word")),
    })
}

impl Extreme {
    #[inline]
    fn offer(&mut self, group: usize, word: i128) {
        let better = if self.greatest { word > self.best[group] } else { word < self.best[group] };
        if !self.any[group] || better {
            self.best[group] = word;
            self.any[group] = true;
        }
    }

    fn grow(&mut self, count: usize) {
        self.best.resize(count, 0);
        self.any.resize(count, false);
    }
}

impl Accumulator for Extreme {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.grow(count);
        let arg = args.first().ok_or_else(|| internal("min or max of nothing"))?;
        if let (Type::Long | Type::DateTime | Type::TimeSpan, Ok(Numbers::Array(values, None))) = (self.of, arg.longs())
        {
            for (g, n) in groups.iter().zip(values) {
                self.offer(*g as usize, i128::from(*n));
            }
            return Ok(());
        }
        let word = words(self.of, arg, self.greatest)?;
        for (i, g) in groups.iter().enumerate() {
            if let Some(word) = word(i) {
                self.offer(*g as usize, word);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.grow(count);
        let other = same::<Self>(other)?;
        for (g, to) in mapping.iter().enumerate() {
            if other.any.get(g) == Some(&true) {
                self.offer(*to as usize, other.best[g]);
            }
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.grow(count);
        let best = self.best.iter().zip(&self.any).map(|(w, any)| any.then_some(*w));
        Ok(match self.of {
            Type::Real => Arc::new(best.map(|w| w.map(|w| order_real(w as i64))).collect::<Float64Array>()),
            Type::Decimal => decimals(best),
            Type::Int => Arc::new(best.map(|w| w.map(|w| w as i32)).collect::<Int32Array>()),
            Type::Bool => Arc::new(best.map(|w| w.map(|w| w != 0)).collect::<BooleanArray>()),
            _ => Arc::new(best.map(|w| w.map(|w| w as i64)).collect::<Int64Array>()),
        })
    }

    fn bytes(&self) -> u64 {
        self.best.capacity() as u64 * 17
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[derive(Debug)]
struct ExtremeText {
    of: Type,
    greatest: bool,
    best: Vec<Option<Box<str>>>,
}

fn better(greatest: bool, new: &str, old: &str) -> bool {
    new.cmp(old) == if greatest { Ordering::Greater } else { Ordering::Less }
}

impl Accumulator for ExtremeText {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.best.resize(count, None);
        let texts = args.first().ok_or_else(|| internal("min or max of nothing"))?.texts()?;
        let read = |i: usize| if self.of == Type::String { Some(texts.text(i)) } else { texts.get(i) };
        let rows = best_rows(
            groups,
            count,
            |i| read(i).is_some(),
            |new, old| better(self.greatest, texts.text(new), texts.text(old)),
        );
        for (group, row) in rows {
            let text = texts.text(row);
            let best = &mut self.best[group];
            if best.as_deref().is_none_or(|old| better(self.greatest, text, old)) {
                *best = Some(text.into());
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.best.resize(count, None);
        for (text, to) in same::<Self>(other)?.best.into_iter().zip(mapping) {
            let best = &mut self.best[*to as usize];
            if let Some(text) = text
                && best.as_deref().is_none_or(|old| better(self.greatest, &text, old))
            {
                *best = Some(text);
            }
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.best.resize(count, None);
        Ok(collect_texts(count, |i| self.best[i].as_deref()))
    }

    fn bytes(&self) -> u64 {
        (self.best.capacity() * 16 + self.best.iter().flatten().map(|t| t.len()).sum::<usize>()) as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// The best row of each group in a batch: (group, row).
fn best_rows(
    groups: &[u32],
    count: usize,
    counts: impl Fn(usize) -> bool,
    better: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    const NO_ROW: u32 = u32::MAX;
    let mut best = vec![NO_ROW; count];
    let mut touched = Vec::new();
    for (i, g) in groups.iter().enumerate() {
        if !counts(i) {
            continue;
        }
        let at = &mut best[*g as usize];
        if *at == NO_ROW {
            touched.push(*g as usize);
            *at = i as u32;
        } else if better(i, *at as usize) {
            *at = i as u32;
        }
    }
    touched.into_iter().map(|g| (g, best[g] as usize)).collect()
}

/// What a row is judged by.
#[derive(Clone, Debug, PartialEq)]
enum Judged {
    /// Nothing: it answers only where no row can be judged.
    Null,
    Word(i128),
    Text(Box<str>),
}

/// `arg_max(of, value)`, `arg_min(of, value)`: of equal rows the first.
#[derive(Debug)]
pub struct Arg {
    of: Type,
    value: Type,
    greatest: bool,
    best: Vec<Option<(Judged, Value)>>,
}

impl Arg {
    pub fn new(of: Type, value: Type, greatest: bool) -> Self {
        Self { of, value, greatest, best: Vec::new() }
    }

    fn is_better(&self, new: &Judged, old: &Judged) -> bool {
        match (new, old) {
            (Judged::Word(n), Judged::Word(o)) => {
                if self.greatest {
                    n > o
                } else {
                    n < o
                }
            }
            (Judged::Text(n), Judged::Text(o)) => better(self.greatest, n, o),
            (new, Judged::Null) => *new != Judged::Null,
            _ => false,
        }
    }
}

impl Accumulator for Arg {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.best.resize(count, None);
        let of = args.first().ok_or_else(|| internal("arg_max of nothing"))?;
        let value = args.get(1).unwrap_or(of);
        let greatest = self.greatest;
        let rows = if matches!(self.of, Type::String | Type::Guid | Type::Dynamic) {
            let texts = of.texts()?;
            let is_string = self.of == Type::String;
            best_rows(
                groups,
                count,
                |i| is_string || texts.get(i).is_some(),
                |new, old| better(greatest, texts.text(new), texts.text(old)),
            )
            .into_iter()
            .map(|(g, row)| (g, row, Judged::Text(texts.text(row).into())))
            .collect::<Vec<_>>()
        } else {
            let word = words(self.of, of, greatest)?;
            best_rows(
                groups,
                count,
                |i| word(i).is_some(),
                |new, old| {
                    if greatest { word(new) > word(old) } else { word(new) < word(old) }
                },
            )
            .into_iter()
            .filter_map(|(g, row)| Some((g, row, Judged::Word(word(row)?))))
            .collect()
        };
        if self.best.iter().any(Option::is_none) {
            for (row, g) in groups.iter().enumerate() {
                if self.best[*g as usize].is_none() {
                    self.best[*g as usize] = Some((Judged::Null, value.value(row, self.value)?));
                }
            }
        }
        for (group, row, judged) in rows {
            if self.best[group].as_ref().is_none_or(|(old, _)| self.is_better(&judged, old)) {
                self.best[group] = Some((judged, value.value(row, self.value)?));
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.best.resize(count, None);
        for (theirs, to) in same::<Self>(other)?.best.into_iter().zip(mapping) {
            if let Some((judged, value)) = theirs
                && self.best[*to as usize].as_ref().is_none_or(|(old, _)| self.is_better(&judged, old))
            {
                self.best[*to as usize] = Some((judged, value));
            }
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.best.resize(count, None);
        let null = Value::null(self.value);
        from_values(self.value, self.best.iter().map(|b| b.as_ref().map_or(&null, |(_, v)| v)))
    }

    fn bytes(&self) -> u64 {
        values_bytes(self.best.capacity() * 80, self.best.iter().flatten().map(|(_, v)| v))
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

fn values_bytes<'a>(slots: usize, values: impl Iterator<Item = &'a Value>) -> u64 {
    let text = |v: &Value| match v {
        Value::String(t) | Value::Guid(t) | Value::Dynamic(t) => t.len() + 16,
        _ => 0,
    };
    (slots + values.map(text).sum::<usize>()) as u64
}

/// `take_any`: the first value that is not null.
#[derive(Debug)]
pub struct First {
    of: Type,
    values: Vec<Option<Value>>,
    missing: usize,
}

impl First {
    pub fn new(of: Type) -> Self {
        Self { of, values: Vec::new(), missing: 0 }
    }

    fn grow(&mut self, count: usize) {
        self.missing += count.saturating_sub(self.values.len());
        self.values.resize(count.max(self.values.len()), None);
    }
}

impl Accumulator for First {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.grow(count);
        if self.missing == 0 {
            return Ok(());
        }
        let arg = args.first().ok_or_else(|| internal("take_any of nothing"))?;
        let nulls = arg.nulls(self.of);
        let texts = if self.of == Type::String { arg.texts()? } else { Texts::Constant(Some("x")) };
        for (i, g) in groups.iter().enumerate() {
            let slot = &mut self.values[*g as usize];
            if slot.is_none() && !nulls.at(i) && !texts.text(i).is_empty() {
                *slot = Some(arg.value(i, self.of)?);
                self.missing -= 1;
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.grow(count);
        for (value, to) in same::<Self>(other)?.values.into_iter().zip(mapping) {
            let slot = &mut self.values[*to as usize];
            if slot.is_none() && value.is_some() {
                *slot = value;
                self.missing -= 1;
            }
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.grow(count);
        let null = Value::null(self.of);
        from_values(self.of, self.values.iter().map(|v| v.as_ref().unwrap_or(&null)))
    }

    fn bytes(&self) -> u64 {
        values_bytes(self.values.capacity() * 40, self.values.iter().flatten())
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
