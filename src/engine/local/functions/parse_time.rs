//! Times in text, as `todatetime` and `totimespan` read them.

use crate::base::time::{DAY, HOUR, MINUTE, SECOND, Ticks};
use crate::kql::literal::{DateTimeText, parse_datetime};

/// A point in time in any of the forms that a `datetime(…)` literal takes. A number alone is none: it may be anything.
pub fn datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(t) = Ticks::parse_rfc3339(text) {
        return Some(t.0);
    }
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match parse_datetime(text)? {
        DateTimeText::Ticks(ticks) if !is_number || text.len() == 8 => Some(ticks),
        // The day that a time of day belongs to is the query's, which is not known here.
        _ => None,
    }
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
            ("1/25/2016", "2016-01-25T00:00:00.0000000Z"),
            ("20160125", "2016-01-25T00:00:00.0000000Z"),
            ("Sat, 8 Nov 14 15:05:02 GMT", "2014-11-08T15:05:02.0000000Z"),
            ("Sat, 08 Nov 2014 15:05:02 GMT", "2014-11-08T15:05:02.0000000Z"),
            ("8 Nov 14 15:05", "2014-11-08T15:05:00.0000000Z"),
            ("Saturday, 08-Nov-14 15:05 GMT", "2014-11-08T15:05:00.0000000Z"),
            ("2014-11-08 15:05:25 GMT", "2014-11-08T15:05:25.0000000Z"),
            ("2014-11-08T15:05 GMT", "2014-11-08T15:05:00.0000000Z"),
        ] {
            assert_eq!(Ticks(datetime(text).unwrap()).to_string(), want, "{text}");
        }
        for text in ["", "yesterday", "2016-13-01", "2016-12-31T25:00", "2016", "2016.12", "8:00"] {
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
