//! Times in text, as `todatetime` and `totimespan` read them.

use crate::base::time::{Civil, DAY, HOUR, MINUTE, SECOND, Ticks};

/// A point in time: a date, with or without a time of day and an offset; or a year's date in a few other shapes that logs have.
pub fn datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(t) = Ticks::parse_rfc3339(text) {
        return Some(t.0);
    }
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let day = date_ticks(date)?;
    if time.is_empty() {
        return Some(day);
    }
    let (time, offset) = split_offset(time)?;
    day.checked_add(time_of_day(time)?)?.checked_sub(offset).filter(|t| (0..=crate::base::time::MAX).contains(t))
}

/// `2026-01-02`, `2026/1/2`, `1/2/2026` (month first), `20260102`, `2026-01`.
fn date_ticks(date: &str) -> Option<i64> {
    let civil = |year: u32, month: u32, day: u32| {
        Ticks::from_civil(Civil { year: year as i32, month, day, hour: 0, minute: 0, second: 0, tick: 0 }).map(|t| t.0)
    };
    let digits = |s: &str| -> Option<u32> {
        (!s.is_empty() && s.len() <= 8 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok())?
    };
    if date.len() == 8
        && let Some(n) = digits(date)
    {
        return civil(n / 10_000, n / 100 % 100, n % 100);
    }
    let parts: Vec<&str> = date.split(['-', '/']).collect();
    match parts.as_slice() {
        [y, m, d] if y.len() == 4 => civil(digits(y)?, digits(m)?, digits(d)?),
        [m, d, y] if y.len() == 4 => civil(digits(y)?, digits(m)?, digits(d)?),
        [y, m] if y.len() == 4 => civil(digits(y)?, digits(m)?, 1),
        _ => None,
    }
}

/// The time of day and the offset in ticks.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time.trim_end(), 0));
    }
    match time.rfind(['+', '-']) {
        Some(at) => {
            let (h, m) = time[at + 1..].split_once(':').unwrap_or((&time[at + 1..], "0"));
            let offset = h.parse::<i64>().ok()? * HOUR + m.parse::<i64>().ok()? * MINUTE;
            Some((time[..at].trim_end(), if time.as_bytes()[at] == b'-' { -offset } else { offset }))
        }
        None => Some((time, 0)),
    }
}

/// `hh:mm[:ss[.fffffff]]`, with AM or PM.
fn time_of_day(time: &str) -> Option<i64> {
    let upper = time.to_ascii_uppercase();
    let (clock, half) = match upper.strip_suffix("PM") {
        Some(rest) => (rest.trim_end(), Some(12)),
        None => match upper.strip_suffix("AM") {
            Some(rest) => (rest.trim_end(), Some(0)),
            None => (upper.as_str(), None),
        },
    };
    let mut parts = clock.split(':');
    let mut hour: i64 = whole(parts.next()?)?;
    let minute = whole(parts.next()?)?;
    let (second, tick) = match parts.next() {
        Some(s) => seconds(s)?,
        None => (0, 0),
    };
    if let Some(add) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + add;
    }
    (parts.next().is_none() && hour < 24 && minute < 60 && second < 60)
        .then(|| hour * HOUR + minute * MINUTE + second * SECOND + tick)
}

fn whole(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Seconds and their fraction in ticks; digits past the seventh are cut.
fn seconds(text: &str) -> Option<(i64, i64)> {
    let (s, f) = text.split_once('.').unwrap_or((text, ""));
    let kept = &f[..f.len().min(7)];
    if !f.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let tick = if kept.is_empty() { 0 } else { whole(kept)? * 10_i64.pow(7 - kept.len() as u32) };
    Some((whole(s)?, tick))
}

/// A length of time: `[-][d.]hh:mm[:ss[.fffffff]]`, days alone, or a literal such as `1d` or `1.5h`.
pub fn timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let ticks = if body.contains(':') { clock(body)? } else { with_unit(body)? };
    Some(if negative { -ticks } else { ticks })
}

fn clock(text: &str) -> Option<i64> {
    let (first, rest) = text.split_once(':')?;
    let (days, hours) = match first.split_once('.') {
        Some((d, h)) => (whole(d)?, whole(h)?),
        None => (0, whole(first)?),
    };
    let mut parts = rest.split(':');
    let minutes = whole(parts.next()?)?;
    let (secs, tick) = match parts.next() {
        Some(s) => seconds(s)?,
        None => (0, 0),
    };
    if parts.next().is_some() || minutes > 59 || secs > 59 || hours > 23 {
        return None;
    }
    days.checked_mul(DAY)?.checked_add(hours * HOUR + minutes * MINUTE + secs * SECOND + tick)
}

fn with_unit(text: &str) -> Option<i64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..split].trim(), text[split..].trim());
    let ticks = match unit {
        "" | "d" | "day" | "days" => DAY,
        "h" | "hr" | "hour" | "hours" => HOUR,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "s" | "sec" | "second" | "seconds" => SECOND,
        "ms" | "milli" | "millisecond" | "milliseconds" => SECOND / 1000,
        "micro" | "microsecond" | "microseconds" => 10,
        "tick" | "ticks" => 1,
        _ => return None,
    };
    if let Some(n) = whole(number) {
        return n.checked_mul(ticks);
    }
    if unit.is_empty() || number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let n: f64 = number.parse().ok()?;
    let ticks = n * ticks as f64;
    (ticks < 9.2e18).then_some(ticks.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Span;

    #[test]
    fn dates_are_read_in_the_shapes_of_logs() {
        for (text, want) in [
            ("2016-12-31", "2016-12-31T00:00:00.0000000Z"),
            ("2016-12-31T06:00", "2016-12-31T06:00:00.0000000Z"),
            ("2016-12-31 06:00:01.5", "2016-12-31T06:00:01.5000000Z"),
            ("12/31/2016 6:00:00 PM", "2016-12-31T18:00:00.0000000Z"),
            ("2016-12-31T06:00:00+02:00", "2016-12-31T04:00:00.0000000Z"),
        ] {
            assert_eq!(Ticks(datetime(text).unwrap()).to_string(), want, "{text}");
        }
        for text in ["", "yesterday", "2016-13-01", "2016-12-31T25:00"] {
            assert_eq!(datetime(text), None, "{text}");
        }
    }

    #[test]
    fn timespans_are_read_back_as_they_print() {
        for text in ["00:00:00", "-1.02:00:00", "04:00:00.0000001"] {
            assert_eq!(Span(timespan(text).unwrap()).to_string(), text);
        }
        assert_eq!(timespan("1.5h"), Some(90 * MINUTE));
        assert_eq!(timespan("x"), None);
    }
}
