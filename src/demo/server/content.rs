//! What the server has to tell: a simulation, or a file.

use super::cursor::Cursor;
use crate::demo::replay::Replay;
use crate::demo::{DAY, Nanos, Simulation};
use crate::event::Feed;

/// How far back the API goes.
const RETENTION: Nanos = 120 * DAY;

#[derive(Debug)]
pub(super) enum Content {
    Simulated(Box<Simulation>),
    Replay(Replay),
}

/// A page, as JSON text.
#[derive(Debug)]
pub(super) struct Page {
    /// `[…]`
    pub items: Vec<u8>,
    pub count: usize,
    pub next: Cursor,
}

impl Content {
    pub fn advance(&mut self, clock: Nanos) {
        if let Self::Simulated(simulation) = self {
            simulation.advance(clock);
        }
    }

    pub fn count(&self, feed: Feed) -> u64 {
        match self {
            Self::Simulated(simulation) => simulation.count(feed),
            Self::Replay(replay) => replay.count(feed),
        }
    }

    /// The position of the next event of the chain.
    fn find(&self, cursor: &Cursor, clock: Nanos) -> Option<u64> {
        match self {
            Self::Simulated(simulation) => {
                let start = cursor.start.max(clock.saturating_sub(RETENTION));
                simulation.find(cursor.feed, cursor.position, start, cursor.end).map(|(position, _)| position)
            }
            Self::Replay(replay) => (cursor.position < replay.count(cursor.feed)).then_some(cursor.position),
        }
    }

    fn render(&self, feed: Feed, position: u64, out: &mut Vec<u8>) {
        match self {
            Self::Simulated(simulation) => simulation.render(feed, position, out),
            Self::Replay(replay) => {
                out.extend_from_slice(replay.event(feed, position).unwrap_or("null").as_bytes());
            }
        }
    }

    /// A page of a window of version 3, and whether more follows; `None` where the server has no version 3: a file's events have no times of
    /// insertion.
    pub fn window(&self, cursor: &Cursor, clock: Nanos) -> Option<(Page, bool)> {
        let Self::Simulated(simulation) = self else { return None };
        let after = cursor.start.max(clock.saturating_sub(RETENTION));
        let find = |position| simulation.find_inserted(cursor.feed, position, after, cursor.end);
        let mut page = Page { items: vec![b'['], count: 0, next: *cursor };
        let mut found = find(cursor.position);
        while let Some(position) = found.filter(|_| page.count < usize::from(cursor.limit)) {
            if page.count > 0 {
                page.items.push(b',');
            }
            simulation.render_v3(position, &mut page.items);
            page.count += 1;
            page.next.position = position + 1;
            found = find(page.next.position);
        }
        page.items.push(b']');
        Some((page, found.is_some()))
    }

    /// The newest of a Connect server's requests, the newest first, after so many that are left out; how many it has in all.
    pub fn activity(&self, limit: u64, offset: u64) -> (Vec<u8>, u64, u64) {
        let total = self.count(Feed::ConnectActivity);
        let (first, last) = (offset.min(total), offset.saturating_add(limit).min(total));
        let mut items = vec![b'['];
        for n in first..last {
            if n > first {
                items.push(b',');
            }
            self.render(Feed::ConnectActivity, total - 1 - n, &mut items);
        }
        items.push(b']');
        (items, last - first, total)
    }

    /// The chain's next page. The next cursor stands behind the last event that was told, so that an empty page gives
    /// the same cursor again. With `again`, events of the page before are told once more.
    pub fn page(&self, cursor: &Cursor, clock: Nanos, again: bool) -> Page {
        let limit = usize::from(cursor.limit);
        let mut page = Page { items: vec![b'['], count: 0, next: *cursor };
        let tell = |page: &mut Page, position| {
            if page.count > 0 {
                page.items.push(b',');
            }
            self.render(cursor.feed, position, &mut page.items);
            page.count += 1;
        };
        if again {
            let few = cursor.position.min(5).min(limit as u64 - 1);
            let mut back = Cursor { position: cursor.position - few, ..*cursor };
            while let Some(position) = self.find(&back, clock).filter(|&p| p < cursor.position) {
                tell(&mut page, position);
                back.position = position + 1;
            }
        }
        while page.count < limit {
            let Some(position) = self.find(&page.next, clock) else { break };
            tell(&mut page, position);
            page.next.position = position + 1;
        }
        page.items.push(b']');
        page
    }
}
