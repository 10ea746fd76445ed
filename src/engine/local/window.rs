//! Window functions, over all rows in their order: `prev`, `next`, `row_number`, `row_cumsum`, ranks, sessions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, UInt32Array};

use super::batch::Batch;
use super::column::{Result, Vector, concat, internal, repeat};
use super::eval::compile;
use crate::kql::plan::WindowCall;
use crate::kql::{Type, Value};

/// The names that `call` knows.
pub const NAMES: &[&str] =
    &["prev", "next", "row_number", "row_cumsum", "row_rank_dense", "row_rank_min", "row_window_session"];

/// The column that a window function gives.
pub fn call(call: &WindowCall, rows: &Batch) -> Result<ArrayRef> {
    let args = call.args.iter().map(|a| compile(a)?.eval(rows)).collect::<Result<Vec<_>>>()?;
    let n = rows.rows;
    let whole = |k: usize, default: i64| match args.get(k) {
        Some(Vector::Constant(Value::Long(n))) => *n,
        Some(Vector::Constant(Value::Int(n))) => i64::from(*n),
        _ => default,
    };
    // A row at which counting begins again.
    let restarts = |k: usize| -> Result<Vec<bool>> {
        match args.get(k) {
            None => Ok(vec![false; n]),
            Some(column) => {
                let bools = column.bools()?;
                Ok((0..n).map(|i| bools.get(i) == Some(true)).collect())
            }
        }
    };
    let first = || args.first().ok_or_else(|| internal(format!("{} without an argument", call.function.name)));
    match call.function.name {
        "prev" => shift(first()?, -whole(1, 1), args.get(2), n, call.ty),
        "next" => shift(first()?, whole(1, 1), args.get(2), n, call.ty),
        "row_number" => {
            let (from, restart) = (whole(0, 1), restarts(1)?);
            let mut next = from;
            Ok(Arc::new(Int64Array::from_iter_values((0..n).map(|i| {
                next = if restart[i] { from } else { next };
                next += 1;
                next - 1
            }))))
        }
        "row_cumsum" => cumulative(first()?, call.args[0].ty, &restarts(1)?, n),
        "row_rank_dense" => rank(first()?, call.args[0].ty, &restarts(1)?, n, true),
        "row_rank_min" => rank(first()?, call.args[0].ty, &restarts(1)?, n, false),
        "row_window_session" => {
            let (t, restart) = (first()?.longs()?, restarts(3)?);
            let span = |k: usize| args.get(k).and_then(|a| a.longs().ok()).and_then(|l| l.get(0)).unwrap_or(i64::MAX);
            let (longest, gap) = (span(1), span(2));
            let mut session: Option<(i64, i64)> = None;
            Ok(Arc::new(
                (0..n)
                    .map(|i| {
                        // After a null a session begins.
                        let Some(at) = t.get(i) else {
                            session = None;
                            return None;
                        };
                        session = match session {
                            Some((start, last))
                                if !restart[i]
                                    && at.saturating_sub(start) < longest
                                    && at.saturating_sub(last) < gap =>
                            {
                                Some((start, at))
                            }
                            _ => Some((at, at)),
                        };
                        session.map(|(start, _)| start)
                    })
                    .collect::<Int64Array>(),
            ))
        }
        other => Err(internal(format!("the window function {other} has no implementation here"))),
    }
}

/// The column, so many rows away; the default, or null, past the ends.
fn shift(column: &Vector, by: i64, default: Option<&Vector>, n: usize, ty: Type) -> Result<ArrayRef> {
    let array = column.to_array(n);
    let outside = match default {
        Some(Vector::Constant(value)) if !value.is_null() => value.clone(),
        _ => Value::null(ty),
    };
    // One row more, at the end, holds what stands outside.
    let extended = concat(ty, &[array, repeat(&outside, 1)])?;
    let at = (0..n as i64).map(|i| {
        let from = i.saturating_add(by);
        if (0..n as i64).contains(&from) { from as u32 } else { n as u32 }
    });
    Ok(arrow::compute::take(extended.as_ref(), &UInt32Array::from_iter_values(at), None)?)
}

fn cumulative(column: &Vector, ty: Type, restart: &[bool], n: usize) -> Result<ArrayRef> {
    match ty {
        Type::Real => {
            let values = column.reals()?;
            let mut sum = 0.0;
            Ok(Arc::new(Float64Array::from_iter_values((0..n).map(|i| {
                sum = if restart[i] { 0.0 } else { sum } + values.get(i).unwrap_or(0.0);
                sum
            }))))
        }
        Type::Decimal => {
            let values = column.decimals()?;
            let mut sum = 0_i128;
            Ok(super::column::decimals((0..n).map(|i| {
                sum = if restart[i] { 0 } else { sum }.wrapping_add(values.get(i).unwrap_or(0));
                Some(sum)
            })))
        }
        _ => {
            let values = super::functions::Whole::of(column)?;
            let mut sum = 0_i64;
            let sums = (0..n).map(|i| {
                sum = if restart[i] { 0 } else { sum }.wrapping_add(values.get(i).unwrap_or(0));
                sum
            });
            if ty == Type::Int {
                return Ok(Arc::new(arrow::array::Int32Array::from_iter_values(sums.map(|n| n as i32))));
            }
            Ok(Arc::new(Int64Array::from_iter_values(sums)))
        }
    }
}

fn rank(column: &Vector, ty: Type, restart: &[bool], n: usize, dense: bool) -> Result<ArrayRef> {
    let codes = super::intern::Interner::new(ty).codes(column, n)?;
    let (mut rank, mut count) = (0, 0);
    Ok(Arc::new(Int64Array::from_iter_values((0..n).map(|i| {
        if restart[i] || i == 0 {
            (rank, count) = (1, 1);
        } else {
            count += 1;
            if codes[i] != codes[i - 1] {
                rank = if dense { rank + 1 } else { count };
            }
        }
        rank
    }))))
}

#[cfg(test)]
mod tests;
