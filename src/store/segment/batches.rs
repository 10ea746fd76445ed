//! The one door to a segment's rows: whoever reads them gets the events' text whole, whichever version the file is of.

use std::fs::File;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{Segment, cut};
use crate::event::schema;
use crate::store::StoreError;

/// The key of the version in the footer's metadata.
pub(in crate::store) const VERSION_KEY: &str = "vaultscope.segment";
/// The first version whose text is cut (see `cut`).
const CUT: i64 = 2;

/// Some of a segment's rows under way.
pub struct Batches {
    reader: ParquetRecordBatchReader,
    /// Of a file whose text is cut, when the text is asked for: where the columns that were asked for stand among those that are read.
    asked: Option<Vec<usize>>,
}

impl Segment {
    /// Columns by their position in `schema::STORED`, each once, in that order whatever the order they are given in; `how` says which rows,
    /// and how many at once.
    pub fn read(
        &self,
        columns: &[usize],
        how: impl FnOnce(ParquetRecordBatchReaderBuilder<File>) -> ParquetRecordBatchReaderBuilder<File>,
    ) -> Result<Batches, StoreError> {
        let metadata = self.metadata()?.clone();
        let is_cut = self.is_cut(&metadata)?;
        let reads = with_parts(columns, is_cut);
        let is_asked = |(at, column): (usize, &usize)| columns.contains(column).then_some(at);
        let asked = (is_cut && has_text(columns)).then(|| reads.iter().enumerate().filter_map(is_asked).collect());
        // By position: to Parquet's own projection by name a dot in a name is a path.
        let mask = ProjectionMask::roots(metadata.metadata().file_metadata().schema_descr(), reads);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.open()?, metadata).with_projection(mask);
        let reader = how(builder).build().map_err(StoreError::parquet(&self.path))?;
        Ok(Batches { reader, asked })
    }

    /// The columns that are read where these are asked for.
    pub fn reads(&self, columns: &[usize]) -> Result<Vec<usize>, StoreError> {
        Ok(with_parts(columns, self.is_cut(self.metadata()?)?))
    }

    pub(super) fn is_cut(&self, metadata: &ArrowReaderMetadata) -> Result<bool, StoreError> {
        let damaged = |why: &str| StoreError::damaged(format!("{} ({why})", self.path.display()));
        if metadata.schema().fields() != schema::arrow().fields() {
            return Err(damaged("its columns are not those of a segment"));
        }
        let pairs = metadata.metadata().file_metadata().key_value_metadata();
        let version = pairs.into_iter().flatten().find(|pair| pair.key == VERSION_KEY).and_then(|p| p.value.as_deref());
        match version.and_then(|v| v.parse::<i64>().ok()) {
            Some(version) if (1..=super::VERSION).contains(&version) => Ok(version >= CUT),
            _ => Err(damaged("of a version that this program does not know")),
        }
    }
}

/// Columns in order, and those that a cut text is put together from, where it is among them.
fn with_parts(columns: &[usize], is_cut: bool) -> Vec<usize> {
    let mut all = columns.to_vec();
    if is_cut && has_text(columns) {
        all.extend(cut::needed());
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn has_text(columns: &[usize]) -> bool {
    schema::position("raw").is_some_and(|raw| columns.contains(&raw))
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.reader.next()?;
        let Some(asked) = &self.asked else { return Some(read) };
        Some(read.and_then(|rows| cut::restore(&rows)?.project(asked)))
    }
}
