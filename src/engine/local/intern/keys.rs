//! Keys of several columns: their codes become one, a pair at a time.

use arrow::array::ArrayRef;
use hashbrown::HashMap;

use super::{Interner, NONE};
use crate::engine::local::column::{Result, Vector};
use crate::kql::Type;

/// Pairs of codes to one code: how several key columns become one.
#[derive(Debug, Default)]
pub struct Pairs {
    codes: HashMap<u64, u32>,
    seen: Vec<(u32, u32)>,
    last: Option<(u64, u32)>,
}

impl Pairs {
    #[inline]
    fn intern(&mut self, a: u32, b: u32) -> u32 {
        let key = u64::from(a) << 32 | u64::from(b);
        if let Some((k, code)) = self.last
            && k == key
        {
            return code;
        }
        let next = self.seen.len() as u32;
        let code = *self.codes.entry(key).or_insert(next);
        if code == next {
            self.seen.push((a, b));
        }
        self.last = Some((key, code));
        code
    }

    fn find(&self, a: u32, b: u32) -> u32 {
        if a == NONE || b == NONE {
            return NONE;
        }
        self.codes.get(&(u64::from(a) << 32 | u64::from(b))).copied().unwrap_or(NONE)
    }
}

/// Rows of key columns to dense group numbers, counted from 0.
#[derive(Debug)]
pub struct Keys {
    columns: Vec<Interner>,
    /// One fewer than the columns: each joins what came before with the next column.
    pairs: Vec<Pairs>,
    /// With no columns there is one group, once a row was seen.
    rows_seen: bool,
}

impl Keys {
    pub fn new(types: &[Type]) -> Self {
        Self {
            columns: types.iter().map(|ty| Interner::new(*ty)).collect(),
            pairs: (1..types.len()).map(|_| Pairs::default()).collect(),
            rows_seen: false,
        }
    }

    /// Groups so far.
    pub fn len(&self) -> usize {
        match (self.pairs.last(), self.columns.first()) {
            (Some(last), _) => last.seen.len(),
            (None, Some(only)) => only.len(),
            (None, None) => usize::from(self.rows_seen),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn bytes(&self) -> u64 {
        let pairs: usize = self.pairs.iter().map(|p| p.codes.capacity() * 13 + p.seen.capacity() * 8).sum();
        self.columns.iter().map(Interner::bytes).sum::<u64>() + pairs as u64
    }

    /// The group of each row; new keys get new groups.
    pub fn groups(&mut self, columns: &[Vector], rows: usize) -> Result<Vec<u32>> {
        let Some((first, rest)) = columns.split_first() else {
            self.rows_seen |= rows > 0;
            return Ok(vec![0; rows]);
        };
        let mut codes = self.columns[0].codes(first, rows)?;
        for (n, column) in rest.iter().enumerate() {
            let next = self.columns[n + 1].codes(column, rows)?;
            let pairs = &mut self.pairs[n];
            for (code, next) in codes.iter_mut().zip(next) {
                *code = pairs.intern(*code, next);
            }
        }
        Ok(codes)
    }

    /// The group of each row, `NONE` where the key was never seen.
    pub fn lookup(&self, columns: &[Vector], rows: usize) -> Result<Vec<u32>> {
        let Some((first, rest)) = columns.split_first() else {
            return Ok(vec![if self.rows_seen { 0 } else { NONE }; rows]);
        };
        let mut codes = self.columns[0].lookup(first, rows)?;
        for (n, column) in rest.iter().enumerate() {
            let next = self.columns[n + 1].lookup(column, rows)?;
            for (code, next) in codes.iter_mut().zip(next) {
                *code = self.pairs[n].find(*code, next);
            }
        }
        Ok(codes)
    }

    /// The key columns of every group, in the order of groups.
    pub fn key_columns(&self) -> Vec<ArrayRef> {
        let mut codes: Vec<u32> = (0..self.len() as u32).collect();
        let mut columns = Vec::with_capacity(self.columns.len());
        for n in (1..self.columns.len()).rev() {
            let pairs = &self.pairs[n - 1].seen;
            let own: Vec<u32> = codes.iter().map(|c| pairs[*c as usize].1).collect();
            columns.push(self.columns[n].column(&own));
            for c in &mut codes {
                *c = pairs[*c as usize].0;
            }
        }
        if let Some(first) = self.columns.first() {
            columns.push(first.column(&codes));
        }
        columns.reverse();
        columns
    }
}
