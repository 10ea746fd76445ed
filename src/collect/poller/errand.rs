//! What a poller reads beside the tail while that has nothing new: gaps that are filled again, and the daily sweep.
//!
//! Both read a range of time by a cursor of their own, page by page, and note with each page how far they are, so that a restart goes on
//! from there. They yield to the tail whenever its next poll is due, and leave it half of the budget.
//!
//! A sweep looks for what the tail's cursor never brought. An event that has only just arrived at the service is none of these, so
//! before a page of a sweep is kept the tail is read to its end once more: what is new in the page then had been missed.

use std::time::Duration;

use tokio::time::Instant;

use super::orders::held;
use super::round::{End, OVERLAP, millis};
use super::{Poller, Standing, Trouble};
use crate::base::time::{DAY, MINUTE, Span, Ticks};
use crate::collect::aside::aside;
use crate::collect::budget::Urgency;
use crate::collect::events_api::KEPT_DAYS;
use crate::collect::health::{Again, FeedState};
use crate::collect::source::{FetchError, Fetched, Position};
use crate::event::Source;
use crate::store::{Cursor, Errand, Page, PollRecord, Refill, Step, StoreError, SweepRow};

/// How far back a sweep reads.
const SWEPT: Span = Span(7 * DAY);
/// A sweep that a restart finds unfinished after this is given up for a new one.
const STALE: Span = Span(2 * DAY);
/// Clocks that are put right by less are not taken for set back.
const SET_BACK: Span = Span(5 * MINUTE);

/// A range of time that is read again.
#[derive(Clone, Debug)]
pub(in crate::collect) struct Reading {
    what: What,
    from: Ticks,
    to: Ticks,
    cursor: Option<Cursor>,
    end: End,
    /// The newest event of the page before.
    at: Option<Ticks>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// A gap, and up to where the service has forgotten it.
    Gap {
        gap: i64,
        lost: Option<Ticks>,
    },
    Sweep {
        began: Ticks,
    },
}

impl Reading {
    fn new(what: What, from: Ticks, to: Ticks, cursor: Option<Cursor>) -> Self {
        Self { what, from, to, cursor, end: End::default(), at: None }
    }

    fn position(&self) -> Position {
        match &self.cursor {
            Some(cursor) => Position::Cursor(cursor.clone()),
            None => Position::Between { from: self.from, to: self.to },
        }
    }

    fn errand(&self, version: u8, done: bool) -> Errand {
        // A cursor that has come to its end is of no more use.
        let step = Step { version, cursor: self.cursor.clone().filter(|_| !done), done };
        match self.what {
            What::Gap { gap, lost } => Errand::Refill { gap, lost: lost.filter(|_| done), step },
            What::Sweep { began } => Errand::Sweep { began, first: self.from, last: self.to, step },
        }
    }

    fn state(&self) -> FeedState {
        let what = match self.what {
            What::Gap { .. } => Again::Gap,
            What::Sweep { .. } => Again::Sweep,
        };
        FeedState::ReadingAgain { what, from: self.from, to: self.to, at: self.at }
    }
}

impl Poller {
    /// Reads again what is to be read again, until the tail's next poll is due or nothing is left.
    pub(super) async fn errands(&mut self, standing: &mut Option<Standing>, until: Instant) -> Result<(), Trouble> {
        if self.errands_rest > Instant::now() {
            return Ok(());
        }
        if self.errand.is_none() {
            self.errand = self.next_errand().await.map_err(Trouble::Store)?;
        }
        while let Some(reading) = self.errand.take() {
            self.set(reading.state());
            // Due meanwhile, or told something: the tail comes first, and this goes on afterwards.
            let fetched = tokio::select! {
                biased;
                () = held(&self.orders) => {
                    self.errand = Some(reading);
                    return Err(Trouble::Ordered);
                }
                () = tokio::time::sleep_until(until) => {
                    self.errand = Some(reading);
                    return Ok(());
                }
                fetched = self.fetch_again(&reading) => fetched,
            };
            match fetched {
                (started, Ok(page)) => {
                    if Some(page.credential) != self.credential() {
                        return Err(Trouble::Unverified);
                    }
                    if matches!(reading.what, What::Sweep { .. }) && !page.items.is_empty() {
                        self.round(standing).await?;
                    }
                    self.errand_backoff.succeeded();
                    self.errand = self.keep(reading, page, started).await.map_err(Trouble::Store)?;
                }
                (started, Err(error)) => return self.failed_again(reading, error, started).await,
            }
            if self.errand.is_none() {
                self.errand = self.next_errand().await.map_err(Trouble::Store)?;
            }
        }
        Ok(())
    }

    async fn fetch_again(&self, reading: &Reading) -> (Ticks, Result<Fetched, FetchError>) {
        self.budget.acquire(Urgency::Low, |_| ()).await;
        let started = self.settings.clock.now();
        let fetched = self.source.fetch(self.feed, &reading.position()).await;
        if !matches!(fetched, Err(FetchError::RateLimited { .. })) {
            self.budget.let_through();
        }
        (started, fetched)
    }

    /// Commits a page; answers the reading as it goes on, `None` at its end.
    async fn keep(
        &self,
        mut reading: Reading,
        fetched: Fetched,
        started: Ticks,
    ) -> Result<Option<Reading>, StoreError> {
        let arrived = self.settings.clock.now();
        let more = reading.end.more(&fetched, &reading.position());
        if let Some(newest) = super::round::newest(self.feed, &fetched) {
            reading.at = Some(newest);
        }
        reading.cursor = fetched.cursor.clone().or(reading.cursor);
        let (bytes, status, took) = (fetched.bytes, fetched.status, fetched.took);
        let mut page = Page::new(self.account.clone(), self.feed, Source::Gap, arrived, fetched.items);
        page.errand = Some(reading.errand(self.source.version(self.feed), !more));
        self.judge(&mut page).await;
        page.poll = Some(PollRecord { started, millis: millis(took), status, bytes, error: None });
        let taken = self.hand_in(page).await?;
        let late = if matches!(reading.what, What::Sweep { .. }) { taken.stored } else { 0 };
        if late > 0 {
            tracing::warn!(feed = self.feed.name(), late, "the sweep found events that the tail had missed");
        }
        self.tell(|feed| {
            feed.pages += 1;
            feed.bytes += bytes;
            feed.taken.add(taken);
            feed.found_late += late;
        });
        Ok(more.then_some(reading))
    }

    /// A failure keeps what was read; the range rests, and the tail goes on. What concerns the whole account is the tail's to handle.
    async fn failed_again(&mut self, mut reading: Reading, error: FetchError, started: Ticks) -> Result<(), Trouble> {
        let mut page = Page::new(self.account.clone(), self.feed, Source::Gap, self.settings.clock.now(), Vec::new());
        page.poll =
            Some(PollRecord { started, millis: 0, status: error.status(), bytes: 0, error: Some(error.to_string()) });
        if matches!(error, FetchError::BadRequest(_)) && reading.cursor.take().is_some() {
            // From the beginning of the range; what comes again is recognised.
            reading.end = End::default();
            page.errand = Some(reading.errand(self.source.version(self.feed), false));
        }
        self.hand_in(page).await.map_err(Trouble::Store)?;
        self.errand = Some(reading);
        match error {
            FetchError::RateLimited { .. }
            | FetchError::Unauthorized(_)
            | FetchError::NotPermitted
            | FetchError::NoToken(_) => Err(Trouble::Fetch(error)),
            error => {
                self.failed(&error.to_string());
                self.errands_rest = Instant::now() + self.errand_backoff.failed().max(Duration::from_secs(1));
                Ok(())
            }
        }
    }

    /// A gap that waits to be filled, or the sweep when it is due.
    async fn next_errand(&self) -> Result<Option<Reading>, StoreError> {
        let (reader, account, feed) = (self.reader.clone(), self.account.clone(), self.feed);
        let sweeps = self.settings.sweep.is_some();
        let by = self.settings.clock.now() + SET_BACK;
        let look = move || {
            let last = if sweeps { reader.last_sweep(&account, feed, by)? } else { None };
            Ok((reader.refills(&account, feed)?, last))
        };
        let (gaps, last): (Vec<Refill>, _) = aside(look).await.ok_or(StoreError::Stopped)??;
        if !self.source.reads_ranges(self.feed) {
            for gap in gaps {
                self.give_up(&gap).await?;
            }
            return Ok(None);
        }
        for gap in gaps {
            if let Some(reading) = self.refill(gap).await? {
                return Ok(Some(reading));
            }
        }
        match self.settings.sweep {
            Some(every) => self.sweep(last, every).await,
            None => Ok(None),
        }
    }

    /// A source that hands out no range cannot fill a gap.
    async fn give_up(&self, gap: &Refill) -> Result<(), StoreError> {
        let now = self.settings.clock.now();
        let mut page = Page::new(self.account.clone(), self.feed, Source::Gap, now, Vec::new());
        let step = Step { version: self.source.version(self.feed), cursor: None, done: true };
        // One that other feeds share is theirs to fill.
        let lost = gap.of_feed.then(|| gap.to.unwrap_or(gap.noticed));
        page.errand = Some(Errand::Refill { gap: gap.gap, lost, step });
        self.hand_in(page).await.map(drop)
    }

    /// How a gap is filled; `None` when the service has nothing of it any more, which is noted.
    async fn refill(&self, gap: Refill) -> Result<Option<Reading>, StoreError> {
        let now = self.settings.clock.now();
        let oldest = now - Span(KEPT_DAYS * DAY);
        let to = gap.to.unwrap_or(gap.noticed);
        let forgotten = gap.from.filter(|from| *from < oldest).map(|_| oldest.min(to));
        let what = What::Gap { gap: gap.gap, lost: forgotten };
        let version = self.source.version(self.feed);
        if to <= oldest {
            let mut page = Page::new(self.account.clone(), self.feed, Source::Gap, now, Vec::new());
            let step = Step { version, cursor: None, done: true };
            page.errand = Some(Errand::Refill { gap: gap.gap, lost: Some(to), step });
            self.hand_in(page).await?;
            return Ok(None);
        }
        // Events of a time arrive up to a day later, and the gap may be one of arrivals.
        let from = gap.from.map_or(oldest, |from| (from - OVERLAP).max(oldest));
        let cursor = gap.cursor.filter(|(of, _)| *of == version).map(|(_, cursor)| cursor);
        Ok(Some(Reading::new(what, from, to + Span(1), cursor)))
    }

    /// The sweep that is due or was broken off. The first time only the beginning is noted: what there was has just been read.
    async fn sweep(&self, last: Option<SweepRow>, every: Duration) -> Result<Option<Reading>, StoreError> {
        let now = self.settings.clock.now();
        let every = Span(i64::try_from(every.as_nanos() / 100).unwrap_or(i64::MAX));
        let version = self.source.version(self.feed);
        let Some(last) = last else {
            let mut page = Page::new(self.account.clone(), self.feed, Source::Gap, now, Vec::new());
            let step = Step { version, cursor: None, done: true };
            page.errand = Some(Errand::Sweep { began: now, first: now, last: now, step });
            self.hand_in(page).await?;
            return Ok(None);
        };
        let age = now - last.began;
        if last.ended.is_none() && age < STALE {
            let cursor = last.cursor.filter(|(of, _)| *of == version).map(|(_, cursor)| cursor);
            return Ok(Some(Reading::new(What::Sweep { began: last.began }, last.from, last.to, cursor)));
        }
        Ok((age >= every).then(|| Reading::new(What::Sweep { began: now }, now - SWEPT, now, None)))
    }
}
