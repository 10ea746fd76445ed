//! `mv-apply` and `partition`: rows in groups, each group for a sub-pipeline (`body`).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, UInt32Array};

use super::batch::Batch;
use super::body::Body;
use super::column::{Result, internal};
use super::control::Control;
use super::eval::compile_all;
use super::expand::Expand;
use super::intern::Keys;
use super::pipeline::{Emit, Step};
use crate::kql::Expr;
use crate::kql::plan::Expansion;

/// `mv-apply` where the body takes all rows of a batch at once. A group is what one row was expanded into; its number is the row's position.
#[derive(Debug)]
pub struct Apply {
    expand: Expand,
    /// Columns of the row that stand before the body's.
    kept: Vec<usize>,
    body: Body,
}

impl Apply {
    pub fn new(expansion: &Expansion, kept: &[usize], body: Body, control: &Arc<Control>) -> Result<Self> {
        Ok(Self { expand: Expand::new(expansion, control)?, kept: kept.to_vec(), body })
    }

    pub fn run(&self, batch: &Batch, emit: Emit<'_>) -> Result<bool> {
        let own = chosen(batch, &self.kept);
        self.expand.run(batch, true, &mut |mut part, rows| {
            part.columns.push(Arc::new(Int64Array::from_iter_values(rows.values().iter().map(|r| i64::from(*r)))));
            let mut given = self.body.run(part)?;
            let Some(groups) = given.columns.pop() else { return Err(internal("a body that lost its groups")) };
            let at: UInt32Array = numbers(&groups)?.iter().map(|g| *g as u32).collect::<Vec<_>>().into();
            let mut rows = own.take(&at)?;
            rows.columns.extend(given.columns);
            emit(rows)
        })
    }
}

impl Apply {
    /// The columns of what comes of such rows, without any.
    pub fn nothing(&self, rows: &Batch) -> Result<Batch> {
        let mut part = self.expand.nothing(rows)?;
        part.columns.push(Arc::new(Int64Array::from(Vec::<i64>::new())));
        let mut given = self.body.run(part)?;
        given.columns.pop();
        let mut own = chosen(rows, &self.kept).slice(0, 0);
        own.columns.extend(given.columns);
        Ok(own)
    }
}

impl Step for Apply {
    fn push(&self, batch: Batch, emit: Emit<'_>) -> Result<bool> {
        self.run(&batch, emit)
    }
}

/// `mv-apply` with a body that must run once for each row.
pub fn one_by_one(
    rows: &[Batch],
    expand: &Expand,
    kept: &[usize],
    run: &mut dyn FnMut(Batch) -> Result<Vec<Batch>>,
) -> Result<Vec<Batch>> {
    let mut all = Vec::new();
    for batch in rows {
        let own = chosen(batch, kept);
        expand.run(batch, true, &mut |part, rows| {
            for (from, to) in runs(rows.values()) {
                for given in run(part.slice(from, to - from))? {
                    let mut joined = own.take(&UInt32Array::from(vec![rows.value(from); given.rows]))?;
                    joined.columns.extend(given.columns);
                    all.push(joined);
                }
            }
            Ok(true)
        })?;
    }
    Ok(all)
}

fn chosen(batch: &Batch, columns: &[usize]) -> Batch {
    Batch::new(batch.rows, columns.iter().map(|c| Arc::clone(&batch.columns[*c])).collect())
}

/// The rows in the order of their groups, which are told apart by the keys, and the groups' numbers as one more column.
pub fn grouped(rows: &Batch, keys: &[Expr]) -> Result<Batch> {
    let types: Vec<_> = keys.iter().map(|k| k.ty).collect();
    let keys = compile_all(keys)?.iter().map(|k| k.eval(rows)).collect::<Result<Vec<_>>>()?;
    let codes = Keys::new(&types).groups(&keys, rows.rows)?;
    let mut order: Vec<u32> = (0..rows.rows as u32).collect();
    order.sort_by_key(|r| codes[*r as usize]);
    let groups = Int64Array::from_iter_values(order.iter().map(|r| i64::from(codes[*r as usize])));
    let mut rows = rows.take(&UInt32Array::from(order))?;
    rows.columns.push(Arc::new(groups));
    Ok(rows)
}

/// The rows of each group, without its number.
pub fn parts(grouped: &Batch) -> Result<Vec<Batch>> {
    let Some((groups, columns)) = grouped.columns.split_last() else { return Err(internal("rows without groups")) };
    let rows = Batch::new(grouped.rows, columns.to_vec());
    Ok(runs(numbers(groups)?).map(|(from, to)| rows.slice(from, to - from)).collect())
}

/// The numbers of the groups that rows belong to.
pub fn numbers(groups: &ArrayRef) -> Result<&[i64]> {
    let numbers = groups.as_any().downcast_ref::<Int64Array>();
    numbers.map(|n| &n.values()[..]).ok_or_else(|| internal(format!("groups of {}", groups.data_type())))
}

/// Where each run of equal numbers begins and ends.
pub fn runs<T: PartialEq>(numbers: &[T]) -> impl Iterator<Item = (usize, usize)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let first = numbers.get(from)?;
        let length = numbers[from..].iter().take_while(|n| *n == first).count();
        let run = (from, from + length);
        from += length;
        Some(run)
    })
}

#[cfg(test)]
mod tests;
