//! Series: arrays of numbers. An array is read once into numbers with gaps, and written once; what stands between works on slices.

use super::convert::Cells;
use super::real_text::write_real;
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};
use crate::event::json;
use crate::kql::Type;

mod decompose;
mod elements;
mod fill;
mod filter;
mod fit;
mod fourier;
mod outliers;
mod periods;
mod stats;

pub fn find(name: &str) -> Option<Eval> {
    let name = name.strip_prefix("series_")?;
    elements::find(name)
        .or_else(|| fill::find(name))
        .or_else(|| filter::find(name))
        .or_else(|| fit::find(name))
        .or_else(|| fourier::find(name))
        .or_else(|| stats::find(name))
        .or_else(|| outliers::find(name))
        .or_else(|| periods::find(name))
        .or_else(|| decompose::find(name))
}

/// An array as numbers. What is no number is a gap.
#[derive(Clone, Debug, Default, PartialEq)]
struct Numbers {
    values: Vec<Option<f64>>,
    /// All that is there are whole numbers.
    whole: bool,
}

impl Numbers {
    /// The numbers of a JSON array.
    fn of(text: &str) -> Option<Self> {
        let mut whole = true;
        let values = json::elements(text)?
            .into_iter()
            .map(|element| {
                let value = number(element);
                whole &= value.is_none() || !element.contains(['.', 'e', 'E', '"']);
                value
            })
            .collect();
        Some(Self { values, whole })
    }

    /// The numbers, if none is missing or infinite.
    fn finite(&self) -> Option<Vec<f64>> {
        self.values.iter().map(|v| v.filter(|n| n.is_finite())).collect()
    }

    /// The numbers that are there.
    fn present(&self) -> impl Iterator<Item = f64> {
        self.values.iter().copied().flatten()
    }
}

/// The number that an element is; the texts that stand for what JSON has no number for, too.
fn number(element: &str) -> Option<f64> {
    match element.as_bytes().first()? {
        b'-' | b'0'..=b'9' => element.parse().ok(),
        b'"' => match element {
            "\"NaN\"" => Some(f64::NAN),
            "\"Infinity\"" => Some(f64::INFINITY),
            "\"-Infinity\"" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// What a cell of a call gives: written as JSON.
#[derive(Clone, Debug, PartialEq)]
enum Out {
    Null,
    Bool(bool),
    Whole(i64),
    Real(f64),
    /// Reals with gaps.
    Reals(Vec<Option<f64>>),
    List(Vec<Self>),
    Bag(Vec<(&'static str, Self)>),
}

impl Out {
    fn reals(values: impl IntoIterator<Item = f64>) -> Self {
        Self::Reals(values.into_iter().map(Some).collect())
    }

    /// A number of an array whose elements are all whole, or not.
    fn number(value: f64, whole: bool) -> Self {
        // Past 2^53 a real does not hold every whole number.
        if whole && value.abs() < 9.0e15 { Self::Whole(value as i64) } else { Self::Real(value) }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Self::Whole(n) => out.push_str(&n.to_string()),
            Self::Real(n) => write_number(*n, out),
            Self::Reals(values) => super::dynamic::write_list(out, values.iter(), |out, v| match v {
                Some(n) => write_number(*n, out),
                None => out.push_str("null"),
            }),
            Self::List(items) => super::dynamic::write_list(out, items.iter(), |out, item| item.write(out)),
            Self::Bag(members) => {
                out.push('{');
                for (n, (key, value)) in members.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    super::dynamic::quote(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_number(n: f64, out: &mut String) {
    if n.is_nan() {
        out.push_str("\"NaN\"");
    } else if n.is_infinite() {
        out.push_str(if n > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    } else {
        write_real(out, n);
    }
}

/// One cell a row, from the array in the first argument; null where that is none.
fn over(call: &Call<'_>, mut f: impl FnMut(usize, Numbers) -> Option<Out>) -> Result<Vector> {
    let texts = call.texts(0)?;
    Ok(call.write_texts(|i, out| match texts.get(i).and_then(Numbers::of).and_then(|numbers| f(i, numbers)) {
        None | Some(Out::Null) => false,
        Some(cell) => {
            cell.write(out);
            true
        }
    }))
}

/// An argument of any type as a number; `None` where it is missing, null or no number.
struct Scalar<'a>(Option<Cells<'a>>);

impl<'a> Scalar<'a> {
    fn of(call: &Call<'a>, n: usize) -> Result<Self> {
        match (call.args.get(n), call.types.get(n)) {
            (Some(arg), Some(ty)) => Ok(Self(Some(Cells::of(arg, *ty)?))),
            _ => Ok(Self(None)),
        }
    }

    fn get(&self, row: usize) -> Option<f64> {
        number(&self.text(row)?)
    }

    /// As JSON; `None` where it was not given.
    fn text(&self, row: usize) -> Option<String> {
        let mut text = String::new();
        self.0.as_ref()?.write_json(row, &mut text);
        Some(text)
    }

    fn whole(&self, row: usize, default: i64) -> i64 {
        self.get(row).filter(|n| n.is_finite()).map_or(default, |n| n as i64)
    }
}

/// An argument that is a yes or no; the default where it is missing or null.
fn flag(call: &Call<'_>, n: usize, row: usize) -> Result<Option<bool>> {
    match call.args.get(n) {
        Some(arg) if call.types.get(n) == Some(&Type::Bool) => Ok(arg.bools()?.get(row)),
        _ => Ok(None),
    }
}

/// An argument that is text; "" where it is missing.
fn word<'a>(call: &Call<'a>, n: usize, row: usize) -> Result<&'a str> {
    if n < call.args.len() { Ok(call.texts(n)?.text(row)) } else { Ok("") }
}

#[cfg(test)]
mod tests;
