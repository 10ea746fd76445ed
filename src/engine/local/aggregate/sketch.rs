//! `hll`, `tdigest` and the merging of what they gave: one sketch a group.

use arrow::array::ArrayRef;

use super::super::column::{Result, Vector, build_texts, internal};
use super::super::functions::hash::Hashed;
use super::super::functions::sketch::digest::{Digest, Point};
use super::super::functions::sketch::hll::Hll;
use super::super::functions::{Call, Number, Whole};
use super::{Accumulator, same};
use crate::kql::Type;

/// `hll(value, accuracy)`, or `hll_merge(sketch)`.
#[derive(Debug)]
pub struct Hlls {
    of: Type,
    merges: bool,
    accuracy: i64,
    groups: Vec<Option<Hll>>,
}

impl Hlls {
    pub fn new(of: Type, accuracy: i64) -> Self {
        Self { of, merges: false, accuracy, groups: Vec::new() }
    }

    pub fn merging() -> Self {
        Self { of: Type::Dynamic, merges: true, accuracy: 1, groups: Vec::new() }
    }

    fn take(&mut self, group: usize, sketch: Hll) {
        match &mut self.groups[group] {
            Some(mine) => mine.merge(&sketch),
            slot => *slot = Some(sketch),
        }
    }
}

impl Accumulator for Hlls {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.groups.resize(count, None);
        let arg = args.first().ok_or_else(|| internal("hll of nothing"))?;
        if self.merges {
            let texts = arg.texts()?;
            for (i, g) in groups.iter().enumerate() {
                if let Some(sketch) = texts.get(i).and_then(Hll::parse) {
                    self.take(*g as usize, sketch);
                }
            }
            return Ok(());
        }
        let types = [self.of];
        let call = Call { args: std::slice::from_ref(arg), types: &types, ty: Type::Long, rows: groups.len() };
        let (hashed, nulls) = (Hashed::of(&call, 0)?, arg.nulls(self.of));
        let mut text = String::new();
        for (i, g) in groups.iter().enumerate() {
            if !nulls.at(i)
                && let Some(hash) = hashed.get(i, &mut text)
            {
                let accuracy = self.accuracy;
                self.groups[*g as usize].get_or_insert_with(|| Hll::with_accuracy(accuracy)).add(hash);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.groups.resize(count, None);
        for (sketch, to) in same::<Self>(other)?.groups.into_iter().zip(mapping) {
            if let Some(sketch) = sketch {
                self.take(*to as usize, sketch);
            }
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.groups.resize(count, None);
        // Of no value there is no sketch: null, as of other aggregates.
        Ok(build_texts(count, |group, out| self.groups[group].as_ref().map(|sketch| sketch.write(out)).is_some()))
    }

    fn bytes(&self) -> u64 {
        self.groups.iter().map(|g| g.as_ref().map_or(0, Hll::bytes) as u64 + 64).sum()
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// `tdigest(value, weight)`, or `tdigest_merge(sketch)`.
#[derive(Debug)]
pub struct Digests {
    of: Type,
    merges: bool,
    groups: Vec<Digest>,
}

impl Digests {
    pub fn new(of: Type) -> Self {
        Self { of, merges: false, groups: Vec::new() }
    }

    pub fn merging() -> Self {
        Self { of: Type::Dynamic, merges: true, groups: Vec::new() }
    }
}

impl Accumulator for Digests {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.groups.resize_with(count, Digest::default);
        let arg = args.first().ok_or_else(|| internal("tdigest of nothing"))?;
        if self.merges {
            let texts = arg.texts()?;
            for (i, g) in groups.iter().enumerate() {
                if let Some(digest) = texts.get(i).and_then(Digest::parse) {
                    self.groups[*g as usize].merge(digest);
                }
            }
            return Ok(());
        }
        let weights = args.get(1).map(Whole::of).transpose()?;
        let point: Box<dyn Fn(usize) -> Option<Point> + '_> = match self.of {
            Type::Real => {
                let n = arg.reals()?;
                Box::new(move |i| n.get(i).filter(|n| !n.is_nan()).map(Point::Real))
            }
            Type::Decimal => {
                let n = Number::Decimal(arg.decimals()?);
                Box::new(move |i| n.get(i).map(Point::Real))
            }
            of => {
                let n = Whole::of(arg)?;
                let make = match of {
                    Type::DateTime => Point::Time,
                    Type::TimeSpan => Point::Span,
                    _ => Point::Whole,
                };
                Box::new(move |i| n.get(i).map(make))
            }
        };
        for (i, g) in groups.iter().enumerate() {
            let weight = weights.as_ref().map_or(Some(1), |w| w.get(i)).unwrap_or(0);
            if let Some(point) = point(i) {
                self.groups[*g as usize].add(point, weight as f64);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.groups.resize_with(count, Digest::default);
        for (digest, to) in same::<Self>(other)?.groups.into_iter().zip(mapping) {
            self.groups[*to as usize].merge(digest);
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.groups.resize_with(count, Digest::default);
        Ok(build_texts(count, |group, out| {
            let digest = &self.groups[group];
            digest.write(out);
            digest.weight() > 0.0
        }))
    }

    fn bytes(&self) -> u64 {
        self.groups.iter().map(|g| g.bytes() as u64).sum()
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
