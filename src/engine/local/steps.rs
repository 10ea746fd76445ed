//! What happens to a batch on its way: filter, projection.

use super::batch::Batch;
use super::column::Result;
use super::eval::{Compiled, compile, compile_all};
use super::pipeline::{Emit, Step};
use crate::kql::{Expr, ExprKind};

/// Keeps the rows for which every conjunct is true, cheapest first as the plan has them. Rows that fall are gone before the next conjunct looks.
#[derive(Debug)]
pub struct Filter {
    conjuncts: Vec<Compiled>,
}

impl Filter {
    pub fn new(predicate: &Expr) -> Result<Self> {
        let conjuncts = match &predicate.kind {
            ExprKind::And(list) => compile_all(list)?,
            _ => vec![compile(predicate)?],
        };
        Ok(Self { conjuncts })
    }

    pub fn apply(&self, mut batch: Batch) -> Result<Batch> {
        for conjunct in &self.conjuncts {
            if batch.rows == 0 {
                break;
            }
            let mask = conjunct.mask(&batch)?;
            batch = batch.filter(&mask)?;
        }
        Ok(batch)
    }
}

impl Step for Filter {
    fn name(&self) -> &'static str {
        "where"
    }

    fn push(&self, batch: Batch, emit: Emit<'_>) -> Result<bool> {
        let kept = self.apply(batch)?;
        if kept.rows == 0 { Ok(true) } else { emit(kept) }
    }
}

/// `extend`, `project`: one expression a column.
#[derive(Debug)]
pub struct Project {
    columns: Vec<Compiled>,
}

impl Project {
    pub fn new(columns: &[Expr]) -> Result<Self> {
        Ok(Self { columns: compile_all(columns)? })
    }
}

impl Step for Project {
    fn name(&self) -> &'static str {
        "project"
    }

    fn push(&self, batch: Batch, emit: Emit<'_>) -> Result<bool> {
        let columns = self.columns.iter().map(|c| c.array(&batch)).collect::<Result<Vec<_>>>()?;
        emit(Batch::new(batch.rows, columns))
    }
}
