//! Filters: of finite and infinite impulse response.

use super::{Numbers, Out, flag, over};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::{Call, Eval};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "fir" => fir,
        "iir" => iir,
        _ => return None,
    })
}

/// The coefficients in an argument.
fn coefficients(call: &Call<'_>, n: usize) -> Result<impl Fn(usize) -> Option<Vec<f64>>> {
    let texts = call.texts(n)?;
    Ok(move |row| texts.get(row).and_then(Numbers::of)?.finite())
}

/// Outside the series there is 0. Without being told, a filter is normalised unless it has a negative coefficient.
fn fir(call: &Call<'_>) -> Result<Vector> {
    let filter = coefficients(call, 1)?;
    let flags = |n| (0..call.rows).map(|row| flag(call, n, row)).collect::<Result<Vec<_>>>();
    let (normalize, center) = (flags(2)?, flags(3)?);
    over(call, |i, numbers| {
        let mut filter = filter(i).filter(|f| !f.is_empty())?;
        let negative = filter.iter().any(|f| *f < 0.0);
        if normalize[i].unwrap_or(!negative) {
            if negative {
                return None;
            }
            let sum: f64 = filter.iter().sum();
            for f in &mut filter {
                *f /= sum;
            }
        }
        let ahead = if center[i] == Some(true) { (filter.len() - 1) / 2 } else { 0 };
        let x = &numbers.values;
        let at = |n: usize| {
            x[n]?;
            let terms = filter.iter().enumerate().filter_map(|(k, f)| {
                let from = (n + ahead).checked_sub(k)?;
                Some(f * x.get(from).copied().flatten().unwrap_or(0.0))
            });
            Some(terms.sum())
        };
        Some(Out::Reals((0..x.len()).map(at).collect()))
    })
}

/// y[n] = (b0 x[n] + b1 x[n-1] + … − a1 y[n-1] − a2 y[n-2] − …) / a0
fn iir(call: &Call<'_>) -> Result<Vector> {
    let (numerators, denominators) = (coefficients(call, 1)?, coefficients(call, 2)?);
    over(call, |i, numbers| {
        let (b, a) = (numerators(i)?, denominators(i)?);
        let (first, a) = a.split_first().filter(|(first, _)| **first != 0.0)?;
        let x = &numbers.values;
        let mut y: Vec<f64> = Vec::with_capacity(x.len());
        for n in 0..x.len() {
            let past = |k: usize| n.checked_sub(k).and_then(|at| x[at]).unwrap_or(0.0);
            let forward: f64 = b.iter().enumerate().map(|(k, b)| b * past(k)).sum();
            let back: f64 = a.iter().zip(y.iter().rev()).map(|(a, y)| a * y).sum();
            y.push((forward - back) / first);
        }
        Some(Out::reals(y))
    })
}
