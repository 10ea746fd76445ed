//! The only printer of literals: text that reads back as exactly the value, whatever it holds, and that cannot disturb a screen.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

use super::parse_dynamic;
use crate::base::time::{DAY, HOUR, MINUTE, SECOND, Ticks};
use crate::kql::value::Value;

/// A literal that reads back as the value.
pub fn print_literal(value: &Value) -> String {
    match value {
        Value::Null(ty) => format!("{ty}(null)"),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => format!("int({value})"),
        Value::Long(value) => value.to_string(),
        Value::Real(value) if value.is_nan() => "real(nan)".into(),
        Value::Real(value) if value.is_infinite() => if *value > 0.0 { "real(+inf)" } else { "real(-inf)" }.into(),
        Value::Real(value) => format!("{value:?}"),
        Value::Decimal(digits, scale) => format!("decimal({})", print_decimal(*digits, *scale)),
        Value::String(text) => print_string(text),
        Value::DateTime(ticks) => format!("datetime({})", print_datetime(*ticks)),
        Value::TimeSpan(ticks) => print_span_literal(*ticks),
        Value::Guid(text) => match super::parse_guid(text) {
            Some(guid) => format!("guid({guid})"),
            None => "guid(null)".into(),
        },
        Value::Dynamic(text) => print_dynamic(text),
    }
}

/// A string in double quotes. Whatever does not print as itself is escaped: quotes, backslashes, control, bidirectional, zero-width,
/// combining and private characters.
pub fn print_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => push_printing(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// The character, or its escape where it does not print as itself. The escapes are JSON's too.
fn push_printing(out: &mut String, c: char) {
    let private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let prints =
        c == ' ' || c.is_ascii_graphic() || !c.is_ascii() && !c.is_whitespace() && !private && c.width() > Some(0);
    if prints {
        out.push(c);
        return;
    }
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// JSON text as a literal. Text that is no JSON is a string, so that it cannot become anything else.
fn print_dynamic(text: &str) -> String {
    let Ok(value) = parse_dynamic(text) else { return format!("dynamic({})", print_string(text)) };
    let Value::Dynamic(text) = value else { return "dynamic(null)".into() };
    let mut out = String::with_capacity(text.len() + 9);
    out.push_str("dynamic(");
    for c in text.chars() {
        push_printing(&mut out, c);
    }
    out.push(')');
    out
}

pub(super) fn print_decimal(digits: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let text = digits.unsigned_abs().to_string();
    let text = format!("{text:0>width$}", width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    let sign = if digits < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// `2024-03-01T06:30:00.0000000Z`
pub fn print_datetime(ticks: i64) -> String {
    let c = Ticks(ticks).civil();
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z", c.year, c.month, c.day, c.hour, c.minute, c.second, c.tick)
}

/// `[-][d.]hh:mm:ss[.fffffff]`
pub fn print_timespan(ticks: i64) -> String {
    let (sign, all) = (if ticks < 0 { "-" } else { "" }, ticks.unsigned_abs());
    let (days, in_day) = (all / DAY as u64, all % DAY as u64);
    let (hours, in_hour) = (in_day / HOUR as u64, in_day % HOUR as u64);
    let (minutes, in_minute) = (in_hour / MINUTE as u64, in_hour % MINUTE as u64);
    let (seconds, fraction) = (in_minute / SECOND as u64, in_minute % SECOND as u64);
    let mut out = String::from(sign);
    if days > 0 {
        let _ = write!(out, "{days}.");
    }
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}");
    if fraction > 0 {
        let _ = write!(out, ".{fraction:07}");
    }
    out
}

/// `7d`, `90m`, or the long form where no unit divides it.
fn print_span_literal(ticks: i64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (SECOND / 1000, "ms")];
    match units.iter().find(|(unit, _)| ticks != 0 && ticks % unit == 0 && (ticks / unit).abs() < 10_000) {
        Some((unit, name)) => format!("{}{name}", ticks / unit),
        None => format!("timespan({})", print_timespan(ticks)),
    }
}
