//! Statistics of a series.

use super::{Numbers, Out, flag, over};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::{Call, Eval};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "stats" => |c| stats(c, false),
        "stats_dynamic" => |c| stats(c, true),
        _ => return None,
    })
}

fn stats(call: &Call<'_>, bag: bool) -> Result<Vector> {
    let ignore = (0..call.rows).map(|row| flag(call, 1, row)).collect::<Result<Vec<_>>>()?;
    over(call, |i, numbers| {
        let found = members(&numbers, ignore[i] == Some(true))?;
        // The columns end with the variance; only the bag has sum and length.
        Some(if bag { Out::Bag(found) } else { Out::List(found.into_iter().take(7).map(|(_, v)| v).collect()) })
    })
}

/// `None` where there is nothing, or something that is no finite number and is not to be ignored.
fn members(numbers: &Numbers, ignore: bool) -> Option<Vec<(&'static str, Out)>> {
    let finite = |v: &Option<f64>| v.is_some_and(f64::is_finite);
    if !ignore && !numbers.values.iter().all(finite) {
        return None;
    }
    let kept: Vec<(usize, f64)> =
        numbers.values.iter().enumerate().filter(|(_, v)| finite(v)).filter_map(|(n, v)| v.map(|v| (n, v))).collect();
    let (first, rest) = kept.split_first()?;
    let (mut least, mut most) = (*first, *first);
    for v in rest {
        if v.1 < least.1 {
            least = *v;
        }
        if v.1 > most.1 {
            most = *v;
        }
    }
    let sum: f64 = kept.iter().map(|(_, v)| v).sum();
    let variance = super::fit::variance(kept.iter().map(|(_, v)| *v));
    Some(vec![
        ("min", Out::Real(least.1)),
        ("min_idx", Out::Whole(least.0 as i64)),
        ("max", Out::Real(most.1)),
        ("max_idx", Out::Whole(most.0 as i64)),
        ("avg", Out::Real(sum / kept.len() as f64)),
        ("stdev", Out::Real(variance.sqrt())),
        ("variance", Out::Real(variance)),
        ("sum", Out::Real(sum)),
        ("len", Out::Whole(kept.len() as i64)),
    ])
}
