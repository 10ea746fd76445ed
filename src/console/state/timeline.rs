//! The timeline: counts by time, stacked by feed or by outcome, with a cursor and a range.

use std::collections::BTreeMap;

use super::line::{Line, Outcome};
use crate::base::time::{DAY, HOUR, MINUTE, Ticks};
use crate::event::Feed;

/// Lengths of a bin, the shortest first.
pub const BINS: [i64; 7] = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY];
const AN_HOUR: usize = 3;

/// Events by feed and outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([[u32; 3]; 3]);

impl Counts {
    pub fn add(&mut self, feed: Feed, outcome: Outcome, events: u32) {
        // The timeline is of events; a Connect server's requests are none.
        let Some(feed) = self.0.get_mut(feed as usize) else { return };
        let count = &mut feed[outcome as usize];
        *count = count.saturating_add(events);
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.as_flattened_mut().iter_mut().zip(other.0.as_flattened()) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    pub fn total(&self) -> u64 {
        self.0.as_flattened().iter().map(|n| u64::from(*n)).sum()
    }

    /// The three parts of a stacked column, the lowest first.
    pub fn parts(&self, stack: Stack) -> [u64; 3] {
        std::array::from_fn(|i| match stack {
            Stack::Feed => self.0[i].iter().map(|n| u64::from(*n)).sum(),
            Stack::Outcome => self.0.iter().map(|feed| u64::from(feed[i])).sum(),
        })
    }
}

/// What the parts of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stack {
    #[default]
    Feed,
    Outcome,
}

/// Counts of a stretch of minutes read from the store.
#[derive(Clone, Debug, Default)]
struct Minutes {
    from: i64,
    to: i64,
    bins: BTreeMap<i64, Counts>,
}

#[derive(Clone, Debug)]
pub struct Timeline {
    pub visible: bool,
    pub stack: Stack,
    bin: usize,
    /// The end of the window; `None` while it follows the clock.
    end: Option<i64>,
    /// The start of the bin under the cursor; shown while the pane has the focus.
    cursor: Option<i64>,
    /// Where a range was begun.
    anchor: Option<i64>,
    /// The range that filters the tail and the queries: from, and the tick after its end.
    range: Option<(Ticks, Ticks)>,
    /// All events by hour since 0001. Late ones count where they happened.
    hours: BTreeMap<i64, Counts>,
    minutes: Minutes,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            visible: true,
            stack: Stack::Feed,
            bin: AN_HOUR,
            end: None,
            cursor: None,
            anchor: None,
            range: None,
            hours: BTreeMap::new(),
            minutes: Minutes::default(),
        }
    }
}

impl Timeline {
    /// Replaces the hourly counts by those of the store.
    pub fn set_hours(&mut self, counts: impl IntoIterator<Item = (Ticks, Feed, Outcome, u32)>) {
        self.hours.clear();
        for (hour, feed, outcome, events) in counts {
            self.hours.entry(hour.0.div_euclid(HOUR)).or_default().add(feed, outcome, events);
        }
    }

    /// The hour of the first event of all.
    pub fn oldest(&self) -> Option<Ticks> {
        self.hours.iter().find(|(_, counts)| counts.total() > 0).map(|(hour, _)| Ticks(hour * HOUR))
    }

    /// Replaces the counts by minute.
    pub fn set_minutes(
        &mut self,
        from: Ticks,
        to: Ticks,
        counts: impl IntoIterator<Item = (Ticks, Feed, Outcome, u32)>,
    ) {
        self.minutes = Minutes { from: from.0, to: to.0, bins: BTreeMap::new() };
        for (minute, feed, outcome, events) in counts {
            self.minutes.bins.entry(minute.0.div_euclid(MINUTE)).or_default().add(feed, outcome, events);
        }
    }

    /// Counts an event that just came. One without a readable time lies nowhere.
    pub fn count(&mut self, line: &Line) {
        let Some(Ticks(at)) = line.time else { return };
        self.hours.entry(at.div_euclid(HOUR)).or_default().add(line.feed, line.outcome, 1);
        if self.minutes.from <= at {
            // What lies after the stretch that was read came since, so it is all here.
            self.minutes.bins.entry(at.div_euclid(MINUTE)).or_default().add(line.feed, line.outcome, 1);
        }
    }

    pub fn total(&self) -> u64 {
        self.hours.values().map(Counts::total).sum()
    }

    /// The length of a bin in ticks.
    pub fn bin(&self) -> i64 {
        BINS[self.bin]
    }

    /// From the start of the first bin to the end of the last, for so many columns.
    pub fn window(&self, columns: u16, now: Ticks) -> (Ticks, Ticks) {
        let bin = self.bin();
        let end = (self.end.unwrap_or(now.0).div_euclid(bin) + 1) * bin;
        (Ticks((end - i64::from(columns) * bin).max(0)), Ticks(end))
    }

    /// The stretch whose minutes are needed and not there; `None` when hours will do or all is there.
    pub fn missing(&self, columns: u16, now: Ticks) -> Option<(Ticks, Ticks)> {
        if self.bin >= AN_HOUR {
            return None;
        }
        let (from, to) = self.window(columns, now);
        let reaches = to.0 <= self.minutes.to || self.minutes.to >= now.0 - MINUTE || self.end.is_none();
        let there = self.minutes.to > 0 && self.minutes.from <= from.0 && reaches;
        // A screen more to the left, so that moving does not read each time.
        (!there).then(|| (Ticks((from.0 - (to.0 - from.0)).max(0)), Ticks(to.0.max(now.0))))
    }

    /// Counts of every bin of the window, empty ones too.
    pub fn columns(&self, columns: u16, now: Ticks) -> Vec<(Ticks, Counts)> {
        let (bin, (from, to)) = (self.bin(), self.window(columns, now));
        let mut counts: Vec<(Ticks, Counts)> =
            (0..i64::from(columns)).map(|i| (Ticks(from.0 + i * bin), Counts::default())).collect();
        let (source, unit) = if self.bin < AN_HOUR { (&self.minutes.bins, MINUTE) } else { (&self.hours, HOUR) };
        for (at, count) in source.range(from.0.div_euclid(unit)..to.0.div_euclid(unit)) {
            let column = (at * unit - from.0).div_euclid(bin);
            if let Some((_, sum)) = usize::try_from(column).ok().and_then(|i| counts.get_mut(i)) {
                sum.merge(count);
            }
        }
        counts
    }

    pub fn cursor(&self) -> Option<Ticks> {
        self.cursor.map(Ticks)
    }

    /// The range that is chosen, or the one being chosen.
    pub fn marked(&self) -> Option<(Ticks, Ticks)> {
        match (self.anchor, self.cursor) {
            (Some(anchor), Some(cursor)) => Some(self.between(anchor, cursor)),
            _ => self.range,
        }
    }

    pub fn is_selecting(&self) -> bool {
        self.anchor.is_some()
    }

    /// The range that filters.
    pub fn range(&self) -> Option<(Ticks, Ticks)> {
        self.range
    }

    fn between(&self, a: i64, b: i64) -> (Ticks, Ticks) {
        (Ticks(a.min(b)), Ticks(a.max(b) + self.bin()))
    }

    /// Puts the cursor on the newest bin when the pane gets the focus.
    pub fn focus(&mut self, columns: u16, now: Ticks) {
        if self.cursor.is_none() {
            let (_, to) = self.window(columns, now);
            self.cursor = Some(to.0 - self.bin());
        }
    }

    /// Moves the cursor by bins; the window comes along.
    pub fn move_by(&mut self, bins: i64, columns: u16, now: Ticks) {
        self.focus(columns, now);
        let bin = self.bin();
        let last = now.0.div_euclid(bin) * bin;
        let to = (self.cursor.unwrap_or(last) + bins * bin).clamp(0, last);
        self.cursor = Some(to);
        let (from, end) = self.window(columns, now);
        if to < from.0 {
            // A quarter of a screen at a time keeps the surroundings in view.
            let step = (i64::from(columns) / 4).max(1) * bin;
            self.end = Some(to + i64::from(columns) * bin - step - bin);
        } else if to >= end.0 {
            self.end = Some(to);
        }
        if self.end.is_some_and(|end| end >= last) {
            self.end = None;
        }
    }

    /// Shorter bins (1) or longer ones (-1), around the cursor.
    pub fn zoom(&mut self, by: isize, columns: u16, now: Ticks) {
        let bin = self.bin.saturating_add_signed(-by).min(BINS.len() - 1);
        if bin == self.bin {
            return;
        }
        self.bin = bin;
        let bin = self.bin();
        self.anchor = None;
        let last = now.0.div_euclid(bin) * bin;
        if let Some(cursor) = &mut self.cursor {
            *cursor = cursor.div_euclid(bin) * bin;
            let end = *cursor + i64::from(columns) / 2 * bin;
            self.end = (end < last).then_some(end);
        } else {
            self.end = self.end.filter(|end| *end < last);
        }
    }

    /// Starts a range at the cursor, or ends the one begun. Answers the range when it is whole.
    pub fn select(&mut self) -> Option<(Ticks, Ticks)> {
        let cursor = self.cursor?;
        match self.anchor.take() {
            None => {
                self.anchor = Some(cursor);
                None
            }
            Some(anchor) => {
                self.range = Some(self.between(anchor, cursor));
                self.range
            }
        }
    }

    /// The bin under the cursor as the range, or the range begun.
    pub fn choose(&mut self) -> Option<(Ticks, Ticks)> {
        if self.anchor.is_none() {
            self.anchor = self.cursor;
        }
        self.select()
    }

    pub fn drop_range(&mut self) -> bool {
        self.anchor.take().is_some() | self.range.take().is_some()
    }

    /// To the first hour that has an event.
    pub fn go_to_start(&mut self, columns: u16, now: Ticks) {
        if let Some((hour, _)) = self.hours.iter().find(|(_, counts)| counts.total() > 0) {
            let bins = (hour * HOUR - self.cursor.unwrap_or(now.0)).div_euclid(self.bin());
            self.move_by(bins, columns, now);
        }
    }

    /// Back to now.
    pub fn go_to_end(&mut self, columns: u16, now: Ticks) {
        self.end = None;
        self.cursor = None;
        self.focus(columns, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::state::line::tests::line;

    fn at(text: &str) -> Ticks {
        Ticks::parse_rfc3339(text).unwrap()
    }

    fn totals(timeline: &Timeline, columns: u16, now: Ticks) -> Vec<u64> {
        timeline.columns(columns, now).iter().map(|(_, counts)| counts.total()).collect()
    }

    #[test]
    fn hours_without_events_are_columns_too() {
        let mut timeline = Timeline::default();
        let now = at("2026-03-02T09:30:00Z");
        timeline.set_hours([
            (at("2026-03-02T06:00:00Z"), Feed::SignInAttempts, Outcome::Success, 4),
            (at("2026-03-02T06:00:00Z"), Feed::AuditEvents, Outcome::Unknown, 1),
            (at("2026-03-02T09:00:00Z"), Feed::ItemUsages, Outcome::Success, 2),
        ]);
        assert_eq!(totals(&timeline, 5, now), [0, 5, 0, 0, 2]);
        let columns = timeline.columns(5, now);
        assert_eq!(columns[1].0, at("2026-03-02T06:00:00Z"));
        assert_eq!(columns[1].1.parts(Stack::Feed), [4, 0, 1]);
        assert_eq!(columns[1].1.parts(Stack::Outcome), [4, 0, 1]);
        timeline.zoom(-1, 5, now);
        assert_eq!(totals(&timeline, 3, now), [0, 5, 2]);
    }

    #[test]
    fn an_event_counts_where_it_happened() {
        let mut timeline = Timeline::default();
        let now = at("2026-03-02T12:00:00Z");
        timeline.count(&line(0));
        timeline.count(&line(1));
        assert_eq!(totals(&timeline, 4, now), [2, 0, 0, 0]);
        assert_eq!(timeline.total(), 2);
    }

    #[test]
    fn short_bins_are_asked_for_once() {
        let mut timeline = Timeline::default();
        let now = at("2026-03-02T09:30:30Z");
        assert_eq!(timeline.missing(60, now), None);
        timeline.zoom(3, 60, now);
        assert_eq!(timeline.bin(), MINUTE);
        let (from, to) = timeline.missing(60, now).unwrap();
        assert_eq!((from, to), (at("2026-03-02T07:31:00Z"), at("2026-03-02T09:31:00Z")));
        timeline.set_minutes(from, to, [(at("2026-03-02T09:29:00Z"), Feed::ItemUsages, Outcome::Success, 3)]);
        assert_eq!(timeline.missing(60, now), None);
        assert_eq!(totals(&timeline, 3, now), [0, 3, 0]);
        // Time goes on; what comes is counted, so nothing has to be read again.
        assert_eq!(timeline.missing(60, at("2026-03-02T09:40:00Z")), None);
    }

    #[test]
    fn moving_left_takes_the_window_along_and_the_end_is_now_again() {
        let mut timeline = Timeline::default();
        let now = at("2026-03-02T09:30:00Z");
        timeline.move_by(-12, 8, now);
        assert_eq!(timeline.cursor(), Some(at("2026-03-01T21:00:00Z")));
        let (from, to) = timeline.window(8, now);
        assert!(from.0 <= timeline.cursor().unwrap().0 && timeline.cursor().unwrap().0 < to.0);
        timeline.move_by(100, 8, now);
        assert_eq!(timeline.window(8, now).1, at("2026-03-02T10:00:00Z"));
        assert_eq!(timeline.end, None);
    }

    #[test]
    fn two_marks_choose_a_range_in_either_direction() {
        let mut timeline = Timeline::default();
        let now = at("2026-03-02T09:30:00Z");
        timeline.focus(8, now);
        assert_eq!(timeline.select(), None);
        timeline.move_by(-2, 8, now);
        let want = (at("2026-03-02T07:00:00Z"), at("2026-03-02T10:00:00Z"));
        assert_eq!(timeline.marked(), Some(want));
        assert_eq!(timeline.range(), None, "it filters only when it is whole");
        assert_eq!(timeline.select(), Some(want));
        assert_eq!(timeline.range(), Some(want));
        assert!(timeline.drop_range() && !timeline.drop_range());
    }
}
