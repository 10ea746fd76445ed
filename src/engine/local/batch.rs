//! A batch: a row count and columns by position. Names and KQL types are the plan's.
//!
//! Filters compact a batch instead of carrying a selection: columns are dictionary codes, views and integers, cheap to copy, and every
//! operator after the filter then sees dense rows. What is not cheap (`raw`) the scan reads after its own filters.

use std::ptr::NonNull;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, UInt32Array};
use arrow::buffer::Buffer;
use arrow::datatypes::Int32Type;
use hashbrown::HashSet;

use super::column::{Result, concat, flat};
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

    /// The same rows in buffers of their own size. What a filter left of a row group would else keep the group's whole dictionaries
    /// and text alive.
    pub fn lean(self) -> Result<Self> {
        let columns = self.columns.into_iter().map(lean).collect::<Result<Vec<_>>>()?;
        Ok(Self { rows: self.rows, columns })
    }

    /// The same rows with text as `Utf8View`, in buffers of their own size.
    pub fn flat(self) -> Result<Self> {
        let columns = self.columns.iter().map(|c| lean(flat(c)?)).collect::<Result<Vec<_>>>()?;
        Ok(Self { rows: self.rows, columns })
    }

    /// Bytes that its buffers hold. An allocation that several columns lie in, as all of a stored page do, counts once; one shared
    /// between batches counts in each: an upper bound.
    pub fn bytes(&self) -> u64 {
        let mut seen = HashSet::new();
        self.columns.iter().map(|c| allocated(&c.to_data(), &mut seen)).sum()
    }
}

/// Bytes of the allocations behind an array that were not seen yet.
fn allocated(data: &ArrayData, seen: &mut HashSet<NonNull<u8>>) -> u64 {
    let nulls = data.nulls().map(arrow::buffer::NullBuffer::buffer);
    let own: u64 = data
        .buffers()
        .iter()
        .chain(nulls)
        .filter(|buffer| seen.insert(buffer.data_ptr()))
        .map(|buffer| buffer.capacity() as u64)
        .sum();
    own + data.child_data().iter().map(|child| allocated(child, seen)).sum::<u64>()
}

/// A column without dictionary values that no row has, and without text that no view points at.
pub fn lean(column: ArrayRef) -> Result<ArrayRef> {
    if let Some(text) = column.as_string_view_opt() {
        let held: usize = text.data_buffers().iter().map(Buffer::len).sum();
        return Ok(if held > 2 * text.total_buffer_bytes_used() { Arc::new(text.gc()) } else { column });
    }
    let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() else { return Ok(column) };
    if dictionary.values().len() <= dictionary.len() {
        return Ok(column);
    }
    let used = dictionary.occupancy();
    let mut codes = vec![0; dictionary.values().len()];
    for (new, old) in used.set_indices().enumerate() {
        codes[old] = new as i32;
    }
    // A null's code may be anything.
    let keys: Int32Array = dictionary.keys().unary(|old| codes.get(old as usize).copied().unwrap_or(0));
    let values = arrow::compute::filter(dictionary.values(), &BooleanArray::new(used, None))?;
    Ok(Arc::new(DictionaryArray::try_new(keys, values)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;

    #[test]
    fn a_few_rows_of_a_group_do_not_hold_the_whole_group() {
        let words: StringArray = (0..10_000).map(|n| Some(format!("value number {n}"))).collect();
        let keys = Int32Array::from(vec![Some(9_999), None, Some(3), Some(9_999)]);
        let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(words)).unwrap();
        let batch = Batch::new(4, vec![Arc::new(dictionary.clone())]);
        let lean = batch.clone().lean().unwrap();
        assert!(lean.bytes() * 20 < batch.bytes(), "{} of {}", lean.bytes(), batch.bytes());
        let got = lean.columns[0].as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap();
        let want = dictionary.downcast_dict::<StringArray>().unwrap();
        assert!(got.into_iter().eq(want));
    }

    #[test]
    fn an_allocation_that_columns_share_counts_once() {
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..100_000));
        let halves = Batch::new(50_000, vec![numbers.slice(0, 50_000), numbers.slice(50_000, 50_000)]);
        let whole = Batch::new(100_000, vec![numbers]);
        assert_eq!(halves.bytes(), whole.bytes());
        assert!((400_000..500_000).contains(&whole.bytes()), "{}", whole.bytes());
    }
}
