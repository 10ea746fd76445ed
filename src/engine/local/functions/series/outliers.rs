//! How far values lie outside the usual range: Tukey's test, by default between the 10th and the 90th percentile.

use super::{Out, Scalar, over, word};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::{Call, Eval};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "outliers" => outliers,
        _ => return None,
    })
}

/// The percentiles between which values are usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usual {
    low: f64,
    high: f64,
}

impl Usual {
    /// Of a method's name; `ctukey` where none is given, `None` for another.
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "" | "ctukey" => Some(Self { low: 10.0, high: 90.0 }),
            "tukey" => Some(Self { low: 25.0, high: 75.0 }),
            _ => None,
        }
    }

    /// A score a value: 0 inside the range, else how many ranges it lies above or, negative, below. Gaps score 0. The range is learnt from
    /// all but the last `untaught` values.
    pub fn scores(self, values: &[Option<f64>], untaught: usize) -> Vec<f64> {
        let taught = values.len().saturating_sub(untaught);
        let mut sorted: Vec<f64> = values[..taught].iter().copied().flatten().filter(|v| v.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (Some(low), Some(high)) = (percentile(&sorted, self.low), percentile(&sorted, self.high)) else {
            return vec![0.0; values.len()];
        };
        let range = high - low;
        let score = |v: f64| {
            if v > high {
                (v - high) / range
            } else if v < low {
                (v - low) / range
            } else {
                0.0
            }
        };
        values.iter().map(|v| v.map_or(0.0, score)).collect()
    }
}

/// Between the two values nearest to the rank.
fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let rank = percent / 100.0 * sorted.len().checked_sub(1)? as f64;
    let below = sorted[rank.floor() as usize];
    let above = sorted[rank.ceil() as usize];
    Some(below + (above - below) * rank.fract())
}

fn outliers(call: &Call<'_>) -> Result<Vector> {
    let kinds = (0..call.rows).map(|row| word(call, 1, row)).collect::<Result<Vec<_>>>()?;
    let (ignored, least, most) = (Scalar::of(call, 2)?, Scalar::of(call, 3)?, Scalar::of(call, 4)?);
    let untaught = Scalar::of(call, 5)?;
    over(call, |i, mut numbers| {
        let mut usual = Usual::of(kinds[i])?;
        if kinds[i] != "tukey" {
            usual.low = least.get(i).unwrap_or(usual.low).clamp(2.0, 98.0);
            usual.high = most.get(i).unwrap_or(usual.high).clamp(2.0, 98.0);
        }
        if let Some(ignored) = ignored.get(i) {
            numbers.values.iter_mut().filter(|v| **v == Some(ignored)).for_each(|v| *v = None);
        }
        let untaught = usize::try_from(untaught.whole(i, 0)).unwrap_or(0);
        Some(Out::reals(usual.scores(&numbers.values, untaught)))
    })
}
