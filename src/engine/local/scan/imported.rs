//! Rows of imported tables. A morsel is a row group; what statistics rule out is not read, and columns that filters do not look at are
//! read for the rows that are left.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::super::arrival::ARRIVED;
use super::super::batch::Batch;
use super::super::column::{Result, Texts, build_texts, collect_texts, internal, repeat};
use super::super::control::Control;
use super::super::eval::{Compiled, compile};
use super::super::functions::dynamic::{compact, present, walk};
use super::super::pipeline::{Emit, Source};
use super::columns::Origin;
use super::events::columns_of;
use super::prune::{self, Test};
use crate::engine::QueryError;
use crate::event::json;
use crate::kql::plan::{ScanColumn, Step};
use crate::kql::{Expr, Type, Value};
use crate::store::tables::{Table, TableFile};

/// Rows read at once.
const ROWS: usize = 65_536;

/// A scan of an imported table.
pub struct Stored {
    table: Arc<Table>,
    outputs: Vec<Output>,
    conjuncts: Vec<Compiled>,
    /// The outputs that the conjuncts look at.
    looked_at: Vec<usize>,
    /// File and row group.
    units: Vec<(usize, usize)>,
    control: Arc<Control>,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("table", &self.table.name).finish_non_exhaustive()
    }
}

/// What an output is.
enum Output {
    Column(Arc<str>, Type),
    Path {
        column: Arc<str>,
        steps: Vec<Step>,
        text: bool,
    },
    /// When the rows were imported.
    Arrival,
}

impl Output {
    fn of(column: &ScanColumn, table: &Table) -> Result<Self> {
        let named = |name: &str| {
            let at = table.schema.position(name);
            at.map(|at| table.schema.0[at].ty).ok_or_else(|| internal(format!("{} has no column {name}", table.name)))
        };
        Ok(match column {
            ScanColumn::Column(name) if &**name == ARRIVED => Self::Arrival,
            ScanColumn::Column(name) => Self::Column(Arc::clone(name), named(name)?),
            ScanColumn::Path { column, steps, text } => {
                named(column)?;
                Self::Path { column: Arc::clone(column), steps: steps.clone(), text: *text }
            }
        })
    }

    /// The column of the file that it is made of.
    fn source(&self) -> Option<&str> {
        match self {
            Self::Column(name, _) | Self::Path { column: name, .. } => Some(name),
            Self::Arrival => None,
        }
    }

    fn array(&self, file: &TableFile, batch: &RecordBatch) -> Result<ArrayRef> {
        let rows = batch.num_rows();
        match self {
            Self::Column(name, ty) => Ok(match batch.column_by_name(name) {
                Some(array) => Arc::clone(array),
                // A file of before the column was there.
                None => repeat(&Value::null(*ty), rows),
            }),
            Self::Path { column, steps, text } => match batch.column_by_name(column) {
                Some(array) => path(array, steps, *text),
                None => Ok(repeat(&Value::null(if *text { Type::String } else { Type::Dynamic }), rows)),
            },
            Self::Arrival => Ok(repeat(&Value::DateTime(file.imported.0), rows)),
        }
    }
}

/// A path in a dynamic column, as text or as a dynamic value.
pub(super) fn path(array: &ArrayRef, steps: &[Step], text: bool) -> Result<ArrayRef> {
    let texts = Texts::of(array)?;
    let find = |row: usize| texts.get(row).and_then(|t| walk(t, steps));
    let rows = array.len();
    if !text {
        return Ok(collect_texts(rows, |row| find(row).and_then(present).map(compact)));
    }
    Ok(build_texts(rows, |row, out| {
        if let Some(value) = find(row).and_then(present) {
            match json::string(value) {
                Some(plain) => out.push_str(&plain),
                None => out.push_str(&compact(value)),
            }
        }
        true
    }))
}

fn failed(error: impl std::fmt::Display) -> QueryError {
    QueryError::Store(error.to_string())
}

impl Stored {
    pub fn new(table: Arc<Table>, columns: &[ScanColumn], filter: &[Expr], control: &Arc<Control>) -> Result<Self> {
        let outputs = columns.iter().map(|c| Output::of(c, &table)).collect::<Result<Vec<_>>>()?;
        let mut looked_at = Vec::new();
        for e in filter {
            columns_of(e, &mut looked_at);
        }
        let conjuncts = filter.iter().map(compile).collect::<Result<Vec<_>>>()?;
        let mut units = Vec::new();
        for (at, file) in table.files.iter().enumerate() {
            control.check()?;
            let metadata = file.metadata().map_err(failed)?;
            control.counters.segments.fetch_add(1, Ordering::Relaxed);
            let fields = metadata.schema().fields();
            let origins: Vec<Origin> = outputs
                .iter()
                .map(|o| match o {
                    Output::Column(name, _) => fields.iter().position(|f| f.name() == &**name).map(Origin::Stored),
                    _ => None,
                })
                .map(|o| o.unwrap_or(Origin::Constant(Value::Null(Type::Dynamic))))
                .collect();
            let tests: Vec<Test> = filter.iter().filter_map(|e| prune::test(e, &origins)).collect();
            for group in 0..metadata.metadata().num_row_groups() {
                let info = metadata.metadata().row_group(group);
                if tests.iter().all(|t| info.columns().get(t.stored).is_none_or(|c| prune::column_may(c, &t.wants))) {
                    control.progress.expect(info.num_rows() as u64);
                    units.push((at, group));
                } else {
                    control.counters.groups_pruned.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(Self { table, outputs, conjuncts, looked_at, units, control: Arc::clone(control) })
    }

    /// The group's rows in the columns that these outputs need.
    fn reader(
        &self,
        file: &TableFile,
        group: usize,
        outputs: &[usize],
        rows: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader> {
        let metadata = file.metadata().map_err(failed)?;
        let open = file.open().map_err(failed)?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open, metadata.clone());
        let names: Vec<&str> = outputs.iter().filter_map(|at| self.outputs[*at].source()).collect();
        let fields = metadata.schema().fields();
        let roots: Vec<usize> = (0..fields.len()).filter(|at| names.contains(&fields[*at].name().as_str())).collect();
        let info = metadata.metadata().row_group(group);
        let bytes: u64 =
            roots.iter().filter_map(|at| info.columns().get(*at)).map(|c| c.compressed_size().max(0) as u64).sum();
        self.control.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        builder = builder.with_projection(mask).with_row_groups(vec![group]).with_batch_size(ROWS);
        if let Some(rows) = rows {
            builder = builder.with_row_selection(rows);
        }
        builder.build().map_err(failed)
    }

    fn batch(&self, file: &TableFile, read: &RecordBatch, outputs: &[usize]) -> Result<Batch> {
        let rows = read.num_rows();
        let absent: ArrayRef = Arc::new(arrow::array::NullArray::new(rows));
        let mut columns = vec![absent; self.outputs.len()];
        for at in outputs {
            columns[*at] = self.outputs[*at].array(file, read)?;
        }
        Ok(Batch::new(rows, columns))
    }

    /// Which rows the conjuncts keep; `None` for all.
    fn selection(&self, file: &TableFile, group: usize) -> Result<Option<RowSelection>> {
        if self.conjuncts.is_empty() {
            return Ok(None);
        }
        let mut masks = Vec::new();
        for read in self.reader(file, group, &self.looked_at, None)? {
            self.control.check()?;
            let batch = self.batch(file, &read.map_err(failed)?, &self.looked_at)?;
            let mut mask = BooleanArray::from(vec![true; batch.rows]);
            for conjunct in &self.conjuncts {
                let next = conjunct.mask(&batch)?;
                mask = BooleanArray::new(mask.values() & next.values(), None);
                if mask.true_count() == 0 {
                    break;
                }
            }
            masks.push(mask);
        }
        Ok(Some(RowSelection::from_filters(&masks)))
    }
}

impl Source for Stored {
    fn morsels(&self) -> usize {
        self.units.len()
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        let (file, group) = self.units[morsel];
        let file = &self.table.files[file];
        let info = file.metadata().map_err(failed)?.metadata().row_group(group).num_rows() as u64;
        self.control.counters.rows.fetch_add(info, Ordering::Relaxed);
        self.control.counters.groups_read.fetch_add(1, Ordering::Relaxed);
        self.control.progress.done(info);
        let selection = self.selection(file, group)?;
        let kept = selection.as_ref().map_or(info, |s| s.row_count() as u64);
        if kept == 0 {
            return Ok(());
        }
        let all: Vec<usize> = (0..self.outputs.len()).collect();
        if self.outputs.iter().all(|o| o.source().is_none()) {
            // Nothing of the file is wanted but that its rows are there.
            let columns = self.outputs.iter().map(|_| repeat(&Value::DateTime(file.imported.0), kept as usize));
            return emit(Batch::new(kept as usize, columns.collect())).map(drop);
        }
        for read in self.reader(file, group, &all, selection)? {
            self.control.check()?;
            let read = read.map_err(failed)?;
            if !emit(self.batch(file, &read, &all)?)? {
                break;
            }
        }
        Ok(())
    }
}
