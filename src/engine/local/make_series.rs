//! `make-series`: what `summarize` gave a key and bin becomes an array a key, in the order of the bins, gaps filled.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};

use super::batch::Batch;
use super::column::{Numbers, Result, Vector, collect_texts, from_values, internal, repeat};
use super::control::{Account, Control};
use super::functions::convert::Cells;
use super::intern::Keys;
use crate::engine::QueryError;
use crate::kql::plan::Series;
use crate::kql::{Schema, Type, Value};

/// Values that an array may have, as in Kusto.
const LONGEST: usize = 1 << 20;

/// The bins, and how far each is from another.
enum Axis<'a> {
    Whole { bins: Numbers<'a, i64>, step: i64 },
    Real { bins: Numbers<'a, f64>, step: f64 },
}

/// Where a bin stands on the axis.
#[derive(Clone, Copy)]
enum At {
    Whole(i64),
    Real(f64),
}

impl At {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Long(n) | Value::DateTime(n) | Value::TimeSpan(n) => Some(Self::Whole(*n)),
            Value::Real(x) => Some(Self::Real(*x)),
            _ => None,
        }
    }
}

impl<'a> Axis<'a> {
    fn new(bins: &'a Vector, step: &Value) -> Result<Self> {
        match At::of(step) {
            Some(At::Whole(step)) if step > 0 => Ok(Self::Whole { bins: bins.longs()?, step }),
            Some(At::Real(step)) if step > 0.0 => Ok(Self::Real { bins: bins.reals()?, step }),
            _ => Err(internal("a series without a step")),
        }
    }

    fn at(&self, row: usize) -> Option<At> {
        match self {
            Self::Whole { bins, .. } => bins.get(row).map(At::Whole),
            Self::Real { bins, .. } => bins.get(row).filter(|x| x.is_finite()).map(At::Real),
        }
    }

    /// Steps from one bin to another; negative where it is before.
    fn steps(&self, from: At, to: At) -> i64 {
        match (self, from, to) {
            (Self::Whole { step, .. }, At::Whole(from), At::Whole(to)) => {
                ((i128::from(to) - i128::from(from)).div_euclid(i128::from(*step))) as i64
            }
            // Bins are multiples of the step, but for the last digit.
            (Self::Real { step, .. }, At::Real(from), At::Real(to)) => ((to - from) / step).round() as i64,
            _ => 0,
        }
    }

    /// Bins from the first to below the end.
    fn below(&self, from: At, end: At) -> i64 {
        match (self, from, end) {
            (Self::Whole { step, .. }, At::Whole(from), At::Whole(end)) => {
                let span = i128::from(end) - i128::from(from);
                i64::try_from((span + i128::from(*step) - 1).div_euclid(i128::from(*step))).unwrap_or(i64::MAX)
            }
            (Self::Real { step, .. }, At::Real(from), At::Real(end)) => ((end - from) / step - 1e-9).ceil() as i64,
            _ => 0,
        }
    }

    /// The bin so many steps on.
    fn on(&self, from: At, steps: usize) -> Value {
        match (self, from) {
            (Self::Whole { step, .. }, At::Whole(from)) => {
                Value::Long(from.saturating_add(step.saturating_mul(steps as i64)))
            }
            (Self::Real { step, .. }, At::Real(from)) => Value::Real(from + steps as f64 * step),
            _ => Value::Null(Type::Long),
        }
    }
}

/// One row a key. Without rows there is none, unless the series is to be `nonempty`.
pub fn make_series(rows: &Batch, schema: &Schema, series: &Series, control: &Arc<Control>) -> Result<Vec<Batch>> {
    let types: Vec<Type> = schema.iter().map(|c| c.ty).collect();
    let vectors: Vec<Vector> = rows.columns.iter().map(|c| Vector::Array(Arc::clone(c))).collect();
    let (Some(bins), Some(&axis_type)) = (vectors.get(series.keys), types.get(series.keys)) else {
        return Err(internal("a series without an axis"));
    };
    let mut keys = Keys::new(&types[..series.keys]);
    let groups = keys.groups(&vectors[..series.keys], rows.rows)?;
    let count = if series.keys == 0 && series.nonempty { 1 } else { keys.len() };
    if count == 0 {
        return Ok(Vec::new());
    }
    let axis = Axis::new(bins, &series.step)?;
    let (from, to) = (series.from.as_ref().and_then(At::of), series.to.as_ref().and_then(At::of));
    let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (row, group) in groups.iter().enumerate().filter(|(row, _)| axis.at(*row).is_some()) {
        rows_of[*group as usize].push(row as u32);
    }
    let values = vectors[series.keys + 1..].iter().zip(&types[series.keys + 1..]);
    let values = values.map(|(v, ty)| Cells::of(v, *ty)).collect::<Result<Vec<_>>>()?;
    let defaults = series.defaults.iter().map(json).collect::<Result<Vec<_>>>()?;
    let mut arrays =
        Arrays { texts: vec![Vec::with_capacity(count); values.len()], account: control.account("make-series") };
    let mut axes: Vec<String> = Vec::new();
    // With both ends given the bins are the same for every key.
    let shared = from.zip(to).is_some();
    let mut slots: Vec<Option<u32>> = Vec::new();
    for rows in &rows_of {
        control.check()?;
        let ends = |pick: fn(i64, i64) -> bool| {
            let bins = rows.iter().filter_map(|row| axis.at(*row as usize));
            bins.reduce(|best, next| if pick(axis.steps(best, next), 0) { next } else { best })
        };
        let first = from.or_else(|| ends(|steps, zero| steps < zero));
        let length = match (first, to) {
            (Some(first), Some(to)) => axis.below(first, to),
            (Some(first), None) => ends(|steps, zero| steps > zero).map_or(0, |last| axis.steps(first, last) + 1),
            (None, _) => 0,
        };
        let length = usize::try_from(length.max(0)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(QueryError::Runtime(format!(
                "make-series would give arrays of {length} values, more than {LONGEST}: use a larger step or a shorter span"
            )));
        }
        slots.clear();
        slots.resize(length, None);
        if let Some(first) = first {
            for row in rows {
                let Some(at) = axis.at(*row as usize) else { continue };
                if let Some(slot) = usize::try_from(axis.steps(first, at)).ok().and_then(|n| slots.get_mut(n)) {
                    *slot = Some(*row);
                }
            }
        }
        for (n, cells) in values.iter().enumerate() {
            let default = defaults.get(n).map_or("null", String::as_str);
            arrays.add(n, &slots, |slot, out| match slot {
                Some(row) => cells.write_json(*row as usize, out),
                None => out.push_str(default),
            })?;
        }
        if !shared || axes.is_empty() {
            let bins: Vec<Value> = first.map_or(Vec::new(), |first| (0..length).map(|n| axis.on(first, n)).collect());
            axes.push(bin_texts(&bins, axis_type)?);
            arrays.account.add(axes.last().map_or(0, |text| text.len() as u64))?;
        }
    }
    let mut columns = keys.key_columns();
    columns.extend(arrays.texts.into_iter().map(|texts| collect_texts(count, |row| Some(&*texts[row]))));
    columns.push(match axes.as_slice() {
        [one] => repeat(&Value::Dynamic(one.as_str().into()), count),
        many => collect_texts(count, |row| Some(&*many[row])),
    });
    Ok(vec![Batch::new(count, columns)])
}

/// The texts of the arrays, by column.
struct Arrays {
    texts: Vec<Vec<String>>,
    account: Account,
}

impl Arrays {
    fn add<T>(&mut self, column: usize, items: &[T], write: impl FnMut(&T, &mut String)) -> Result<()> {
        let text = array(items, write);
        self.account.add(text.len() as u64)?;
        self.texts[column].push(text);
        Ok(())
    }
}

fn array<T>(items: &[T], mut write: impl FnMut(&T, &mut String)) -> String {
    let mut out = String::with_capacity(items.len() * 4 + 2);
    out.push('[');
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write(item, &mut out);
    }
    out.push(']');
    out
}

fn bin_texts(bins: &[Value], ty: Type) -> Result<String> {
    let column = Vector::Array(from_values(ty, bins.iter())?);
    let cells = Cells::of(&column, ty)?;
    let rows: Vec<usize> = (0..bins.len()).collect();
    Ok(array(&rows, |row, out| cells.write_json(*row, out)))
}

/// A constant as JSON.
fn json(value: &Value) -> Result<String> {
    let column: ArrayRef = repeat(value, 1);
    debug_assert_eq!(column.len(), 1);
    let column = Vector::Array(column);
    let mut out = String::new();
    Cells::of(&column, value.ty())?.write_json(0, &mut out);
    Ok(out)
}

#[cfg(test)]
mod tests;
