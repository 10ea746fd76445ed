//! `[retention]`: how long events are kept.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::values::FEEDS;

/// The longest that can be written: a hundred years.
const LONGEST: i64 = 36_525;

/// How long events are kept. Where it says nothing, for ever.
///
/// ```toml
/// [retention]
/// days = 400                # of every feed
/// signinattempts = 90       # of this one
/// hold = true               # legal hold: nothing goes, whatever the days say
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    pub days: Option<u32>,
    /// By the feed's name.
    pub feeds: BTreeMap<String, u32>,
    pub hold: bool,
}

/// Connect's activity beside the API's feeds.
const KEYS: [&str; 6] = ["days", "hold", FEEDS[0], FEEDS[1], FEEDS[2], "activity"];

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = Retention;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with `days`, names of feeds, and `hold`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Retention, A::Error> {
        let mut read = Retention::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "hold" => read.hold = map.next_value()?,
                "days" => read.days = Some(map.next_value::<Days>()?.0),
                feed if KEYS.contains(&feed) => drop(read.feeds.insert(key, map.next_value::<Days>()?.0)),
                other => return Err(A::Error::unknown_field(other, &KEYS)),
            }
        }
        Ok(read)
    }
}

struct Days(u32);

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let days = i64::deserialize(source)?;
        match u32::try_from(days) {
            Ok(fits) if (1..=LONGEST).contains(&days) => Ok(Self(fits)),
            _ => Err(D::Error::custom("events are kept for 1 to 36525 days; leave the line out to keep them for ever")),
        }
    }
}
