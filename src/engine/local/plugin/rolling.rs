//! `rolling_percentile`: of the values in the last bins, for each bin.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, UInt32Array};

use super::Rows;
use crate::engine::QueryError;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::intern::Keys;
use crate::engine::local::pipeline::Runner;
use crate::kql::Type;

/// Bins between the first and the last one.
const MOST_BINS: i64 = 1_000_000;

/// (index, value, dimension, …) → (index, dimension, …, value), by nearest rank.
pub fn percentile(runner: &Runner, mut rows: Rows, percent: f64, bin: i64, bins: i64) -> Result<Batch> {
    let n = rows.batch.rows;
    let index = rows.column(0)?;
    let index = index.longs()?;
    let order = order(&rows.column(1)?, rows.types[1], n)?;
    let columns = (2..rows.types.len()).map(|c| rows.column(c)).collect::<Result<Vec<Vector>>>()?;
    let mut dimensions = Keys::new(&rows.types[2..]);
    let groups = dimensions.groups(&columns, n)?;
    rows.account.add(48 * n as u64)?;
    // The rows of each bin of each group.
    let mut cells: BTreeMap<(u32, i64), Vec<u32>> = BTreeMap::new();
    let mut last = i64::MIN;
    for row in 0..n {
        if let (Some(at), Some(_)) = (index.get(row), order[row]) {
            let at = at.div_euclid(bin);
            last = last.max(at);
            cells.entry((groups[row], at)).or_default().push(row as u32);
        }
    }
    let (mut times, mut of, mut chosen) = (Vec::new(), Vec::new(), Vec::new());
    let firsts: BTreeMap<u32, i64> = cells.keys().rev().map(|(group, at)| (*group, *at)).collect();
    for (group, first) in firsts {
        if last - first > MOST_BINS {
            return Err(QueryError::Runtime(format!(
                "rolling_percentile would go through more than {MOST_BINS} bins: use a larger bin"
            )));
        }
        for at in first..=last {
            runner.control.check()?;
            let from = at.saturating_sub(bins - 1);
            let mut window: Vec<u32> = cells.range((group, from)..=(group, at)).flat_map(|(_, r)| r).copied().collect();
            if window.is_empty() {
                continue;
            }
            let rank = ((percent / 100.0 * window.len() as f64).ceil() as usize).clamp(1, window.len()) - 1;
            let (_, row, _) = window.select_nth_unstable_by_key(rank, |row| order[*row as usize]);
            times.push(at.saturating_mul(bin));
            of.push(group);
            chosen.push(*row);
        }
    }
    let rows_out = times.len();
    let of = UInt32Array::from(of);
    let mut out: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(times))];
    for column in dimensions.key_columns() {
        out.push(arrow::compute::take(column.as_ref(), &of, None)?);
    }
    out.push(arrow::compute::take(rows.batch.columns[1].as_ref(), &UInt32Array::from(chosen), None)?);
    Ok(Batch::new(rows_out, out))
}

/// Numbers in the order of the values; `None` for null.
fn order(column: &Vector, ty: Type, rows: usize) -> Result<Vec<Option<i128>>> {
    Ok(match ty {
        Type::Real => {
            let values = column.reals()?;
            let word = |x: f64| {
                let bits = x.to_bits() as i64;
                i128::from(if bits < 0 { bits ^ i64::MAX } else { bits })
            };
            (0..rows).map(|i| values.get(i).map(word)).collect()
        }
        Type::Int => {
            let values = column.ints()?;
            (0..rows).map(|i| values.get(i).map(i128::from)).collect()
        }
        Type::Decimal => {
            let values = column.decimals()?;
            (0..rows).map(|i| values.get(i)).collect()
        }
        _ => {
            let values = column.longs()?;
            (0..rows).map(|i| values.get(i).map(i128::from)).collect()
        }
    })
}
