//! Element by element: arithmetic, comparisons, functions of one number; and what an array sums up to.

use super::{Numbers, Out, number};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::{Call, Eval};

/// To the bit, as KQL compares.
#[expect(clippy::float_cmp, reason = "equal means equal here")]
pub fn same(a: f64, b: f64) -> bool {
    a == b
}

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "add" => |c| pairs(c, |a, b, whole| Out::number(a + b, whole)),
        "subtract" => |c| pairs(c, |a, b, whole| Out::number(a - b, whole)),
        "multiply" => |c| pairs(c, |a, b, whole| Out::number(a * b, whole)),
        "divide" => |c| pairs(c, |a, b, _| Out::Real(a / b)),
        "pow" => |c| pairs(c, |a, b, _| Out::Real(a.powf(b))),
        "greater" => |c| pairs(c, |a, b, _| Out::Bool(a > b)),
        "greater_equals" => |c| pairs(c, |a, b, _| Out::Bool(a >= b)),
        "less" => |c| pairs(c, |a, b, _| Out::Bool(a < b)),
        "less_equals" => |c| pairs(c, |a, b, _| Out::Bool(a <= b)),
        "equals" => |c| pairs(c, |a, b, _| Out::Bool(same(a, b))),
        "not_equals" => |c| pairs(c, |a, b, _| Out::Bool(!same(a, b))),
        "abs" => |c| each(c, |n, whole| Out::number(n.abs(), whole)),
        "ceiling" => |c| each(c, |n, whole| Out::number(n.ceil(), whole)),
        "floor" => |c| each(c, |n, whole| Out::number(n.floor(), whole)),
        "sign" => |c| each(c, |n, _| Out::number(if n == 0.0 { 0.0 } else { n.signum() }, !n.is_nan())),
        "exp" => |c| each(c, |n, _| Out::Real(n.exp())),
        "log" => |c| each(c, |n, _| Out::Real(n.ln())),
        "sin" => |c| each(c, |n, _| Out::Real(n.sin())),
        "cos" => |c| each(c, |n, _| Out::Real(n.cos())),
        "tan" => |c| each(c, |n, _| Out::Real(n.tan())),
        "asin" => |c| each(c, |n, _| Out::Real(n.asin())),
        "acos" => |c| each(c, |n, _| Out::Real(n.acos())),
        "atan" => |c| each(c, |n, _| Out::Real(n.atan())),
        "sum" => |c| reduced(c, |n| Some(n.present().sum())),
        "product" => |c| reduced(c, |n| Some(n.present().product())),
        "magnitude" => |c| reduced(c, |n| Some(n.present().map(|x| x * x).sum::<f64>().sqrt())),
        "dot_product" => |c| both(c, |a, b| shared(a, b).map(|pairs| pairs.iter().map(|(a, b)| a * b).sum())),
        "cosine_similarity" => |c| both(c, cosine),
        "pearson_correlation" => |c| both(c, pearson),
        _ => return None,
    })
}

fn each(call: &Call<'_>, f: impl Fn(f64, bool) -> Out) -> Result<Vector> {
    super::over(call, |_, numbers| {
        let whole = numbers.whole;
        Some(Out::List(numbers.values.into_iter().map(|v| v.map_or(Out::Null, |n| f(n, whole))).collect()))
    })
}

/// A side of an operation: an array, or one number that stands for each element.
#[derive(Debug)]
enum Side {
    Array(Numbers),
    One(f64, bool),
}

impl Side {
    fn of(text: &str) -> Option<Self> {
        match number(text) {
            Some(n) => Some(Self::One(n, !text.contains(['.', 'e', 'E', '"']))),
            None => Numbers::of(text).map(Self::Array),
        }
    }

    fn whole(&self) -> bool {
        match self {
            Self::Array(numbers) => numbers.whole,
            Self::One(_, whole) => *whole,
        }
    }

    fn len(&self) -> Option<usize> {
        match self {
            Self::Array(numbers) => Some(numbers.values.len()),
            Self::One(..) => None,
        }
    }

    fn at(&self, n: usize) -> Option<f64> {
        match self {
            Self::Array(numbers) => numbers.values.get(n).copied().flatten(),
            Self::One(value, _) => Some(*value),
        }
    }
}

fn pairs(call: &Call<'_>, f: impl Fn(f64, f64, bool) -> Out) -> Result<Vector> {
    let (a, b) = (call.texts(0)?, call.texts(1)?);
    Ok(call.write_texts(|i, out| {
        let sides = a.get(i).and_then(Side::of).zip(b.get(i).and_then(Side::of));
        let Some((a, b)) = sides else { return false };
        // The longer one's length; two numbers are no series.
        let Some(length) = a.len().max(b.len()) else { return false };
        let whole = a.whole() && b.whole();
        let element = |n| a.at(n).zip(b.at(n)).map_or(Out::Null, |(a, b)| f(a, b, whole));
        Out::List((0..length).map(element).collect()).write(out);
        true
    }))
}

fn reduced(call: &Call<'_>, f: impl Fn(&Numbers) -> Option<f64>) -> Result<Vector> {
    let texts = call.texts(0)?;
    Ok(call.give_reals(|i| f(&Numbers::of(texts.get(i)?)?)))
}

fn both(call: &Call<'_>, f: impl Fn(&Side, &Side) -> Option<f64>) -> Result<Vector> {
    let (a, b) = (call.texts(0)?, call.texts(1)?);
    Ok(call.give_reals(|i| f(&Side::of(a.get(i)?)?, &Side::of(b.get(i)?)?)))
}

/// Elements at the same place, as far as both go; those that are no number are left out. `None` of an empty array.
fn shared(a: &Side, b: &Side) -> Option<Vec<(f64, f64)>> {
    let length = match (a.len(), b.len()) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b)?,
    };
    (length > 0).then(|| (0..length).filter_map(|n| a.at(n).zip(b.at(n))).collect())
}

fn cosine(a: &Side, b: &Side) -> Option<f64> {
    let pairs = shared(a, b)?;
    let dot: f64 = pairs.iter().map(|(a, b)| a * b).sum();
    let lengths = pairs.iter().fold((0.0, 0.0), |(x, y), (a, b)| (x + a * a, y + b * b));
    Some(dot / (f64::sqrt(lengths.0) * f64::sqrt(lengths.1)))
}

/// Null where the lengths differ or something is no number.
fn pearson(a: &Side, b: &Side) -> Option<f64> {
    let (Side::Array(a), Side::Array(b)) = (a, b) else { return None };
    let (a, b) = (a.finite()?, b.finite()?);
    if a.len() != b.len() || a.is_empty() {
        return None;
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(&a), mean(&b));
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        both += (a - ma) * (b - mb);
        of_a += (a - ma) * (a - ma);
        of_b += (b - mb) * (b - mb);
    }
    Some(both / (of_a * of_b).sqrt())
}
