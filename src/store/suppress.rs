//! Suppression as it is committed: what a rule discards is not stored, and what any rule suppresses is counted.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rusqlite::{Connection, params};

use super::StoreError;
use super::catalogue::feed_code;
use super::errands::day;
use super::filter::identity;
use super::page::{Page, Suppressed, SuppressedBy};
use crate::event::decode::Decoded;

/// The counts of one page, as they come together.
pub(super) struct Suppressing<'a> {
    page: &'a Page,
    account: i64,
    said: Option<&'a Suppressed>,
    /// Events and their bytes, by rule.
    counts: BTreeMap<u16, (u64, u64)>,
}

impl<'a> Suppressing<'a> {
    pub fn of(page: &'a Page, account: i64) -> Self {
        let said = page.suppressed.as_ref().filter(|said| said.items.len() == page.items.len());
        Self { page, account, said, counts: BTreeMap::new() }
    }

    fn rule(&self, item: usize) -> Option<(u16, &'a SuppressedBy)> {
        let said = self.said?;
        let number = (*said.items.get(item)?)?;
        Some((number, said.rules.get(usize::from(number))?))
    }

    fn count(&mut self, rule: u16, bytes: usize) {
        let (events, sum) = self.counts.entry(rule).or_default();
        *events += 1;
        *sum += bytes as u64;
    }

    /// Does a rule say that the item is not to be stored?
    pub fn discards(&self, item: usize) -> bool {
        self.rule(item).is_some_and(|(_, by)| by.discards)
    }

    /// Counts an item that is not stored. Its identity is remembered, so that one that comes again, with the overlap of a reset, a gap that
    /// is filled or a sweep, is not counted again.
    pub fn discard(&mut self, tx: &Connection, item: usize, event: &Decoded<'_>) -> Result<(), StoreError> {
        let Some((number, _)) = self.rule(item) else { return Ok(()) };
        let key = identity(&self.page.account, self.page.feed, event.uuid());
        let new = tx
            .prepare_cached("INSERT OR IGNORE INTO discarded VALUES (?, ?)")
            .and_then(|mut s| s.execute(params![key.cast_signed(), day(self.page.arrived)]))
            .map_err(StoreError::sqlite("count a discarded event"))?;
        if new > 0 {
            self.count(number, event.raw().len());
        }
        Ok(())
    }

    /// Counts those of the new events that a rule keeps out of sight, and answers how many.
    pub fn hidden(&mut self, new: &[&Decoded<'_>]) -> u64 {
        let Some(said) = self.said else { return 0 };
        // An event's text is its item's, so where it lies tells which it is.
        let places: HashMap<usize, usize> = (self.page.items.iter().enumerate())
            .filter(|(at, _)| said.items[*at].is_some())
            .map(|(at, item)| (item.as_ptr() as usize, at))
            .collect();
        let mut hidden = 0;
        for event in new {
            let item = places.get(&(event.raw().as_ptr() as usize));
            if let Some((number, _)) = item.and_then(|item| self.rule(*item)) {
                self.count(number, event.raw().len());
                hidden += 1;
            }
        }
        hidden
    }

    pub fn record(self, tx: &Connection) -> Result<(), StoreError> {
        let Some(said) = self.said else { return Ok(()) };
        for (number, (events, bytes)) in self.counts {
            let by = &said.rules[usize::from(number)];
            tx.prepare_cached(
                "INSERT INTO suppressed VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, account, feed, rule, action) \
                 DO UPDATE SET events = events + excluded.events, bytes = bytes + excluded.bytes",
            )
            .and_then(|mut s| {
                let (day, feed) = (day(self.page.arrived), feed_code(self.page.feed));
                s.execute(params![day, self.account, feed, &*by.rule, by.action, events as i64, bytes as i64])
            })
            .map_err(StoreError::sqlite("count suppressed events"))?;
        }
        Ok(())
    }
}
