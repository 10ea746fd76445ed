//! Rows to parts by the hash of their key, so that each part can be worked on alone.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use arrow::array::{Array as _, UInt32Array, new_null_array};
use arrow::compute::SortOptions;
use arrow::row::{RowConverter, SortField};
use hashbrown::DefaultHashBuilder;

use super::super::batch::Batch;
use super::super::column::{Result, data_type};
use super::super::control::Account;
use super::super::eval::Compiled;
use super::super::sort::sortable;
use super::{Block, Spool};
use crate::kql::Schema;

/// Parts that rows go to at once; a part that is still too large is parted again.
pub const PARTS: usize = 16;
/// Times that rows can be parted: the bits of a hash are used up then.
pub const LEVELS: u32 = 64 / PARTS.trailing_zeros();

/// The blocks of every part.
pub type Parts = Vec<Vec<Block>>;

/// Hashes of keys: the same for the same key, in whatever make its columns come.
#[derive(Clone, Debug, Default)]
pub struct Hashes(DefaultHashBuilder);

impl Hashes {
    pub fn of(&self, keys: &[Compiled], batch: &Batch) -> Result<Vec<u64>> {
        let columns = keys
            .iter()
            .map(|key| sortable(&key.array(batch)?, key.ty, SortOptions::default()))
            .collect::<Result<Vec<_>>>()?;
        let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
        let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
        Ok(rows.iter().map(|row| self.0.hash_one(row.data())).collect())
    }
}

/// Takes rows apart. The order of the rows of a part is kept.
#[derive(Debug)]
pub struct Parting {
    spool: Arc<Spool>,
    schema: Schema,
    level: u32,
    waiting: Vec<Vec<Batch>>,
    bytes: Vec<u64>,
    parts: Parts,
    account: Account,
}

impl Parting {
    /// `level` says how often these rows have been parted before.
    pub fn new(spool: &Arc<Spool>, schema: &Schema, level: u32) -> Self {
        Self {
            spool: Arc::clone(spool),
            schema: schema.clone(),
            level,
            waiting: vec![Vec::new(); PARTS],
            bytes: vec![0; PARTS],
            parts: vec![Vec::new(); PARTS],
            account: spool.control.account("rows on their way to disk"),
        }
    }

    /// Rows and the hash of each.
    pub fn push(&mut self, batch: &Batch, hashes: &[u64]) -> Result<()> {
        let shift = self.level * PARTS.trailing_zeros();
        let mut rows = vec![Vec::new(); PARTS];
        for (row, hash) in hashes.iter().enumerate() {
            rows[(hash >> shift) as usize % PARTS].push(row as u32);
        }
        for (part, rows) in rows.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let mut own = batch.take(&UInt32Array::from(rows))?.flat()?;
            for (column, shown) in own.columns.iter_mut().zip(&self.schema) {
                // A column that a scan did not read, as nobody looks at it, is nulls of any type.
                let ty = data_type(shown.ty);
                if *column.data_type() != ty && column.null_count() == column.len() {
                    *column = new_null_array(&ty, column.len());
                }
            }
            self.bytes[part] += own.bytes();
            self.waiting[part].push(own);
            if self.bytes[part] >= self.spool.block() {
                self.write(part)?;
            }
        }
        self.account.hold(self.bytes.iter().sum())
    }

    fn write(&mut self, part: usize) -> Result<()> {
        let all = Batch::concat(&self.schema, &std::mem::take(&mut self.waiting[part]))?;
        self.bytes[part] = 0;
        let rows = self.spool.rows_of_a_block(&all);
        for from in (0..all.rows).step_by(rows) {
            let block = self.spool.write(&all.slice(from, rows.min(all.rows - from)))?;
            self.parts[part].push(block);
        }
        Ok(())
    }

    /// All rows are there.
    pub fn finish(mut self) -> Result<Parts> {
        for part in 0..PARTS {
            self.write(part)?;
        }
        Ok(self.parts)
    }
}
