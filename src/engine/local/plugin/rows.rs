//! Plugins that give rows of their input, or its cells: `rows_near`, `narrow`; and `schema_merge`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array};
use arrow::buffer::BooleanBuffer;

use super::Rows;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, Vector, build_texts, collect_texts, internal};
use crate::engine::local::functions::convert::Cells;
use crate::engine::local::pipeline::{MORSEL, Runner};
use crate::kql::Type;

/// The rows that are so many before or after one for which the last column is true, each once.
pub fn near(runner: &Runner, rows: &Rows, before: u64, after: u64) -> Result<Batch> {
    let last = rows.types.len().checked_sub(1).ok_or_else(|| internal("rows_near without a condition"))?;
    let condition = rows.column(last)?;
    let condition = condition.bools()?;
    let n = rows.batch.rows;
    let mut kept = vec![false; n];
    // Everything below has been decided.
    let mut decided = 0;
    for row in 0..n {
        if row % MORSEL == 0 {
            runner.control.check()?;
        }
        if condition.get(row) == Some(true) {
            let from = row.saturating_sub(usize::try_from(before).unwrap_or(usize::MAX)).max(decided);
            let to = row.saturating_add(usize::try_from(after).unwrap_or(usize::MAX)).min(n - 1);
            if from <= to {
                kept[from..=to].fill(true);
                decided = to + 1;
            }
        }
    }
    let mask = BooleanArray::new(BooleanBuffer::from(kept), None);
    let mut near = rows.batch.filter(&mask)?;
    near.columns.truncate(last);
    Ok(near)
}

/// A row a cell: the row's number, the column's name, the value as text.
pub fn narrow(runner: &Runner, mut rows: Rows, names: &[Arc<str>]) -> Result<Vec<Batch>> {
    let width = names.len();
    if width == 0 {
        return Ok(Vec::new());
    }
    let columns = (0..width).map(|n| rows.column(n)).collect::<Result<Vec<Vector>>>()?;
    let types = rows.types.clone();
    let cells = columns.iter().zip(&types).map(|(c, ty)| Cells::of(c, *ty)).collect::<Result<Vec<_>>>()?;
    let at_once = (MORSEL / width).max(1);
    let mut batches = Vec::new();
    for from in (0..rows.batch.rows).step_by(at_once) {
        runner.control.check()?;
        let count = at_once.min(rows.batch.rows - from) * width;
        let row = Int64Array::from_iter_values((0..count).map(|i| (from + i / width) as i64));
        let name = collect_texts(count, |i| Some(&*names[i % width]));
        let value = build_texts(count, |i, out| {
            cells[i % width].write(from + i / width, out);
            true
        });
        let batch = Batch::new(count, vec![Arc::new(row) as ArrayRef, name, value]);
        rows.account.add(batch.bytes())?;
        batches.push(batch);
    }
    Ok(batches)
}

/// One column of the merged schema.
struct Merged {
    name: String,
    /// Where it stood first, and the furthest that it stood.
    first: i64,
    furthest: i64,
    /// The type that all schemas' types go into, or why there is none.
    ty: std::result::Result<Type, &'static str>,
}

/// Columns of several schemas, as `getschema` gives them, as one.
pub fn schema_merge(rows: &Rows, keep_order: bool) -> Result<Batch> {
    let (names, ordinals, types) = (rows.column(0)?, rows.column(1)?, rows.column(2)?);
    let (names, ordinals, types) = (names.texts()?, ordinals.longs()?, types.texts()?);
    let mut merged: Vec<Merged> = Vec::new();
    for row in 0..rows.batch.rows {
        let (name, ordinal) = (names.text(row), ordinals.get(row).unwrap_or(-1));
        let ty = Type::from_name(types.text(row)).ok_or("unknown type");
        let Some(known) = merged.iter_mut().find(|m| m.name == name) else {
            merged.push(Merged { name: name.to_owned(), first: ordinal, furthest: ordinal, ty });
            continue;
        };
        known.furthest = known.furthest.max(ordinal);
        if keep_order && known.first != ordinal {
            known.ty = Err("columns are out of order");
        } else if let (Ok(a), Ok(b)) = (known.ty, ty) {
            known.ty = if a == b { Ok(a) } else { common(a, b).ok_or("column types are different") };
        }
    }
    merged.sort_by_key(|m| (m.ty.is_err(), m.furthest));
    let of = |f: &dyn Fn(&Merged) -> String| collect_texts(merged.len(), |i| Some(f(&merged[i])));
    let ordinal = |(n, m): (usize, &Merged)| if m.ty.is_ok() { n as i32 } else { -1 };
    let columns: Vec<ArrayRef> = vec![
        of(&|m| m.name.clone()),
        Arc::new(Int32Array::from_iter_values(merged.iter().enumerate().map(ordinal))),
        of(&|m| match m.ty {
            Ok(ty) => ty.clr_name().to_owned(),
            Err(why) => format!("ERROR(unknown CSL type:ERROR({why}))"),
        }),
        of(&|m| match m.ty {
            Ok(ty) => ty.name().to_owned(),
            Err(why) => format!("ERROR({why})"),
        }),
    ];
    Ok(Batch::new(merged.len(), columns))
}

/// The number type that holds both.
fn common(a: Type, b: Type) -> Option<Type> {
    const WIDENING: [Type; 4] = [Type::Int, Type::Long, Type::Decimal, Type::Real];
    let rank = |ty| WIDENING.iter().position(|t| *t == ty);
    Some(WIDENING[rank(a)?.max(rank(b)?)])
}
