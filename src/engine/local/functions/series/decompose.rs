//! A series as season, trend and what is left; anomalies in what is left; the last points foretold.

use super::fit::Line;
use super::outliers::Usual;
use super::periods::season;
use super::{Numbers, Out, Scalar, over, word};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::{Call, Eval};

/// A season that is looked for must score so much.
const SEASONALITY: f64 = 0.6;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "seasonal" => seasonal,
        "decompose" => |c| decompose(c, [1, 2, 3, 4]),
        "decompose_forecast" => |c| decompose(c, [2, 3, 1, 4]),
        "decompose_anomalies" => anomalies,
        _ => return None,
    })
}

/// What is taken out of the series besides the season.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trend {
    Mean,
    Line,
    None,
}

impl Trend {
    fn of(name: &str) -> Option<Self> {
        match name {
            "" | "avg" => Some(Self::Mean),
            "linefit" => Some(Self::Line),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// The parts; each as long as the series. The baseline is season and trend together.
struct Parts {
    baseline: Vec<f64>,
    season: Vec<f64>,
    trend: Vec<f64>,
    residual: Vec<f64>,
}

/// Where the arguments of a decomposition stand, and their values for a row.
struct Arguments<'a> {
    period: Scalar<'a>,
    trends: Vec<&'a str>,
    untaught: Scalar<'a>,
    threshold: Scalar<'a>,
}

impl<'a> Arguments<'a> {
    /// Positions: period, trend, points to leave out, threshold.
    fn of(call: &Call<'a>, at: [usize; 4]) -> Result<Self> {
        Ok(Self {
            period: Scalar::of(call, at[0])?,
            trends: (0..call.rows).map(|row| word(call, at[1], row)).collect::<Result<_>>()?,
            untaught: Scalar::of(call, at[2])?,
            threshold: Scalar::of(call, at[3])?,
        })
    }

    fn untaught(&self, row: usize) -> usize {
        usize::try_from(self.untaught.whole(row, 0)).unwrap_or(0)
    }

    fn parts(&self, row: usize, numbers: &Numbers) -> Option<Parts> {
        let trend = Trend::of(self.trends[row])?;
        // A gap is foretold as any other point: it counts as what came before.
        let mut last = numbers.present().next()?;
        let values: Vec<f64> = numbers
            .values
            .iter()
            .map(|v| {
                last = v.filter(|n| n.is_finite()).unwrap_or(last);
                last
            })
            .collect();
        let threshold = self.threshold.get(row).unwrap_or(SEASONALITY);
        Some(parts(&values, self.period.whole(row, -1), trend, self.untaught(row), threshold))
    }
}

/// The season and the trend are learnt from all but the last `untaught` values, and go on over those.
fn parts(values: &[f64], period: i64, trend: Trend, untaught: usize, threshold: f64) -> Parts {
    let taught = &values[..values.len().saturating_sub(untaught)];
    let season = phases(taught, values.len(), period, threshold).unwrap_or_else(|| vec![0.0; values.len()]);
    let rest: Vec<f64> = taught.iter().zip(&season).map(|(v, s)| v - s).collect();
    let trend: Vec<f64> = match (trend, Line::of(&rest)) {
        (Trend::None, _) | (_, None) => vec![0.0; values.len()],
        (Trend::Mean, _) => vec![rest.iter().sum::<f64>() / rest.len() as f64; values.len()],
        (Trend::Line, Some(line)) => (0..values.len()).map(|n| line.at(n)).collect(),
    };
    let baseline: Vec<f64> = season.iter().zip(&trend).map(|(s, t)| s + t).collect();
    let residual = values.iter().zip(&baseline).map(|(v, b)| v - b).collect();
    Parts { baseline, season, trend, residual }
}

/// The median of the points in each phase of the period, repeated over `length` points; `None` without a season. A period of -1 is looked for.
fn phases(values: &[f64], length: usize, period: i64, threshold: f64) -> Option<Vec<f64>> {
    let period = match period {
        0 => return None,
        1.. => usize::try_from(period).ok().filter(|p| *p <= values.len())?,
        _ => season(values, threshold)?,
    };
    let medians: Vec<f64> = (0..period)
        .map(|phase| {
            let mut points: Vec<f64> = values.iter().copied().skip(phase).step_by(period).collect();
            points.sort_unstable_by(f64::total_cmp);
            let middle = points.len() / 2;
            if points.len() % 2 == 1 { points[middle] } else { f64::midpoint(points[middle - 1], points[middle]) }
        })
        .collect();
    Some((0..length).map(|n| medians[n % period]).collect())
}

fn seasonal(call: &Call<'_>) -> Result<Vector> {
    let (period, untaught) = (Scalar::of(call, 1)?, Scalar::of(call, 2)?);
    over(call, |i, numbers| {
        let values = numbers.finite()?;
        let taught = values.len().saturating_sub(usize::try_from(untaught.whole(i, 0)).unwrap_or(0));
        // The threshold that is documented for this function.
        let season = phases(&values[..taught], values.len(), period.whole(i, -1), 0.7);
        Some(Out::reals(season.unwrap_or_else(|| vec![0.0; values.len()])))
    })
}

fn decompose(call: &Call<'_>, at: [usize; 4]) -> Result<Vector> {
    let arguments = Arguments::of(call, at)?;
    over(call, |i, numbers| {
        let parts = arguments.parts(i, &numbers)?;
        Some(Out::List([parts.baseline, parts.season, parts.trend, parts.residual].map(Out::reals).into()))
    })
}

fn anomalies(call: &Call<'_>) -> Result<Vector> {
    let arguments = Arguments::of(call, [2, 3, 4, 6])?;
    let threshold = Scalar::of(call, 1)?;
    let methods = (0..call.rows).map(|row| word(call, 5, row)).collect::<Result<Vec<_>>>()?;
    over(call, |i, numbers| {
        let usual = Usual::of(methods[i])?;
        let threshold = threshold.get(i).unwrap_or(1.5);
        let parts = arguments.parts(i, &numbers)?;
        // What is missing is no anomaly.
        let residual: Vec<_> = parts.residual.iter().zip(&numbers.values).map(|(r, v)| v.map(|_| *r)).collect();
        let scores = usual.scores(&residual, arguments.untaught(i));
        let flag = |score: &f64| {
            if *score > threshold {
                1
            } else if *score < -threshold {
                -1
            } else {
                0
            }
        };
        let flags = scores.iter().map(|s| Out::Whole(flag(s))).collect();
        Some(Out::List(vec![Out::List(flags), Out::reals(scores), Out::reals(parts.baseline)]))
    })
}
