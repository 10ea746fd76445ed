//! Retention: what a policy lets go, and how it goes.
//!
//! An event's age is its `timestamp`; one without is as old as its arrival. Ages are counted in whole days, from midnight UTC, so that an
//! event stays at least as many days as the policy says and at most one more.
//!
//! What goes is exact to the row. Segments are written anew without it, or superseded where nothing is left; fresh pages are replaced; its
//! variants, its later arrivals and unreadable items of that age go too. SQLite overwrites what it deletes (`secure_delete`), the log is folded and
//! the superseded files are removed once no query can still read them: then the bytes are in no file of the store.
//!
//! What stays of a batch still hashes to the batch's root (`chain::pruned`), so that `verify` follows the chain as before. A batch that does
//! not hash to its root before something is taken from it was changed by somebody, and keeps what it has: retention must not remove the
//! traces of that. Each slice of the work is one transaction with a signed statement of what it took (`tombstone`).
//!
//! Names that the store learned from events go with the last event that tells them (`names::forget`). Names that a person imported are theirs
//! and stay.
//!
//! What was let go does not come back: an event older than what the last run let go is counted as expired when it arrives again, and not
//! stored. A policy that keeps more, or a hold, moves that line back at its next run.

pub(super) mod purge;
pub mod run;
pub(super) mod sieve;
pub mod tombstone;

use std::fmt;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::{Reader, StoreError, fresh};
use crate::base::time::{DAY, Ticks};
use crate::event::Feed;
use crate::event::columns::text_at;

const FEEDS: usize = Feed::STORED.len();

/// How long events are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    days: [Option<u32>; FEEDS],
    /// Nothing goes, whatever the days say.
    pub hold: bool,
}

impl Policy {
    /// `days` for every feed that `feeds` does not name.
    pub fn new(days: Option<u32>, feeds: impl IntoIterator<Item = (Feed, u32)>, hold: bool) -> Self {
        let mut policy = Self { days: [days; FEEDS], hold };
        for (feed, days) in feeds {
            policy.days[feed as usize] = Some(days);
        }
        policy
    }

    /// The days that a feed's events are kept; `None` is for ever.
    pub fn days(&self, feed: Feed) -> Option<u32> {
        self.days[feed as usize]
    }

    /// Does it ever let anything go?
    pub fn is_set(&self) -> bool {
        self.days.iter().any(Option::is_some)
    }

    /// The same, for one feed alone.
    #[must_use]
    pub fn only(mut self, feed: Feed) -> Self {
        for other in Feed::STORED.into_iter().filter(|other| *other != feed) {
            self.days[other as usize] = None;
        }
        self
    }

    /// What is past it now.
    pub fn cutoffs(&self, now: Ticks) -> Cutoffs {
        let midnight = now.0.div_euclid(DAY) * DAY;
        let before = |days: u32| midnight.saturating_sub(i64::from(days).saturating_mul(DAY));
        Cutoffs(if self.hold { [None; FEEDS] } else { self.days.map(|days| days.map(before)) })
    }
}

/// `400 days`, `signinattempts 90 days, auditevents 400 days`, with `legal hold` before it.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hold {
            f.write_str("legal hold")?;
        }
        let mut first = !self.hold;
        let mut part = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            let between = if std::mem::take(&mut first) { "" } else { ", " };
            write!(f, "{between}{text}")
        };
        match self.days {
            [Some(days), ..] if self.days == [Some(days); FEEDS] => part(f, format_args!("{days} days"))?,
            _ => {
                for feed in Feed::STORED {
                    if let Some(days) = self.days(feed) {
                        part(f, format_args!("{feed} {days} days"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// By feed: events before this time go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cutoffs(pub(super) [Option<i64>; FEEDS]);

impl Cutoffs {
    /// Does an event go?
    pub(super) fn let_go(&self, feed: Feed, timestamp: Option<i64>, arrived: i64) -> bool {
        self.0[feed as usize].is_some_and(|before| timestamp.unwrap_or(arrived) < before)
    }

    /// No event from here on goes.
    fn newest(&self) -> Option<i64> {
        self.0.iter().flatten().max().copied()
    }

    /// May a segment hold something that goes? Rows without a timestamp are not in its range of timestamps.
    pub(super) fn may_touch(&self, segment: &super::Segment) -> bool {
        let first = segment.timestamps.map_or(i64::MIN, |(first, _)| first);
        let hidden = segment.generated.0.min(first);
        self.newest().is_some_and(|newest| hidden < newest)
    }

    /// Which rows of a batch of stored columns stay.
    pub(super) fn keep(&self, batch: &RecordBatch) -> Vec<bool> {
        let column = |name| batch.column_by_name(name);
        let (Some(feeds), Some(times), Some(arrivals)) = (column("feed"), column("timestamp"), column("arrived"))
        else {
            return vec![true; batch.num_rows()];
        };
        let (times, arrivals) = (times.as_primitive::<Int64Type>(), arrivals.as_primitive::<Int64Type>());
        let stays = |row| {
            let timestamp = times.is_valid(row).then(|| times.value(row));
            let feed = text_at(feeds, row).and_then(Feed::from_name);
            feed.is_none_or(|feed| !self.let_go(feed, timestamp, arrivals.value(row)))
        };
        (0..batch.num_rows()).map(stays).collect()
    }
}

/// What goes of one feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedGoing {
    pub events: u64,
    /// The first and the last time of the events that have one.
    pub times: Option<(Ticks, Ticks)>,
    /// Of the files they lie in, about.
    pub bytes: u64,
}

/// What goes, by feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Going([FeedGoing; FEEDS]);

impl Going {
    pub fn of(&self, feed: Feed) -> FeedGoing {
        self.0[feed as usize]
    }

    pub fn events(&self) -> u64 {
        self.0.iter().map(|feed| feed.events).sum()
    }

    /// The time that they span.
    pub fn times(&self) -> Option<(Ticks, Ticks)> {
        self.0.iter().filter_map(|feed| feed.times).reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
    }

    /// Counts the rows that do not stay, of so many bytes each.
    pub(super) fn count(&mut self, batch: &RecordBatch, keep: &[bool], bytes: f64) {
        let column = |name| batch.column_by_name(name);
        let (Some(feeds), Some(times)) = (column("feed"), column("timestamp")) else { return };
        let times = times.as_primitive::<Int64Type>();
        let mut gone = [0_u64; FEEDS];
        for row in (0..batch.num_rows()).filter(|row| !keep[*row]) {
            let Some(feed) = text_at(feeds, row).and_then(Feed::from_name) else { continue };
            gone[feed as usize] += 1;
            if times.is_valid(row) {
                let at = Ticks(times.value(row));
                let known = &mut self.0[feed as usize].times;
                *known = Some(known.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
            }
        }
        for (feed, gone) in self.0.iter_mut().zip(gone) {
            feed.events += gone;
            feed.bytes += (gone as f64 * bytes) as u64;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            mine.events += theirs.events;
            mine.bytes += theirs.bytes;
            mine.times = [mine.times, theirs.times].into_iter().flatten().reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
        }
    }
}

/// What a run does, or would do.
#[derive(Clone, Debug, Default)]
pub struct Retained {
    pub going: Going,
    /// Segments of which nothing is left, and those that are written anew.
    pub dropped: u64,
    pub rewritten: u64,
    /// Fresh pages with something that goes.
    pub pages: u64,
    /// Items that could not be read as events.
    pub quarantined: u64,
    pub variants: u64,
    /// Learned names that no event tells any more, or that an older telling took the place of.
    pub names: u64,
    /// What stays although it is old enough, and why.
    pub kept: Vec<String>,
    /// When the last superseded file may be removed, where there is one.
    pub files_until: Option<Ticks>,
}

impl Reader {
    /// What a policy would let go now. Nothing is changed.
    pub fn retention(&self, policy: &Policy, now: Ticks) -> Result<Retained, StoreError> {
        let cutoffs = policy.cutoffs(now);
        let snapshot = self.snapshot()?;
        let mut plan = Retained::default();
        for segment in snapshot.segments.iter().filter(|segment| cutoffs.may_touch(segment)) {
            let before = plan.going.events();
            let bytes = segment.bytes as f64 / segment.rows.max(1) as f64;
            for batch in segment.columns(&["feed", "arrived", "timestamp"])? {
                let batch = batch?;
                plan.going.count(&batch, &cutoffs.keep(&batch), bytes);
            }
            match plan.going.events() - before {
                0 => {}
                gone if gone == segment.rows => plan.dropped += 1,
                _ => plan.rewritten += 1,
            }
        }
        for batch in &snapshot.fresh {
            let keep = cutoffs.keep(batch);
            if keep.contains(&false) {
                plan.pages += 1;
                let bytes = fresh::encode(batch)?.len() as f64 / batch.num_rows().max(1) as f64;
                plan.going.count(batch, &keep, bytes);
            }
        }
        let tell = |s: &std::sync::Arc<super::Segment>| {
            format!(
                "segment {} is damaged, what it holds cannot be told",
                s.path.file_name().unwrap_or_default().display()
            )
        };
        plan.kept = snapshot.damaged.iter().filter(|segment| cutoffs.may_touch(segment)).map(tell).collect();
        plan.quarantined = self.with("count unreadable items", |db| purge::quarantined(db, &cutoffs))?;
        Ok(plan)
    }
}
