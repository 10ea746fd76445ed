//! `pivot`: what stands in rows, a key and a name each, is spread over columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use hashbrown::HashMap;

use super::Rows;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, Vector, concat, internal, repeat};
use crate::engine::local::intern::Keys;
use crate::engine::local::pipeline::Runner;
use crate::kql::{Schema, Value};

/// A row for each key, a column for each name.
pub fn pivot(runner: &Runner, mut rows: Rows, names: &[Arc<str>], empty: &Value, schema: &Schema) -> Result<Batch> {
    let keys = rows.types.len().checked_sub(2).ok_or_else(|| internal("pivot without a name and a value"))?;
    let by = (0..keys).map(|n| rows.column(n)).collect::<Result<Vec<Vector>>>()?;
    let mut groups_of = Keys::new(&rows.types[..keys]);
    let groups = groups_of.groups(&by, rows.batch.rows)?;
    let count = groups_of.len();
    // Where each cell's row is; the row past the last one holds what stands where there is none.
    let none = rows.batch.rows as u32;
    rows.account.add(4 * (count * names.len()) as u64 + groups_of.bytes())?;
    let mut cells = vec![vec![none; count]; names.len()];
    let at: HashMap<&str, usize> = names.iter().enumerate().map(|(n, name)| (&**name, n)).collect();
    let column = rows.column(keys)?;
    let texts = column.texts()?;
    for (row, group) in groups.iter().enumerate() {
        if row % 65_536 == 0 {
            runner.control.check()?;
        }
        if let Some(n) = at.get(texts.text(row)) {
            cells[*n][*group as usize] = row as u32;
        }
    }
    let ty = rows.types[keys + 1];
    let values = concat(ty, &[ArrayRef::clone(&rows.batch.columns[keys + 1]), repeat(empty, 1)])?;
    let mut columns = groups_of.key_columns();
    for cells in cells {
        runner.control.check()?;
        columns.push(arrow::compute::take(values.as_ref(), &UInt32Array::from(cells), None)?);
    }
    debug_assert_eq!(columns.len(), schema.len());
    Ok(Batch::new(count, columns))
}
