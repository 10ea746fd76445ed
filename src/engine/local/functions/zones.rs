//! Time zones, out of the system's database: TZif files, their transitions, and the rule at their end that goes on for ever.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::{Call, Eval};
use crate::base::time::{SECOND, UNIX_EPOCH, days_from_civil};
use crate::engine::QueryError;
use crate::engine::local::column::{Result, Vector};

/// Where systems keep it.
const DATABASE: &str = "/usr/share/zoneinfo";

/// Seconds in a day.
const DAY: i64 = 86_400;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "datetime_utc_to_local" => |c| moved(c, |zone, at| at + zone.offset(at)),
        "datetime_local_to_utc" => |c| moved(c, Zone::utc),
        "datetime_list_timezones" => list,
        _ => return None,
    })
}

/// Each time by the zone of its row; `to` works on seconds since 1970.
fn moved(call: &Call<'_>, to: impl Fn(&Zone, i64) -> i64) -> Result<Vector> {
    let (times, names) = (call.longs(0)?, call.texts(1)?);
    let mut zones: HashMap<&str, Arc<Zone>> = HashMap::new();
    let mut moved = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let Some(at) = times.get(row) else {
            moved.push(None);
            continue;
        };
        let name = names.text(row);
        let zone = match zones.get(name) {
            Some(zone) => Arc::clone(zone),
            None => {
                let zone = Arc::new(Zone::named(name)?);
                zones.insert(name, Arc::clone(&zone));
                zone
            }
        };
        let since = at - UNIX_EPOCH;
        let seconds = to(&zone, since.div_euclid(SECOND));
        let ticks = seconds * SECOND + since.rem_euclid(SECOND) + UNIX_EPOCH;
        moved.push((0..=crate::base::time::MAX).contains(&ticks).then_some(ticks));
    }
    Ok(call.give_longs(|row| moved[row]))
}

/// The names of all zones, in order.
fn list(call: &Call<'_>) -> Result<Vector> {
    let mut names = Vec::new();
    collect(Path::new(DATABASE), "", &mut names);
    if names.is_empty() {
        return Err(no_database());
    }
    names.sort_unstable();
    Ok(call.write_texts(|_, out| {
        super::dynamic::write_list(out, names.iter(), |out, name| super::dynamic::quote(out, name));
        true
    }))
}

fn no_database() -> QueryError {
    QueryError::Runtime(format!("this system has no time zones: {DATABASE} is missing; install its package tzdata"))
}

/// Zones of a folder and those inside. Names of zones begin with a capital; what else lies there is not for people, nor is `Factory`, the
/// zone of a machine that nobody has set.
fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with(|c: char| c.is_ascii_uppercase()) || name == "Factory" {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), names);
        } else if is_zone(&path) {
            names.push(format!("{prefix}{name}"));
        }
    }
}

fn is_zone(path: &Path) -> bool {
    use std::io::Read as _;
    let mut magic = [0; 4];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && &magic == b"TZif"
}

/// A zone's offsets east of UTC, in seconds.
#[derive(Debug, PartialEq)]
struct Zone {
    /// Before the first transition.
    first: i64,
    /// When, in seconds since 1970, and the offset from then on.
    transitions: Vec<(i64, i64)>,
    /// After the last transition.
    rule: Option<Rule>,
}

impl Zone {
    fn named(name: &str) -> Result<Self> {
        // Names are paths inside the database, and nowhere else.
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
        };
        let bytes = name.split('/').all(plain).then(|| std::fs::read(Path::new(DATABASE).join(name)).ok()).flatten();
        if let Some(zone) = bytes.as_deref().and_then(Self::parse) {
            return Ok(zone);
        }
        if !Path::new(DATABASE).is_dir() {
            return Err(no_database());
        }
        Err(QueryError::Runtime(format!(
            "no time zone is called `{name}`: print datetime_list_timezones() lists them, for example Europe/Paris"
        )))
    }

    /// A TZif file of version 2 or later (RFC 9636): the second block has 64-bit times, and a rule in text behind it.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let header = |at: usize| -> Option<[usize; 6]> {
            let head = bytes.get(at..at + 44)?;
            let count = |n: usize| head.get(20 + 4 * n..24 + 4 * n)?.try_into().ok().map(u32::from_be_bytes);
            let mut counts = [0; 6];
            for (n, slot) in counts.iter_mut().enumerate() {
                *slot = count(n)? as usize;
            }
            head.starts_with(b"TZif").then_some(counts)
        };
        let [utc, standard, leaps, times, types, letters] = header(0)?;
        if *bytes.get(4)? < b'2' {
            return None;
        }
        let second = 44 + times * 5 + types * 6 + letters + leaps * 8 + standard + utc;
        let [utc, standard, leaps, times, types, letters] = header(second)?;
        let data = bytes.get(second + 44..)?;
        let when = data.get(..times * 8)?;
        let which = data.get(times * 8..times * 9)?;
        let kinds = data.get(times * 9..times * 9 + types * 6)?;
        let offset = |kind: usize| -> Option<i64> {
            let four = kinds.get(kind * 6..kind * 6 + 4)?.try_into().ok()?;
            Some(i64::from(i32::from_be_bytes(four)))
        };
        let mut transitions = Vec::with_capacity(times);
        for (at, kind) in when.chunks_exact(8).zip(which) {
            transitions.push((i64::from_be_bytes(at.try_into().ok()?), offset(usize::from(*kind))?));
        }
        let footer = data.get(times * 9 + types * 6 + letters + leaps * 12 + standard + utc..)?;
        let text = std::str::from_utf8(footer).ok()?.trim_matches('\n');
        Some(Self { first: offset(0)?, transitions, rule: Rule::parse(text) })
    }

    /// At a time in seconds since 1970.
    fn offset(&self, at: i64) -> i64 {
        let passed = self.transitions.partition_point(|(when, _)| *when <= at);
        match (&self.rule, passed.checked_sub(1)) {
            (Some(rule), _) if passed == self.transitions.len() => rule.offset(at),
            (_, Some(last)) => self.transitions[last].1,
            (_, None) => self.first,
        }
    }

    /// The time at which clocks there show `local`. Of an hour that they show twice the second is meant; an hour that they leave out is
    /// counted as if they had been put forward before it.
    fn utc(&self, local: i64) -> i64 {
        let (before, after) = (self.offset(local - DAY), self.offset(local + DAY));
        let holds = |offset: i64| self.offset(local - offset) == offset;
        if holds(after) || !holds(before) { local - after } else { local - before }
    }
}

/// When summer time begins and ends, year after year: the `TZ` of POSIX, `CET-1CEST,M3.5.0,M10.5.0/3`.
#[derive(Debug, PartialEq)]
struct Rule {
    standard: i64,
    summer: Option<Summer>,
}

#[derive(Debug, PartialEq)]
struct Summer {
    offset: i64,
    begins: Change,
    ends: Change,
}

/// A day of the year and the local second of it.
#[derive(Debug, PartialEq)]
struct Change {
    day: Day,
    second: i64,
}

#[derive(Debug, PartialEq)]
enum Day {
    /// The n-th such weekday (0 is Sunday) of a month; the fifth is the last.
    Month { month: u32, week: i64, weekday: i64 },
    /// Counted from 1, 29 February left out.
    Julian(i64),
    /// Counted from 0.
    Zero(i64),
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        name(&mut rest)?;
        let standard = -clock(&mut rest)?;
        if rest.is_empty() {
            return Some(Self { standard, summer: None });
        }
        name(&mut rest)?;
        let offset = if rest.starts_with(',') { standard + 3600 } else { -clock(&mut rest)? };
        let mut changes = rest.strip_prefix(',')?.split(',').map(Change::parse);
        let (begins, ends) = (changes.next()??, changes.next()??);
        changes.next().is_none().then_some(Self { standard, summer: Some(Summer { offset, begins, ends }) })
    }

    fn offset(&self, at: i64) -> i64 {
        let Some(summer) = &self.summer else { return self.standard };
        let (year, _, _) = crate::base::time::civil_from_days(
            (at + self.standard).div_euclid(DAY) + UNIX_EPOCH / crate::base::time::DAY,
        );
        // Each change is written in the time that ends with it.
        let begins = summer.begins.of(year) - self.standard;
        let ends = summer.ends.of(year) - summer.offset;
        let is_summer = if begins < ends { (begins..ends).contains(&at) } else { !(ends..begins).contains(&at) };
        if is_summer { summer.offset } else { self.standard }
    }
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.split_once('/').unwrap_or((text, "2"));
        let mut time = time;
        let second = clock(&mut time)?;
        let number = |text: &str| text.parse::<i64>().ok();
        let day = if let Some(rest) = day.strip_prefix('M') {
            let mut parts = rest.split('.');
            let month = u32::try_from(number(parts.next()?)?).ok().filter(|m| (1..=12).contains(m))?;
            Day::Month { month, week: number(parts.next()?)?, weekday: number(parts.next()?)? }
        } else if let Some(rest) = day.strip_prefix('J') {
            Day::Julian(number(rest)?)
        } else {
            Day::Zero(number(day)?)
        };
        time.is_empty().then_some(Self { day, second })
    }

    /// Local seconds since 1970 in a year.
    fn of(&self, year: i32) -> i64 {
        let epoch = UNIX_EPOCH / crate::base::time::DAY;
        let day = match self.day {
            Day::Month { month, week, weekday } => {
                let first = days_from_civil(year, month, 1);
                // Day 0, 0001-01-01, was a Monday.
                let ahead = (weekday - (first + 1)).rem_euclid(7);
                let length = i64::from(crate::base::time::days_in_month(year, month));
                let mut day = ahead + (week - 1) * 7;
                while day >= length {
                    day -= 7;
                }
                first + day
            }
            Day::Julian(n) => {
                let leap = crate::base::time::days_in_month(year, 2) == 29;
                days_from_civil(year, 1, 1) + n - 1 + i64::from(leap && n >= 60)
            }
            Day::Zero(n) => days_from_civil(year, 1, 1) + n,
        };
        (day - epoch) * DAY + self.second
    }
}

/// Takes a zone's abbreviation off: letters, or anything between < and >.
fn name(rest: &mut &str) -> Option<()> {
    let end = match rest.strip_prefix('<') {
        Some(inner) => inner.find('>')? + 2,
        None => rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len()),
    };
    *rest = rest.get(end..)?;
    (end > 0).then_some(())
}

/// Takes `[+-]hh[:mm[:ss]]` off, in seconds.
fn clock(rest: &mut &str) -> Option<i64> {
    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '+' | '-'))).unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    *rest = after;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit;
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Ticks;

    fn at(text: &str) -> i64 {
        Ticks::parse_rfc3339(text).unwrap().unix_millis() / 1000
    }

    fn brussels() -> Zone {
        Zone { first: 3600, transitions: Vec::new(), rule: Rule::parse("CET-1CEST,M3.5.0,M10.5.0/3") }
    }

    #[test]
    fn summer_begins_and_ends_by_the_rule() {
        let zone = brussels();
        assert_eq!(zone.offset(at("2022-03-27T00:59:59Z")), 3600);
        assert_eq!(zone.offset(at("2022-03-27T01:00:00Z")), 7200);
        assert_eq!(zone.offset(at("2022-10-30T00:59:59Z")), 7200);
        assert_eq!(zone.offset(at("2022-10-30T01:00:00Z")), 3600);
        let sydney = Rule::parse("AEST-10AEDT,M10.1.0,M4.1.0/3").unwrap();
        assert_eq!(sydney.offset(at("2024-01-15T00:00:00Z")), 11 * 3600);
        assert_eq!(sydney.offset(at("2024-07-15T00:00:00Z")), 10 * 3600);
        assert_eq!(Rule::parse("<+0330>-3:30").unwrap().offset(0), 12_600);
    }

    #[test]
    fn an_hour_that_is_left_out_counts_as_if_clocks_were_forward_and_one_shown_twice_is_the_second() {
        let zone = brussels();
        for (local, utc) in [
            ("2022-03-27T01:00:00Z", "2022-03-27T00:00:00Z"),
            ("2022-03-27T02:00:00Z", "2022-03-27T00:00:00Z"),
            ("2022-03-27T03:00:00Z", "2022-03-27T01:00:00Z"),
            ("2022-10-30T02:30:00Z", "2022-10-30T01:30:00Z"),
            ("2022-10-30T01:30:00Z", "2022-10-29T23:30:00Z"),
        ] {
            assert_eq!(zone.utc(at(local)), at(utc), "{local}");
        }
    }

    /// A file as the database has them: one transition, then a rule.
    #[test]
    fn transitions_are_read_from_the_wide_block_of_a_file() {
        let mut file = Vec::new();
        let head = |file: &mut Vec<u8>, counts: [u32; 6]| {
            file.extend(b"TZif2");
            file.extend([0; 15]);
            for n in counts {
                file.extend(n.to_be_bytes());
            }
        };
        head(&mut file, [0, 0, 0, 0, 1, 4]);
        file.extend([0; 6 + 4]);
        head(&mut file, [0, 0, 0, 1, 2, 8]);
        file.extend(1_000_i64.to_be_bytes());
        file.push(1);
        file.extend((-1_000_i32).to_be_bytes());
        file.extend([0, 0]);
        file.extend((-18_000_i32).to_be_bytes());
        file.extend([0, 4]);
        file.extend(b"LMT\0EST\0\nEST5\n");
        let zone = Zone::parse(&file).unwrap();
        assert_eq!((zone.offset(999), zone.offset(1_000), zone.offset(1 << 40)), (-1_000, -18_000, -18_000));
        for cut in 0..file.len() - 6 {
            assert_eq!(Zone::parse(&file[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn a_name_does_not_lead_out_of_the_database() {
        for name in ["../../../etc/passwd", "/etc/passwd", "", "Europe//Paris", "Mars/Phobos", "Europe/../Europe/Paris"]
        {
            assert!(Zone::named(name).is_err(), "{name}");
        }
    }
}
