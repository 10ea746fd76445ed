//! `==`, `!=` and the order operators over two columns of one type. One null side makes `==` false and `!=` true, two make either null; an order
//! with a null is null. NaN equals nothing, itself included.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray};
use arrow::buffer::BooleanBuffer;

use super::{Call, Eval};
use crate::engine::local::column::{Bools, Numbers, Result, Vector};
use crate::kql::{Type, Value};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "==" => |c| equality(c, false),
        "!=" | "<>" => |c| equality(c, true),
        "<" => |c| order(c, Ordering::is_lt),
        "<=" => |c| order(c, Ordering::is_le),
        ">" => |c| order(c, Ordering::is_gt),
        ">=" => |c| order(c, Ordering::is_ge),
        "between" => |c| between(c, false),
        "!between" => |c| between(c, true),
        _ => return None,
    })
}

/// Are two decimals the same number?
pub fn decimal_values_equal(a: &Value, b: &Value) -> bool {
    let digits = |v: &Value| match v {
        Value::Decimal(n, scale) => {
            let (mut n, mut scale) = (*n, *scale);
            while scale > 0 && n % 10 == 0 {
                n /= 10;
                scale -= 1;
            }
            Some((n, scale))
        }
        _ => None,
    };
    digits(a).is_some() && digits(a) == digits(b)
}

fn equality(call: &Call<'_>, negated: bool) -> Result<Vector> {
    Ok(match call.types.first() {
        Some(Type::String) => {
            let (a, b) = (call.texts(0)?, call.texts(1)?);
            call.bools(|i| (a.text(i) == b.text(i)) != negated)
        }
        Some(Type::Guid | Type::Dynamic) => {
            let (a, b) = (call.texts(0)?, call.texts(1)?);
            call.maybe_bools(|i| equal_or_null(a.get(i), b.get(i), negated))
        }
        Some(Type::Long | Type::DateTime | Type::TimeSpan) => {
            equal_numbers(call, call.longs(0)?, call.longs(1)?, negated)
        }
        Some(Type::Int) => {
            let (a, b) = (call.whole(0)?, call.whole(1)?);
            call.maybe_bools(|i| equal_or_null(a.get(i), b.get(i), negated))
        }
        Some(Type::Real) => equal_numbers(call, call.reals(0)?, call.reals(1)?, negated),
        Some(Type::Decimal) => equal_numbers(call, call.arg(0)?.decimals()?, call.arg(1)?.decimals()?, negated),
        Some(Type::Bool) | None => {
            let (a, b) = (call.arg(0)?.bools()?, call.arg(1)?.bools()?);
            call.maybe_bools(|i| equal_or_null(a.get(i), b.get(i), negated))
        }
    })
}

fn equal_or_null<T: PartialEq>(a: Option<T>, b: Option<T>, negated: bool) -> Option<bool> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a == b) != negated),
        (None, None) => None,
        _ => Some(negated),
    }
}

#[allow(clippy::float_cmp)] // Kusto compares reals exactly
fn equal_numbers<T: PartialEq + Copy>(call: &Call<'_>, a: Numbers<'_, T>, b: Numbers<'_, T>, negated: bool) -> Vector {
    match (a, b) {
        (Numbers::Array(a, None), Numbers::Constant(Some(b))) => call.bools(|i| (a[i] == b) != negated),
        (Numbers::Array(a, None), Numbers::Array(b, None)) => call.bools(|i| (a[i] == b[i]) != negated),
        _ => call.maybe_bools(|i| equal_or_null(a.get(i), b.get(i), negated)),
    }
}

fn order(call: &Call<'_>, holds: fn(Ordering) -> bool) -> Result<Vector> {
    Ok(match call.types.first() {
        Some(Type::String | Type::Guid | Type::Dynamic) => {
            let (a, b) = (call.texts(0)?, call.texts(1)?);
            if call.types[0] == Type::String {
                call.bools(|i| holds(a.text(i).cmp(b.text(i))))
            } else {
                call.maybe_bools(|i| Some(holds(a.get(i)?.cmp(b.get(i)?))))
            }
        }
        Some(Type::Long | Type::DateTime | Type::TimeSpan) => {
            let (a, b) = (call.longs(0)?, call.longs(1)?);
            match (a, b) {
                (Numbers::Array(a, None), Numbers::Constant(Some(b))) => call.bools(|i| holds(a[i].cmp(&b))),
                (Numbers::Array(a, None), Numbers::Array(b, None)) => call.bools(|i| holds(a[i].cmp(&b[i]))),
                _ => call.maybe_bools(|i| Some(holds(a.get(i)?.cmp(&b.get(i)?)))),
            }
        }
        Some(Type::Int) => {
            let (a, b) = (call.whole(0)?, call.whole(1)?);
            call.maybe_bools(|i| Some(holds(a.get(i)?.cmp(&b.get(i)?))))
        }
        Some(Type::Real) => {
            let (a, b) = (call.reals(0)?, call.reals(1)?);
            call.maybe_bools(|i| Some(a.get(i)?.partial_cmp(&b.get(i)?).is_some_and(holds)))
        }
        Some(Type::Decimal) => {
            let (a, b) = (call.arg(0)?.decimals()?, call.arg(1)?.decimals()?);
            call.maybe_bools(|i| Some(holds(a.get(i)?.cmp(&b.get(i)?))))
        }
        Some(Type::Bool) | None => {
            let (a, b) = (call.arg(0)?.bools()?, call.arg(1)?.bools()?);
            call.maybe_bools(|i| Some(holds(a.get(i)?.cmp(&b.get(i)?))))
        }
    })
}

/// `x between (from .. to)`, both ends included; `datetime between (d .. timespan)` ends at d + timespan.
fn between(call: &Call<'_>, negated: bool) -> Result<Vector> {
    let ge = order(&Call { args: &call.args[..2], types: &call.types[..2], ..*call }, Ordering::is_ge)?;
    let upper = match (call.types.first(), call.types.get(2)) {
        (Some(Type::DateTime), Some(Type::TimeSpan)) => {
            let (from, span) = (call.longs(1)?, call.longs(2)?);
            call.give_longs(|i| from.get(i)?.checked_add(span.get(i)?))
        }
        _ => call.arg(2)?.clone(),
    };
    let le = order(
        &Call { args: &[call.arg(0)?.clone(), upper], types: &[call.types[0], call.types[0]], ..*call },
        Ordering::is_le,
    )?;
    let (ge, le) = (ge.bools()?, le.bools()?);
    Ok(match (&ge, &le) {
        (Bools::Array(a), Bools::Array(b)) if !negated && a.nulls().is_none() && b.nulls().is_none() => {
            let bits: BooleanBuffer = a.values() & b.values();
            Vector::Array(Arc::new(BooleanArray::new(bits, None)))
        }
        // Beyond one end is outside, whatever the other is.
        _ => call.maybe_bools(|i| match (ge.get(i), le.get(i)) {
            (Some(false), _) | (_, Some(false)) => Some(negated),
            (Some(true), Some(true)) => Some(!negated),
            _ => None,
        }),
    })
}
