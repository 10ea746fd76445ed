//! `+ - * / %` and `bin`. Longs wrap; whole division truncates and by zero is null; `%` is never negative; `bin` floors. Datetimes out
//! of Kusto's range (years 1 to 9999) are null.

use std::sync::Arc;

use arrow::datatypes::{Float64Type, Int64Type};

use super::{Call, Eval, zip};
use crate::base::time;
use crate::engine::local::column::{DECIMAL_SCALE, Numbers, Result, Vector, decimals, internal};
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "+" => add,
        "-" => subtract,
        "negate" => negate,
        "*" => multiply,
        "/" => divide,
        "%" => modulo,
        "bin" | "floor" => |c| bin(c, 0),
        "bin_at" => bin_at,
        "abs" => abs,
        _ => return None,
    })
}

const ONE: i128 = 10_i128.pow(DECIMAL_SCALE as u32);

fn types(call: &Call<'_>) -> Result<(Type, Type)> {
    match call.types {
        [a, b, ..] => Ok((*a, *b)),
        _ => Err(internal("an operator without two operands")),
    }
}

fn unfit(call: &Call<'_>, operator: &str) -> crate::engine::QueryError {
    internal(format!("{operator} over {:?}", call.types))
}

fn in_range(ticks: i64) -> Option<i64> {
    (0..=time::MAX).contains(&ticks).then_some(ticks)
}

fn is_whole(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Long)
}

/// Two int or long columns, result int or long.
fn whole(call: &Call<'_>, f: impl Fn(i64, i64) -> Option<i64>) -> Result<Vector> {
    let (a, b) = (call.whole(0)?, call.whole(1)?);
    Ok(call.give_whole(|i| f(a.get(i)?, b.get(i)?)))
}

fn real(call: &Call<'_>, f: impl Fn(f64, f64) -> f64) -> Result<Vector> {
    if let (Ok(a), Ok(b)) = (call.reals(0), call.reals(1)) {
        return Ok(Vector::Array(zip::<_, _, Float64Type>(a, b, call.rows, f)));
    }
    let (a, b) = (call.number(0)?, call.number(1)?);
    Ok(call.give_reals(|i| Some(f(a.get(i)?, b.get(i)?))))
}

fn decimal(call: &Call<'_>, f: impl Fn(i128, i128) -> Option<i128>) -> Result<Vector> {
    let (a, b) = (call.arg(0)?.decimals()?, call.arg(1)?.decimals()?);
    Ok(Vector::Array(decimals((0..call.rows).map(|i| f(a.get(i)?, b.get(i)?)))))
}

fn longs(call: &Call<'_>, f: impl Fn(i64, i64) -> i64) -> Result<Vector> {
    Ok(Vector::Array(zip::<_, _, Int64Type>(call.longs(0)?, call.longs(1)?, call.rows, f)))
}

fn ticks(call: &Call<'_>, f: impl Fn(i64, i64) -> Option<i64>) -> Result<Vector> {
    let (a, b) = (call.longs(0)?, call.longs(1)?);
    Ok(call.give_longs(|i| f(a.get(i)?, b.get(i)?)))
}

fn add(call: &Call<'_>) -> Result<Vector> {
    match types(call)? {
        (Type::Long, Type::Long) if call.ty == Type::Long => longs(call, i64::wrapping_add),
        (a, b) if is_whole(a) && is_whole(b) => whole(call, |a, b| Some(a.wrapping_add(b))),
        (Type::DateTime, Type::TimeSpan) | (Type::TimeSpan, Type::DateTime) => {
            ticks(call, |a, b| a.checked_add(b).and_then(in_range))
        }
        (Type::TimeSpan, Type::TimeSpan) => ticks(call, i64::checked_add),
        (Type::Decimal, Type::Decimal) => decimal(call, i128::checked_add),
        (a, b) if a.is_numeric() && b.is_numeric() => real(call, |a, b| a + b),
        _ => Err(unfit(call, "+")),
    }
}

fn subtract(call: &Call<'_>) -> Result<Vector> {
    match types(call)? {
        (Type::Long, Type::Long) if call.ty == Type::Long => longs(call, i64::wrapping_sub),
        (a, b) if is_whole(a) && is_whole(b) => whole(call, |a, b| Some(a.wrapping_sub(b))),
        (Type::DateTime, Type::TimeSpan) => ticks(call, |a, b| a.checked_sub(b).and_then(in_range)),
        (Type::DateTime, Type::DateTime) | (Type::TimeSpan, Type::TimeSpan) => ticks(call, i64::checked_sub),
        (Type::Decimal, Type::Decimal) => decimal(call, i128::checked_sub),
        (a, b) if a.is_numeric() && b.is_numeric() => real(call, |a, b| a - b),
        _ => Err(unfit(call, "-")),
    }
}

fn negate(call: &Call<'_>) -> Result<Vector> {
    match call.types.first() {
        Some(Type::Real) => {
            let a = call.reals(0)?;
            Ok(call.give_reals(|i| a.get(i).map(|n| -n)))
        }
        Some(Type::Decimal) => {
            let a = call.arg(0)?.decimals()?;
            Ok(Vector::Array(decimals((0..call.rows).map(|i| a.get(i).map(|n| -n)))))
        }
        _ => {
            let a = call.whole(0)?;
            Ok(call.give_whole(|i| a.get(i).map(i64::wrapping_neg)))
        }
    }
}

fn scale_span(ticks: i64, by: f64) -> Option<i64> {
    let product = ticks as f64 * by;
    (product.abs() < 9.3e18).then(|| product.round() as i64)
}

fn multiply(call: &Call<'_>) -> Result<Vector> {
    match types(call)? {
        (Type::Long, Type::Long) if call.ty == Type::Long => longs(call, i64::wrapping_mul),
        (a, b) if is_whole(a) && is_whole(b) => whole(call, |a, b| Some(a.wrapping_mul(b))),
        (Type::TimeSpan, b) if is_whole(b) => whole(call, i64::checked_mul),
        (a, Type::TimeSpan) if is_whole(a) => whole(call, i64::checked_mul),
        (Type::TimeSpan, b) if b.is_numeric() => {
            let (a, b) = (call.longs(0)?, call.number(1)?);
            Ok(call.give_longs(|i| scale_span(a.get(i)?, b.get(i)?)))
        }
        (a, Type::TimeSpan) if a.is_numeric() => {
            let (a, b) = (call.number(0)?, call.longs(1)?);
            Ok(call.give_longs(|i| scale_span(b.get(i)?, a.get(i)?)))
        }
        // Divided before and after, so that the scale does not overflow where the answer fits.
        (Type::Decimal, Type::Decimal) => decimal(call, |a, b| {
            a.checked_mul(b).map(|n| n / ONE).or_else(|| (a / 1_000_000_000).checked_mul(b / 1_000_000_000))
        }),
        (a, b) if a.is_numeric() && b.is_numeric() => real(call, |a, b| a * b),
        _ => Err(unfit(call, "*")),
    }
}

fn divide(call: &Call<'_>) -> Result<Vector> {
    match types(call)? {
        (Type::TimeSpan | Type::DateTime, Type::TimeSpan) => {
            let (a, b) = (call.longs(0)?, call.longs(1)?);
            if call.ty == Type::Real {
                return Ok(call.give_reals(|i| Some(a.get(i)? as f64 / b.get(i)? as f64)));
            }
            Ok(call.give_longs(|i| a.get(i)?.checked_div(b.get(i)?)))
        }
        (Type::TimeSpan, b) if b.is_numeric() => {
            let (a, b) = (call.longs(0)?, call.number(1)?);
            Ok(call.give_longs(|i| {
                let by = b.get(i)?;
                if by == 0.0 { None } else { scale_span(a.get(i)?, 1.0 / by) }
            }))
        }
        (a, b) if is_whole(a) && is_whole(b) => whole(call, |a, b| if b == 0 { None } else { Some(a.wrapping_div(b)) }),
        (Type::Decimal, Type::Decimal) => decimal(call, |a, b| {
            if b == 0 {
                return None;
            }
            a.checked_mul(ONE).map(|n| n / b).or_else(|| (a / b).checked_mul(ONE))
        }),
        (a, b) if a.is_numeric() && b.is_numeric() => real(call, |a, b| a / b),
        _ => Err(unfit(call, "/")),
    }
}

/// The remainder, never negative.
fn rest(a: i64, b: i64) -> Option<i64> {
    if b == 0 { None } else { Some(a.wrapping_rem_euclid(b)) }
}

fn modulo(call: &Call<'_>) -> Result<Vector> {
    match types(call)? {
        (Type::Decimal, Type::Decimal) => decimal(call, |a, b| if b == 0 { None } else { Some(a.rem_euclid(b)) }),
        (Type::Real | Type::Decimal, _) | (_, Type::Real | Type::Decimal) => real(call, f64::rem_euclid),
        _ => whole(call, rest),
    }
}

/// Down to a multiple of `step`, counted from `from`; null for a step of nothing or less.
fn floor_to(n: i64, step: i64, from: i64) -> Option<i64> {
    if step <= 0 {
        return None;
    }
    let rest = n.checked_sub(from)?.rem_euclid(step);
    n.checked_sub(rest)
}

fn bin(call: &Call<'_>, from: i64) -> Result<Vector> {
    match types(call)? {
        (Type::Real, _) | (Type::Int | Type::Long, Type::Real) => {
            let (a, b) = (call.number(0)?, call.number(1)?);
            Ok(call.give_reals(|i| {
                let (n, step) = (a.get(i)?, b.get(i)?);
                (step > 0.0).then(|| (n / step).floor() * step)
            }))
        }
        (Type::Decimal, _) => decimal(call, |n, step| (step > 0).then(|| n - n.rem_euclid(step))),
        (a, b) if is_whole(a) && is_whole(b) => whole(call, |n, step| floor_to(n, step, from)),
        _ => {
            // The hot path: a datetime column and a constant step.
            let a = call.longs(0)?;
            let b = call.whole(1)?;
            if let (Numbers::Array(values, None), super::Whole::Longs(Numbers::Constant(Some(step)))) = (a, b)
                && step > 0
            {
                return Ok(Vector::Array(Arc::new(floor_all(values, step, from))));
            }
            Ok(call.give_longs(|i| floor_to(a.get(i)?, b.get(i)?, from)))
        }
    }
}

/// Every value down to its step. Neighbours mostly fall into one bin, so that the division is seldom needed.
fn floor_all(values: &[i64], step: i64, from: i64) -> arrow::array::Int64Array {
    let (mut low, mut high) = (0_i64, 0_i64);
    values
        .iter()
        .map(|n| {
            if *n < low || *n >= high {
                low = n.saturating_sub(n.saturating_sub(from).rem_euclid(step));
                high = low.saturating_add(step);
            }
            low
        })
        .collect::<Vec<_>>()
        .into()
}

fn bin_at(call: &Call<'_>) -> Result<Vector> {
    if matches!(call.types.first(), Some(Type::Real)) || matches!(call.types.get(1), Some(Type::Real)) {
        let (a, b, from) = (call.number(0)?, call.number(1)?, call.number(2)?);
        return Ok(call.give_reals(|i| {
            let (n, step, from) = (a.get(i)?, b.get(i)?, from.get(i)?);
            (step > 0.0).then(|| ((n - from) / step).floor() * step + from)
        }));
    }
    let (a, b, from) = (call.whole(0)?, call.whole(1)?, call.whole(2)?);
    Ok(call.give_whole(|i| floor_to(a.get(i)?, b.get(i)?, from.get(i)?)))
}

fn abs(call: &Call<'_>) -> Result<Vector> {
    match call.types.first() {
        Some(Type::Real) => {
            let a = call.reals(0)?;
            Ok(call.give_reals(|i| a.get(i).map(f64::abs)))
        }
        Some(Type::Decimal) => {
            let a = call.arg(0)?.decimals()?;
            Ok(Vector::Array(decimals((0..call.rows).map(|i| a.get(i).map(i128::abs)))))
        }
        _ => {
            let a = call.whole(0)?;
            Ok(call.give_whole(|i| a.get(i).map(i64::wrapping_abs)))
        }
    }
}
