//! The live tail: a bounded ring of events, what of it passes the filter, and a view that stays where it is.

use std::collections::VecDeque;

use super::filter::Filter;
use super::line::{Line, Severity};
use crate::base::time::Ticks;

/// Events kept while the tail follows.
pub const CAPACITY: usize = 10_000;
/// How many times as many are kept before a paused view has to give up its oldest rows.
const PAUSED_FACTOR: usize = 4;

/// A list of events of which a part passes the filter. Rows are named by an ordinal that never changes, so that rows coming and
/// going elsewhere leave the view alone.
#[derive(Clone, Debug, Default)]
pub struct List {
    lines: VecDeque<Line>,
    /// The ordinal of the first line.
    first: u64,
    /// Ordinals of the lines that pass the filter.
    passing: VecDeque<u64>,
    /// The first row on the screen.
    top: u64,
    selected: Option<u64>,
}

impl List {
    fn get(&self, ordinal: u64) -> Option<&Line> {
        self.lines.get(usize::try_from(ordinal.checked_sub(self.first)?).ok()?)
    }

    /// The position among the passing rows of an ordinal, or where it would be.
    fn position(&self, ordinal: u64) -> usize {
        self.passing.partition_point(|at| *at < ordinal)
    }

    /// Rows that pass the filter.
    pub fn len(&self) -> usize {
        self.passing.len()
    }

    pub fn is_empty(&self) -> bool {
        self.passing.is_empty()
    }

    /// Rows with or without the filter.
    pub fn held(&self) -> usize {
        self.lines.len()
    }

    fn push(&mut self, line: Line, passes: bool, capacity: usize) {
        let ordinal = self.first + self.lines.len() as u64;
        self.lines.push_back(line);
        if passes {
            self.passing.push_back(ordinal);
        }
        while self.lines.len() > capacity {
            self.lines.pop_front();
            if self.passing.front() == Some(&self.first) {
                self.passing.pop_front();
            }
            self.first += 1;
        }
    }

    /// Puts a line before all others.
    fn push_front(&mut self, line: Line, passes: bool) {
        self.first -= 1;
        self.lines.push_front(line);
        if passes {
            self.passing.push_front(self.first);
        }
    }

    fn refilter(&mut self, passes: impl Fn(&Line) -> bool) {
        let first = self.first;
        self.passing =
            self.lines.iter().enumerate().filter(|(_, line)| passes(line)).map(|(i, _)| first + i as u64).collect();
    }

    fn line_at(&self, position: usize) -> Option<&Line> {
        self.passing.get(position).and_then(|ordinal| self.get(*ordinal))
    }
}

fn passes(line: &Line, filter: &Filter, only_severe: bool, hide_plumbing: bool) -> bool {
    (!only_severe || line.severity >= Severity::Medium) && !(hide_plumbing && line.plumbing) && filter.matches(line)
}

/// Events of a chosen range, read from the store.
#[derive(Clone, Debug)]
pub struct Range {
    pub from: Ticks,
    pub to: Ticks,
    /// More events lie in the range than were read.
    pub cut: bool,
    pub loading: bool,
    list: List,
}

#[derive(Clone, Debug)]
pub struct Tail {
    live: List,
    range: Option<Range>,
    filter: Filter,
    only_severe: bool,
    /// What clients do by themselves is left out.
    hide_plumbing: bool,
    /// The newest row stays in view.
    follow: bool,
    /// Rows that came and passed the filter since the view was paused.
    fresh: u64,
    /// Rows that the console never showed because they came faster than it could take them. They are in the store.
    pub skipped: u64,
    /// Events that rules of suppression kept out of it. They are in the store.
    pub suppressed: u64,
    capacity: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            // Ordinals leave room for older lines.
            live: List { first: u64::MAX / 2, ..List::default() },
            range: None,
            filter: Filter::default(),
            only_severe: false,
            hide_plumbing: true,
            follow: true,
            fresh: 0,
            skipped: 0,
            suppressed: 0,
            capacity: CAPACITY,
        }
    }
}

impl Tail {
    #[cfg(test)]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    fn passes(&self, line: &Line) -> bool {
        passes(line, &self.filter, self.only_severe, self.hide_plumbing)
    }

    /// Takes new events in, paused or not.
    pub fn push(&mut self, lines: impl IntoIterator<Item = Line>) {
        let capacity = if self.follow { self.capacity } else { self.capacity * PAUSED_FACTOR };
        for line in lines {
            if line.suppressed {
                self.suppressed += 1;
                continue;
            }
            let passes = self.passes(&line);
            self.fresh += u64::from(passes && !self.follow);
            self.live.push(line, passes, capacity);
        }
    }

    /// Takes older events in before those that are there, as far as there is room.
    pub fn push_older(&mut self, lines: Vec<Line>) {
        let first = self.live.lines.front().map_or(i64::MAX, |line| line.seq);
        let older: Vec<Line> = lines.into_iter().filter(|line| line.seq < first && !line.suppressed).collect();
        let room = self.capacity.saturating_sub(self.live.lines.len());
        for line in older.into_iter().rev().take(room) {
            let passes = self.passes(&line);
            self.live.push_front(line, passes);
        }
    }

    /// The list on the screen: the range's when one is chosen.
    pub fn list(&self) -> &List {
        self.range.as_ref().map_or(&self.live, |range| &range.list)
    }

    fn list_mut(&mut self) -> &mut List {
        self.range.as_mut().map_or(&mut self.live, |range| &mut range.list)
    }

    pub fn range(&self) -> Option<&Range> {
        self.range.as_ref()
    }

    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Does the newest event stay in view?
    pub fn follows(&self) -> bool {
        self.follow && self.range.is_none()
    }

    /// Rows that came since the pause.
    pub fn fresh(&self) -> u64 {
        self.fresh
    }

    pub fn set_filter(&mut self, filter: Filter, height: usize) {
        self.filter = filter;
        self.refilter(height);
    }

    pub const fn only_severe(&self) -> bool {
        self.only_severe
    }

    pub fn set_only_severe(&mut self, on: bool, height: usize) {
        self.only_severe = on;
        self.refilter(height);
    }

    pub const fn hides_plumbing(&self) -> bool {
        self.hide_plumbing
    }

    pub fn set_hide_plumbing(&mut self, on: bool, height: usize) {
        self.hide_plumbing = on;
        self.refilter(height);
    }

    /// Is anything left out?
    pub fn is_filtered(&self) -> bool {
        self.only_severe || self.hide_plumbing || !self.filter.is_empty()
    }

    fn refilter(&mut self, height: usize) {
        let (filter, only_severe, hide_plumbing) = (self.filter.clone(), self.only_severe, self.hide_plumbing);
        let passes = &|line: &Line| passes(line, &filter, only_severe, hide_plumbing);
        self.live.refilter(passes);
        if let Some(range) = &mut self.range {
            range.list.refilter(passes);
        }
        self.keep_selection_visible(height);
    }

    /// Shows a range instead of the live events; its rows come with `fill_range`.
    pub fn choose_range(&mut self, from: Ticks, to: Ticks) {
        self.range = Some(Range { from, to, cut: false, loading: true, list: List::default() });
    }

    /// The rows of the range that is waited for; those of an older choice are dropped.
    pub fn fill_range(&mut self, from: Ticks, to: Ticks, lines: Vec<Line>, cut: bool) {
        let passing: Vec<bool> = lines.iter().map(|line| self.passes(line)).collect();
        if let Some(range) = self.range.as_mut().filter(|range| (range.from, range.to) == (from, to)) {
            range.list = List::default();
            for (line, passes) in lines.into_iter().zip(passing) {
                range.list.push(line, passes, usize::MAX);
            }
            (range.cut, range.loading) = (cut, false);
            range.list.selected = range.list.passing.front().copied();
        }
    }

    pub fn clear_range(&mut self) {
        self.range = None;
    }

    /// Pauses the view where it is, with the newest row selected.
    pub fn pause(&mut self, height: usize) {
        if self.follows() {
            let list = &mut self.live;
            list.top = list.passing.get(list.len().saturating_sub(height)).copied().unwrap_or(list.first);
            list.selected = list.passing.back().copied();
            self.follow = false;
            self.fresh = 0;
        }
    }

    /// Follows the newest event again.
    pub fn resume(&mut self) {
        self.range = None;
        self.follow = true;
        self.fresh = 0;
        self.live.selected = None;
        let over = self.live.lines.len().saturating_sub(self.capacity);
        for _ in 0..over {
            self.live.lines.pop_front();
            if self.live.passing.front() == Some(&self.live.first) {
                self.live.passing.pop_front();
            }
            self.live.first += 1;
        }
    }

    /// Moves the selection by rows, negative for up. Moving up pauses; moving past the end resumes.
    pub fn move_by(&mut self, rows: isize, height: usize) {
        if self.follows() {
            if rows >= 0 {
                return;
            }
            self.pause(height);
        }
        let live = self.range.is_none();
        let list = self.list_mut();
        if list.is_empty() {
            return;
        }
        let at = list.selected.map_or(0, |selected| list.position(selected));
        if live && rows > 0 && at + 1 >= list.len() {
            return self.resume();
        }
        let to = at.saturating_add_signed(rows).min(list.len() - 1);
        list.selected = list.passing.get(to).copied();
        self.keep_selection_visible(height);
    }

    /// To the first row held.
    pub fn go_to_top(&mut self, height: usize) {
        self.pause(height);
        let list = self.list_mut();
        list.selected = list.passing.front().copied();
        self.keep_selection_visible(height);
    }

    /// To the newest row: of a range its last, of the live tail the following view.
    pub fn go_to_bottom(&mut self, height: usize) {
        match &mut self.range {
            Some(range) => {
                range.list.selected = range.list.passing.back().copied();
                self.keep_selection_visible(height);
            }
            None => self.resume(),
        }
    }

    /// Selects the row of a sequence number, if it is held and passes.
    pub fn select_seq(&mut self, seq: i64, height: usize) {
        self.pause(height);
        let list = self.list_mut();
        let found = list.passing.iter().copied().find(|at| list.get(*at).is_some_and(|line| line.seq == seq));
        if found.is_some() {
            list.selected = found;
            self.keep_selection_visible(height);
        }
    }

    /// The selected event; while following, the newest.
    pub fn selected(&self) -> Option<&Line> {
        let list = self.list();
        match list.selected {
            Some(selected) if !self.follows() => list.line_at(list.position(selected)),
            _ => list.line_at(list.len().checked_sub(1)?),
        }
    }

    /// The event `by` rows from the one with this sequence number, among those that pass.
    pub fn neighbour(&self, seq: i64, by: isize) -> Option<&Line> {
        let list = self.list();
        let at = list.passing.iter().position(|at| list.get(*at).is_some_and(|line| line.seq == seq))?;
        list.line_at(at.checked_add_signed(by)?)
    }

    /// After a change of height, filter or selection.
    pub fn keep_selection_visible(&mut self, height: usize) {
        let list = self.list_mut();
        let Some(last) = list.len().checked_sub(1) else { return };
        let height = height.max(1);
        let at = list.selected.map_or(0, |selected| list.position(selected)).min(last);
        if list.selected.is_some() {
            list.selected = list.passing.get(at).copied();
        }
        let top =
            list.position(list.top).min(list.len().saturating_sub(height)).min(at).max((at + 1).saturating_sub(height));
        list.top = list.passing.get(top).copied().unwrap_or(list.first);
    }

    /// The rows on the screen, with whether each is the selected one.
    pub fn rows(&self, height: usize) -> impl Iterator<Item = (&Line, bool)> {
        let list = self.list();
        let selected = list.selected.filter(|_| !self.follows());
        let top = if self.follows() { list.len().saturating_sub(height) } else { list.position(list.top) };
        (top..list.len()).take(height).filter_map(move |at| {
            let ordinal = *list.passing.get(at)?;
            Some((list.get(ordinal)?, selected == Some(ordinal)))
        })
    }
}

#[cfg(test)]
mod tests;
