//! Calendars: starts and ends, parts, differences, making and formatting times.

use super::{Call, Eval, format_time};
use crate::base::time::{
    Civil, DAY, HOUR, MINUTE, SECOND, Ticks, UNIX_EPOCH, civil_from_days, days_from_civil, days_in_month,
};
use crate::engine::local::column::{Result, Vector};
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "startofday" => |c| start(c, Unit::Day, false),
        "startofweek" => |c| start(c, Unit::Week, false),
        "startofmonth" => |c| start(c, Unit::Month, false),
        "startofyear" => |c| start(c, Unit::Year, false),
        "endofday" => |c| start(c, Unit::Day, true),
        "endofweek" => |c| start(c, Unit::Week, true),
        "endofmonth" => |c| start(c, Unit::Month, true),
        "endofyear" => |c| start(c, Unit::Year, true),
        "dayofweek" => |c| {
            let t = c.longs(0)?;
            Ok(c.give_longs(|i| t.get(i).map(|t| weekday(t) * DAY)))
        },
        "dayofmonth" => |c| part_of(c, |t| i64::from(civil(t).day)),
        "dayofyear" => |c| part_of(c, day_of_year),
        "week_of_year" | "weekofyear" => |c| part_of(c, iso_week),
        "hourofday" => |c| part_of(c, |t| i64::from(civil(t).hour)),
        "monthofyear" | "getmonth" => |c| part_of(c, |t| i64::from(civil(t).month)),
        "getyear" => |c| part_of(c, |t| i64::from(civil(t).year)),
        "datetime_add" => datetime_add,
        "datetime_part" => datetime_part,
        "datetime_diff" => datetime_diff,
        "make_datetime" => make_datetime,
        "make_timespan" => make_timespan,
        "format_datetime" => |c| {
            let (t, f) = (c.longs(0)?, c.texts(1)?);
            Ok(c.write_texts(|i, out| {
                t.get(i).is_none_or(|t| {
                    format_time::datetime(out, t, f.text(i));
                    true
                })
            }))
        },
        "format_timespan" => |c| {
            let (t, f) = (c.longs(0)?, c.texts(1)?);
            Ok(c.write_texts(|i, out| {
                t.get(i).is_none_or(|t| {
                    format_time::timespan(out, t, f.text(i));
                    true
                })
            }))
        },
        "unixtime_seconds_todatetime" => |c| from_unix(c, SECOND as f64),
        "unixtime_milliseconds_todatetime" => |c| from_unix(c, 10_000.0),
        "unixtime_microseconds_todatetime" => |c| from_unix(c, 10.0),
        "unixtime_nanoseconds_todatetime" => |c| from_unix(c, 0.01),
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Unit {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "year" | "years" => Self::Year,
            "quarter" | "quarters" => Self::Quarter,
            "month" | "months" => Self::Month,
            "week" | "weeks" | "week_of_year" | "weekofyear" => Self::Week,
            "day" | "days" => Self::Day,
            "hour" | "hours" => Self::Hour,
            "minute" | "minutes" => Self::Minute,
            "second" | "seconds" => Self::Second,
            "millisecond" | "milliseconds" => Self::Millisecond,
            "microsecond" | "microseconds" => Self::Microsecond,
            "nanosecond" | "nanoseconds" => Self::Nanosecond,
            _ => return None,
        })
    }

    /// Units of one length, in ticks; nanoseconds, shorter than a tick, are not among them.
    fn ticks(self) -> Option<i64> {
        Some(match self {
            Self::Week => 7 * DAY,
            Self::Day => DAY,
            Self::Hour => HOUR,
            Self::Minute => MINUTE,
            Self::Second => SECOND,
            Self::Millisecond => 10_000,
            Self::Microsecond => 10,
            _ => return None,
        })
    }
}

fn civil(ticks: i64) -> Civil {
    Ticks(ticks).civil()
}

/// 0 is Sunday. Day 0, 0001-01-01, was a Monday.
fn weekday(ticks: i64) -> i64 {
    (ticks.div_euclid(DAY) + 1).rem_euclid(7)
}

fn day_of_year(ticks: i64) -> i64 {
    let c = civil(ticks);
    ticks.div_euclid(DAY) - days_from_civil(c.year, 1, 1) + 1
}

/// ISO 8601: weeks begin on Monday, and belong to the year of their Thursday.
fn iso_week(ticks: i64) -> i64 {
    let day = ticks.div_euclid(DAY);
    let thursday = day - day.rem_euclid(7) + 3;
    let (year, _, _) = civil_from_days(thursday);
    (thursday - days_from_civil(year, 1, 1)) / 7 + 1
}

fn month_start(month_count: i64) -> Option<i64> {
    let (year, month) = (month_count.div_euclid(12), month_count.rem_euclid(12) + 1);
    (1..=10_000).contains(&year).then(|| days_from_civil(year as i32, month as u32, 1) * DAY)
}

fn start(call: &Call<'_>, unit: Unit, end: bool) -> Result<Vector> {
    let t = call.longs(0)?;
    let offset = if call.args.len() > 1 { Some(call.whole(1)?) } else { None };
    Ok(call.give_longs(|i| {
        let (t, by) = (t.get(i)?, offset.as_ref().map_or(Some(0), |o| o.get(i))?);
        let by = if end { by.checked_add(1)? } else { by };
        let c = civil(t);
        let months = i64::from(c.year) * 12 + i64::from(c.month) - 1;
        let day = t - t.rem_euclid(DAY);
        let start = match unit {
            Unit::Day => day.checked_add(by.checked_mul(DAY)?)?,
            Unit::Week => (day - weekday(t) * DAY).checked_add(by.checked_mul(7 * DAY)?)?,
            Unit::Month => month_start(months.checked_add(by)?)?,
            _ => month_start((i64::from(c.year).checked_add(by)?).checked_mul(12)?)?,
        };
        let at = if end { start - 1 } else { start };
        (0..=crate::base::time::MAX).contains(&at).then_some(at)
    }))
}

fn part_of(call: &Call<'_>, part: impl Fn(i64) -> i64) -> Result<Vector> {
    let t = call.longs(0)?;
    Ok(call.give_whole(|i| t.get(i).map(&part)))
}

fn add_months(t: i64, months: i64) -> Option<i64> {
    let c = civil(t);
    let count = (i64::from(c.year) * 12 + i64::from(c.month) - 1).checked_add(months)?;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) as u32 + 1);
    if !(1..=9999).contains(&year) {
        return None;
    }
    let day = c.day.min(days_in_month(year as i32, month));
    Some(days_from_civil(year as i32, month, day) * DAY + t.rem_euclid(DAY))
}

fn datetime_add(call: &Call<'_>) -> Result<Vector> {
    let (unit, by, t) = (call.texts(0)?, call.whole(1)?, call.longs(2)?);
    Ok(call.give_longs(|i| {
        let (by, t) = (by.get(i)?, t.get(i)?);
        match Unit::from_name(unit.text(i))? {
            Unit::Year => add_months(t, by.checked_mul(12)?),
            Unit::Quarter => add_months(t, by.checked_mul(3)?),
            Unit::Month => add_months(t, by),
            Unit::Nanosecond => t.checked_add(by / 100),
            unit => t.checked_add(by.checked_mul(unit.ticks()?)?),
        }
        .filter(|t| (0..=crate::base::time::MAX).contains(t))
    }))
}

fn datetime_part(call: &Call<'_>) -> Result<Vector> {
    let (part, t) = (call.texts(0)?, call.longs(1)?);
    Ok(call.give_whole(|i| {
        let t = t.get(i)?;
        let c = civil(t);
        let tick = i64::from(c.tick);
        Some(match part.text(i).to_ascii_lowercase().as_str() {
            "year" => i64::from(c.year),
            "quarter" => i64::from(c.month - 1) / 3 + 1,
            "month" => i64::from(c.month),
            "week_of_year" | "weekofyear" | "week" => iso_week(t),
            "day" => i64::from(c.day),
            "dayofyear" | "day_of_year" => day_of_year(t),
            "hour" => i64::from(c.hour),
            "minute" => i64::from(c.minute),
            "second" => i64::from(c.second),
            "millisecond" => tick / 10_000,
            "microsecond" => tick / 10,
            "nanosecond" => tick * 100,
            _ => return None,
        })
    }))
}

/// How many starts of the unit lie between: weeks begin on Sunday.
fn datetime_diff(call: &Call<'_>) -> Result<Vector> {
    let (unit, a, b) = (call.texts(0)?, call.longs(1)?, call.longs(2)?);
    Ok(call.give_longs(|i| {
        let (a, b) = (a.get(i)?, b.get(i)?);
        let months = |t: i64| {
            let c = civil(t);
            i64::from(c.year) * 12 + i64::from(c.month) - 1
        };
        Some(match Unit::from_name(unit.text(i))? {
            Unit::Year => i64::from(civil(a).year) - i64::from(civil(b).year),
            Unit::Quarter => months(a).div_euclid(3) - months(b).div_euclid(3),
            Unit::Month => months(a) - months(b),
            Unit::Week => (a + DAY).div_euclid(7 * DAY) - (b + DAY).div_euclid(7 * DAY),
            Unit::Nanosecond => a.checked_sub(b)?.checked_mul(100)?,
            unit => {
                let ticks = unit.ticks()?;
                a.div_euclid(ticks) - b.div_euclid(ticks)
            }
        })
    }))
}

fn make_datetime(call: &Call<'_>) -> Result<Vector> {
    if let [Type::DateTime] = call.types {
        return Ok(call.arg(0)?.clone());
    }
    if let [Type::String] = call.types {
        let t = call.texts(0)?;
        return Ok(call.give_longs(|i| super::parse_time::datetime(t.text(i))));
    }
    let parts = (0..call.args.len()).map(|k| call.number(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.give_longs(|i| {
        let part = |k: usize, default: f64| parts.get(k).map_or(Some(default), |p| p.get(i));
        let whole = |n: f64| (0.0..10_000.0).contains(&n).then_some(n as u32);
        let second = part(5, 0.0)?;
        let tick = (second.fract() * SECOND as f64).round();
        let at = Ticks::from_civil(Civil {
            year: whole(part(0, 1.0)?)? as i32,
            month: whole(part(1, 1.0)?)?,
            day: whole(part(2, 1.0)?)?,
            hour: whole(part(3, 0.0)?)?,
            minute: whole(part(4, 0.0)?)?,
            second: whole(second)?,
            tick: 0,
        })?;
        at.0.checked_add(tick as i64)
    }))
}

/// (hours, minutes), (hours, minutes, seconds) or (days, hours, minutes, seconds).
fn make_timespan(call: &Call<'_>) -> Result<Vector> {
    if let [Type::TimeSpan] = call.types {
        return Ok(call.arg(0)?.clone());
    }
    if let [Type::String] = call.types {
        let t = call.texts(0)?;
        return Ok(call.give_longs(|i| super::parse_time::timespan(t.text(i))));
    }
    let parts = (0..call.args.len()).map(|k| call.number(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.give_longs(|i| {
        let values = parts.iter().map(|p| p.get(i)).collect::<Option<Vec<f64>>>()?;
        let (d, h, m, s) = match values.as_slice() {
            [h] => (0.0, *h, 0.0, 0.0),
            [h, m] => (0.0, *h, *m, 0.0),
            [h, m, s] => (0.0, *h, *m, *s),
            [d, h, m, s] => (*d, *h, *m, *s),
            _ => return None,
        };
        let fits = d >= 0.0 && (0.0..24.0).contains(&h) && (0.0..60.0).contains(&m) && (0.0..60.0).contains(&s);
        fits.then(|| {
            (d as i64).saturating_mul(DAY) + h as i64 * HOUR + m as i64 * MINUTE + (s * SECOND as f64).round() as i64
        })
    }))
}

fn from_unix(call: &Call<'_>, ticks: f64) -> Result<Vector> {
    let range = |t: i64| (0..=crate::base::time::MAX).contains(&t).then_some(t);
    if matches!(call.types.first(), Some(Type::Int | Type::Long)) {
        let n = call.whole(0)?;
        return Ok(call.give_longs(|i| {
            let n = i128::from(n.get(i)?);
            let t = if ticks < 1.0 { n.div_euclid(100) } else { n * ticks as i128 };
            i64::try_from(t + i128::from(UNIX_EPOCH)).ok().and_then(range)
        }));
    }
    let n = call.number(0)?;
    Ok(call.give_longs(|i| {
        let t = n.get(i)? * ticks;
        (t.abs() < 9e18).then(|| (t.round() as i64).saturating_add(UNIX_EPOCH)).and_then(range)
    }))
}

#[cfg(test)]
mod tests;
