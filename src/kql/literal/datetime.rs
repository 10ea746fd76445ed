//! The text forms of a datetime: ISO 8601 and its looser kin, RFC 822, month-first dates, a time of day alone.

use super::timespan::fraction_ticks;
use crate::base::time::{Civil, DAY, HOUR, MINUTE, SECOND, Ticks};

/// What the text of a datetime says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTimeText {
    /// Ticks since 0001-01-01, UTC.
    Ticks(i64),
    /// `8:00`: ticks since midnight of the day that the query runs.
    TimeOfDay(i64),
}

/// `None` when the text is no date and time.
pub fn parse_datetime(text: &str) -> Option<DateTimeText> {
    let text = text.trim();
    let (date, time) = match text.find(':') {
        Some(colon) => {
            let hours = text[..colon].bytes().rev().take_while(u8::is_ascii_digit).count();
            text.split_at(colon - hours)
        }
        None => split_zone(text),
    };
    let clock = if time.is_empty() { 0 } else { clock(time)? };
    let date = date.trim_end_matches(|c: char| c == 'T' || c == 't' || c.is_whitespace() || c == ',');
    if date.is_empty() {
        let whole_day = (0..DAY).contains(&clock) && !time.is_empty();
        return whole_day.then_some(DateTimeText::TimeOfDay(clock));
    }
    let (year, month, day) = civil_date(date)?;
    let midnight = Ticks::from_civil(Civil { year, month, day, hour: 0, minute: 0, second: 0, tick: 0 })?;
    let ticks = midnight.0 + clock;
    (0..=crate::base::time::MAX).contains(&ticks).then_some(DateTimeText::Ticks(ticks))
}

/// A date alone may carry a `Z`.
fn split_zone(text: &str) -> (&str, &str) {
    (text.strip_suffix(['Z', 'z']).unwrap_or(text), "")
}

/// `hh:mm[:ss[.fraction]] [am|pm] [zone]` as ticks since midnight, the zone taken off.
fn clock(text: &str) -> Option<i64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let mut parts = digits.split(':');
    let number = |part: &str| -> Option<i64> {
        (matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok()).flatten()
    };
    let mut hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let (second, fraction) = match parts.next() {
        Some(part) => {
            let (whole, fraction) = part.split_once('.').unwrap_or((part, ""));
            (number(whole)?, fraction_ticks(fraction)?)
        }
        None => (0, 0),
    };
    if parts.next().is_some() {
        return None;
    }
    let mut rest = rest.trim();
    if let Some(half) = rest.get(..2).map(str::to_ascii_lowercase)
        && (half == "am" || half == "pm")
    {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if half == "pm" { 12 } else { 0 };
        rest = rest[2..].trim_start();
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(hour * HOUR + minute * MINUTE + second * SECOND + fraction - zone(rest)?)
}

/// Ticks east of UTC.
fn zone(text: &str) -> Option<i64> {
    if matches!(text, "" | "Z" | "z" | "GMT" | "UTC") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 1 | 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = if digits.len() == 4 { digits.split_at(2) } else { (digits.as_str(), "0") };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * HOUR + minutes * MINUTE))
}

/// Year, month and day, in whichever order is written.
fn civil_date(text: &str) -> Option<(i32, u32, u32)> {
    let parts: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, '-' | '/' | ',' | '.'))
        .filter(|part| !part.is_empty() && !is_weekday(part))
        .collect();
    if parts.len() > 3 {
        return None;
    }
    let number = |part: &&str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten();
    let year = |part: &&str| -> Option<i32> {
        let year = number(part)? as i32;
        match part.len() {
            4 => Some(year),
            // As .NET reads two digits.
            2 => Some(year + if year < 50 { 2000 } else { 1900 }),
            _ => None,
        }
    };
    match parts.as_slice() {
        [all] if all.len() == 8 && number(all).is_some() => {
            let (y, rest) = all.split_at(4);
            let (m, d) = rest.split_at(2);
            Some((year(&y)?, number(&m)?, number(&d)?))
        }
        [y] if y.len() == 4 => Some((year(y)?, 1, 1)),
        [y, m] if y.len() == 4 => Some((year(y)?, number(m).or_else(|| month(m))?, 1)),
        [y, m, d] if y.len() == 4 => Some((year(y)?, number(m).or_else(|| month(m))?, number(d)?)),
        [d, m, y] if month(m).is_some() => Some((year(y)?, month(m)?, number(d)?)),
        [m, d, y] => Some((year(y)?, number(m).or_else(|| month(m))?, number(d)?)),
        _ => None,
    }
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    abbreviates(word, &DAYS).is_some()
}

fn month(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    abbreviates(word, &MONTHS).map(|at| at as u32 + 1)
}

/// Which of the names the word is, whole or its first three letters.
fn abbreviates(word: &str, names: &[&str]) -> Option<usize> {
    let word = word.to_ascii_lowercase();
    names.iter().position(|name| *name == word || word.len() == 3 && name.starts_with(&word))
}
