//! What a literal's text is worth, and how a value is written. Values enter KQL through `print_literal` only, so that a value is never
//! read as anything else.

mod datetime;
mod dynamic;
mod print;
mod timespan;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::diagnostic::TextRange;
use super::lexer::unit_ticks;
use super::types::Type;
use super::value::Value;

pub use datetime::{DateTimeText, parse_datetime};
pub use dynamic::parse_dynamic;
pub use print::{print_datetime, print_literal, print_string, print_timespan};
pub use timespan::parse_timespan;

#[cfg(test)]
pub use tests::any_value;

/// What is wrong with a literal. The range counts from the literal's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiteralError {
    pub range: TextRange,
    pub message: String,
    pub help: Option<String>,
}

impl LiteralError {
    fn new(range: TextRange, message: impl Into<String>) -> Self {
        Self { range, message: message.into(), help: None }
    }

    fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Counts from `offset` bytes further on the left.
    fn shifted(mut self, offset: usize) -> Self {
        self.range = TextRange::new(self.range.start as usize + offset, self.range.end as usize + offset);
        self
    }
}

/// A literal's meaning: a value, or a time of day on the day that the query runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Value(Value),
    /// Ticks since midnight.
    Today(i64),
}

fn whole(text: &str) -> TextRange {
    TextRange::new(0, text.len())
}

/// `12`, `0x1F`. Hexadecimal digits are the bits: `0xFFFFFFFFFFFFFFFF` is −1.
pub fn parse_long(text: &str) -> Result<i64, LiteralError> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(|bits| {
            let value = bits as i64;
            if sign { value.wrapping_neg() } else { value }
        }),
        None if sign => text.parse().ok(),
        None => digits.parse().ok(),
    };
    value.ok_or_else(|| {
        LiteralError::new(whole(text), format!("`{text}` is not a whole number that fits a long")).with_help(
            "a long holds -9223372036854775808 to 9223372036854775807; write a larger number as a real or a decimal",
        )
    })
}

/// `1.5`, `1e10`, `nan`, `inf`, `-inf`.
pub fn parse_real(text: &str) -> Result<f64, LiteralError> {
    let value = match text {
        "nan" | "NaN" => Some(f64::NAN),
        "inf" | "+inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        text if text.contains(['n', 'N', 'i', 'I']) => None,
        text => text.parse().ok(),
    };
    value.ok_or_else(|| LiteralError::new(whole(text), format!("`{text}` is not a real number")))
}

/// Digits with or without a point and an exponent, as unscaled digits and the number of them behind the point.
pub fn parse_decimal(text: &str) -> Option<(i128, u8)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.trim_start_matches(['-', '+']).is_empty() || fraction.contains(['-', '+']) {
        return None;
    }
    let mut value: i128 = digits.parse().ok()?;
    let mut scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    while scale < 0 {
        value = value.checked_mul(10)?;
        scale += 1;
    }
    Some((value, u8::try_from(scale).ok()?))
}

/// 32 hexadecimal digits, dashes anywhere, perhaps in braces; lower case with dashes.
pub fn parse_guid(text: &str) -> Option<Arc<str>> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    let digits: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Some(parts.join("-").into())
}

/// `1d`, `2.5h`: the text of a timespan token.
pub fn parse_unit_timespan(text: &str) -> Result<i64, LiteralError> {
    let split = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit_ticks(unit.trim());
    let number = number.trim();
    let ticks = match (unit, number.parse::<i64>(), number.parse::<f64>()) {
        (Some(unit), Ok(whole), _) => whole.checked_mul(unit),
        (Some(unit), _, Ok(number)) => {
            let ticks = (number * unit as f64).round();
            // The bounds are exact as reals: −2⁶³ and 2⁶³.
            (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&ticks).then_some(ticks as i64)
        }
        _ => None,
    };
    ticks.ok_or_else(|| {
        LiteralError::new(whole(text), format!("`{text}` is not a timespan"))
            .with_help("a number and a unit: 1d, 2.5h, 30m, 10s, 100ms, 5microsecond, 1tick; at most some 29,000 years")
    })
}

/// The text of a `Typed` token, from the type's name to the closing bracket.
pub fn parse_typed(ty: Type, text: &str) -> Result<Literal, LiteralError> {
    let open = text.find('(').map_or(text.len(), |at| at + 1);
    let body = text.get(open..text.len().saturating_sub(1)).unwrap_or_default();
    if ty == Type::Dynamic {
        return parse_dynamic(body).map(Literal::Value).map_err(|e| e.shifted(open));
    }
    let lead = body.len() - body.trim_start().len();
    let body = body.trim();
    let fail = |what: &str, help: String| {
        let range = TextRange::new(open + lead, open + lead + body.len());
        let what = if body.is_empty() {
            format!("`{ty}()` needs {what}")
        } else {
            format!("`{}` is not {what}", shortened(body))
        };
        Err(LiteralError::new(range, what).with_help(help))
    };
    if body == "null" {
        return Ok(Literal::Value(Value::null(ty)));
    }
    let unquoted = if body.starts_with(['"', '\'', '@']) { parse_string(body).ok() } else { None };
    let plain = unquoted.as_deref().unwrap_or(body);
    let convert = |function: &str| format!("write a constant here; to convert an expression write {function}(…)");
    let value = match ty {
        Type::Bool => match plain {
            "true" | "True" | "TRUE" | "1" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" | "0" => Some(Value::Bool(false)),
            _ => return fail("true or false", convert("tobool")),
        },
        Type::Int => match parse_long(plain).ok().and_then(|v| i32::try_from(v).ok()) {
            Some(value) => Some(Value::Int(value)),
            None => return fail("a whole number that fits an int", convert("toint")),
        },
        Type::Long => parse_long(plain).ok().map(Value::Long),
        Type::Real => parse_real(plain).ok().or_else(|| parse_long(plain).ok().map(|v| v as f64)).map(Value::Real),
        Type::Decimal => parse_decimal(plain).map(|(digits, scale)| Value::Decimal(digits, scale)),
        Type::Guid => match parse_guid(plain) {
            Some(guid) => Some(Value::Guid(guid)),
            None => return fail("a guid", "32 hexadecimal digits: guid(74be27de-1e4e-49d9-b579-fe0b331d3642)".into()),
        },
        Type::DateTime => match parse_datetime(plain) {
            Some(DateTimeText::Ticks(ticks)) => Some(Value::DateTime(ticks)),
            Some(DateTimeText::TimeOfDay(ticks)) => return Ok(Literal::Today(ticks)),
            None => {
                let help = "year first: datetime(2024-03-01), datetime(2024-03-01T06:30:00Z); to convert an expression write todatetime(…)";
                return fail("a date and time", help.into());
            }
        },
        Type::TimeSpan => match parse_timespan(plain) {
            Some(ticks) => Some(Value::TimeSpan(ticks)),
            None => return fail("a timespan", "1d, 12h, 90m, or [-][days.]hours:minutes[:seconds[.fraction]]".into()),
        },
        Type::String | Type::Dynamic => None,
    };
    match value {
        Some(value) => Ok(Literal::Value(value)),
        None => fail(&format!("a {ty}"), convert(&format!("to{ty}"))),
    }
}

/// At most 40 characters of a text, for a message.
fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(40).collect();
    if chars.next().is_some() { format!("{start}…") } else { start }
}

/// The value of a string token in any of its forms; `h` before it is no matter.
pub fn parse_string(text: &str) -> Result<Arc<str>, LiteralError> {
    let body = text.strip_prefix(['h', 'H']).unwrap_or(text);
    let offset = text.len() - body.len();
    for fence in ["```", "~~~"] {
        if let Some(inner) = body.strip_prefix(fence).and_then(|rest| rest.strip_suffix(fence)) {
            return Ok(inner.into());
        }
    }
    if let Some(verbatim) = body.strip_prefix('@') {
        let quote = verbatim.chars().next().unwrap_or('"');
        let inner = verbatim.get(1..verbatim.len().saturating_sub(1)).unwrap_or_default();
        let doubled: String = [quote, quote].iter().collect();
        return Ok(inner.replace(&doubled, quote.encode_utf8(&mut [0; 4])).into());
    }
    let inner = body.get(1..body.len().saturating_sub(1)).unwrap_or_default();
    if !inner.contains('\\') {
        return Ok(inner.into());
    }
    let mut out = String::with_capacity(inner.len());
    let mut at = 0;
    while let Some(backslash) = inner[at..].find('\\') {
        out.push_str(&inner[at..at + backslash]);
        at += backslash;
        if let Some((c, length)) = unescape(&inner[at..]) {
            out.push(c);
            at += length;
        } else {
            let length = 1 + inner[at + 1..].chars().next().map_or(0, char::len_utf8);
            let start = offset + 1 + at;
            let range = TextRange::new(start, start + length);
            let message = format!("`{}` is no escape in a string", &inner[at..at + length]);
            return Err(LiteralError::new(range, message)
                .with_help("write the backslash twice, or put @ before the quote: @\"C:\\temp\""));
        }
    }
    out.push_str(&inner[at..]);
    Ok(out.into())
}

/// The character of an escape at the start of the text, and its length in bytes. A pair of surrogates is one character, half of one
/// U+FFFD.
fn unescape(text: &str) -> Option<(char, usize)> {
    let hex = |text: &str, from: usize, digits: usize| -> Option<u32> {
        let digits = text.get(from..from + digits)?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let c = match text[1..].chars().next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '0' => '\0',
        c @ ('\\' | '"' | '\'') => c,
        'x' => return Some((char::from_u32(hex(text, 2, 2)?)?, 4)),
        'U' => return Some((char::from_u32(hex(text, 2, 8)?).unwrap_or(char::REPLACEMENT_CHARACTER), 10)),
        'u' => {
            let unit = hex(text, 2, 4)?;
            if (0xD800..0xDC00).contains(&unit) && text[6..].starts_with("\\u") {
                let low = hex(text, 8, 4)?;
                if (0xDC00..0xE000).contains(&low) {
                    let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                    return Some((char::from_u32(code)?, 12));
                }
            }
            return Some((char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6));
        }
        _ => return None,
    };
    Some((c, 2))
}
