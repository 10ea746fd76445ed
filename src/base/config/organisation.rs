//! `[organisation]`: what a hunt has to know that no event tells.

use serde::Deserialize;

use super::values::{DayTime, Network};

/// The organisation behind the accounts. All of it is optional; a hunt that needs a missing part says so.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Organisation {
    pub name: Option<String>,
    pub business_hours: BusinessHours,
    /// `UTC`, an offset such as `+02:00`, or a zone's name such as `Europe/Berlin`.
    pub time_zone: TimeZone,
    pub privileged: Privileged,
    /// The organisation's own addresses: offices, VPN exits.
    pub internal_networks: Vec<Network>,
    /// UUIDs of items that nobody has a reason to open.
    pub canary_items: Vec<String>,
    pub leavers: Vec<Leaver>,
    pub vault_owners: Vec<VaultOwner>,
}

/// When people work, in the organisation's time zone. Default Monday to Friday, 08:00 to 18:00.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusinessHours {
    pub start: DayTime,
    pub end: DayTime,
    pub days: Vec<Weekday>,
}

impl Default for BusinessHours {
    fn default() -> Self {
        use Weekday::{Fri, Mon, Thu, Tue, Wed};
        Self { start: DayTime(8 * 60), end: DayTime(18 * 60), days: vec![Mon, Tue, Wed, Thu, Fri] }
    }
}

/// A day of the week, `mon` … `sun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A time zone: an offset is understood here; a name is kept for the engines that know names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeZone {
    /// Minutes east of UTC.
    Offset(i16),
    Name(String),
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::Offset(0)
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let wrong = || {
            serde::de::Error::custom("a time zone is `UTC`, an offset like `+02:00`, or a name like `Europe/Berlin`")
        };
        let text = String::deserialize(source)?;
        if text == "UTC" || text == "Z" {
            return Ok(Self::Offset(0));
        }
        if let Some(offset) = text.strip_prefix(['+', '-']) {
            let (hours, minutes) = offset.split_once(':').ok_or_else(wrong)?;
            let (hours, minutes): (i16, i16) = match (hours.len(), hours.parse(), minutes.len(), minutes.parse()) {
                (2, Ok(h @ 0..=14), 2, Ok(m @ 0..=59)) => (h, m),
                _ => return Err(wrong()),
            };
            let east = hours * 60 + minutes;
            return Ok(Self::Offset(if text.starts_with('-') { -east } else { east }));
        }
        let named = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
        if named { Ok(Self::Name(text)) } else { Err(wrong()) }
    }
}

/// Who and what deserves a closer look: UUIDs, or e-mail addresses for users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privileged {
    pub users: Vec<String>,
    pub groups: Vec<String>,
    pub vaults: Vec<String>,
}

/// Somebody who has left or will leave.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaver {
    /// UUID or e-mail address.
    pub user: String,
    /// The last day, `2026-05-31`.
    pub left: Date,
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub crate::base::time::Ticks);

impl<'de> Deserialize<'de> for Date {
    /// Quoted or bare, as TOML has dates of its own.
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bare(toml::value::Datetime),
            Quoted(String),
        }
        let text = match Written::deserialize(source)? {
            Written::Bare(date) => date.to_string(),
            Written::Quoted(text) => text,
        };
        let start =
            if text.len() == 10 { crate::base::time::Ticks::parse_rfc3339(&format!("{text}T00:00:00Z")) } else { None };
        start.map(Self).ok_or_else(|| serde::de::Error::custom("a day is written like 2026-05-31"))
    }
}

/// Who answers for a vault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultOwner {
    /// The vault's UUID.
    pub vault: String,
    /// UUIDs or e-mail addresses.
    pub owners: Vec<String>,
}
