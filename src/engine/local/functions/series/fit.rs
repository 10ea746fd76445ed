//! Lines and polynomials through a series, by least squares. Points stand at 1, 2, 3, … unless other places are given.

use super::{Numbers, Out, Scalar, over};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::{Call, Eval};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "fit_line" => |c| over(c, |_, n| Some(Out::List(Line::of(&n.finite()?)?.members().map(|(_, v)| v).into()))),
        "fit_line_dynamic" => |c| over(c, |_, n| Some(Out::Bag(Line::of(&n.finite()?)?.members().into()))),
        "fit_2lines" => |c| over(c, |_, n| Some(TwoLines::of(&n.finite()?)?.columns())),
        "fit_2lines_dynamic" => |c| over(c, |_, n| Some(TwoLines::of(&n.finite()?)?.bag())),
        "fit_poly" => poly,
        _ => return None,
    })
}

/// Of a sample; 0 of one value.
pub(super) fn variance(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let n = values.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = values.clone().sum::<f64>() / n;
    values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)
}

/// How much of the variance a fit explains: 1 is all of it.
fn r_square(variance: f64, residual: f64) -> f64 {
    if variance > 0.0 { (1.0 - residual / variance).max(0.0) } else { 1.0 }
}

/// y = slope · x + interception, x from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub slope: f64,
    pub interception: f64,
    rsquare: f64,
    variance: f64,
    rvariance: f64,
    fit: Vec<f64>,
}

impl Line {
    pub fn of(y: &[f64]) -> Option<Self> {
        let n = y.len();
        if n == 0 {
            return None;
        }
        let mean_x = f64::midpoint(n as f64, 1.0);
        let mean_y = y.iter().sum::<f64>() / n as f64;
        let (mut both, mut square) = (0.0, 0.0);
        for (i, y) in y.iter().enumerate() {
            let x = i as f64 + 1.0 - mean_x;
            both += x * (y - mean_y);
            square += x * x;
        }
        let slope = if square > 0.0 { both / square } else { 0.0 };
        let interception = mean_y - slope * mean_x;
        let fit: Vec<f64> = (1..=n).map(|x| slope * x as f64 + interception).collect();
        let variance = variance(y.iter().copied());
        let rvariance = self::variance(y.iter().zip(&fit).map(|(y, f)| y - f));
        Some(Self { slope, interception, rsquare: r_square(variance, rvariance), variance, rvariance, fit })
    }

    /// The line at a place, counted from 0.
    pub fn at(&self, n: usize) -> f64 {
        self.slope * (n as f64 + 1.0) + self.interception
    }

    fn members(&self) -> [(&'static str, Out); 6] {
        [
            ("rsquare", Out::Real(self.rsquare)),
            ("slope", Out::Real(self.slope)),
            ("variance", Out::Real(self.variance)),
            ("rvariance", Out::Real(self.rvariance)),
            ("interception", Out::Real(self.interception)),
            ("line_fit", Out::reals(self.fit.iter().copied())),
        ]
    }

    /// As one side of two lines.
    fn side(&self) -> [(&'static str, Out); 5] {
        [
            ("rsquare", Out::Real(self.rsquare)),
            ("slope", Out::Real(self.slope)),
            ("interception", Out::Real(self.interception)),
            ("variance", Out::Real(self.variance)),
            ("rvariance", Out::Real(self.rvariance)),
        ]
    }
}

/// Sums from the first point up to each, out of which any stretch's residual follows.
struct Sums(Vec<[f64; 3]>);

impl Sums {
    fn new(y: &[f64]) -> Self {
        // Around the mean, so that squares keep their digits.
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        let mut sums = Vec::with_capacity(y.len() + 1);
        let mut so_far = [0.0; 3];
        sums.push(so_far);
        for (i, y) in y.iter().enumerate() {
            let y = y - mean;
            so_far = [so_far[0] + y, so_far[1] + y * y, so_far[2] + y * i as f64];
            sums.push(so_far);
        }
        Self(sums)
    }

    /// The sum of squares that a line through a stretch leaves.
    fn residual(&self, from: usize, to: usize) -> f64 {
        let n = (to - from) as f64;
        let [y, yy, xy] = [0, 1, 2].map(|k| self.0[to][k] - self.0[from][k]);
        let mean_x = (from as f64 + to as f64 - 1.0) / 2.0;
        let xx = n * (n * n - 1.0) / 12.0;
        let both = xy - mean_x * y;
        let explained = if xx > 0.0 { both * both / xx } else { 0.0 };
        (yy - y * y / n - explained).max(0.0)
    }
}

struct TwoLines {
    split: usize,
    left: Line,
    right: Line,
    variance: f64,
    rvariance: f64,
}

impl TwoLines {
    /// The split whose two lines leave the least.
    fn of(y: &[f64]) -> Option<Self> {
        if y.len() < 2 {
            return None;
        }
        let sums = Sums::new(y);
        let left_over = |split: usize| sums.residual(0, split) + sums.residual(split, y.len());
        // Two points lie on a line whatever they are: a side has more where there are enough.
        let least = if y.len() >= 4 { 2 } else { 1 };
        let split = (least..=y.len() - least).min_by(|a, b| left_over(*a).total_cmp(&left_over(*b)))?;
        let (left, right) = (Line::of(&y[..split])?, Line::of(&y[split..])?);
        let rest = y.iter().zip(left.fit.iter().chain(&right.fit)).map(|(y, f)| y - f).collect::<Vec<_>>();
        let variance = variance(y.iter().copied());
        Some(Self { split, variance, rvariance: self::variance(rest.into_iter()), left, right })
    }

    fn whole(&self) -> [(&'static str, Out); 5] {
        [
            ("rsquare", Out::Real(r_square(self.variance, self.rvariance))),
            ("split_idx", Out::Whole(self.split as i64)),
            ("variance", Out::Real(self.variance)),
            ("rvariance", Out::Real(self.rvariance)),
            ("line_fit", Out::reals(self.left.fit.iter().chain(&self.right.fit).copied())),
        ]
    }

    fn columns(&self) -> Out {
        let all = self.whole().into_iter().chain(self.right.side()).chain(self.left.side());
        Out::List(all.map(|(_, value)| value).collect())
    }

    fn bag(&self) -> Out {
        let sides = [("right", Out::Bag(self.right.side().into())), ("left", Out::Bag(self.left.side().into()))];
        Out::Bag(self.whole().into_iter().chain(sides).collect())
    }
}

/// Degrees past this are no use in reals, and cost.
const HIGHEST: usize = 50;

fn poly(call: &Call<'_>) -> Result<Vector> {
    let places = if call.args.len() > 1 { Some(call.texts(1)?) } else { None };
    let degree = Scalar::of(call, 2)?;
    over(call, |i, numbers| {
        let y = numbers.finite()?;
        let x = match places.and_then(|texts| texts.get(i)) {
            Some(text) => Numbers::of(text)?.finite()?,
            None => (1..=y.len()).map(|x| x as f64).collect(),
        };
        let degree = usize::try_from(degree.whole(i, 1)).ok().filter(|d| *d <= HIGHEST)?;
        if x.len() != y.len() || y.len() <= degree {
            return None;
        }
        let coefficients = least_squares(&x, &y, degree)?;
        let fit: Vec<f64> = x.iter().map(|x| coefficients.iter().fold(0.0, |sum, c| sum * x + c)).collect();
        let rvariance = variance(y.iter().zip(&fit).map(|(y, f)| y - f));
        let variance = variance(y.iter().copied());
        Some(Out::List(vec![
            Out::Real(r_square(variance, rvariance)),
            Out::reals(coefficients),
            Out::Real(variance),
            Out::Real(rvariance),
            Out::reals(fit),
        ]))
    })
}

/// Coefficients, the highest power first. Powers are of x moved and scaled to [-1, 1], solved by Householder's reflections, and only then
/// turned back into powers of x: normal equations in x itself would lose all digits.
fn least_squares(x: &[f64], y: &[f64], degree: usize) -> Option<Vec<f64>> {
    let (low, high) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let (middle, half) = (f64::midpoint(low, high), if high > low { (high - low) / 2.0 } else { 1.0 });
    let width = degree + 1;
    // Column by column.
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(width);
    for power in 0..width {
        columns.push(x.iter().map(|x| ((x - middle) / half).powi(power as i32)).collect());
    }
    let mut rest = y.to_vec();
    let mut upper = vec![vec![0.0; width]; width];
    for k in 0..width {
        let norm = columns[k][k..].iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm < 1e-12 {
            return None;
        }
        let alpha = if columns[k][k] > 0.0 { -norm } else { norm };
        let mut mirror = columns[k][k..].to_vec();
        mirror[0] -= alpha;
        let length: f64 = mirror.iter().map(|v| v * v).sum();
        let reflect = |column: &mut [f64]| {
            let along = 2.0 * mirror.iter().zip(column.iter()).map(|(v, c)| v * c).sum::<f64>() / length;
            mirror.iter().zip(column).for_each(|(v, c)| *c -= along * v);
        };
        for column in &mut columns[k..] {
            reflect(&mut column[k..]);
        }
        reflect(&mut rest[k..]);
        for (n, column) in columns.iter().enumerate().skip(k) {
            upper[k][n] = column[k];
        }
    }
    let mut scaled = vec![0.0; width];
    for k in (0..width).rev() {
        let known: f64 = (k + 1..width).map(|n| upper[k][n] * scaled[n]).sum();
        scaled[k] = (rest[k] - known) / upper[k][k];
    }
    // Σ c ((x - m) / h)^k, by Horner's scheme on polynomials: the lowest power first.
    let mut powers: Vec<f64> = vec![0.0; width];
    for c in scaled.iter().rev() {
        let mut next = vec![0.0; width];
        for (n, p) in powers.iter().enumerate() {
            if n + 1 < width {
                next[n + 1] += p / half;
            }
            next[n] -= p * middle / half;
        }
        next[0] += c;
        powers = next;
    }
    powers.reverse();
    Some(powers)
}
