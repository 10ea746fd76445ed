//! The text forms of a timespan.

use super::parse_unit_timespan;
use crate::base::time::{DAY, HOUR, MINUTE, SECOND};

/// Ticks of `1d`, `[-][d.]hh:mm[:ss[.fffffff]]`, or a bare number of days.
pub fn parse_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    if !body.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let ticks = if body.contains(':') {
        clock(body)?
    } else if body.bytes().all(|b| b.is_ascii_digit()) {
        i128::from(body.parse::<i64>().ok()?) * i128::from(DAY)
    } else {
        i128::from(parse_unit_timespan(body).ok()?)
    };
    // The least value has no positive twin, so the sign is put on before it is narrowed.
    i64::try_from(if negative { -ticks } else { ticks }).ok()
}

/// `[d.]hh:mm[:ss[.fffffff]]`, wide enough for the absolute value of the least timespan.
fn clock(text: &str) -> Option<i128> {
    let number = |digits: &str, below: i64| -> Option<i64> {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten().filter(|n| *n < below)
    };
    let mut parts = text.split(':');
    let (first, minutes, seconds) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = match first.split_once('.') {
        Some((days, hours)) => (number(days, 10_675_200)?, hours),
        None => (0, first),
    };
    let mut ticks = i128::from(number(hours, 24)? * HOUR + number(minutes, 60)? * MINUTE);
    if let Some(seconds) = seconds {
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        ticks += i128::from(number(whole, 60)? * SECOND + fraction_ticks(fraction)?);
    }
    Some(i128::from(days) * i128::from(DAY) + ticks)
}

/// Ticks of the digits behind a second's point; what is finer than a tick is cut off.
pub(super) fn fraction_ticks(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seven = digits.bytes().chain(std::iter::repeat(b'0')).take(7);
    Some(seven.fold(0, |ticks, digit| ticks * 10 + i64::from(digit - b'0')))
}
