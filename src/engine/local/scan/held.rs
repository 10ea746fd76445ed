//! Rows that are held in memory already, as a table: watch-lists, what `externaldata` read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::ArrayRef;

use super::super::arrival::ARRIVED;
use super::super::batch::Batch;
use super::super::column::{Result, internal, repeat};
use super::super::control::{Account, Control};
use super::super::eval::{Compiled, compile};
use super::super::pipeline::{Emit, MORSEL, Source};
use super::imported::path;
use crate::kql::plan::ScanColumn;
use crate::kql::{Expr, Schema, Type, Value};

/// A table in memory.
pub struct Held {
    rows: Batch,
    conjuncts: Vec<Compiled>,
    control: Arc<Control>,
    /// What the rows take, where they were read for this query.
    _account: Option<Account>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("rows", &self.rows.rows).finish_non_exhaustive()
    }
}

impl Held {
    /// The columns asked for of rows under a schema.
    pub fn new(
        schema: &Schema,
        rows: &Batch,
        columns: &[ScanColumn],
        filter: &[Expr],
        control: &Arc<Control>,
    ) -> Result<Self> {
        let column = |name: &str| {
            let at = schema.position(name).and_then(|at| rows.columns.get(at));
            at.ok_or_else(|| internal(format!("the table has no column {name}")))
        };
        let given = columns.iter().map(|c| match c {
            ScanColumn::Column(name) if &**name == ARRIVED => Ok(repeat(&Value::Null(Type::DateTime), rows.rows)),
            ScanColumn::Column(name) => column(name).map(Arc::clone),
            ScanColumn::Path { column: of, steps, text } => path(column(of)?, steps, *text),
        });
        let rows = Batch::new(rows.rows, given.collect::<Result<Vec<ArrayRef>>>()?);
        let conjuncts = filter.iter().map(compile).collect::<Result<Vec<_>>>()?;
        control.progress.expect(rows.rows as u64);
        Ok(Self { rows, conjuncts, control: Arc::clone(control), _account: None })
    }

    /// Holds the account of the rows as long as they are held.
    #[must_use]
    pub fn accounted(self, account: Account) -> Self {
        Self { _account: Some(account), ..self }
    }
}

impl Source for Held {
    fn morsels(&self) -> usize {
        self.rows.rows.div_ceil(MORSEL)
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        let from = morsel * MORSEL;
        let mut batch = self.rows.slice(from, MORSEL.min(self.rows.rows - from));
        self.control.counters.rows.fetch_add(batch.rows as u64, Ordering::Relaxed);
        self.control.progress.done(batch.rows as u64);
        for conjunct in &self.conjuncts {
            let mask = conjunct.mask(&batch)?;
            batch = batch.filter(&mask)?;
            if batch.rows == 0 {
                return Ok(());
            }
        }
        emit(batch).map(drop)
    }
}
