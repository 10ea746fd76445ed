//! `format_datetime` and `format_timespan`: runs of letters stand for parts, anything else for itself.

use std::fmt::Write as _;

use crate::base::time::{DAY, SECOND, Ticks};

/// Each run of one letter, and what else there is, in order.
fn runs(format: &str) -> impl Iterator<Item = (char, usize)> + '_ {
    let mut chars = format.chars().peekable();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        let mut n = 1;
        while c.is_ascii_alphabetic() && chars.peek() == Some(&c) {
            chars.next();
            n += 1;
        }
        Some((c, n))
    })
}

/// A fraction of so many digits; `F` drops the zeros at its end, and the point before them if none is left.
fn fraction(out: &mut String, tick: i64, digits: usize, trim: bool) {
    let text = format!("{tick:07}");
    let kept = &text[..digits.min(7)];
    if trim {
        let kept = kept.trim_end_matches('0');
        if kept.is_empty() && out.ends_with('.') {
            out.pop();
        }
        out.push_str(kept);
    } else {
        out.push_str(kept);
    }
}

fn number(out: &mut String, n: i64, width: usize) {
    let written = write!(out, "{n:0width$}");
    debug_assert!(written.is_ok());
}

pub fn datetime(out: &mut String, ticks: i64, format: &str) {
    let c = Ticks(ticks).civil();
    for (letter, n) in runs(format) {
        match letter {
            'y' if n <= 2 => number(out, i64::from(c.year % 100), n),
            'y' => number(out, i64::from(c.year), n.max(4)),
            'M' => number(out, i64::from(c.month), n.min(2)),
            'd' => number(out, i64::from(c.day), n.min(2)),
            'H' => number(out, i64::from(c.hour), n.min(2)),
            'h' => number(out, i64::from((c.hour + 11) % 12 + 1), n.min(2)),
            'm' => number(out, i64::from(c.minute), n.min(2)),
            's' => number(out, i64::from(c.second), n.min(2)),
            'f' => fraction(out, i64::from(c.tick), n, false),
            'F' => fraction(out, i64::from(c.tick), n, true),
            't' => out.push_str(if c.hour < 12 { "AM" } else { "PM" }),
            other => (0..n).for_each(|_| out.push(other)),
        }
    }
}

pub fn timespan(out: &mut String, ticks: i64, format: &str) {
    let t = ticks.unsigned_abs() as i64;
    if ticks < 0 {
        out.push('-');
    }
    let seconds = t.rem_euclid(DAY) / SECOND;
    for (letter, n) in runs(format) {
        match letter {
            'd' | 'D' => number(out, t / DAY, n),
            'H' | 'h' => number(out, seconds / 3600, n.min(2)),
            'm' | 'M' => number(out, seconds / 60 % 60, n.min(2)),
            's' | 'S' => number(out, seconds % 60, n.min(2)),
            'f' => fraction(out, t % SECOND, n, false),
            'F' => fraction(out, t % SECOND, n, true),
            other => (0..n).for_each(|_| out.push(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::{HOUR, MINUTE};

    #[test]
    fn parts_stand_where_their_letters_stand() {
        let at = Ticks::parse_rfc3339("2017-01-29T09:00:05.1234Z").unwrap().0;
        let mut out = String::new();
        datetime(&mut out, at, "y-M-d hh:mm:ss tt [fff] FFFFFFF");
        assert_eq!(out, "17-1-29 09:00:05 AM [123] 1234");
        let mut out = String::new();
        timespan(&mut out, DAY + 2 * HOUR + 3 * MINUTE, "dd.hh:mm:ss [FFFFFFF]");
        assert_eq!(out, "01.02:03:00 []");
    }
}
