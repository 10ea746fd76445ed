//! Events by hour, feed and outcome: what the first timeline is drawn from, without a scan.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};

use super::catalogue::{feed_code, feed_of};
use crate::base::time::{HOUR, Ticks};
use crate::event::catalogue::{Outcome, outcome};
use crate::event::{Feed, schema};

/// The events of one hour, feed and outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourCount {
    /// The start of the hour.
    pub hour: Ticks,
    pub feed: Feed,
    pub outcome: Outcome,
    pub events: u64,
}

/// (start of the hour, feed, outcome) in the catalogue's numbers, and the events.
pub(super) type Hours = BTreeMap<(i64, i64, i64), i64>;

/// The number of an outcome in the catalogue. Never changes.
const fn outcome_code(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Unknown => 0,
        Outcome::Success => 1,
        Outcome::Failure => 2,
    }
}

impl HourCount {
    /// From the catalogue's numbers; `None` for what is no event, and for a feed or an outcome that this program does not know.
    pub(super) fn from_codes(hour: i64, feed: i64, outcome: i64, events: i64) -> Option<Self> {
        let outcome = Outcome::ALL.into_iter().find(|o| outcome_code(*o) == outcome)?;
        let feed = feed_of(feed).filter(|feed| feed.is_of_events_api())?;
        Some(Self { hour: Ticks(hour), feed, outcome, events: events.max(0) as u64 })
    }
}

/// Counts the dated events of a batch into `hours`.
pub(super) fn count(batch: &RecordBatch, hours: &mut Hours) {
    let column = |name| schema::position(name).map(|at| batch.column(at));
    let (Some(times), Some(feeds), Some(categories)) = (column("timestamp"), column("feed"), column("category")) else {
        return;
    };
    let times = times.as_primitive::<Int64Type>();
    let feeds = feeds.as_dictionary::<Int32Type>();
    let categories = categories.as_dictionary::<Int32Type>();
    let feed_names = feeds.values().as_string::<i32>();
    let category_names = categories.values().as_string::<i32>();
    let known: Vec<Option<Feed>> = feed_names.iter().map(|name| name.and_then(Feed::from_name)).collect();
    for row in 0..batch.num_rows() {
        let (false, Some(feed)) = (times.is_null(row), feeds.key(row).and_then(|key| known[key])) else { continue };
        let category = categories.key(row).map(|key| category_names.value(key));
        let hour = times.value(row).div_euclid(HOUR) * HOUR;
        *hours.entry((hour, feed_code(feed), outcome_code(outcome(feed, category)))).or_default() += 1;
    }
}
