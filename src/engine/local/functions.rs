//! The scalar functions and operators of KQL, a batch at a time. The registry (`kql::functions`) says what exists and what it takes; this room
//! holds one implementation for each, by family, found by the registry's name.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, PrimitiveArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::ArrowPrimitiveType;

use super::column::{Numbers, Result, Texts, Vector, internal};
use crate::kql::Type;

pub mod arithmetic;
pub mod arrays;
pub mod bags;
pub mod compare;
pub mod conditional;
pub mod convert;
pub mod datetime;
pub mod digest;
pub mod dynamic;
#[cfg(test)]
mod edges;
pub mod encodings;
pub mod fold;
pub mod format_time;
pub mod geo;
pub mod hash;
pub mod ipv6;
pub mod math;
pub mod net;
pub mod parse_number;
pub mod parse_time;
pub mod parts;
pub mod pattern;
pub mod punycode;
pub mod real_text;
pub mod search;
pub mod series;
pub mod sets;
pub mod sketch;
pub mod special;
pub mod text;
pub mod units;
pub mod user_agent;
pub mod xml;
pub mod zones;

/// One call over a batch: its arguments have `rows` rows (or are constants), and so has the answer.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub args: &'a [Vector],
    /// The KQL types of the arguments.
    pub types: &'a [Type],
    /// The KQL type of the answer.
    pub ty: Type,
    pub rows: usize,
}

pub type Eval = fn(&Call<'_>) -> Result<Vector>;

/// An implementation.
#[derive(Clone, Copy)]
pub struct ScalarFn {
    pub eval: Eval,
    /// Differs from row to row for equal arguments (`rand`): never evaluated over constants or distinct values.
    pub per_row: bool,
}

impl std::fmt::Debug for ScalarFn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScalarFn")
    }
}

/// The implementation of a scalar function or operator.
pub fn scalar(name: &str) -> Option<ScalarFn> {
    const FAMILIES: [fn(&str) -> Option<Eval>; 21] = [
        arithmetic::find,
        arrays::find,
        bags::find,
        compare::find,
        conditional::find,
        convert::find,
        datetime::find,
        dynamic::find,
        encodings::find,
        geo::find,
        hash::find,
        ipv6::find,
        math::find,
        net::find,
        super::geography::find,
        parts::find,
        pattern::find,
        search::find,
        sets::find,
        sketch::find,
        special::find,
    ];
    if let Some(eval) = hash::find_per_row(name) {
        return Some(ScalarFn { eval, per_row: true });
    }
    FAMILIES
        .iter()
        .find_map(|find| find(name))
        .or_else(|| text::find(name))
        .or_else(|| units::find(name))
        .or_else(|| user_agent::find(name))
        .or_else(|| xml::find(name))
        .or_else(|| series::find(name))
        .or_else(|| zones::find(name))
        .map(|eval| ScalarFn { eval, per_row: false })
}

impl<'a> Call<'a> {
    /// The n-th argument; a missing one is a fault of the plan.
    pub fn arg(&self, n: usize) -> Result<&'a Vector> {
        self.args.get(n).ok_or_else(|| internal(format!("argument {n} of {} is missing", self.args.len())))
    }

    pub fn texts(&self, n: usize) -> Result<Texts<'a>> {
        self.arg(n)?.texts()
    }

    pub fn longs(&self, n: usize) -> Result<Numbers<'a, i64>> {
        self.arg(n)?.longs()
    }

    pub fn reals(&self, n: usize) -> Result<Numbers<'a, f64>> {
        self.arg(n)?.reals()
    }

    /// int or long, as long.
    pub fn whole(&self, n: usize) -> Result<Whole<'a>> {
        Whole::of(self.arg(n)?)
    }

    /// Any number, as real.
    pub fn number(&self, n: usize) -> Result<Number<'a>> {
        let arg = self.arg(n)?;
        Ok(match self.types.get(n) {
            Some(Type::Real) => Number::Real(arg.reals()?),
            Some(Type::Decimal) => Number::Decimal(arg.decimals()?),
            _ => Number::Whole(Whole::of(arg)?),
        })
    }

    /// Text that is the same for every row, if it is.
    pub fn constant_text(&self, n: usize) -> Option<&'a str> {
        match self.args.get(n)?.texts().ok()? {
            Texts::Constant(text) => Some(text.unwrap_or_default()),
            _ => None,
        }
    }

    // What answers are made of. Each closure is asked row by row.

    pub fn bools(&self, mut value: impl FnMut(usize) -> bool) -> Vector {
        Vector::Array(Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(self.rows, &mut value), None)))
    }

    pub fn maybe_bools(&self, value: impl FnMut(usize) -> Option<bool>) -> Vector {
        Vector::Array(Arc::new((0..self.rows).map(value).collect::<BooleanArray>()))
    }

    pub fn give_ints(&self, value: impl FnMut(usize) -> Option<i32>) -> Vector {
        Vector::Array(Arc::new((0..self.rows).map(value).collect::<Int32Array>()))
    }

    pub fn give_longs(&self, value: impl FnMut(usize) -> Option<i64>) -> Vector {
        Vector::Array(Arc::new((0..self.rows).map(value).collect::<Int64Array>()))
    }

    pub fn give_reals(&self, value: impl FnMut(usize) -> Option<f64>) -> Vector {
        Vector::Array(Arc::new((0..self.rows).map(value).collect::<Float64Array>()))
    }

    /// long or int, as the call's type says; what does not fit an int is null.
    pub fn give_whole(&self, mut value: impl FnMut(usize) -> Option<i64>) -> Vector {
        if self.ty == Type::Int {
            self.give_ints(|i| value(i).and_then(|n| i32::try_from(n).ok()))
        } else {
            self.give_longs(value)
        }
    }

    /// Text written into a scratch buffer; `false` for null.
    pub fn write_texts(&self, write: impl FnMut(usize, &mut String) -> bool) -> Vector {
        Vector::Array(super::column::build_texts(self.rows, write))
    }

    pub fn give_texts<S: AsRef<str>>(&self, text: impl FnMut(usize) -> Option<S>) -> Vector {
        Vector::Array(super::column::collect_texts(self.rows, text))
    }
}

/// int or long columns, read as long.
#[derive(Clone, Copy, Debug)]
pub enum Whole<'a> {
    Ints(Numbers<'a, i32>),
    Longs(Numbers<'a, i64>),
}

impl<'a> Whole<'a> {
    pub fn of(vector: &'a Vector) -> Result<Self> {
        vector.longs().map(Self::Longs).or_else(|_| vector.ints().map(Self::Ints))
    }

    #[inline]
    pub fn get(&self, row: usize) -> Option<i64> {
        match self {
            Self::Ints(n) => n.get(row).map(i64::from),
            Self::Longs(n) => n.get(row),
        }
    }
}

/// Columns of any number, read as real.
#[derive(Clone, Copy, Debug)]
pub enum Number<'a> {
    Whole(Whole<'a>),
    Real(Numbers<'a, f64>),
    Decimal(Numbers<'a, i128>),
}

impl Number<'_> {
    #[inline]
    pub fn get(&self, row: usize) -> Option<f64> {
        match self {
            Self::Whole(n) => n.get(row).map(|n| n as f64),
            Self::Real(n) => n.get(row),
            Self::Decimal(n) => n.get(row).map(|n| n as f64 / 1e18),
        }
    }
}

/// One array from two columns of numbers; null where either is. Loops without nulls are tight.
pub fn zip<A, B, P>(a: Numbers<'_, A>, b: Numbers<'_, B>, rows: usize, f: impl Fn(A, B) -> P::Native) -> ArrayRef
where
    A: Copy,
    B: Copy,
    P: ArrowPrimitiveType,
{
    let values: Vec<P::Native> = match (a, b) {
        (Numbers::Array(a, None), Numbers::Array(b, None)) => a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect(),
        (Numbers::Array(a, None), Numbers::Constant(Some(b))) => a.iter().map(|a| f(*a, b)).collect(),
        (Numbers::Constant(Some(a)), Numbers::Array(b, None)) => b.iter().map(|b| f(a, *b)).collect(),
        _ => {
            let array: PrimitiveArray<P> = (0..rows).map(|i| a.get(i).zip(b.get(i)).map(|(a, b)| f(a, b))).collect();
            return Arc::new(array);
        }
    };
    Arc::new(PrimitiveArray::<P>::new(values.into(), None))
}

/// Names of the registry that never reach an engine as calls: the binder makes constants or other calls of them.
#[cfg(test)]
const FOLDED: &[&str] = &[
    "around",
    "assert",
    "bin_auto",
    "bag_pack_columns",
    "column_names_of",
    "estimate_data_size",
    "now",
    "ago",
    "pack_all",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::functions::{FunctionKind, all};

    #[test]
    fn every_function_of_the_registry_has_an_implementation() {
        let missing: Vec<_> = all()
            .filter(|f| match f.kind {
                FunctionKind::Scalar | FunctionKind::Operator => scalar(f.name).is_none() && !FOLDED.contains(&f.name),
                FunctionKind::Aggregate => {
                    let name = super::super::aggregate::conditional(f.name).map_or(f.name, |(name, _)| name);
                    let percent = crate::kql::Expr::literal(crate::kql::Value::Real(50.0));
                    let args = [crate::kql::Expr::column(0, Type::Long), percent.clone(), percent];
                    super::super::aggregate::accumulator(name, &args, Type::Long).is_none()
                }
                // A plugin is a node of the plan, or several: the binder decides.
                FunctionKind::Plugin => false,
                FunctionKind::Window => !super::super::window::NAMES.contains(&f.name),
            })
            .map(|f| f.name)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn nothing_folded_has_an_implementation_too() {
        for name in FOLDED {
            assert!(scalar(name).is_none(), "{name}");
        }
    }
}
