//! Times and lengths of time, short.

use crate::base::time::{DAY, HOUR, MINUTE, SECOND, Span, Ticks};
use crate::console::state::{State, TimeFormat};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The time as the analyst wants it: shifted by the zone, unless an age.
pub fn zoned(state: &State, at: Ticks) -> Ticks {
    if state.time == TimeFormat::Local { at + state.utc_offset } else { at }
}

/// The name of the zone that `zoned` gives.
pub const fn zone(state: &State) -> &'static str {
    if matches!(state.time, TimeFormat::Local) { "local" } else { "UTC" }
}

/// `08:03:59`; as an age `3m`.
pub fn clock(state: &State, at: Ticks) -> String {
    if state.time == TimeFormat::Age {
        return age(state.now - at);
    }
    let c = zoned(state, at).civil();
    format!("{:02}:{:02}:{:02}", c.hour, c.minute, c.second)
}

/// `11-22 08:03:59`; as an age `3m ago`.
pub fn day_clock(state: &State, at: Ticks) -> String {
    if state.time == TimeFormat::Age {
        return format!("{} ago", age(state.now - at));
    }
    let c = zoned(state, at).civil();
    format!("{:02}-{:02} {}", c.month, c.day, clock(state, at))
}

/// `22 Nov 08:03`, with the year when it is not this one.
pub fn short(state: &State, at: Ticks) -> String {
    let c = zoned(state, at).civil();
    let month = MONTHS[c.month as usize - 1];
    let year = if c.year == state.now.civil().year { String::new() } else { format!(" {}", c.year) };
    format!("{} {month}{year} {:02}:{:02}", c.day, c.hour, c.minute)
}

/// `22 Nov`.
pub fn day(at: Ticks) -> String {
    let c = at.civil();
    format!("{} {}", c.day, MONTHS[c.month as usize - 1])
}

/// The two most telling units: `8s`, `3m`, `2h 5m`, `4d 3h`.
pub fn age(span: Span) -> String {
    let ticks = span.0.max(0);
    match ticks {
        ..MINUTE => format!("{}s", ticks / SECOND),
        MINUTE..HOUR => format!("{}m", ticks / MINUTE),
        HOUR..DAY => match ticks % HOUR / MINUTE {
            0 => format!("{}h", ticks / HOUR),
            minutes => format!("{}h {minutes}m", ticks / HOUR),
        },
        _ => match ticks % DAY / HOUR {
            0 => format!("{}d", ticks / DAY),
            hours => format!("{}d {hours}h", ticks / DAY),
        },
    }
}

/// The length of a bin: `15 min`, `1 h`, `1 day`.
pub fn bin(ticks: i64) -> String {
    match ticks {
        ..HOUR => format!("{} min", ticks / MINUTE),
        HOUR..DAY => format!("{} h", ticks / HOUR),
        _ => format!("{} day", ticks / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_its_two_most_telling_units() {
        for (ticks, want) in [
            (-5, "0s"),
            (8 * SECOND, "8s"),
            (3 * MINUTE + 5, "3m"),
            (2 * HOUR, "2h"),
            (2 * HOUR + 5 * MINUTE, "2h 5m"),
            (4 * DAY + 3 * HOUR, "4d 3h"),
        ] {
            assert_eq!(age(Span(ticks)), want);
        }
    }
}
