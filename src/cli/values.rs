//! Values of arguments: times, spans, addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::base::time::{DAY, HOUR, MINUTE, SECOND, Ticks};

/// A time: `2026-03-01T12:00:00Z`, or a day, `2026-03-01`, which means its first moment (UTC).
pub fn time(text: &str) -> Result<Ticks, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Ticks::parse_rfc3339(&whole).ok_or_else(|| "write it like 2026-03-01T12:00:00Z or 2026-03-01".to_owned())
}

/// An address with a port, or a port of this machine.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let named = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    named.parse().map_err(|_| "write it like 127.0.0.1:8080, or the port alone; port 0 takes a free one".to_owned())
}

/// A stretch of time: back from now (`30d`, `12h`, `90m`, `P7D`, `PT4H`), or from one time to another (`2026-03-01/2026-03-08`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timespan {
    /// Ticks back from now.
    Back(i64),
    Between(Ticks, Ticks),
}

impl Timespan {
    /// From (inclusive) and to (exclusive), for a `now`.
    pub fn at(self, now: Ticks) -> (Ticks, Ticks) {
        match self {
            Self::Back(ticks) => (Ticks(now.0.saturating_sub(ticks).max(0)), now),
            Self::Between(from, to) => (from, to),
        }
    }
}

/// Reads a stretch of time.
pub fn timespan(text: &str) -> Result<Timespan, String> {
    if let Some((from, to)) = text.split_once('/') {
        let (from, to) = (time(from)?, time(to)?);
        return if from < to { Ok(Timespan::Between(from, to)) } else { Err("it ends before it begins".to_owned()) };
    }
    back(text).map(Timespan::Back).ok_or_else(|| "write it like 30d, 12h, 90m or 2026-03-01/2026-03-08".to_owned())
}

fn back(text: &str) -> Option<i64> {
    let (body, minutes) = match (text.strip_prefix("PT"), text.strip_prefix('P')) {
        (Some(body), _) => (body, true),
        // A month of ISO 8601 has no fixed length.
        (None, Some(body)) => (body, false),
        (None, None) => (text, true),
    };
    let (number, unit) = body.split_at_checked(body.len().checked_sub(1)?)?;
    let unit = match (unit.to_ascii_lowercase().as_str(), minutes) {
        ("d", _) => DAY,
        ("h", true) => HOUR,
        ("m", true) => MINUTE,
        ("s", true) => SECOND,
        _ => return None,
    };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse::<i64>().ok()?.checked_mul(unit)).flatten().filter(|ticks| *ticks > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_time_are_read_as_people_and_azure_write_them() {
        let now = time("2026-03-08").unwrap();
        let from = |text: &str| timespan(text).unwrap().at(now).0;
        for text in ["7d", "168h", "P7D", "PT168H", "2026-03-01/2026-03-08", "2026-03-01T00:00:00Z/2026-03-08"] {
            assert_eq!(from(text), time("2026-03-01").unwrap(), "{text}");
        }
        for wrong in
            ["", "d", "7", "7w", "P1M", "-7d", "0d", "2026-03-08/2026-03-01", "2026-03-08/", "99999999999999d", "é"]
        {
            assert!(timespan(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_port_alone_is_of_this_machine() {
        assert_eq!(address("8080").unwrap().to_string(), "127.0.0.1:8080");
        assert_eq!(address("localhost:0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(address("[::1]:9").unwrap().to_string(), "[::1]:9");
        assert!(address("127.0.0.1").is_err() && address("99999").is_err());
    }
}
