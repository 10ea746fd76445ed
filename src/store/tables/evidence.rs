//! Import of Sentinel's table into the evidence store: its rows are events, and stand among those that were collected.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::cells::Cell;
use super::events::{Event, Mapping};
use super::import::{Bad, Done, Progress};
use super::source::{Columns, Row, Source};
use crate::base::time::Ticks;
use crate::event::{self, Feed, json};
use crate::store::StoreError;
use crate::store::page::{BadItem, Committed, Origin, Page};
use crate::store::writer::{WriterHandle, wait};

/// Items of a page, as the service's largest.
const PAGE_ITEMS: usize = 1_000;
/// Pages under way: the next are read while these are committed.
const UNDER_WAY: usize = 4;

/// What an import of events did. Rows that are no events are in quarantine, with their place.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub committed: Committed,
    /// Rows that are no events, counted and named.
    pub rows: Done,
    /// Columns that the table does not have; they are in no event.
    pub unknown: Vec<String>,
}

/// Imports rows of the sources as events of an account. `watch` may break it off; what was committed by then stays.
pub fn import_events(
    writer: &WriterHandle,
    sources: &[Source],
    account: &Arc<str>,
    now: Ticks,
    mut watch: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Stored, StoreError> {
    let total = sources.iter().map(|s| s.bytes).sum();
    let mut stored = Stored::default();
    let mut before = 0;
    let mut aside: Vec<BadItem> = Vec::new();
    for source in sources {
        let mut columns = Columns::default();
        let mut filling = Filling::new(writer, account, now, Arc::clone(&source.name));
        let mut mapping = Mapping::of(&columns);
        let mut known = 0;
        source.each(&mut columns, &mut |line, at, row, columns| {
            if columns.list.len() != known {
                known = columns.list.len();
                mapping = Mapping::of(columns);
            }
            let (event, text) = match row {
                Row::Cells(cells) => {
                    let event = mapping.event(cells);
                    let text = if event.is_err() { as_object(cells, columns) } else { String::new() };
                    (event, text)
                }
                Row::Bad(why) => (Err(why), String::new()),
            };
            match event {
                Ok(event) => {
                    stored.rows.rows += 1;
                    filling.put(event, line)?;
                }
                Err(why) => {
                    let place = format!("{}:{line}", source.name);
                    // Of a row that is no row only its place can be told.
                    let raw = if text.is_empty() { place.clone() } else { text };
                    aside.push(BadItem {
                        raw: Bytes::from(raw),
                        place: place.clone(),
                        reason: why.clone(),
                        arrived: now,
                    });
                    if aside.len() >= PAGE_ITEMS {
                        wait(writer.set_aside(account, std::mem::take(&mut aside)))?;
                    }
                    bad(&mut stored.rows, place, why);
                }
            }
            let seen = stored.rows.rows + stored.rows.bad;
            if seen.is_multiple_of(PAGE_ITEMS as u64) && watch(&Progress { bytes: before + at, total }).is_break() {
                stored.rows.stopped = true;
            }
            Ok(!stored.rows.stopped)
        })?;
        before += source.bytes;
        stored.committed.add(filling.end()?);
        for name in mapping.unknown(&columns) {
            if !stored.unknown.iter().any(|n| n == name) {
                stored.unknown.push(name.to_owned());
            }
        }
        if stored.rows.stopped {
            break;
        }
    }
    if !aside.is_empty() {
        wait(writer.set_aside(account, aside))?;
    }
    Ok(stored)
}

fn bad(done: &mut Done, place: String, why: String) {
    done.bad += 1;
    if done.named.len() < super::import::NAMED {
        done.named.push(Bad { place, why });
    }
}

/// A row's cells under the names of their columns.
fn as_object(cells: &[(usize, Cell<'_>)], columns: &Columns) -> String {
    let mut text = String::from("{");
    for (at, cell) in cells {
        let Some(column) = columns.list.get(*at) else { continue };
        if text.len() > 1 {
            text.push(',');
        }
        json::quote(&mut text, &column.name);
        text.push(':');
        json::quote(&mut text, &cell.plain());
    }
    text.push('}');
    text
}

/// Pages as they fill, one a feed.
struct Filling<'a> {
    writer: &'a WriterHandle,
    account: &'a Arc<str>,
    now: Ticks,
    file: Arc<str>,
    pages: [Vec<(Event, u64)>; Feed::ALL.len()],
    under_way: VecDeque<oneshot::Receiver<Result<Committed, StoreError>>>,
    done: Committed,
}

impl<'a> Filling<'a> {
    fn new(writer: &'a WriterHandle, account: &'a Arc<str>, now: Ticks, file: Arc<str>) -> Self {
        let pages = Default::default();
        Self { writer, account, now, file, pages, under_way: VecDeque::new(), done: Committed::default() }
    }

    fn put(&mut self, event: Event, line: u64) -> Result<(), StoreError> {
        let feed = event.feed;
        let page = &mut self.pages[feed as usize];
        page.push((event, line));
        if page.len() >= PAGE_ITEMS { self.hand_in(feed) } else { Ok(()) }
    }

    fn hand_in(&mut self, feed: Feed) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.pages[feed as usize]);
        if rows.is_empty() {
            return Ok(());
        }
        let lines = rows.iter().map(|(_, line)| *line).collect();
        let generated = rows.iter().map(|(event, _)| event.generated).collect();
        let items = rows.into_iter().map(|(event, _)| Bytes::from(event.raw)).collect();
        let mut page = Page::new(Arc::clone(self.account), feed, event::Source::Import, self.now, items);
        page.origin = Some(Origin { file: Arc::clone(&self.file), lines });
        page.generated = generated;
        self.under_way.push_back(self.writer.commit(page));
        self.settle(UNDER_WAY)
    }

    /// Waits until no more than `left` pages are under way.
    fn settle(&mut self, left: usize) -> Result<(), StoreError> {
        while self.under_way.len() > left {
            if let Some(answer) = self.under_way.pop_front() {
                self.done.add(wait(answer)?);
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<Committed, StoreError> {
        Feed::ALL.into_iter().try_for_each(|feed| self.hand_in(feed))?;
        self.settle(0)?;
        Ok(self.done)
    }
}
