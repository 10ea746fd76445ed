//! A batch: a row count and columns by position. Names and KQL types are the plan's.
//!
//! Filters compact a batch instead of carrying a selection: columns are dictionary codes, views and integers, cheap to copy, and every
//! operator after the filter then sees dense rows. What is not cheap (`raw`) the scan reads after its own filters.

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};

use super::column::{Result, concat};
use crate::kql::Schema;

#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub rows: usize,
    pub columns: Vec<ArrayRef>,
}

impl Batch {
    pub fn new(rows: usize, columns: Vec<ArrayRef>) -> Self {
        Self { rows, columns }
    }

    /// The rows where `mask` is true; null is false.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self> {
        let kept = mask.true_count();
        if kept == self.rows {
            return Ok(self.clone());
        }
        let predicate = arrow::compute::FilterBuilder::new(mask).optimize().build();
        let columns = self.columns.iter().map(|c| predicate.filter(c)).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Self { rows: kept, columns })
    }

    /// Rows by position; a null position gives nulls.
    pub fn take(&self, rows: &UInt32Array) -> Result<Self> {
        let columns = self
            .columns
            .iter()
            .map(|c| arrow::compute::take(c.as_ref(), rows, None))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Self { rows: rows.len(), columns })
    }

    #[must_use]
    pub fn slice(&self, from: usize, rows: usize) -> Self {
        Self { rows, columns: self.columns.iter().map(|c| c.slice(from, rows)).collect() }
    }

    /// Batches of one schema, end to end.
    pub fn concat(schema: &Schema, batches: &[Self]) -> Result<Self> {
        if let [one] = batches {
            return Ok(one.clone());
        }
        let mut columns = Vec::with_capacity(schema.len());
        for (at, column) in schema.iter().enumerate() {
            let arrays: Vec<_> = batches.iter().map(|b| ArrayRef::clone(&b.columns[at])).collect();
            columns.push(concat(column.ty, &arrays)?);
        }
        Ok(Self { rows: batches.iter().map(|b| b.rows).sum(), columns })
    }

    /// Bytes that its buffers hold. Buffers shared between batches count in each: an upper bound.
    pub fn bytes(&self) -> u64 {
        self.columns.iter().map(|c| c.get_array_memory_size() as u64).sum()
    }
}
