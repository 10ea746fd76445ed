//! Stored rows where they lie: a row group of a segment, or a batch in memory.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection};

use super::super::column::{Result, internal};
use super::super::control::Control;
use super::columns::stored_name;
use crate::engine::QueryError;
use crate::event::schema::position;
use crate::store::{Batches, Segment};

/// Events' text read at once.
pub const TEXT_ROWS: usize = 1_024;

/// Some stored rows.
pub trait Stored {
    fn rows(&self) -> usize;

    /// Stored columns, by position, of the rows in the mask: each whole, so that it has one dictionary.
    fn columns(&self, stored: &[usize], rows: Option<&BooleanArray>) -> Result<Vec<ArrayRef>>;

    /// The text of the rows in the mask, a thousand at a time, until `each` answers false.
    fn texts(&self, rows: Option<&BooleanArray>, each: &mut dyn FnMut(&ArrayRef) -> Result<bool>) -> Result<()>;
}

pub fn store_error(error: impl std::fmt::Display) -> QueryError {
    QueryError::Store(error.to_string())
}

/// Runs a read of a segment's file, which may hold anything by now: where a decoder panics, the file is damaged.
pub fn decoded<T>(segment: &Segment, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(store_error(format!("{} cannot be decoded", segment.path.display()))))
}

/// A row group of a segment.
pub struct Group<'a> {
    pub segment: &'a Segment,
    pub metadata: &'a ArrowReaderMetadata,
    /// Which of the segment's.
    pub number: usize,
    pub control: &'a Control,
}

impl Group<'_> {
    /// Batches of some columns, in the order of the file's columns.
    pub fn read(&self, stored: &[usize], rows: Option<&BooleanArray>, batch: usize) -> Result<Batches> {
        let info = self.metadata.metadata().row_group(self.number);
        let reads = self.segment.reads(stored).map_err(store_error)?;
        let bytes = reads.iter().filter_map(|s| info.columns().get(*s)).map(|c| c.compressed_size().max(0) as u64);
        self.control.counters.bytes.fetch_add(bytes.sum(), Ordering::Relaxed);
        let how = |builder: ParquetRecordBatchReaderBuilder<File>| {
            let builder = builder.with_row_groups(vec![self.number]).with_batch_size(batch.max(1));
            match rows {
                Some(rows) => builder.with_row_selection(RowSelection::from_filters(std::slice::from_ref(rows))),
                None => builder,
            }
        };
        self.segment.read(stored, how).map_err(store_error)
    }
}

impl Stored for Group<'_> {
    fn rows(&self) -> usize {
        self.metadata.metadata().row_group(self.number).num_rows() as usize
    }

    fn columns(&self, stored: &[usize], rows: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let expected = rows.map_or(self.rows(), BooleanArray::true_count);
        let mut reader = self.read(stored, rows, expected)?;
        let mut next = || decoded(self.segment, || Ok(reader.next()));
        let path = || self.segment.path.display();
        let first = next()?.ok_or_else(|| store_error(format!("{}: rows are missing", path())))?;
        let first = first.map_err(store_error)?;
        let whole = if first.num_rows() == expected {
            first
        } else {
            let schema = first.schema();
            let mut all = vec![first];
            while let Some(batch) = next()? {
                all.push(batch.map_err(store_error)?);
            }
            arrow::compute::concat_batches(&schema, &all)?
        };
        if whole.num_rows() != expected {
            return Err(store_error(format!("{}: {} rows where {expected} should be", path(), whole.num_rows())));
        }
        by_name(&whole, stored)
    }

    fn texts(&self, rows: Option<&BooleanArray>, each: &mut dyn FnMut(&ArrayRef) -> Result<bool>) -> Result<()> {
        let raw = position("raw").ok_or_else(|| internal("raw"))?;
        let mut reader = self.read(&[raw], rows, TEXT_ROWS)?;
        while let Some(batch) = decoded(self.segment, || Ok(reader.next()))? {
            self.control.check()?;
            if !each(batch.map_err(store_error)?.column(0))? {
                break;
            }
        }
        Ok(())
    }
}

/// Rows in memory, with every stored column.
pub struct Page<'a>(pub &'a RecordBatch);

impl Stored for Page<'_> {
    fn rows(&self) -> usize {
        self.0.num_rows()
    }

    fn columns(&self, stored: &[usize], rows: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let columns = by_name(self.0, stored)?;
        match rows {
            None => Ok(columns),
            Some(mask) => columns.iter().map(|c| Ok(arrow::compute::filter(c, mask)?)).collect(),
        }
    }

    fn texts(&self, rows: Option<&BooleanArray>, each: &mut dyn FnMut(&ArrayRef) -> Result<bool>) -> Result<()> {
        let raw = position("raw").ok_or_else(|| internal("raw"))?;
        let text = &self.columns(&[raw], rows)?[0];
        for from in (0..text.len()).step_by(TEXT_ROWS) {
            if !each(&text.slice(from, TEXT_ROWS.min(text.len() - from)))? {
                break;
            }
        }
        Ok(())
    }
}

fn by_name(batch: &RecordBatch, stored: &[usize]) -> Result<Vec<ArrayRef>> {
    let column = |at: &usize| {
        let name = stored_name(*at);
        batch.column_by_name(name).cloned().ok_or_else(|| internal(format!("the stored column {name} was not read")))
    };
    stored.iter().map(column).collect()
}
