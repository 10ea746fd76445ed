//! A sealed segment: an immutable Parquet file, and what the catalogue says of it.

mod batches;
pub(super) mod cut;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::PageIndexPolicy;

pub use batches::Batches;
pub(super) use batches::VERSION_KEY;

use super::{StoreError, fresh};
use crate::event::columns::text_at;
use crate::event::{Feed, schema};

/// The version of the files that are written: the columns of `event::schema::STORED`, the events' text cut (see `cut`). In those of version 1
/// the text stands whole; they are read as well, and a merge writes them anew.
pub(super) const VERSION: i64 = 2;

/// A sealed segment. Times are ticks; every range includes both ends.
#[derive(Debug)]
pub struct Segment {
    /// The catalogue's number, never used again.
    pub id: i64,
    pub path: PathBuf,
    pub rows: u64,
    pub seqs: (i64, i64),
    /// Over the rows that have a timestamp; `None` where none has.
    pub timestamps: Option<(i64, i64)>,
    pub generated: (i64, i64),
    /// Of the file.
    pub bytes: u64,
    /// Of the events' text.
    pub raw_bytes: u64,
    metadata: OnceLock<ArrowReaderMetadata>,
}

/// A sealed event that was asked for.
#[derive(Debug)]
pub(super) struct Found {
    /// The position in the list of the asked.
    pub wanted: usize,
    pub seq: i64,
    pub raw: String,
}

/// The identity of an event, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity<'a> {
    pub account: &'a str,
    pub feed: Feed,
    pub uuid: &'a str,
}

impl Segment {
    /// The columns of `from_row`.
    pub(super) const COLUMNS: &str = "id, file, rows, first_seq, last_seq, first_timestamp, last_timestamp, \
                                      first_generated, last_generated, bytes, raw_bytes";

    pub(super) fn from_row(row: &rusqlite::Row<'_>, dir: &std::path::Path) -> rusqlite::Result<Self> {
        let first: Option<i64> = row.get(5)?;
        let last: Option<i64> = row.get(6)?;
        Ok(Self {
            id: row.get(0)?,
            path: dir.join(row.get::<_, String>(1)?),
            rows: row.get::<_, i64>(2)? as u64,
            seqs: (row.get(3)?, row.get(4)?),
            timestamps: first.zip(last),
            generated: (row.get(7)?, row.get(8)?),
            bytes: row.get::<_, i64>(9)? as u64,
            raw_bytes: row.get::<_, i64>(10)? as u64,
            metadata: OnceLock::new(),
        })
    }

    /// Opens the file. A segment that has been superseded long ago may be gone: take a new snapshot, once.
    pub fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(|e| StoreError::io(&self.path, e))
    }

    /// The footer with page index, read at the first call and kept.
    pub fn metadata(&self) -> Result<&ArrowReaderMetadata, StoreError> {
        if let Some(known) = self.metadata.get() {
            return Ok(known);
        }
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let read = ArrowReaderMetadata::load(&self.open()?, options).map_err(StoreError::parquet(&self.path))?;
        Ok(self.metadata.get_or_init(|| read))
    }

    /// One row by its sequence number.
    pub(super) fn row(&self, seq: i64) -> Result<Option<RecordBatch>, StoreError> {
        let Some(at) = self.position(seq)? else { return Ok(None) };
        let only = RowSelection::from(vec![RowSelector::skip(at), RowSelector::select(1)]);
        let batch = self.reader(&every_column(), Some(only))?.next().transpose();
        batch.map_err(self.unreadable())
    }

    /// Where a sequence number stands. What retention took away has left holes: the numbers are looked at then.
    fn position(&self, seq: i64) -> Result<Option<usize>, StoreError> {
        if self.seqs.1 - self.seqs.0 + 1 == self.rows as i64 {
            return Ok((self.seqs.0..=self.seqs.1).contains(&seq).then(|| (seq - self.seqs.0) as usize));
        }
        let mut before = 0;
        for batch in self.reader(&["seq"], None)? {
            let batch = batch.map_err(self.unreadable())?;
            let seqs = fresh::seqs(&batch);
            if seqs.last().is_some_and(|last| *last >= seq) {
                return Ok(seqs.binary_search(&seq).ok().map(|at| before + at));
            }
            before += seqs.len();
        }
        Ok(None)
    }

    /// Every row with every column, in order.
    pub(super) fn batches(&self) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>>, StoreError> {
        let reader = self.reader(&every_column(), None)?;
        Ok(reader.map(|batch| batch.map_err(self.unreadable())))
    }

    /// Some columns of every row, in order.
    pub(super) fn columns(
        &self,
        names: &[&str],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>>, StoreError> {
        let reader = self.reader(names, None)?;
        Ok(reader.map(|batch| batch.map_err(self.unreadable())))
    }

    fn unreadable(&self) -> impl Fn(ArrowError) -> StoreError {
        |e| StoreError::Parquet { path: self.path.clone(), source: e.into() }
    }

    fn reader(&self, columns: &[&str], rows: Option<RowSelection>) -> Result<Batches, StoreError> {
        let columns: Vec<usize> = columns.iter().filter_map(|name| schema::position(name)).collect();
        self.read(&columns, |builder| {
            let builder = builder.with_batch_size(8_192);
            match rows {
                Some(rows) => builder.with_row_selection(rows),
                None => builder,
            }
        })
    }

    /// Which of the wanted identities are in this segment. Costs a look at a bloom filter where none is, else a pass over
    /// the UUIDs and the text of those found.
    pub(super) fn find(&self, wanted: &[Identity<'_>]) -> Result<Vec<Found>, StoreError> {
        if !self.blooms_hold_any(wanted)? {
            return Ok(Vec::new());
        }
        let asked: hashbrown::HashMap<Identity<'_>, usize> =
            wanted.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let damaged = || StoreError::damaged(self.path.display().to_string());
        let failed = self.unreadable();

        // (row, position in `wanted`, sequence number), by row.
        let mut hits = Vec::new();
        let mut before = 0;
        for batch in self.reader(&["seq", "feed", "account", "uuid_s"], None)? {
            let batch = batch.map_err(&failed)?;
            let column = |name| batch.column_by_name(name).ok_or_else(damaged);
            let (seqs, feeds, accounts, uuids) =
                (column("seq")?, column("feed")?, column("account")?, column("uuid_s")?);
            let seqs = seqs.as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
            for row in 0..batch.num_rows() {
                let uuid = text_at(uuids, row).unwrap_or_default();
                let feed = text_at(feeds, row).and_then(Feed::from_name);
                let account = text_at(accounts, row).unwrap_or_default();
                let found = feed.and_then(|feed| asked.get(&Identity { account, feed, uuid }));
                if let Some(wanted) = found {
                    hits.push((before + row, *wanted, seqs.value(row)));
                }
            }
            before += batch.num_rows();
        }
        if hits.is_empty() {
            return Ok(Vec::new());
        }
        let mut selectors = Vec::with_capacity(hits.len() * 2);
        let mut at = 0;
        for (row, ..) in &hits {
            selectors.push(RowSelector::skip(row - at));
            selectors.push(RowSelector::select(1));
            at = row + 1;
        }
        let mut raws = Vec::with_capacity(hits.len());
        for batch in self.reader(&["raw"], Some(RowSelection::from(selectors)))? {
            let batch = batch.map_err(&failed)?;
            raws.extend((0..batch.num_rows()).map(|row| text_at(batch.column(0), row).unwrap_or_default().to_owned()));
        }
        if raws.len() != hits.len() {
            return Err(damaged());
        }
        Ok(hits.into_iter().zip(raws).map(|((_, wanted, seq), raw)| Found { wanted, seq, raw }).collect())
    }

    fn blooms_hold_any(&self, wanted: &[Identity<'_>]) -> Result<bool, StoreError> {
        let failed = |e| StoreError::Parquet { path: self.path.clone(), source: e };
        let metadata = self.metadata()?.clone();
        let groups = metadata.metadata().num_row_groups();
        let column = schema::position("uuid_s").unwrap_or_default();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.open()?, metadata);
        for group in 0..groups {
            match builder.get_row_group_column_bloom_filter(group, column).map_err(failed)? {
                Some(bloom) if !wanted.iter().any(|id| bloom.check(id.uuid)) => {}
                _ => return Ok(true),
            }
        }
        Ok(false)
    }
}

fn every_column() -> Vec<&'static str> {
    schema::STORED.iter().map(|c| c.name).collect()
}
