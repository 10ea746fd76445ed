//! Conversions: `tostring`, `tolong`, … . What cannot be converted is null; reals out of range saturate.

use std::fmt::Write as _;

use super::{Call, Eval, dynamic, parse_number, parse_time, real_text};
use crate::base::time::{Span, Ticks};
use crate::engine::local::column::{DECIMAL_SCALE, Numbers, Result, Texts, Vector, decimals, internal};
use crate::event::json;
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "tostring" => tostring,
        "tolong" => tolong,
        "toint" => toint,
        "todouble" | "toreal" => todouble,
        "todecimal" => todecimal,
        "tobool" | "toboolean" => tobool,
        "todatetime" => todatetime,
        "totimespan" | "totime" => totimespan,
        "toguid" => toguid,
        "dynamic" => to_dynamic,
        "parse_json" | "todynamic" => dynamic::parse_json,
        _ => return None,
    })
}

/// A cell of any type, to be written as text.
#[derive(Debug)]
pub struct Cells<'a> {
    ty: Type,
    look: Look<'a>,
}

#[derive(Debug)]
enum Look<'a> {
    Texts(Texts<'a>),
    Longs(Numbers<'a, i64>),
    Ints(Numbers<'a, i32>),
    Reals(Numbers<'a, f64>),
    Decimals(Numbers<'a, i128>),
    Bools(crate::engine::local::column::Bools<'a>),
}

impl<'a> Cells<'a> {
    pub fn of(vector: &'a Vector, ty: Type) -> Result<Self> {
        let look = match ty {
            Type::Bool => Look::Bools(vector.bools()?),
            Type::Int => Look::Ints(vector.ints()?),
            Type::Long | Type::DateTime | Type::TimeSpan => Look::Longs(vector.longs()?),
            Type::Real => Look::Reals(vector.reals()?),
            Type::Decimal => Look::Decimals(vector.decimals()?),
            Type::String | Type::Guid | Type::Dynamic => Look::Texts(vector.texts()?),
        };
        Ok(Self { ty, look })
    }

    /// Writes what `tostring` gives; nothing for null.
    pub fn write(&self, row: usize, out: &mut String) {
        let written = match &self.look {
            Look::Texts(texts) if self.ty == Type::Dynamic => {
                if let Some(text) = texts.get(row) {
                    match json::string(text) {
                        Some(plain) => out.push_str(&plain),
                        None => dynamic::write_normal(out, text),
                    }
                }
                Ok(())
            }
            Look::Texts(texts) => out.write_str(texts.text(row)),
            Look::Longs(n) => match (self.ty, n.get(row)) {
                (_, None) => Ok(()),
                (Type::DateTime, Some(t)) => write!(out, "{}", Ticks(t)),
                (Type::TimeSpan, Some(t)) => write!(out, "{}", Span(t)),
                (_, Some(n)) => write!(out, "{n}"),
            },
            Look::Ints(n) => n.get(row).map_or(Ok(()), |n| write!(out, "{n}")),
            Look::Reals(n) => {
                if let Some(n) = n.get(row) {
                    real_text::write_real(out, n);
                }
                Ok(())
            }
            Look::Decimals(n) => {
                if let Some(n) = n.get(row) {
                    parse_number::write_decimal(out, n, DECIMAL_SCALE);
                }
                Ok(())
            }
            Look::Bools(b) => b.get(row).map_or(Ok(()), |b| out.write_str(if b { "True" } else { "False" })),
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }

    /// Writes the cell as JSON, `null` for null.
    pub fn write_json(&self, row: usize, out: &mut String) {
        match &self.look {
            Look::Texts(texts) => match (self.ty, texts.get(row)) {
                (Type::String, text) => dynamic::quote(out, text.unwrap_or_default()),
                (_, None) => out.push_str("null"),
                (Type::Dynamic, Some(text)) => out.push_str(text),
                (_, Some(text)) => dynamic::quote(out, text),
            },
            Look::Bools(b) => out.push_str(match b.get(row) {
                None => "null",
                Some(true) => "true",
                Some(false) => "false",
            }),
            Look::Longs(n) if n.get(row).is_some() && self.ty != Type::Long => {
                out.push('"');
                self.write(row, out);
                out.push('"');
            }
            Look::Reals(n) if n.get(row).is_some_and(|n| !n.is_finite()) => {
                out.push_str(match n.get(row) {
                    Some(n) if n.is_nan() => "\"NaN\"",
                    Some(n) if n < 0.0 => "\"-Infinity\"",
                    _ => "\"Infinity\"",
                });
            }
            _ => {
                let before = out.len();
                self.write(row, out);
                if out.len() == before {
                    out.push_str("null");
                }
            }
        }
    }

    pub fn is_null(&self, row: usize) -> bool {
        match &self.look {
            Look::Texts(t) => self.ty != Type::String && t.get(row).is_none(),
            Look::Longs(n) => n.get(row).is_none(),
            Look::Ints(n) => n.get(row).is_none(),
            Look::Reals(n) => n.get(row).is_none(),
            Look::Decimals(n) => n.get(row).is_none(),
            Look::Bools(n) => n.get(row).is_none(),
        }
    }
}

fn source(call: &Call<'_>) -> Result<Type> {
    call.types.first().copied().ok_or_else(|| internal("a conversion without an argument"))
}

fn tostring(call: &Call<'_>) -> Result<Vector> {
    if source(call)? == Type::String {
        return Ok(call.arg(0)?.clone());
    }
    let cells = Cells::of(call.arg(0)?, source(call)?)?;
    Ok(call.write_texts(|i, out| {
        cells.write(i, out);
        true
    }))
}

fn to_dynamic(call: &Call<'_>) -> Result<Vector> {
    let ty = source(call)?;
    if ty == Type::Dynamic {
        return Ok(call.arg(0)?.clone());
    }
    let cells = Cells::of(call.arg(0)?, ty)?;
    Ok(call.write_texts(|i, out| {
        cells.write_json(i, out);
        !cells.is_null(i)
    }))
}

/// The text of a dynamic that a conversion looks at: a string's inside, a number's digits.
fn scalar_text(value: &str) -> std::borrow::Cow<'_, str> {
    json::string(value).unwrap_or(std::borrow::Cow::Borrowed(value))
}

fn saturate(n: f64) -> Option<i64> {
    (!n.is_nan()).then_some(n as i64)
}

/// A dynamic number may be written with a point or an exponent.
fn long_of_dynamic(value: &str) -> Option<i64> {
    match json::kind(value)? {
        json::Kind::Boolean => Some(i64::from(value == "true")),
        json::Kind::Number => value.parse().ok().or_else(|| value.parse::<f64>().ok().and_then(saturate)),
        json::Kind::Text => parse_number::long(&scalar_text(value)),
        _ => None,
    }
}

/// int or long of anything, as long.
fn whole_of<'a>(call: &Call<'a>) -> Result<Box<dyn Fn(usize) -> Option<i64> + 'a>> {
    Ok(match source(call)? {
        Type::Int | Type::Long | Type::DateTime | Type::TimeSpan => {
            let n = call.whole(0)?;
            Box::new(move |i| n.get(i))
        }
        Type::Bool => {
            let b = call.arg(0)?.bools()?;
            Box::new(move |i| b.get(i).map(i64::from))
        }
        Type::Real => {
            let n = call.reals(0)?;
            Box::new(move |i| n.get(i).and_then(saturate))
        }
        Type::Decimal => {
            let n = call.arg(0)?.decimals()?;
            Box::new(move |i| n.get(i).and_then(|n| i64::try_from(n / 10_i128.pow(18)).ok()))
        }
        Type::String | Type::Guid => {
            let t = call.texts(0)?;
            Box::new(move |i| parse_number::long(t.get(i)?))
        }
        Type::Dynamic => {
            let t = call.texts(0)?;
            Box::new(move |i| long_of_dynamic(t.get(i)?))
        }
    })
}

fn tolong(call: &Call<'_>) -> Result<Vector> {
    if source(call)? == Type::Long {
        return Ok(call.arg(0)?.clone());
    }
    let n = whole_of(call)?;
    Ok(call.give_longs(n))
}

fn toint(call: &Call<'_>) -> Result<Vector> {
    let n = whole_of(call)?;
    match source(call)? {
        // Whole numbers wrap, reals saturate, text that does not fit is null.
        Type::TimeSpan | Type::DateTime | Type::Long | Type::Dynamic => Ok(call.give_ints(|i| n(i).map(|n| n as i32))),
        Type::Real => Ok(call.give_ints(|i| n(i).map(|n| n.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32))),
        _ => Ok(call.give_ints(|i| n(i).and_then(|n| i32::try_from(n).ok()))),
    }
}

fn todouble(call: &Call<'_>) -> Result<Vector> {
    match source(call)? {
        Type::Real => Ok(call.arg(0)?.clone()),
        Type::String | Type::Guid => {
            let t = call.texts(0)?;
            Ok(call.give_reals(|i| parse_number::real(t.get(i)?)))
        }
        Type::Dynamic => {
            let t = call.texts(0)?;
            Ok(call.give_reals(|i| {
                let value = t.get(i)?;
                match json::kind(value)? {
                    json::Kind::Number => value.parse().ok(),
                    // Hexadecimal digits in a dynamic text are whole numbers only.
                    json::Kind::Text => parse_number::decimal_real(&scalar_text(value)),
                    json::Kind::Boolean => Some(if value == "true" { 1.0 } else { 0.0 }),
                    _ => None,
                }
            }))
        }
        Type::Decimal => {
            let n = call.number(0)?;
            Ok(call.give_reals(|i| n.get(i)))
        }
        _ => {
            let n = whole_of(call)?;
            Ok(call.give_reals(|i| n(i).map(|n| n as f64)))
        }
    }
}

fn todecimal(call: &Call<'_>) -> Result<Vector> {
    let unit = 10_i128.pow(u32::from(DECIMAL_SCALE));
    Ok(match source(call)? {
        Type::Decimal => call.arg(0)?.clone(),
        Type::Real => {
            let n = call.reals(0)?;
            let mut text = String::new();
            Vector::Array(decimals((0..call.rows).map(|i| {
                text.clear();
                real_text::write_real(&mut text, n.get(i)?);
                parse_number::decimal(&text)
            })))
        }
        Type::String | Type::Guid | Type::Dynamic => {
            let t = call.texts(0)?;
            Vector::Array(decimals((0..call.rows).map(|i| parse_number::decimal(&scalar_text(t.get(i)?)))))
        }
        _ => {
            let n = whole_of(call)?;
            Vector::Array(decimals((0..call.rows).map(|i| n(i).map(|n| i128::from(n) * unit))))
        }
    })
}

/// A bool in text: true or false in any case, or a whole number.
pub fn bool_of_text(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        parse_number::long(text).map(|n| n != 0)
    }
}

fn tobool(call: &Call<'_>) -> Result<Vector> {
    match source(call)? {
        Type::Bool => Ok(call.arg(0)?.clone()),
        Type::String | Type::Guid => {
            let t = call.texts(0)?;
            Ok(call.maybe_bools(|i| bool_of_text(t.get(i)?)))
        }
        Type::Dynamic => {
            let t = call.texts(0)?;
            Ok(call.maybe_bools(|i| {
                let value = t.get(i)?;
                match json::kind(value)? {
                    json::Kind::Number => value.parse::<f64>().ok().map(|n| n != 0.0),
                    _ => bool_of_text(&scalar_text(value)),
                }
            }))
        }
        Type::Real | Type::Decimal => {
            let n = call.number(0)?;
            Ok(call.maybe_bools(|i| n.get(i).map(|n| n != 0.0)))
        }
        _ => {
            let n = whole_of(call)?;
            Ok(call.maybe_bools(|i| n(i).map(|n| n != 0)))
        }
    }
}

fn todatetime(call: &Call<'_>) -> Result<Vector> {
    match source(call)? {
        Type::DateTime => Ok(call.arg(0)?.clone()),
        Type::String | Type::Guid | Type::Dynamic => {
            let t = call.texts(0)?;
            Ok(call.give_longs(|i| parse_time::datetime(&scalar_text(t.get(i)?))))
        }
        _ => {
            let n = whole_of(call)?;
            Ok(call.give_longs(|i| n(i).filter(|n| (0..=crate::base::time::MAX).contains(n))))
        }
    }
}

fn totimespan(call: &Call<'_>) -> Result<Vector> {
    match source(call)? {
        Type::TimeSpan => Ok(call.arg(0)?.clone()),
        Type::String | Type::Guid | Type::Dynamic => {
            let t = call.texts(0)?;
            Ok(call.give_longs(|i| parse_time::timespan(&scalar_text(t.get(i)?))))
        }
        _ => {
            let n = whole_of(call)?;
            Ok(call.give_longs(n))
        }
    }
}

/// A guid's canonical text, of its text with dashes anywhere, or none, and with braces or without.
pub fn guid(text: &str) -> Option<String> {
    let bare = text.trim().trim_start_matches(['{', '(']).trim_end_matches(['}', ')']);
    let hex: String = bare.chars().filter(|c| *c != '-').collect();
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let h = hex.to_ascii_lowercase();
    Some(format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..]))
}

fn toguid(call: &Call<'_>) -> Result<Vector> {
    match source(call)? {
        Type::Guid => Ok(call.arg(0)?.clone()),
        Type::String | Type::Dynamic => {
            let t = call.texts(0)?;
            Ok(call.give_texts(|i| guid(&scalar_text(t.get(i)?))))
        }
        _ => Ok(call.give_texts(|_| None::<&str>)),
    }
}
