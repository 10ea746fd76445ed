//! The clock's unit: 100 ns ticks since 0001-01-01T00:00:00Z, as Kusto counts them.
//!
//! `Ticks` is a point in time (KQL `datetime`), `Span` a length (KQL `timespan`). Inside batches both are bare `i64`.

use std::fmt;

/// Ticks in a second.
pub const SECOND: i64 = 10_000_000;
/// Ticks in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Ticks in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Ticks in a day.
pub const DAY: i64 = 24 * HOUR;
/// 1970-01-01T00:00:00Z.
pub const UNIX_EPOCH: i64 = 719_162 * DAY;
/// The last tick of the year 9999, Kusto's `datetime(max)`.
pub const MAX: i64 = 3_652_059 * DAY - 1;

/// A point in time: 100 ns ticks since 0001-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

/// A length of time: 100 ns ticks, possibly negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

/// A civil date and time of day, proleptic Gregorian, UTC. `tick` is the fraction of the second in 100 ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i32,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub tick: u32,
}

/// Days since 0001-01-01 of a civil date. `month` 1..=12 and `day` 1..=31 are the caller's to check.
pub const fn days_from_civil(year: i32, month: u32, day: u32) -> i64 {
    // Howard Hinnant's algorithm, shifted so that day 0 is 0001-01-01.
    let y = year as i64 - (month <= 2) as i64;
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let mp = (month as i64 + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day as i64 - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 306
}

/// The civil date (year, month, day) of a count of days since 0001-01-01.
pub const fn civil_from_days(days: i64) -> (i32, u32, u32) {
    let z = days + 306;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = (if mp < 10 { mp + 3 } else { mp - 9 }) as u32;
    let year = yoe + era * 400 + (month <= 2) as i64;
    (year as i32, month, day)
}

/// Days in a month, leap years counted.
pub const fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

impl Ticks {
    /// The system clock, now. The program's own clock is `base::clock`; this is its source.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self(UNIX_EPOCH + (since.as_nanos() / 100) as i64)
    }

    /// From whole milliseconds since 1970.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(UNIX_EPOCH + millis * 10_000)
    }

    /// Whole milliseconds since 1970, rounded down.
    pub const fn unix_millis(self) -> i64 {
        (self.0 - UNIX_EPOCH).div_euclid(10_000)
    }

    /// From a civil date and time; `None` when a field is out of range or the year is not 1..=9999.
    pub fn from_civil(c: Civil) -> Option<Self> {
        let fits = (1..=9999).contains(&c.year)
            && (1..=12).contains(&c.month)
            && c.day >= 1
            && c.day <= days_in_month(c.year, c.month)
            && c.hour < 24
            && c.minute < 60
            && c.second < 60
            && i64::from(c.tick) < SECOND;
        fits.then(|| {
            let days = days_from_civil(c.year, c.month, c.day);
            let seconds = i64::from(c.hour * 3600 + c.minute * 60 + c.second);
            Self(days * DAY + seconds * SECOND + i64::from(c.tick))
        })
    }

    /// The civil date and time.
    pub const fn civil(self) -> Civil {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let rest = self.0.rem_euclid(DAY);
        let seconds = rest / SECOND;
        Civil {
            year,
            month,
            day,
            hour: (seconds / 3600) as u32,
            minute: (seconds / 60 % 60) as u32,
            second: (seconds % 60) as u32,
            tick: (rest % SECOND) as u32,
        }
    }

    /// Reads RFC 3339: `2026-01-02T03:04:05[.digits](Z|±hh:mm)`, a blank or `t` for `T` too. Digits past the seventh are cut; a
    /// leap second counts as the second before. `None` for anything else.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        let number = |at: usize, len: usize| -> Option<u32> {
            b.get(at..at + len)?.iter().try_fold(0u32, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))
        };
        let is = |at: usize, any: &[u8]| b.get(at).is_some_and(|c| any.contains(c));
        if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
            return None;
        }
        let mut at = 19;
        let mut tick = 0;
        if is(at, b".") {
            at += 1;
            let digits = b[at..].iter().take_while(|c| c.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            let kept = digits.min(7);
            tick = number(at, kept)? * 10_u32.pow(7 - kept as u32);
            at += digits;
        }
        let offset = match b.get(at)? {
            b'Z' | b'z' if at + 1 == b.len() => 0,
            sign @ (b'+' | b'-') if at + 6 == b.len() && is(at + 3, b":") => {
                let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let minutes = i64::from(hours * 60 + minutes) * MINUTE;
                if *sign == b'+' { minutes } else { -minutes }
            }
            _ => return None,
        };
        let local = Self::from_civil(Civil {
            year: number(0, 4)? as i32,
            month: number(5, 2)?,
            day: number(8, 2)?,
            hour: number(11, 2)?,
            minute: number(14, 2)?,
            second: number(17, 2)?.min(if number(17, 2)? == 60 { 59 } else { 99 }),
            tick,
        })?;
        let utc = local.0 - offset;
        (0..=MAX).contains(&utc).then_some(Self(utc))
    }
}

/// Kusto's text of a datetime: ISO 8601 with seven digits, `2026-01-02T03:04:05.0000000Z`.
impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second, c.tick
        )
    }
}

/// Kusto's text of a timespan: `[-][d.]hh:mm:ss[.fffffff]`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = self.0.unsigned_abs();
        let day = DAY as u64;
        let second = SECOND as u64;
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if ticks >= day {
            write!(f, "{}.", ticks / day)?;
        }
        let seconds = ticks % day / second;
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match ticks % second {
            0 => Ok(()),
            tick => write!(f, ".{tick:07}"),
        }
    }
}

impl std::ops::Add<Span> for Ticks {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl std::ops::Sub<Span> for Ticks {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl std::ops::Sub for Ticks {
    type Output = Span;
    fn sub(self, other: Self) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epochs_are_where_kusto_counts_them() {
        assert_eq!(days_from_civil(1, 1, 1), 0);
        assert_eq!(days_from_civil(1970, 1, 1) * DAY, UNIX_EPOCH);
        assert_eq!(days_from_civil(9999, 12, 31), MAX / DAY);
        assert_eq!(civil_from_days(days_from_civil(2024, 2, 29)), (2024, 2, 29));
    }

    #[test]
    fn rfc3339_is_read_with_any_number_of_digits_and_any_offset() {
        for (text, want) in [
            ("2022-10-24T21:16:52.827288935Z", "2022-10-24T21:16:52.8272889Z"),
            ("2023-03-15T16:33:50-03:00", "2023-03-15T19:33:50.0000000Z"),
            ("2021-08-30T18:57:42.484Z", "2021-08-30T18:57:42.4840000Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.0000000Z"),
        ] {
            assert_eq!(Ticks::parse_rfc3339(text).unwrap().to_string(), want, "{text}");
        }
    }

    #[test]
    fn what_is_not_rfc3339_is_refused() {
        for text in [
            "",
            "2022-10-24",
            "2022-13-24T21:16:52Z",
            "2022-10-24T21:16:52",
            "2022-10-24T21:16:52.Z",
            "2022-02-30T00:00:00Z",
            "é022-10-24T21:16:52Z",
        ] {
            assert_eq!(Ticks::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn timespans_print_as_kusto_prints_them() {
        for (ticks, want) in [(0, "00:00:00"), (-(DAY + 2 * HOUR), "-1.02:00:00"), (4 * HOUR + 1, "04:00:00.0000001")] {
            assert_eq!(Span(ticks).to_string(), want);
        }
    }
}
