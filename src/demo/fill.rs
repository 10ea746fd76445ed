//! Many events at once, for benches and large tests: the organisation's background work at whatever rate gives the number
//! asked for, in constant memory.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::background::{Background, Pace, Quiet};
use super::happening::Happening;
use super::{BadOption, DAY, Nanos, Options, Organisation, render, ticks};
use crate::base::time::Ticks;
use crate::event::{Feed, Source};
use crate::store::{Committed, Page, StoreError, WriterHandle};

/// The most events that are made in one go.
pub const MOST: u64 = 10_000_000;
/// Events of a page, as the API's largest.
const PAGE: usize = 1_000;
/// Pages handed to the writer and not yet committed.
const UNDER_WAY: usize = 4;

/// Why events could not be filled in.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    #[error(transparent)]
    Option(#[from] BadOption),
    #[error("`fill` takes 1 to {MOST} events")]
    Count,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the store's writer has ended")]
    WriterGone,
}

/// A generated event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    pub feed: Feed,
    /// When it happened.
    pub time: Ticks,
    /// When the API would have told of it; never falls.
    pub visible: Ticks,
    pub bytes: Vec<u8>,
}

/// Generated events, spread over the days before `now` by working hours.
#[derive(Debug)]
pub struct Fill {
    organisation: Organisation,
    background: Background,
    pace: Pace,
    at: Nanos,
    end: Nanos,
    left: u64,
    ready: VecDeque<Happening>,
    scratch: Vec<Happening>,
}

impl Fill {
    pub fn new(options: &Options, events: u64) -> Result<Self, FillError> {
        if !(1..=MOST).contains(&events) {
            return Err(FillError::Count);
        }
        let organisation = Organisation::new(options)?;
        let span = i64::from(options.days) * DAY;
        let end = options.start();
        Ok(Self {
            background: Background::new(&organisation, Quiet::default(), 4),
            pace: Pace::working(&organisation, events, span),
            organisation,
            at: end - span,
            end,
            left: events,
            ready: VecDeque::new(),
            scratch: Vec::new(),
        })
    }

    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// The next event, its JSON appended to `out`: its feed, time, and when it became visible.
    pub fn next_into(&mut self, out: &mut Vec<u8>) -> Option<(Feed, Ticks, Ticks)> {
        self.left = self.left.checked_sub(1)?;
        while self.ready.is_empty() {
            let mut fresh = std::mem::take(&mut self.scratch);
            self.background.step(&self.organisation, self.at, &mut fresh);
            // The pace is met on average; what is left at the end comes at the end.
            self.at = self.pace.next(self.at, fresh.len(), &mut self.background.rng).min(self.end);
            self.ready.extend(fresh.drain(..));
            self.scratch = fresh;
        }
        let event = self.ready.pop_front()?;
        render::render(&self.organisation, &event, out);
        Some((event.feed(), ticks(event.time), ticks(event.visible)))
    }
}

impl Iterator for Fill {
    type Item = Filled;

    fn next(&mut self) -> Option<Filled> {
        let mut bytes = Vec::with_capacity(900);
        let (feed, time, visible) = self.next_into(&mut bytes)?;
        Some(Filled { feed, time, visible, bytes })
    }
}

/// Writes generated events through the store's writer, in pages of a thousand. `progress` is told after each page how many
/// events were handed in, and may break off.
pub fn fill(
    writer: &WriterHandle,
    options: &Options,
    events: u64,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Committed, FillError> {
    let mut source = Fill::new(options, events)?;
    let account: Arc<str> = source.organisation.account_uuid.as_str().into();
    let mut pages: [Vec<Bytes>; 3] = Default::default();
    let mut under_way = VecDeque::new();
    let mut total = Committed::default();
    let mut handed = 0;
    let mut text = Vec::new();
    let mut last = Ticks::default();
    loop {
        let next = source.next_into(&mut text);
        if let Some((feed, _, visible)) = next {
            pages[feed as usize].push(Bytes::copy_from_slice(&text));
            text.clear();
            last = visible;
        }
        for feed in Feed::ALL {
            let items = &mut pages[feed as usize];
            if items.len() < PAGE && (next.is_some() || items.is_empty()) {
                continue;
            }
            handed += items.len() as u64;
            let page = Page::new(Arc::clone(&account), feed, Source::Demo, last, std::mem::take(items));
            under_way.push_back(writer.commit(page));
            let stop = progress(handed).is_break();
            while under_way.len() > if stop || next.is_none() { 0 } else { UNDER_WAY } {
                let Some(reply) = under_way.pop_front() else { break };
                total.add(reply.blocking_recv().map_err(|_| FillError::WriterGone)??);
            }
            if stop {
                return Ok(total);
            }
        }
        if next.is_none() {
            break;
        }
    }
    for reply in under_way {
        total.add(reply.blocking_recv().map_err(|_| FillError::WriterGone)??);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::event::decode::decode;

    fn options() -> Options {
        let now = Ticks::parse_rfc3339("2026-03-04T12:00:00Z").unwrap();
        Options { users: 60, days: 7, ..Options::new(11, now) }
    }

    #[test]
    fn as_many_distinct_events_as_asked_for_lie_in_the_days_before_now() {
        let mut seen = HashSet::new();
        let mut feeds = [0; 3];
        let mut last = Ticks::default();
        let mut early = 0;
        for event in Fill::new(&options(), 5_000).unwrap() {
            let decoded = decode(&event.bytes).unwrap();
            assert!(!decoded.irregular && seen.insert(decoded.uuid().to_owned()));
            assert_eq!(decoded.timestamp(), Some(event.time));
            assert!(event.visible >= last && event.time <= event.visible);
            last = event.visible;
            feeds[event.feed as usize] += 1;
            early += usize::from(event.time.0 < options().now.0 - 4 * crate::base::time::DAY);
        }
        assert_eq!(seen.len(), 5_000);
        assert!(feeds.iter().all(|&n| n > 200), "{feeds:?}");
        // Three and a bit of seven days.
        assert!((1_000..3_500).contains(&early), "{early}");
    }

    #[test]
    fn a_count_out_of_range_is_refused() {
        assert!(matches!(Fill::new(&options(), 0), Err(FillError::Count)));
        assert!(matches!(Fill::new(&options(), MOST + 1), Err(FillError::Count)));
    }

    #[test]
    fn filled_events_are_in_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let writer = crate::store::Writer::open(folder.path()).unwrap();
        let mut told = 0;
        let done = fill(&writer.handle(), &options(), 2_500, |n| {
            told = n;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!((done.stored, done.duplicates, done.variants, done.quarantined, done.undated), (2_500, 0, 0, 0, 0));
        assert_eq!(told, 2_500);
        writer.close();
    }
}
