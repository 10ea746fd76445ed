//! Constants that need no data and no engine: what bounds of time, sizes and names are made of.
//!
//! Only what is certain is folded; `None` leaves the call in the plan, where the engine's own evaluator does it.

use std::sync::Arc;

use crate::base::time::{Span, Ticks};
use crate::kql::types::Type;
use crate::kql::value::Value;

/// A call of constants.
pub(super) fn call(name: &str, args: &[crate::kql::plan::Expr], ty: Type) -> Option<Value> {
    let values: Vec<&Value> = args.iter().filter_map(crate::kql::plan::Expr::as_literal).collect();
    match (name, values.as_slice()) {
        (
            "tobool" | "toint" | "tolong" | "todouble" | "todecimal" | "tostring" | "todatetime" | "totimespan"
            | "toguid",
            [value],
        ) => convert(value, ty),
        ("negate", [value]) => negated(value),
        ("strcat", values) => {
            let mut text = String::new();
            for value in values {
                let Value::String(part) = value else { return None };
                text.push_str(part);
            }
            Some(Value::string(text))
        }
        ("+" | "-" | "*" | "/" | "%", [left, right]) => arithmetic(name, left, right, ty),
        ("bin", [value, size]) => bin(value, size),
        ("not", [Value::Bool(value)]) => Some(Value::Bool(!value)),
        ("iff", [Value::Bool(true), then, _]) => Some((*then).clone()),
        ("iff", [Value::Bool(false) | Value::Null(_), _, other]) => Some((*other).clone()),
        ("tolower", [Value::String(text)]) if text.is_ascii() => Some(Value::string(text.to_ascii_lowercase())),
        ("toupper", [Value::String(text)]) if text.is_ascii() => Some(Value::string(text.to_ascii_uppercase())),
        ("startofday", [Value::DateTime(t)]) => Some(Value::DateTime(t - t.rem_euclid(crate::base::time::DAY))),
        _ => None,
    }
}

/// The constant as another type, where the outcome is beyond doubt.
pub(super) fn convert(value: &Value, ty: Type) -> Option<Value> {
    Some(match (value, ty) {
        (value, ty) if value.ty() == ty => value.clone(),
        (Value::Null(_), Type::String) => Value::string(""),
        (Value::Null(_), ty) => Value::Null(ty),
        (Value::Int(n), Type::Long) => Value::Long(i64::from(*n)),
        (Value::Int(n), Type::Real) => Value::Real(f64::from(*n)),
        (Value::Int(n), Type::Decimal) => Value::Decimal(i128::from(*n), 0),
        (Value::Int(n), Type::Bool) => Value::Bool(*n != 0),
        (Value::Long(n), Type::Bool) => Value::Bool(*n != 0),
        (Value::Long(n), Type::Int) => Value::Int(i32::try_from(*n).ok()?),
        (Value::Long(n), Type::Real) => Value::Real(*n as f64),
        (Value::Long(n), Type::Decimal) => Value::Decimal(i128::from(*n), 0),
        (Value::Bool(b), Type::Long) => Value::Long(i64::from(*b)),
        (Value::Bool(b), Type::Int) => Value::Int(i32::from(*b)),
        (value, Type::String) => Value::String(text(value)?),
        (Value::Bool(b), Type::Dynamic) => Value::Dynamic(if *b { "true" } else { "false" }.into()),
        (Value::Int(n), Type::Dynamic) => Value::Dynamic(n.to_string().into()),
        (Value::Long(n), Type::Dynamic) => Value::Dynamic(n.to_string().into()),
        (Value::String(text), Type::Dynamic) => Value::Dynamic(serde_json::to_string(&**text).ok()?.into()),
        (Value::String(text), Type::DateTime) => Value::DateTime(Ticks::parse_rfc3339(text)?.0),
        _ => return None,
    })
}

/// `tostring` of a constant.
fn text(value: &Value) -> Option<Arc<str>> {
    Some(match value {
        Value::String(text) | Value::Guid(text) => Arc::clone(text),
        Value::Bool(b) => if *b { "True" } else { "False" }.into(),
        Value::Int(n) => n.to_string().into(),
        Value::Long(n) => n.to_string().into(),
        Value::DateTime(t) => Ticks(*t).to_string().into(),
        Value::TimeSpan(t) => Span(*t).to_string().into(),
        _ => return None,
    })
}

fn negated(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Int(n) => Value::Int(n.wrapping_neg()),
        Value::Long(n) => Value::Long(n.wrapping_neg()),
        Value::Real(x) => Value::Real(-x),
        Value::Decimal(n, scale) => Value::Decimal(n.checked_neg()?, *scale),
        Value::TimeSpan(t) => Value::TimeSpan(t.wrapping_neg()),
        Value::Null(ty) => Value::Null(*ty),
        _ => return None,
    })
}

fn arithmetic(op: &str, left: &Value, right: &Value, ty: Type) -> Option<Value> {
    let whole = |a: i64, b: i64| -> Option<i64> {
        Some(match op {
            "+" => a.wrapping_add(b),
            "-" => a.wrapping_sub(b),
            "*" => a.wrapping_mul(b),
            "/" if b != 0 => a.wrapping_div(b),
            "%" if b != 0 => a.wrapping_rem_euclid(b),
            _ => return None,
        })
    };
    let time = |ticks: i64| (0..=crate::base::time::MAX).contains(&ticks).then_some(Value::DateTime(ticks));
    match (left, right) {
        (Value::Null(_), _) | (_, Value::Null(_)) => Some(Value::null(ty)),
        (Value::Long(a), Value::Long(b)) => whole(*a, *b).map(Value::Long),
        (Value::Real(a), Value::Real(b)) => Some(Value::Real(match op {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            _ => return None,
        })),
        (Value::DateTime(a), Value::TimeSpan(b)) => match op {
            "+" => time(a.checked_add(*b)?),
            "-" => time(a.checked_sub(*b)?),
            _ => None,
        },
        (Value::TimeSpan(a), Value::DateTime(b)) if op == "+" => time(a.checked_add(*b)?),
        (Value::DateTime(a), Value::DateTime(b)) if op == "-" => Some(Value::TimeSpan(a - b)),
        (Value::TimeSpan(a), Value::TimeSpan(b)) => match op {
            "/" => Some(Value::Real(*a as f64 / *b as f64)),
            "*" => None,
            _ => whole(*a, *b).map(Value::TimeSpan),
        },
        (Value::TimeSpan(a), Value::Real(b)) => {
            let ticks = if op == "*" {
                *a as f64 * b
            } else if op == "/" {
                *a as f64 / b
            } else {
                return None;
            };
            (ticks.is_finite() && ticks.abs() < 9e18).then_some(Value::TimeSpan(ticks.round() as i64))
        }
        _ => None,
    }
}

fn bin(value: &Value, size: &Value) -> Option<Value> {
    // What does not fit is left to the engine, which has its rule for it.
    let floor = |value: i64, size: i64| if size > 0 { value.checked_sub(value.rem_euclid(size)) } else { None };
    match (value, size) {
        (Value::Long(v), Value::Long(s)) => floor(*v, *s).map(Value::Long),
        (Value::DateTime(v), Value::TimeSpan(s)) => floor(*v, *s).map(Value::DateTime),
        (Value::TimeSpan(v), Value::TimeSpan(s)) => floor(*v, *s).map(Value::TimeSpan),
        _ => None,
    }
}
