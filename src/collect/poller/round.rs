//! One round of a feed: pages until there are no more.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::orders::held;
use super::{Poller, Standing, Trouble};
use crate::base::shown::Shown;
use crate::base::time::{DAY, HOUR, Span, Ticks};
use crate::collect::aside::aside;
use crate::collect::budget::Urgency;
use crate::collect::events_api::KEPT_DAYS;
use crate::collect::health::FeedState;
use crate::collect::source::{FetchError, Fetched, Position};
use crate::event::{Feed, Source, decode};
use crate::store::{Committed, Cursor, CursorUpdate, Errand, GapRecord, Page, PollRecord, StoreError};

/// How far before the last contact a reset begins: item usages come hours late.
pub(super) const OVERLAP: Span = Span(24 * HOUR);
/// Clocks further apart than this are shown.
const SKEW: i64 = 120 * crate::base::time::SECOND;
/// A service that has more, and more, and never an event, is asked again later.
const EMPTY_PAGES: u32 = 20;
/// Items at each end of a page, among which its newest event is looked for.
const LOOKED_AT: usize = 16;

/// Finds out whether a reading has come to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// Empty pages in a row.
    empty: u32,
}

impl End {
    /// Is there more after this page, which was asked for at that position? At the tail the same cursor comes again and again; whatever
    /// `has_more` says then, it is the end.
    pub fn more(&mut self, page: &Fetched, asked: &Position) -> bool {
        let unchanged = matches!(asked, Position::Cursor(old) if page.cursor.as_ref() == Some(old));
        self.empty = if page.items.is_empty() { self.empty + 1 } else { 0 };
        page.has_more && page.cursor.is_some() && !unchanged && self.empty < EMPTY_PAGES
    }

    /// Is this page the last that there is? A round also ends at a page without a cursor and after many empty ones; what was being read is
    /// read on by the next one then, and a cursor that is refused meanwhile goes back to its beginning.
    fn is_the_last(page: &Fetched, asked: &Position) -> bool {
        let cursor = page.cursor.as_ref();
        cursor.is_some() && (!page.has_more || matches!(asked, Position::Cursor(old) if cursor == Some(old)))
    }
}

impl Poller {
    /// Reads on from where the feed stands until the service says that there is no more. Where it stands is taken from the store at
    /// first, and again after a commit that failed.
    pub(super) async fn round(&mut self, standing: &mut Option<Standing>) -> Result<(), Trouble> {
        let mut now = match standing.take() {
            Some(known) => known,
            None => self.saved().await.map_err(Trouble::Store)?,
        };
        let mut end = End::default();
        loop {
            // What is under way may be dropped at any point before the commit: it is fetched again.
            let (asked, page) = tokio::select! {
                biased;
                () = held(&self.orders) => {
                    *standing = Some(now);
                    return Err(Trouble::Ordered);
                }
                asked = self.ask(&now) => asked,
            };
            let page = match page {
                Ok(page) => page,
                Err(error) => return self.not_fetched(error, asked, now, standing).await,
            };
            if Some(page.credential) != self.credential() {
                *standing = Some(now);
                return Err(Trouble::Unverified);
            }
            let has_more = end.more(&page, &now.position);
            let next = if End::is_the_last(&page, &now.position) { self.settings.tail } else { now.reading };
            let position = page.cursor.clone().map(Position::Cursor);
            let contact = page.server_time.unwrap_or_else(|| self.settings.clock.now());
            // An empty page at the tail changes nothing but the record that somebody asked.
            self.commit(page, asked.0, now.reading, next).await.map_err(Trouble::Store)?;
            if let Some(position) = position {
                now.position = position;
            }
            now.reading = next;
            now.contact = Some(contact);
            if next == self.settings.tail {
                now.span = None;
            }
            if !has_more {
                *standing = Some(now);
                return Ok(());
            }
        }
    }

    /// Asks for a page when the budget lets it, and says when: by the wall clock, and by the one that nobody sets.
    async fn ask(&self, standing: &Standing) -> ((Ticks, Instant), Result<Fetched, FetchError>) {
        self.budget.acquire(Urgency::Normal, |wait| self.set(FeedState::BackingOff { until: self.after(wait) })).await;
        self.show_reading(standing);
        let asked = (self.settings.clock.now(), Instant::now());
        let fetched = self.source.fetch(self.feed, &standing.position).await;
        if !matches!(fetched, Err(FetchError::RateLimited { .. })) {
            self.budget.let_through();
        }
        (asked, fetched)
    }

    /// Where the store says that the feed stands, or its beginning at first contact.
    async fn saved(&self) -> Result<Standing, StoreError> {
        let (reader, account, feed) = (self.reader.clone(), self.account.clone(), self.feed);
        let version = self.source.version(self.feed);
        let row = aside(move || reader.cursor(&account, feed, version)).await.ok_or(StoreError::Stopped)??;
        let now = self.settings.clock.now();
        let oldest = now - self.settings.back_fill;
        let Some(row) = row else {
            // What another version of the API gave is there already; from a little before its end, nothing is missed.
            let (reader, account) = (self.reader.clone(), self.account.clone());
            let other = aside(move || reader.newest_cursor(&account, feed)).await.ok_or(StoreError::Stopped)??;
            if other.is_none() {
                self.forgotten_history(oldest).await?;
            }
            let start = other.map_or(oldest, |other| (other.at.min(now) - OVERLAP).max(oldest));
            let span = Some((start, now));
            return Ok(Standing { position: Position::Since(start), reading: Source::Backfill, span, contact: None });
        };
        let is_read = !matches!(row.reading, Source::Backfill | Source::Gap) && row.cursor.is_some();
        if !is_read && let Some(from) = self.unread().await? {
            let why = "the program ended before history, or a gap, was read to its end, and the service has forgotten some of it";
            if oldest - from > OVERLAP {
                self.lost(from, oldest, why).await?;
            }
        } else if now - row.at > Span(KEPT_DAYS * DAY) {
            // What came late, after the last contact, is older than that.
            self.lost(row.at - OVERLAP, oldest, "nothing was collected for longer than the service keeps events")
                .await?;
        }
        let span = matches!(row.reading, Source::Backfill | Source::Gap).then_some((oldest, now));
        match row.cursor {
            Some(cursor) => {
                Ok(Standing { position: Position::Cursor(cursor), reading: row.reading, span, contact: Some(row.at) })
            }
            // Refused in an earlier run that ended before it read on: when that cursor was good last is not known.
            None => Ok(self.reset(None)),
        }
    }

    /// From when on events may be unread where the tail was last reading history or a gap: from a day before the first gap that it is to
    /// fill, else from where history begins. In which order the service gives history is not known, so how far it came says nothing.
    async fn unread(&self) -> Result<Option<Ticks>, StoreError> {
        let (reader, account, feed) = (self.reader.clone(), self.account.clone(), self.feed);
        let (gap, asked) = aside(move || Ok((reader.tail_gap(&account, feed)?, reader.first_asked(&account, feed)?)))
            .await
            .ok_or(StoreError::Stopped)??;
        Ok(gap.map(|gap| gap - OVERLAP).or(asked.map(|asked| asked - self.settings.back_fill)))
    }

    /// A feed that was asked for before and never got a cursor has read nothing to its end: of the history that it was to have at first, the
    /// service has forgotten what is older than `oldest` by now.
    async fn forgotten_history(&self, oldest: Ticks) -> Result<(), StoreError> {
        let (reader, account, feed) = (self.reader.clone(), self.account.clone(), self.feed);
        let asked = aside(move || reader.first_asked(&account, feed)).await.ok_or(StoreError::Stopped)??;
        let Some(from) = asked.map(|at| at - self.settings.back_fill) else { return Ok(()) };
        if oldest - from <= OVERLAP {
            return Ok(());
        }
        self.lost(
            from,
            oldest,
            "the first requests brought no cursor, and the service has forgotten what was asked for",
        )
        .await
    }

    /// Records a stretch that nobody can fetch any more.
    async fn lost(&self, from: Ticks, to: Ticks, why: &str) -> Result<(), StoreError> {
        tracing::warn!(feed = self.feed.name(), account = %Shown::new(&self.account), "gap: {why}");
        let mut page = Page::new(self.account.clone(), self.feed, Source::Gap, self.settings.clock.now(), Vec::new());
        page.errand = Some(Errand::Lost { from: Some(from), to, why: why.to_owned() });
        self.hand_in(page).await.map(drop)
    }

    /// Where to read on without a cursor, given up to when the feed is known to be whole: a day before that, for events come late; from
    /// the oldest that the service keeps where it is not known. What comes again is recognised.
    fn reset(&self, whole: Option<Ticks>) -> Standing {
        let now = self.settings.clock.now();
        let oldest = now - self.settings.back_fill;
        let start = whole.map_or(oldest, |whole| (whole.min(now) - OVERLAP).max(oldest));
        Standing { position: Position::Since(start), reading: Source::Gap, span: Some((start, now)), contact: whole }
    }

    /// Up to when the feed is known to be whole: the newest event, or the last contact where that was before it. While history or a gap
    /// is being read, what was whole before it began.
    async fn whole(&self, standing: &Standing) -> Result<Option<Ticks>, StoreError> {
        if let (Some((from, _)), Source::Backfill | Source::Gap) = (standing.span, standing.reading) {
            return Ok(Some(from + OVERLAP));
        }
        let Some(contact) = standing.contact else { return Ok(None) };
        let seen = self.health.borrow().feed(self.feed).and_then(|feed| feed.newest_event);
        let newest = match seen {
            Some(newest) => Some(newest),
            None => {
                let (reader, feed) = (self.reader.clone(), self.feed);
                aside(move || reader.newest_hour(feed)).await.ok_or(StoreError::Stopped)??
            }
        };
        Ok(Some(newest.map_or(contact, |newest| contact.min(newest))))
    }

    /// Files a failed request, and a refused cursor with its consequences.
    async fn not_fetched(
        &mut self,
        error: FetchError,
        (started, asked): (Ticks, Instant),
        now: Standing,
        standing: &mut Option<Standing>,
    ) -> Result<(), Trouble> {
        let refused = match (&error, &now.position) {
            (FetchError::BadRequest(said), Position::Cursor(_)) => {
                Some(format!("the service refused the cursor “{said}”"))
            }
            _ => None,
        };
        let mut page = Page::new(self.account.clone(), self.feed, now.reading, self.settings.clock.now(), Vec::new());
        page.poll = Some(PollRecord {
            started,
            millis: millis(asked.elapsed()),
            status: error.status(),
            bytes: 0,
            error: Some(error.to_string()),
        });
        let Some(why) = refused else {
            self.hand_in(page).await.map_err(Trouble::Store)?;
            *standing = Some(now);
            return Err(Trouble::Fetch(error));
        };
        let version = self.source.version(self.feed);
        let whole = self.whole(&now).await.map_err(Trouble::Store)?;
        // While history or a gap is being read, what is missing begins before the last contact.
        let from = if now.span.is_some() { whole } else { now.contact };
        let next = self.reset(whole);
        tracing::warn!(feed = self.feed.name(), account = %Shown::new(&self.account), "gap: {why}");
        page.cursor = Some(CursorUpdate::Reject { version, reason: why.clone() });
        page.errand = Some(Errand::Reset { from, to: Some(started), why: why.clone(), version });
        self.hand_in(page).await.map_err(Trouble::Store)?;
        *standing = Some(next);
        Err(Trouble::CursorRefused(why))
    }

    /// Commits a page with the cursor that follows it, and tells how it went.
    async fn commit(&self, fetched: Fetched, started: Ticks, reading: Source, next: Source) -> Result<(), StoreError> {
        let arrived = self.settings.clock.now();
        let (newest, contact) = (newest(self.feed, &fetched), fetched.server_time);
        let (bytes, limits, missed) = (fetched.bytes, fetched.limits, fetched.missed);
        let skew = fetched.server_time.map(|theirs| theirs - arrived).filter(|skew| skew.0.abs() > SKEW);
        let mut page = Page::new(self.account.clone(), self.feed, reading, arrived, fetched.items);
        page.contact = contact;
        let version = self.source.version(self.feed);
        page.cursor = fetched.cursor.map(|cursor: Cursor| CursorUpdate::Advance { version, cursor, reading: next });
        page.poll =
            Some(PollRecord { started, millis: millis(fetched.took), status: fetched.status, bytes, error: None });
        self.judge(&mut page).await;
        if matches!(reading, Source::Gap | Source::Backfill) && next == self.settings.tail {
            page.errand = Some(Errand::CaughtUp);
        }
        let committed = self.hand_in(page).await?;
        if let Some(why) = missed {
            self.record_gap(None, Some(started), &why).await?;
        }
        self.health.send_modify(|health| {
            health.clock_skew = skew;
            health.limits = limits;
        });
        self.tell(|feed| {
            feed.pages += 1;
            (feed.failures, feed.not_stored) = (0, None);
            feed.bytes += bytes;
            feed.last_page = Some(arrived);
            feed.taken.add(committed);
            if newest > feed.newest_event {
                feed.newest_event = newest;
                feed.lag = newest.map(|newest| arrived - newest);
            }
        });
        Ok(())
    }

    /// Asks the rules of suppression about the items of a page.
    pub(super) async fn judge(&self, page: &mut Page) {
        if self.settings.rules.is_empty() || page.items.is_empty() {
            return;
        }
        let (rules, account, feed) = (Arc::clone(&self.settings.rules), page.account.clone(), page.feed);
        let (source, arrived, items) = (page.source, page.arrived, page.items.clone());
        let judged = tokio::task::spawn_blocking(move || rules.page(&account, feed, source, arrived, &items)).await;
        match judged {
            Ok(Ok(said)) => page.suppressed = Some(said),
            // What cannot be judged is kept and shown.
            Ok(Err(error)) => tracing::error!("the rules of suppression could not be asked: {error}"),
            Err(error) => tracing::error!("the rules of suppression could not be asked: {error}"),
        }
    }

    pub(super) async fn hand_in(&self, page: Page) -> Result<Committed, StoreError> {
        self.writer.commit(page).await.unwrap_or(Err(StoreError::Stopped))
    }

    async fn record_gap(&self, from: Option<Ticks>, to: Option<Ticks>, why: &str) -> Result<(), StoreError> {
        let (account, noticed) = (self.account.clone(), self.settings.clock.now());
        tracing::warn!(feed = self.feed.name(), account = %Shown::new(&account), "gap: {why}");
        let gap = GapRecord { account, feed: Some(self.feed), from, to, why: why.to_owned(), noticed };
        self.writer.record_gap(gap).await.unwrap_or(Err(StoreError::Stopped))
    }

    fn show_reading(&self, standing: &Standing) {
        self.tell(|feed| {
            feed.state = match standing.span {
                Some((from, to)) => FeedState::BackFilling { from, to, at: feed.newest_event },
                None => FeedState::Polling,
            };
        });
    }
}

/// The newest time among the items at both ends: a feed is in the order of arrival, so it is the last or near; a Connect server's list begins
/// with the newest.
pub(super) fn newest(feed: Feed, page: &Fetched) -> Option<Ticks> {
    let (first, last) = (page.items.iter().take(LOOKED_AT), page.items.iter().rev().take(LOOKED_AT));
    first.chain(last).filter_map(|item| decode::decode_of(feed, item).ok()?.timestamp()).max()
}

pub(super) fn millis(took: Duration) -> u64 {
    took.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_event_of_a_page_is_found_at_whichever_end_it_stands() {
        let at = |n: i64| Ticks(739_000 * DAY + n * HOUR);
        let item = |n: i64| bytes::Bytes::from(format!(r#"{{"uuid":"E{n}","timestamp":"{}"}}"#, at(n)));
        let up: Vec<_> = (0..50).map(item).collect();
        let down: Vec<_> = up.iter().rev().cloned().collect();
        for items in [up, down] {
            let page = Fetched { items, ..Fetched::default() };
            assert_eq!(newest(Feed::AuditEvents, &page), Some(at(49)));
        }
        assert_eq!(newest(Feed::AuditEvents, &Fetched::default()), None);
    }
}
