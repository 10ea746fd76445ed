//! Rows of the evidence store. A morsel is a row group of a segment or a fresh batch. Columns that filters look at are read first, the others for the
//! rows that are left, and the events' text last, a thousand at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, NullArray, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection};

use super::super::batch::Batch;
use super::super::column::{Result, Texts, internal};
use super::super::control::Control;
use super::super::eval::{Compiled, compile};
use super::super::pipeline::{Emit, Source};
use super::columns::{Origin, origin, stored_name};
use super::given::{from_raw, give, patched};
use super::prune::{self, Test};
use crate::engine::QueryError;
use crate::event::schema::position;
use crate::kql::plan::ScanColumn;
use crate::kql::{Expr, ExprKind};
use crate::store::{Segment, Snapshot};

/// Events' text read at once.
const RAW_ROWS: usize = 1_024;

/// A scan of the store.
pub struct Events {
    origins: Vec<Origin>,
    /// Conjuncts that need no text of events, and those that do; each with the columns that it looks at.
    early: Vec<Conjunct>,
    late: Vec<Conjunct>,
    units: Vec<Unit>,
    control: Arc<Control>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

struct Conjunct {
    test: Compiled,
    columns: Vec<usize>,
}

enum Unit {
    Group(Arc<Segment>, usize),
    Fresh(Arc<RecordBatch>),
}

fn store_error(error: impl std::fmt::Display) -> QueryError {
    QueryError::Store(error.to_string())
}

/// The columns that an expression looks at.
pub(super) fn columns_of(expr: &Expr, found: &mut Vec<usize>) {
    match &expr.kind {
        ExprKind::Column(at) => {
            if !found.contains(at) {
                found.push(*at);
            }
        }
        ExprKind::Literal(_) => {}
        ExprKind::Call { args, .. } => args.iter().for_each(|a| columns_of(a, found)),
        ExprKind::And(list) | ExprKind::Or(list) => list.iter().for_each(|a| columns_of(a, found)),
        ExprKind::Path { base, .. } => columns_of(base, found),
        ExprKind::In { value, .. } => columns_of(value, found),
    }
}

impl Events {
    pub fn new(snapshot: &Snapshot, columns: &[ScanColumn], filter: &[Expr], control: &Arc<Control>) -> Result<Self> {
        let origins = columns
            .iter()
            .map(|c| origin(c).ok_or_else(|| internal(format!("the table has no column {c:?}"))))
            .collect::<Result<Vec<_>>>()?;
        let raw = position("raw");
        let needs_raw = |at: &usize| match &origins[*at] {
            Origin::Raw { .. } => true,
            Origin::Stored(stored) => Some(*stored) == raw,
            _ => false,
        };
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for expr in filter {
            let mut used = Vec::new();
            columns_of(expr, &mut used);
            let to = if used.iter().any(needs_raw) { &mut late } else { &mut early };
            to.push(Conjunct { test: compile(expr)?, columns: used });
        }
        let tests: Vec<Test> = filter.iter().filter_map(|e| prune::test(e, &origins)).collect();
        let mut units = Vec::new();
        for segment in &snapshot.segments {
            control.check()?;
            if !prune::segment_may(segment, &tests) {
                control.counters.groups_pruned.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let metadata = segment.metadata().map_err(store_error)?;
            control.counters.segments.fetch_add(1, Ordering::Relaxed);
            for group in 0..metadata.metadata().num_row_groups() {
                if prune::group_may(segment, metadata, group, &tests) {
                    control.progress.expect(metadata.metadata().row_group(group).num_rows() as u64);
                    units.push(Unit::Group(Arc::clone(segment), group));
                } else {
                    control.counters.groups_pruned.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        for batch in &snapshot.fresh {
            control.progress.expect(batch.num_rows() as u64);
            units.push(Unit::Fresh(Arc::clone(batch)));
        }
        Ok(Self { origins, early, late, units, control: Arc::clone(control) })
    }

    /// The stored columns, by position, that outputs need; the events' text apart.
    fn stored_of(&self, outputs: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut stored: Vec<usize> = outputs
            .filter_map(|at| match &self.origins[at] {
                Origin::Stored(stored) | Origin::Narrowed(stored) | Origin::Path { stored, .. } => Some(*stored),
                _ => None,
            })
            .filter(|stored| Some(*stored) != position("raw"))
            .collect();
        stored.sort_unstable();
        stored.dedup();
        stored
    }

    fn needs_raw(&self) -> bool {
        self.origins.iter().any(is_raw)
    }

    fn has_paths(&self) -> bool {
        self.origins.iter().any(|o| matches!(o, Origin::Path { .. }))
    }

    /// Columns of the batch by output; what is not there yet is a column of nulls that nobody looks at.
    fn batch_of(columns: &[Option<ArrayRef>], rows: usize) -> Batch {
        let absent: ArrayRef = Arc::new(NullArray::new(rows));
        let columns = columns.iter().map(|c| c.as_ref().map_or_else(|| Arc::clone(&absent), Arc::clone));
        Batch::new(rows, columns.collect())
    }

    fn fill(
        &self,
        columns: &mut [Option<ArrayRef>],
        outputs: impl Iterator<Item = usize>,
        stored: &RecordBatch,
    ) -> Result<()> {
        for at in outputs {
            let from = match &self.origins[at] {
                Origin::Stored(s) | Origin::Narrowed(s) | Origin::Path { stored: s, .. } => {
                    stored.column_by_name(stored_name(*s))
                }
                _ => None,
            };
            columns[at] = Some(give(&self.origins[at], from, stored.num_rows(), &self.control)?);
        }
        Ok(())
    }

    /// The rows that the early conjuncts keep, as a mask over all rows; `None` for all.
    fn early_mask(&self, columns: &[Option<ArrayRef>], rows: usize) -> Result<Option<BooleanArray>> {
        let batch = Self::batch_of(columns, rows);
        let mut mask: Option<BooleanArray> = None;
        for conjunct in &self.early {
            let next = conjunct.test.mask(&batch)?;
            let both = match mask {
                None => next,
                Some(before) => BooleanArray::new(before.values() & next.values(), None),
            };
            let none = both.true_count() == 0;
            mask = Some(both);
            if none {
                break;
            }
        }
        Ok(mask.filter(|m| m.true_count() < rows))
    }

    /// Gives the rows of a batch that has all but what the events' text holds.
    fn finish(
        &self,
        mut columns: Vec<Option<ArrayRef>>,
        rows: usize,
        raw: Option<&ArrayRef>,
        emit: Emit<'_>,
    ) -> Result<bool> {
        if let Some(raw) = raw {
            let texts = Texts::of(raw)?;
            for (at, origin) in self.origins.iter().enumerate() {
                match origin {
                    Origin::Raw { column, steps, text } => {
                        columns[at] = Some(from_raw(&texts, rows, column, steps, *text));
                    }
                    Origin::Stored(_) if columns[at].is_none() => columns[at] = Some(Arc::clone(raw)),
                    _ => {}
                }
            }
        }
        let mut batch = Self::batch_of(&columns, rows);
        for conjunct in &self.late {
            debug_assert!(conjunct.columns.iter().all(|c| columns[*c].is_some()));
            let mask = conjunct.test.mask(&batch)?;
            batch = batch.filter(&mask)?;
            if batch.rows == 0 {
                return Ok(true);
            }
        }
        emit(batch)
    }

    fn fresh(&self, stored: &RecordBatch, emit: Emit<'_>) -> Result<()> {
        let rows = stored.num_rows();
        self.count(rows, 0);
        if self.has_paths() && irregular_of(stored).is_some_and(|i| i.true_count() > 0) {
            return self.irregular(stored, emit).map(drop);
        }
        let mut columns = vec![None; self.origins.len()];
        let plain = |at: &usize| !is_raw(&self.origins[*at]);
        self.fill(&mut columns, (0..self.origins.len()).filter(plain), stored)?;
        let mask = self.early_mask(&columns, rows)?;
        let raw = stored.column_by_name("raw").filter(|_| self.needs_raw());
        self.pieces(&columns, rows, raw, mask.as_ref(), emit)
    }

    /// Filters, then gives in pieces where text has to be read.
    fn pieces(
        &self,
        columns: &[Option<ArrayRef>],
        rows: usize,
        raw: Option<&ArrayRef>,
        mask: Option<&BooleanArray>,
        emit: Emit<'_>,
    ) -> Result<()> {
        let keep = |array: &ArrayRef| -> Result<ArrayRef> {
            Ok(match mask {
                Some(mask) => arrow::compute::filter(array, mask)?,
                None => Arc::clone(array),
            })
        };
        let kept = mask.map_or(rows, BooleanArray::true_count);
        if kept == 0 {
            return Ok(());
        }
        let columns = columns.iter().map(|c| c.as_ref().map(keep).transpose()).collect::<Result<Vec<_>>>()?;
        let Some(raw) = raw else { return self.finish(columns, kept, None, emit).map(drop) };
        let raw = keep(raw)?;
        for from in (0..kept).step_by(RAW_ROWS) {
            let n = RAW_ROWS.min(kept - from);
            let piece = columns.iter().map(|c| c.as_ref().map(|c| c.slice(from, n))).collect();
            if !self.finish(piece, n, Some(&raw.slice(from, n)), emit)? {
                break;
            }
        }
        Ok(())
    }

    /// A batch with all stored columns in which some rows are irregular: their paths come from the events' text.
    fn irregular(&self, stored: &RecordBatch, emit: Emit<'_>) -> Result<bool> {
        let rows = stored.num_rows();
        let raw = stored.column_by_name("raw").ok_or_else(|| internal("raw"))?;
        let texts = Texts::of(raw)?;
        let mask = irregular_of(stored).ok_or_else(|| internal("irregular"))?;
        let mut columns = vec![None; self.origins.len()];
        self.fill(&mut columns, (0..self.origins.len()).filter(|at| !is_raw(&self.origins[*at])), stored)?;
        for (at, origin) in self.origins.iter().enumerate() {
            if let (Origin::Path { column, steps, text, .. }, Some(given)) = (origin, &columns[at]) {
                columns[at] = Some(patched(given, mask, &from_raw(&texts, rows, column, steps, *text))?);
            }
        }
        let keep = self.early_mask(&columns, rows)?;
        let mut on = true;
        self.pieces(&columns, rows, Some(raw), keep.as_ref(), &mut |batch| {
            on = emit(batch)?;
            Ok(on)
        })?;
        Ok(on)
    }

    fn count(&self, rows: usize, bytes: u64) {
        self.control.counters.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.control.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.control.progress.done(rows as u64);
    }

    fn group(&self, segment: &Segment, group: usize, emit: Emit<'_>) -> Result<()> {
        let metadata = segment.metadata().map_err(store_error)?;
        let info = metadata.metadata().row_group(group);
        let rows = info.num_rows() as usize;
        let reader = Reader { segment, metadata, group };
        self.control.counters.groups_read.fetch_add(1, Ordering::Relaxed);
        let count = |read: &[usize]| {
            let bytes = read.iter().filter_map(|s| info.columns().get(*s)).map(|c| c.compressed_size().max(0) as u64);
            self.count(0, bytes.sum());
        };
        self.count(rows, 0);
        let raw = position("raw").ok_or_else(|| internal("raw"))?;
        let outputs = 0..self.origins.len();

        if self.has_paths() && prune::may_be_irregular(metadata, group) {
            let mut all = self.stored_of(outputs.clone());
            all.extend([raw, position("irregular").ok_or_else(|| internal("irregular"))?]);
            count(&all);
            for batch in reader.read(&all, None, 8 * RAW_ROWS)? {
                self.control.check()?;
                if !self.irregular(&batch.map_err(store_error)?, emit)? {
                    break;
                }
            }
            return Ok(());
        }

        // What filters look at, for all rows.
        let mut looked_at: Vec<usize> = self.early.iter().flat_map(|c| c.columns.iter().copied()).collect();
        looked_at.sort_unstable();
        looked_at.dedup();
        let mut columns = vec![None; self.origins.len()];
        let mut mask = None;
        if !looked_at.is_empty() {
            let first = self.stored_of(looked_at.iter().copied());
            count(&first);
            let stored = reader.whole(&first, None, rows)?;
            self.fill(&mut columns, looked_at.iter().copied(), &stored)?;
            mask = self.early_mask(&columns, rows)?;
        }
        let kept = mask.as_ref().map_or(rows, BooleanArray::true_count);
        if kept == 0 {
            return Ok(());
        }
        if let Some(mask) = &mask {
            for column in columns.iter_mut().flatten() {
                *column = arrow::compute::filter(column, mask)?;
            }
        }

        // The others, for the rows that are left.
        let selection = mask.as_ref().map(|m| RowSelection::from_filters(std::slice::from_ref(m)));
        let others: Vec<usize> = outputs.filter(|at| columns[*at].is_none() && !is_raw(&self.origins[*at])).collect();
        let second = self.stored_of(others.iter().copied());
        if second.is_empty() {
            for at in others {
                columns[at] = Some(give(&self.origins[at], None, kept, &self.control)?);
            }
        } else {
            count(&second);
            let stored = reader.whole(&second, selection.clone(), kept)?;
            self.fill(&mut columns, others.into_iter(), &stored)?;
        }
        if !self.needs_raw() {
            return self.finish(columns, kept, None, emit).map(drop);
        }

        // The events' text, in small batches.
        count(&[raw]);
        let mut from = 0;
        for batch in reader.read(&[raw], selection, RAW_ROWS)? {
            self.control.check()?;
            let batch = batch.map_err(store_error)?;
            let n = batch.num_rows();
            let piece = columns.iter().map(|c| c.as_ref().map(|c| c.slice(from, n))).collect();
            from += n;
            if !self.finish(piece, n, Some(batch.column(0)), emit)? {
                break;
            }
        }
        Ok(())
    }
}

/// Is it read out of the event's text, or the text itself?
fn is_raw(origin: &Origin) -> bool {
    match origin {
        Origin::Raw { .. } => true,
        Origin::Stored(stored) => Some(*stored) == position("raw"),
        _ => false,
    }
}

fn irregular_of(stored: &RecordBatch) -> Option<&BooleanArray> {
    stored.column_by_name("irregular")?.as_boolean_opt()
}

struct Reader<'a> {
    segment: &'a Segment,
    metadata: &'a ArrowReaderMetadata,
    group: usize,
}

type Batches = parquet::arrow::arrow_reader::ParquetRecordBatchReader;

impl Reader<'_> {
    fn read(&self, stored: &[usize], rows: Option<RowSelection>, batch: usize) -> Result<Batches> {
        let file = self.segment.open().map_err(store_error)?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), stored.iter().copied());
        builder = builder.with_projection(mask).with_row_groups(vec![self.group]).with_batch_size(batch.max(1));
        if let Some(rows) = rows {
            builder = builder.with_row_selection(rows);
        }
        builder.build().map_err(store_error)
    }

    /// All rows in one batch, so that each column has one dictionary.
    fn whole(&self, stored: &[usize], rows: Option<RowSelection>, expected: usize) -> Result<RecordBatch> {
        let mut reader = self.read(stored, rows, expected)?;
        let first =
            reader.next().ok_or_else(|| store_error(format!("{}: rows are missing", self.segment.path.display())))?;
        let first = first.map_err(store_error)?;
        if first.num_rows() == expected {
            return Ok(first);
        }
        let schema = first.schema();
        let mut all = vec![first];
        for batch in reader {
            all.push(batch.map_err(store_error)?);
        }
        let whole = arrow::compute::concat_batches(&schema, &all)?;
        if whole.num_rows() == expected {
            Ok(whole)
        } else {
            Err(store_error(format!(
                "{}: {} rows where {expected} should be",
                self.segment.path.display(),
                whole.num_rows()
            )))
        }
    }
}

impl Source for Events {
    fn morsels(&self) -> usize {
        self.units.len()
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        match &self.units[morsel] {
            Unit::Group(segment, group) => self.group(segment, *group, emit),
            Unit::Fresh(batch) => self.fresh(batch, emit),
        }
    }
}
