//! Numbers in text, as Kusto reads and writes them.

use std::fmt::Write as _;

use crate::engine::local::column::DECIMAL_SCALE;

/// A whole number: blanks around it, a sign, `0x` for hexadecimal (all 64 bits). `None` for anything else.
pub fn long(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        if hex.is_empty() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let value = u64::from_str_radix(hex, 16).ok()? as i64;
        return Some(if negative { value.wrapping_neg() } else { value });
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A real: blanks around it; `NaN`, `inf` and `Infinity` too, and whole numbers in hexadecimal.
pub fn real(text: &str) -> Option<f64> {
    decimal_real(text).or_else(|| long(text).map(|n| n as f64))
}

/// A real in decimal digits.
pub fn decimal_real(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "inf" | "+inf" | "infinity" | "+infinity" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        _ if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// A decimal at the scale of batches; digits beyond it are cut.
pub fn decimal(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.contains(['e', 'E']) {
        let (digits, scale) = crate::kql::literal::parse_decimal(text)?;
        let ten = |n: u8| 10_i128.checked_pow(u32::from(n));
        return if scale > DECIMAL_SCALE {
            Some(ten(scale - DECIMAL_SCALE).map_or(0, |unit| digits / unit))
        } else {
            digits.checked_mul(ten(DECIMAL_SCALE - scale)?)
        };
    }
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut value = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()? }.checked_mul(10_i128.pow(18))?;
    let part = &part[..part.len().min(18)];
    if !part.is_empty() {
        value = value.checked_add(part.parse::<i128>().ok()? * 10_i128.pow(18 - part.len() as u32))?;
    }
    Some(if negative { -value } else { value })
}

/// A decimal's text, without zeros at its end.
pub fn write_decimal(out: &mut String, digits: i128, scale: u8) {
    let unit = 10_u128.pow(u32::from(scale));
    let absolute = digits.unsigned_abs();
    if digits < 0 {
        out.push('-');
    }
    let written = write!(out, "{}", absolute / unit);
    debug_assert!(written.is_ok());
    let part = absolute % unit;
    if part > 0 {
        let text = format!("{part:0width$}", width = usize::from(scale));
        out.push('.');
        out.push_str(text.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_kusto_reads_them() {
        for (text, want) in [
            (" 42 ", Some(42)),
            ("0x1F", Some(31)),
            ("0xFFFFFFFFFFFFFFFF", Some(-1)),
            ("12.5", None),
            ("", None),
            ("-7", Some(-7)),
            ("9223372036854775808", None),
        ] {
            assert_eq!(long(text), want, "{text}");
        }
    }

    #[test]
    fn decimals_keep_their_digits() {
        let mut out = String::new();
        write_decimal(&mut out, decimal("-1.10").unwrap(), 18);
        assert_eq!(out, "-1.1");
    }
}
