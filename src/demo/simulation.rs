//! The organisation's event streams: history at once, live events as the clock passes.

use std::collections::VecDeque;

use super::background::{Background, Pace};
use super::happening::Happening;
use super::stories::{self, Truth};
use super::{BadOption, DAY, Nanos, Options, Organisation, render, ticks};
use crate::base::config;
use crate::base::time::Ticks;
use crate::event::Feed;

/// Events a user and day of history, on average over the week.
const PER_USER_AND_DAY: u64 = 18;
/// Live events kept a feed. Older ones are forgotten, so that a display that runs for weeks stays small.
const KEPT: usize = 500_000;

/// The stream of one feed, in the order of arrival. Positions count from the first event ever.
#[derive(Debug, Default)]
struct Stream {
    events: VecDeque<Happening>,
    forgotten: u64,
}

impl Stream {
    fn push(&mut self, event: Happening, keep: usize) {
        if self.events.len() >= keep {
            self.events.pop_front();
            self.forgotten += 1;
        }
        self.events.push_back(event);
    }
}

/// The simulated organisation and everything it has done so far.
#[derive(Debug)]
pub struct Simulation {
    organisation: Organisation,
    truths: Vec<Truth>,
    facts: config::Organisation,
    streams: [Stream; Feed::STORED.len()],
    /// What stories bring, not yet visible, in order.
    upcoming: VecDeque<Happening>,
    background: Background,
    pace: Pace,
    next: Nanos,
    keep: usize,
    scratch: Vec<Happening>,
}

impl Simulation {
    /// The organisation with its history up to `options.now`.
    pub fn new(options: &Options) -> Result<Self, BadOption> {
        let organisation = Organisation::new(options)?;
        let now = options.start();
        let told = stories::tell(&organisation, options);
        let span = i64::from(options.days) * DAY;
        let expected = u64::from(options.users) * u64::from(options.days) * PER_USER_AND_DAY;

        let mut past = Background::new(&organisation, told.quiet.clone(), 1);
        let pace = Pace::working(&organisation, expected, span);
        let mut history = Vec::with_capacity(expected as usize * 11 / 10);
        let mut at = now - span;
        while at < now {
            let before = history.len();
            past.step(&organisation, at, &mut history);
            at = pace.next(at, history.len() - before, &mut past.rng);
        }
        history.retain(|event| event.visible <= now);
        let (happened, upcoming): (Vec<_>, Vec<_>) = told.happenings.into_iter().partition(|e| e.visible <= now);
        history.extend(happened);
        history.sort_by_key(|event| event.visible);

        let facts = stories::facts(&organisation, options);
        let mut simulation = Self {
            facts,
            background: Background::new(&organisation, told.quiet, 2),
            organisation,
            truths: told.truths,
            streams: Default::default(),
            upcoming: upcoming.into(),
            pace: Pace::steady(options.rate),
            next: now + 1,
            keep: history.len() + KEPT,
            scratch: Vec::new(),
        };
        for event in history {
            simulation.take(event);
        }
        Ok(simulation)
    }

    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// What the organisation would write under `[organisation]` of the configuration.
    pub fn facts(&self) -> &config::Organisation {
        &self.facts
    }

    /// What the stories did: the ground truth of the hunts.
    pub fn truths(&self) -> &[Truth] {
        &self.truths
    }

    fn take(&mut self, event: Happening) {
        self.streams[event.feed() as usize].push(event, self.keep);
        if event.through_connect() {
            self.streams[Feed::ConnectActivity as usize].push(event, self.keep);
        }
    }

    /// Everything that becomes visible up to `clock`. In which steps the clock gets there makes no difference.
    pub fn advance(&mut self, clock: Nanos) {
        loop {
            let story = self.upcoming.front().map_or(Nanos::MAX, |event| event.visible);
            if story.min(self.next) > clock {
                return;
            }
            if story <= self.next {
                if let Some(event) = self.upcoming.pop_front() {
                    self.take(event);
                }
                continue;
            }
            let mut fresh = std::mem::take(&mut self.scratch);
            self.background.step(&self.organisation, self.next, &mut fresh);
            self.next = self.pace.next(self.next, fresh.len(), &mut self.background.rng);
            for event in fresh.drain(..) {
                self.take(event);
            }
            self.scratch = fresh;
        }
    }

    /// How many events of the feed there were up to now.
    pub fn count(&self, feed: Feed) -> u64 {
        let stream = &self.streams[feed as usize];
        stream.forgotten + stream.events.len() as u64
    }

    /// The next event of the feed at or after a position, of those with a time in `from..to`: its position and time.
    pub fn find(&self, feed: Feed, position: u64, from: Nanos, to: Nanos) -> Option<(u64, Ticks)> {
        let stream = &self.streams[feed as usize];
        let skip = position.saturating_sub(stream.forgotten) as usize;
        let start = position.max(stream.forgotten);
        let events = stream.events.range(skip.min(stream.events.len())..);
        let found = events.enumerate().find(|(_, event)| (from..to).contains(&event.time));
        found.map(|(n, event)| (start + n as u64, ticks(event.time)))
    }

    /// Appends the JSON of the event at a position; nothing where there is none.
    pub fn render(&self, feed: Feed, position: u64, out: &mut Vec<u8>) {
        let stream = &self.streams[feed as usize];
        let at = position.checked_sub(stream.forgotten).and_then(|n| stream.events.get(n as usize));
        if let Some(event) = at {
            match feed {
                Feed::ConnectActivity => render::activity(&self.organisation, event, out),
                _ => render::render(&self.organisation, event, out),
            }
        }
    }

    /// The first event of the feed at or after a position that was inserted between two times, both excluded.
    pub fn find_inserted(&self, feed: Feed, position: u64, after: Nanos, before: Nanos) -> Option<u64> {
        let stream = &self.streams[feed as usize];
        // In the order of insertion.
        let first = stream.events.partition_point(|event| event.visible <= after) as u64 + stream.forgotten;
        let at = position.max(first);
        let event = stream.events.get((at - stream.forgotten) as usize)?;
        (event.visible < before).then_some(at)
    }

    /// Appends the JSON of an audit event as version 3 of the API has it.
    pub fn render_v3(&self, position: u64, out: &mut Vec<u8>) {
        let stream = &self.streams[Feed::AuditEvents as usize];
        let at = position.checked_sub(stream.forgotten).and_then(|n| stream.events.get(n as usize));
        if let Some(event) = at {
            render::v3(&self.organisation, event, out);
        }
    }
}

#[cfg(test)]
mod tests;
