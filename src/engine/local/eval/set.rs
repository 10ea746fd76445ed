//! The constants of `in (…)`, prepared for looking up.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::buffer::BooleanBuffer;
use hashbrown::HashSet;

use super::super::column::{Result, Vector, internal};
use super::super::functions::Whole;
use super::super::functions::fold::folded;
use crate::kql::{Type, Value};

#[derive(Debug)]
pub enum Set {
    Longs(HashSet<i64>),
    /// By their bits; NaN equals nothing.
    Reals(HashSet<u64>),
    Texts(HashSet<Box<str>>),
    Folded(HashSet<Box<str>>),
    Bools([bool; 2]),
    Values(Vec<Value>),
}

impl Set {
    /// The constants have the value's type; nulls among them equal nothing.
    pub fn new(ty: Type, values: &[Value], fold_case: bool) -> Result<Self> {
        let mismatch = |v: &Value| internal(format!("in: {ty} among {}", v.ty()));
        let known = values.iter().filter(|v| !v.is_null());
        Ok(match ty {
            Type::Long | Type::DateTime | Type::TimeSpan | Type::Int => Self::Longs(
                known
                    .map(|v| match v {
                        Value::Long(n) | Value::DateTime(n) | Value::TimeSpan(n) => Ok(*n),
                        Value::Int(n) => Ok(i64::from(*n)),
                        v => Err(mismatch(v)),
                    })
                    .collect::<Result<_>>()?,
            ),
            Type::Real => Self::Reals(
                known
                    .map(|v| match v {
                        Value::Real(n) => Ok((n + 0.0).to_bits()),
                        Value::Long(n) => Ok((*n as f64 + 0.0).to_bits()),
                        Value::Int(n) => Ok((f64::from(*n) + 0.0).to_bits()),
                        v => Err(mismatch(v)),
                    })
                    .collect::<Result<_>>()?,
            ),
            Type::Bool => {
                let mut has = [false; 2];
                for v in known {
                    let Value::Bool(b) = v else { return Err(mismatch(v)) };
                    has[usize::from(*b)] = true;
                }
                Self::Bools(has)
            }
            Type::String | Type::Guid | Type::Dynamic => {
                let texts = known.map(|v| match v {
                    Value::String(s) | Value::Guid(s) | Value::Dynamic(s) => Ok(&**s),
                    v => Err(mismatch(v)),
                });
                if fold_case {
                    Self::Folded(texts.map(|t| Ok(folded(t?).into())).collect::<Result<_>>()?)
                } else {
                    Self::Texts(texts.map(|t| Ok(t?.into())).collect::<Result<_>>()?)
                }
            }
            Type::Decimal => Self::Values(known.cloned().collect()),
        })
    }

    /// Which rows are in the set; a null is not.
    pub fn contains(&self, value: &Vector, rows: usize, negated: bool) -> Result<Vector> {
        let bits = match self {
            Self::Longs(set) => {
                let whole = Whole::of(value)?;
                BooleanBuffer::collect_bool(rows, |i| whole.get(i).is_some_and(|n| set.contains(&n)) != negated)
            }
            Self::Reals(set) => {
                let reals = value.reals()?;
                BooleanBuffer::collect_bool(rows, |i| {
                    reals.get(i).is_some_and(|n| !n.is_nan() && set.contains(&(n + 0.0).to_bits())) != negated
                })
            }
            Self::Texts(set) => {
                // A string has no null: "" may be among the constants.
                let texts = value.texts()?;
                BooleanBuffer::collect_bool(rows, |i| set.contains(texts.text(i)) != negated)
            }
            Self::Folded(set) => {
                let texts = value.texts()?;
                BooleanBuffer::collect_bool(rows, |i| set.contains(folded(texts.text(i)).as_ref()) != negated)
            }
            Self::Bools(has) => {
                let bools = value.bools()?;
                BooleanBuffer::collect_bool(rows, |i| bools.get(i).is_some_and(|b| has[usize::from(b)]) != negated)
            }
            Self::Values(list) => {
                let mut hits = Vec::with_capacity(rows);
                for row in 0..rows {
                    let v = value.value(row, Type::Decimal)?;
                    hits.push(
                        list.iter().any(|w| super::super::functions::compare::decimal_values_equal(&v, w)) != negated,
                    );
                }
                BooleanBuffer::from(hits)
            }
        };
        Ok(Vector::Array(Arc::new(BooleanArray::new(bits, None))))
    }
}
