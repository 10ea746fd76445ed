//! `range`: from, from + step, … up to `to`, made a morsel at a time, so that it needs no memory however long it is.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};

use super::batch::Batch;
use super::column::{Result, decimals};
use super::pipeline::{Emit, MORSEL, Source};
use crate::engine::QueryError;
use crate::kql::Value;

/// The first value, the step, and how many there are.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    values: Values,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
enum Values {
    /// long, datetime, timespan
    Whole {
        from: i128,
        step: i128,
    },
    Real {
        from: f64,
        step: f64,
    },
    /// Digits at the scale of batches.
    Decimal {
        from: i128,
        step: i128,
    },
}

impl Range {
    pub fn new(from: &Value, to: &Value, step: &Value) -> Result<Self> {
        let whole = |v: &Value| match v {
            Value::Long(n) | Value::DateTime(n) | Value::TimeSpan(n) => Some(i128::from(*n)),
            Value::Int(n) => Some(i128::from(*n)),
            _ => None,
        };
        let real = |v: &Value| match v {
            Value::Real(n) => Some(*n),
            v => whole(v).map(|n| n as f64),
        };
        let digits = |v: &Value| super::column::Vector::Constant(v.clone()).decimals().ok().and_then(|d| d.get(0));
        if [from, to, step].iter().any(|v| v.is_null()) {
            return Ok(Self { values: Values::Whole { from: 0, step: 1 }, count: 0 });
        }
        let counted = |from: i128, to: i128, step: i128| {
            let reached = (to < from) == (step < 0) || to == from;
            if reached { (to - from) / step + 1 } else { 0 }
        };
        let (values, count) = match (from, to, step) {
            (Value::Decimal(..), Value::Decimal(..), Value::Decimal(..)) => {
                let (Some(from), Some(to), Some(step)) = (digits(from), digits(to), digits(step)) else {
                    return Err(unfit());
                };
                if step == 0 {
                    return Err(unmoving());
                }
                (Values::Decimal { from, step }, counted(from, to, step))
            }
            _ => match (whole(from), whole(to), whole(step)) {
                (Some(_), Some(_), Some(0)) => return Err(unmoving()),
                (Some(from), Some(to), Some(step)) => (Values::Whole { from, step }, counted(from, to, step)),
                _ => {
                    let (Some(from), Some(to), Some(step)) = (real(from), real(to), real(step)) else {
                        return Err(unfit());
                    };
                    let count = ((to - from) / step + 1e-9).floor() + 1.0;
                    if !count.is_finite() {
                        return Err(unmoving());
                    }
                    (Values::Real { from, step }, count.max(0.0) as i128)
                }
            },
        };
        Ok(Self { values, count: usize::try_from(count).unwrap_or(usize::MAX) })
    }

    fn column(&self, first: usize, rows: usize) -> ArrayRef {
        let at = (first..first + rows).map(|n| n as i128);
        match self.values {
            Values::Whole { from, step } => {
                Arc::new(Int64Array::from_iter_values(at.map(|n| (from + n * step) as i64)))
            }
            Values::Real { from, step } => Arc::new(Float64Array::from_iter_values(at.map(|n| from + n as f64 * step))),
            Values::Decimal { from, step } => decimals(at.map(|n| Some(from + n * step))),
        }
    }
}

fn unmoving() -> QueryError {
    QueryError::Runtime("the step of range is 0".into())
}

fn unfit() -> QueryError {
    QueryError::Runtime("range needs numbers, datetimes or timespans".into())
}

impl Source for Range {
    fn morsels(&self) -> usize {
        self.count.div_ceil(MORSEL)
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        let first = morsel * MORSEL;
        let rows = MORSEL.min(self.count - first);
        emit(Batch::new(rows, vec![self.column(first, rows)])).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::local::tests::ask::{gives, table};

    #[test]
    fn a_range_goes_up_and_down_and_stops_at_its_end() {
        gives("range x from 1 to 8 step 3", &["x:long", "1", "4", "7"]);
        gives("range x from 3 to 1 step -1", &["x:long", "3", "2", "1"]);
        gives("range x from 2 to 1 step 1", &["x:long"]);
        gives("range x from 0.5 to 1.1 step 0.25", &["x:real", "0.5", "0.75", "1"]);
        gives(
            "range t from datetime(2020-01-01) to datetime(2020-01-01 02:00) step 1h | summarize min(t), max(t), count()",
            &[
                "min_t:datetime, max_t:datetime, count_:long",
                "2020-01-01T00:00:00.0000000Z|2020-01-01T02:00:00.0000000Z|3",
            ],
        );
    }

    #[test]
    fn a_long_range_needs_no_memory_and_keeps_its_order() {
        gives("range x from 1 to 3000000 step 1 | count", &["Count:long", "3000000"]);
        gives("range x from 1 to 9223372036854775807 step 1 | take 2", &["x:long", "1", "2"]);
        let rows =
            table("range x from 1 to 200000 step 1 | extend p = prev(x) | where isnotnull(p) and p != x - 1 | count");
        assert_eq!(rows, ["Count:long", "0"]);
    }
}
