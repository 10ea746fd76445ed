//! Periods of a series, by autocorrelation.
//!
//! Kusto documents what comes out, not how; this gives the documented answers. A period is a peak of the autocorrelation (corrected for the
//! overlap): higher than anything within a quarter of its length on both sides, so that the side lobes of a strong period are none. Its score is
//! the least autocorrelation at its multiples, for what repeats goes on repeating. A multiple of a period that scores no less is the same finding.

use super::fourier::fft;
use super::{Out, Scalar, over};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::{Call, Eval};

/// Points that a period has at least.
const SHORTEST: usize = 4;
/// A peak below it is noise.
const LEAST: f64 = 0.25;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "periods_detect" => detect,
        "periods_validate" => validate,
        _ => return None,
    })
}

/// The autocorrelation at each lag, up to half of the series.
struct Scores(Vec<f64>);

impl Scores {
    fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n < 2 * SHORTEST {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let size = (2 * n).next_power_of_two();
        let mut re: Vec<f64> = values.iter().map(|v| v - mean).chain(std::iter::repeat(0.0)).take(size).collect();
        let mut im = vec![0.0; size];
        fft(&mut re, &mut im);
        for (re, im) in re.iter_mut().zip(&mut im) {
            (*re, *im) = (*re * *re + *im * *im, 0.0);
        }
        // The power spectrum is even: its transform is its inverse but for the factor, which the division takes out.
        fft(&mut re, &mut im);
        let whole = re[0];
        if whole <= 1e-12 * size as f64 {
            return None;
        }
        let correlation = |lag: usize| (re[lag] / whole * (n as f64 / (n - lag) as f64)).clamp(0.0, 1.0);
        Some(Self((0..=n / 2).map(correlation).collect()))
    }

    /// The score of a period, 0 where it is none.
    fn of_period(&self, period: usize) -> f64 {
        // The last lag has no neighbour after it.
        if period < SHORTEST || period + 1 >= self.0.len() {
            return 0.0;
        }
        let near = (period / 4).max(1);
        let around = (period - near).max(1)..=(period + near).min(self.0.len() - 1);
        if self.0[around].iter().any(|other| *other > self.0[period]) {
            return 0.0;
        }
        let score = self.0[period..].iter().step_by(period).copied().fold(1.0, f64::min);
        if score >= LEAST { score } else { 0.0 }
    }

    /// Periods between two lengths, the most significant first.
    fn periods(&self, least: f64, most: f64) -> Vec<(usize, f64)> {
        let mut found: Vec<(usize, f64)> = (SHORTEST..self.0.len())
            .filter(|p| (least..=most).contains(&(*p as f64)))
            .map(|p| (p, self.of_period(p)))
            .filter(|(_, score)| *score > 0.0)
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut kept: Vec<(usize, f64)> = Vec::new();
        for (period, score) in found {
            if kept.iter().all(|(other, _)| period % other != 0) {
                kept.push((period, score));
            }
        }
        kept
    }
}

/// The one period of a series, if it scores at least so much.
pub(super) fn season(values: &[f64], threshold: f64) -> Option<usize> {
    let (period, score) = *Scores::of(values)?.periods(0.0, f64::INFINITY).first()?;
    (score >= threshold).then_some(period)
}

fn detect(call: &Call<'_>) -> Result<Vector> {
    let (least, most, count) = (Scalar::of(call, 1)?, Scalar::of(call, 2)?, Scalar::of(call, 3)?);
    over(call, |i, numbers| {
        let count = usize::try_from(count.whole(i, 1)).ok().filter(|n| (1..=16).contains(n))?;
        let scores = Scores::of(&numbers.finite()?);
        let mut found =
            scores.map_or(Vec::new(), |s| s.periods(least.get(i).unwrap_or(0.0), most.get(i).unwrap_or(f64::INFINITY)));
        found.resize(count, (0, 0.0));
        Some(Out::List(vec![
            Out::reals(found.iter().map(|(period, _)| *period as f64)),
            Out::reals(found.iter().map(|(_, score)| *score)),
        ]))
    })
}

fn validate(call: &Call<'_>) -> Result<Vector> {
    let periods = (1..call.args.len()).map(|n| Scalar::of(call, n)).collect::<Result<Vec<_>>>()?;
    over(call, |i, numbers| {
        let scores = Scores::of(&numbers.finite()?);
        let asked: Vec<f64> = periods.iter().map(|p| p.get(i).unwrap_or(0.0)).collect();
        let score = |period: &f64| match &scores {
            Some(scores) if *period >= 1.0 => scores.of_period(period.round() as usize),
            _ => 0.0,
        };
        let found: Vec<f64> = asked.iter().map(score).collect();
        Some(Out::List(vec![Out::reals(asked), Out::reals(found)]))
    })
}
