//! Values that are written as text and read strictly: a wrong one is an error at its place in the file.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A length of time: `10s`, `5m`, `2h`, `1d`; at least a second, at most a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every(pub Duration);

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        let wrong = || {
            D::Error::custom(
                "a length of time is written like \"10s\", \"5m\", \"2h\" or \"1d\", from a second to a year",
            )
        };
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)?;
        if !(1..=366 * 86_400).contains(&seconds) {
            return Err(wrong());
        }
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// Between two sweeps: a length of time from an hour on, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep(pub Option<Duration>);

impl<'de> Deserialize<'de> for Sweep {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        if text == "off" {
            return Ok(Self(None));
        }
        let every = Every::deserialize(serde::de::value::StringDeserializer::<D::Error>::new(text))?.0;
        if every < Duration::from_secs(3600) {
            return Err(D::Error::custom("a sweep is made every hour at most: write \"24h\", or \"off\" for none"));
        }
        Ok(Self(Some(every)))
    }
}

/// A size: `512 MiB`, `1 GiB`, `64 KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        let wrong = || D::Error::custom("a size is written like \"512 MiB\" or \"1 GiB\"");
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let shift = match unit.trim() {
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(wrong()),
        };
        let number = number.parse::<u64>().map_err(|_| wrong())?;
        let bytes = number.checked_mul(1 << shift).filter(|n| *n > 0).ok_or_else(wrong)?;
        Ok(Self(bytes))
    }
}

/// A share: above 0, at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(source)?;
        if share > 0.0 && share <= 1.0 {
            return Ok(Self(share));
        }
        Err(D::Error::custom("a share is above 0 and at most 1: 0.5 is half of the API's limits"))
    }
}

/// A name that is safe in file names, tables and queries: 1 to 40 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// `None` when the text is not such a name.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=40).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(source)?).ok_or_else(|| {
            D::Error::custom("a name has 1 to 40 letters, digits, `.`, `_` or `-`, and begins with a letter or digit")
        })
    }
}

/// The names of feeds to poll, as the API's endpoints are called. Empty means every feed that the token may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feeds(pub Vec<String>);

/// The API's endpoints, which the feeds are named after.
pub const FEEDS: [&str; 3] = ["signinattempts", "itemusages", "auditevents"];

impl<'de> Deserialize<'de> for Feeds {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(source)?;
        match names.iter().find(|name| !FEEDS.contains(&name.as_str())) {
            None => Ok(Self(names)),
            Some(name) => Err(D::Error::unknown_variant(name, &FEEDS)),
        }
    }
}

/// With which version of the Events API audit events are read: 2, or 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditVersion {
    #[default]
    Two,
    /// A beta: 1Password may change it at any time, and does not mean it for production.
    Three,
}

impl AuditVersion {
    pub const fn number(self) -> u8 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

impl<'de> Deserialize<'de> for AuditVersion {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        match u8::deserialize(source)? {
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            _ => Err(D::Error::custom("the version of audit events is 2, or 3 for 1Password's beta")),
        }
    }
}

/// A block of addresses, `10.0.0.0/8` or `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// `None` when the text is not a block of addresses.
    pub fn new(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Self { address, prefix })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let ((own, width), (other, other_width)) = (bits(self.address), bits(address));
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
        width == other_width && own & mask == other & mask
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(source)?)
            .ok_or_else(|| D::Error::custom("a network is written like \"10.0.0.0/8\" or \"2001:db8::/32\""))
    }
}

/// A time of day, `09:00`, in minutes since midnight; `24:00` is its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayTime(pub u16);

impl<'de> Deserialize<'de> for DayTime {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        let two = |part: &str| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().unwrap_or(99))
        };
        let minutes =
            text.split_once(':').and_then(|(h, m)| Some((two(h)?, two(m)?))).map(|(h, m): (u16, u16)| (h * 60 + m, m));
        match minutes {
            Some((minutes, m)) if minutes <= 24 * 60 && m < 60 => Ok(Self(minutes)),
            _ => Err(D::Error::custom("a time of day is written like \"09:00\"")),
        }
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let holds = |network: &str, address: &str| Network::new(network).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.200.3.4") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
        for wrong in ["10.0.0.0/33", "10.0.0/8", "x", "", "::/129", "10.0.0.0/-1"] {
            assert_eq!(Network::new(wrong), None, "{wrong}");
        }
    }
}
