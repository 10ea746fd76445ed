//! Answers as text: one writer a format. All of them take cells from `cell`, so a value reads the same everywhere; JSON takes numbers as numbers.

use std::io::{self, Write};

use super::local::column::Vector;
use super::local::functions::convert::Cells;
use super::{QueryError, ResultTable};

pub mod cell;
pub mod csv;
pub mod json;
pub mod kusto;
pub mod table;

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Calls `row` for each row of a table with a look into its cells, in order.
fn each_row<W: Write>(
    table: &ResultTable,
    out: &mut W,
    mut row: impl FnMut(&mut W, &[Cells<'_>], usize) -> io::Result<()>,
) -> Result<(), FormatError> {
    for batch in &table.batches {
        let columns: Vec<Vector> = batch.columns().iter().map(|c| Vector::Array(c.clone())).collect();
        let cells = columns
            .iter()
            .zip(&table.schema)
            .map(|(column, s)| Cells::of(column, s.ty))
            .collect::<Result<Vec<_>, QueryError>>()?;
        for at in 0..batch.num_rows() {
            row(out, &cells, at)?;
        }
    }
    Ok(())
}
