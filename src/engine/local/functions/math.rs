//! Mathematics on reals, rounding, bits.

use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector, decimals};
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "sqrt" => |c| real(c, f64::sqrt),
        "exp" => |c| real(c, f64::exp),
        "exp2" => |c| real(c, f64::exp2),
        "exp10" => |c| real(c, |n| 10_f64.powf(n)),
        "log" => |c| real(c, f64::ln),
        "log2" => |c| real(c, f64::log2),
        "log10" => |c| real(c, f64::log10),
        "sin" => |c| real(c, f64::sin),
        "cos" => |c| real(c, f64::cos),
        "tan" => |c| real(c, f64::tan),
        "asin" => |c| real(c, f64::asin),
        "acos" => |c| real(c, f64::acos),
        "atan" => |c| real(c, f64::atan),
        "cot" => |c| real(c, |n| 1.0 / n.tan()),
        "degrees" => |c| real(c, f64::to_degrees),
        "radians" => |c| real(c, f64::to_radians),
        "pi" => |c| Ok(c.give_reals(|_| Some(std::f64::consts::PI))),
        "pow" => |c| real2(c, f64::powf),
        "atan2" => |c| real2(c, f64::atan2),
        "round" => round,
        "ceiling" => ceiling,
        "sign" => sign,
        "isnan" => |c| test(c, f64::is_nan),
        "isinf" => |c| test(c, f64::is_infinite),
        "isfinite" => |c| test(c, f64::is_finite),
        "max_of" => |c| extreme(c, true),
        "min_of" => |c| extreme(c, false),
        "binary_and" => |c| bits(c, |a, b| a & b),
        "binary_or" => |c| bits(c, |a, b| a | b),
        "binary_xor" => |c| bits(c, |a, b| a ^ b),
        "binary_shift_left" => |c| shift(c, i64::wrapping_shl),
        "binary_shift_right" => |c| shift(c, i64::wrapping_shr),
        "binary_not" => |c| {
            let a = c.whole(0)?;
            Ok(c.give_longs(|i| a.get(i).map(|n| !n)))
        },
        "bitset_count_ones" => |c| {
            let a = c.whole(0)?;
            Ok(c.give_longs(|i| a.get(i).map(|n| i64::from(n.count_ones()))))
        },
        _ => return None,
    })
}

fn real(call: &Call<'_>, f: impl Fn(f64) -> f64) -> Result<Vector> {
    let a = call.number(0)?;
    Ok(call.give_reals(|i| a.get(i).map(&f)))
}

fn real2(call: &Call<'_>, f: impl Fn(f64, f64) -> f64) -> Result<Vector> {
    let (a, b) = (call.number(0)?, call.number(1)?);
    Ok(call.give_reals(|i| Some(f(a.get(i)?, b.get(i)?))))
}

fn test(call: &Call<'_>, f: impl Fn(f64) -> bool) -> Result<Vector> {
    let a = call.number(0)?;
    Ok(call.bools(|i| a.get(i).is_some_and(&f)))
}

fn bits(call: &Call<'_>, f: impl Fn(i64, i64) -> i64) -> Result<Vector> {
    let (a, b) = (call.whole(0)?, call.whole(1)?);
    Ok(call.give_longs(|i| Some(f(a.get(i)?, b.get(i)?))))
}

/// By so many bits modulo 64; by a negative number it is null.
fn shift(call: &Call<'_>, f: impl Fn(i64, u32) -> i64) -> Result<Vector> {
    let (a, b) = (call.whole(0)?, call.whole(1)?);
    Ok(call.give_longs(|i| {
        let (n, by) = (a.get(i)?, b.get(i)?);
        (by >= 0).then(|| f(n, (by % 64) as u32))
    }))
}

/// Half away from zero, at so many digits behind the point (or before it, where negative).
fn round(call: &Call<'_>) -> Result<Vector> {
    let digits = if call.args.len() > 1 { Some(call.whole(1)?) } else { None };
    if matches!(call.types.first(), Some(Type::Int | Type::Long)) && call.ty != Type::Real {
        let a = call.whole(0)?;
        return Ok(call.give_whole(|i| a.get(i)));
    }
    if call.ty == Type::Decimal {
        let a = call.arg(0)?.decimals()?;
        return Ok(Vector::Array(decimals((0..call.rows).map(|i| {
            let n = a.get(i)?;
            let keep = digits.as_ref().map_or(Some(0), |d| d.get(i))?.clamp(0, 18) as u32;
            let unit = 10_i128.pow(18 - keep);
            Some((n + n.signum() * unit / 2) / unit * unit)
        }))));
    }
    let a = call.number(0)?;
    Ok(call.give_reals(|i| {
        let n = a.get(i)?;
        let places = digits.as_ref().map_or(Some(0), |d| d.get(i))?.clamp(-308, 308);
        let scale = 10_f64.powi(places as i32);
        let scaled = n * scale;
        Some(if scaled.is_finite() && scale != 0.0 { scaled.round() / scale } else { n })
    }))
}

fn ceiling(call: &Call<'_>) -> Result<Vector> {
    match call.types.first() {
        Some(Type::Int | Type::Long) if call.ty != Type::Real => {
            let a = call.whole(0)?;
            Ok(call.give_whole(|i| a.get(i)))
        }
        Some(Type::Decimal) if call.ty == Type::Decimal => {
            let a = call.arg(0)?.decimals()?;
            let one = 10_i128.pow(18);
            Ok(Vector::Array(decimals((0..call.rows).map(|i| a.get(i).map(|n| -(-n).div_euclid(one) * one)))))
        }
        _ => real(call, f64::ceil),
    }
}

fn sign(call: &Call<'_>) -> Result<Vector> {
    let a = call.number(0)?;
    let of = |n: f64| {
        if n > 0.0 {
            1.0
        } else if n < 0.0 {
            -1.0
        } else {
            0.0
        }
    };
    if call.ty == Type::Real {
        Ok(call.give_reals(|i| a.get(i).map(of)))
    } else {
        Ok(call.give_whole(|i| a.get(i).map(|n| of(n) as i64)))
    }
}

/// `max_of`, `min_of`: nulls are passed over.
fn extreme(call: &Call<'_>, greatest: bool) -> Result<Vector> {
    fn pick<T: PartialOrd>(values: impl Iterator<Item = Option<T>>, greatest: bool) -> Option<T> {
        values.flatten().reduce(|a, b| if (b > a) == greatest { b } else { a })
    }
    let n = call.args.len();
    match call.ty {
        Type::Bool => {
            let all = (0..n).map(|k| call.arg(k)?.bools()).collect::<Result<Vec<_>>>()?;
            Ok(call.maybe_bools(|i| pick(all.iter().map(|b| b.get(i)), greatest)))
        }
        Type::String | Type::Guid => {
            let all = (0..n).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
            Ok(call.give_texts(|i| pick(all.iter().map(|t| Some(t.text(i))), greatest)))
        }
        Type::Real => {
            let all = (0..n).map(|k| call.number(k)).collect::<Result<Vec<_>>>()?;
            Ok(call.give_reals(|i| pick(all.iter().map(|t| t.get(i)), greatest)))
        }
        Type::Decimal => {
            let all = (0..n).map(|k| call.arg(k)?.decimals()).collect::<Result<Vec<_>>>()?;
            Ok(Vector::Array(decimals((0..call.rows).map(|i| pick(all.iter().map(|t| t.get(i)), greatest)))))
        }
        _ => {
            let all = (0..n).map(|k| call.whole(k)).collect::<Result<Vec<_>>>()?;
            Ok(call.give_whole(|i| pick(all.iter().map(|t| t.get(i)), greatest)))
        }
    }
}
