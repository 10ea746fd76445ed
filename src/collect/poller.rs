//! One feed's poller: where it stands, what it asks next, how long it waits.
//!
//! A round asks for pages until the service has no more, each committed with its cursor before the next is asked for.
//! Then the poller waits for its interval, or until it is told something. A failure never moves the cursor, so whatever
//! went wrong, the next round asks for the same page again; a page that came twice is recognised by the store.

pub(super) mod orders;
mod round;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use orders::{Orders, Pace};

use super::backoff::{Backoff, REFUSED};
use super::budget::Budget;
use super::collector::Settings;
use super::health::{FeedHealth, FeedState, Health};
use super::source::{EventSource, FetchError, Position};
use crate::base::shown::Shown;
use crate::base::time::{Span, Ticks};
use crate::event::{Feed, Source};
use crate::store::{Reader, StoreError, WriterHandle};

/// Without `Retry-After`, a 429 closes the account for its minute window …
const MINUTE_WINDOW: Duration = Duration::from_secs(60);
/// … and, when waiting for that did not help, for a part of the hour's.
const HOUR_WINDOW: Duration = Duration::from_secs(600);

/// A feed's poller. It ends when its orders say so or when their sender is gone.
#[derive(Debug)]
pub(super) struct Poller {
    pub source: Arc<dyn EventSource>,
    pub feed: Feed,
    /// What the store files the events under.
    pub account: Arc<str>,
    pub writer: WriterHandle,
    pub reader: Reader,
    pub budget: Arc<Budget>,
    pub settings: Settings,
    pub orders: watch::Receiver<Orders>,
    pub health: Arc<watch::Sender<Health>>,
    pub backoff: Backoff,
    /// Whether the token may read the feed, as far as is known.
    pub permitted: bool,
}

/// Where a feed is read on.
#[derive(Clone, Debug)]
struct Standing {
    position: Position,
    /// What the pages from here on are: the tail, the first back-fill, or a gap that is filled again.
    reading: Source,
    /// The time that is read, while it is not the tail.
    span: Option<(Ticks, Ticks)>,
    /// When the service last gave a page.
    contact: Option<Ticks>,
}

/// Why a round ended early.
#[derive(Debug)]
enum Trouble {
    Fetch(FetchError),
    Store(StoreError),
    /// The cursor was refused; the position is a new one already.
    CursorRefused(String),
    /// Orders to pause or to stop came in.
    Ordered,
}

impl Poller {
    pub async fn run(mut self) {
        let mut standing = None;
        let mut refused_for_rate = 0;
        while !self.stopped() {
            // What was ordered before a round is served by it.
            if self.orders.borrow_and_update().pace == Pace::Paused {
                self.set(FeedState::Paused);
                if self.orders.changed().await.is_err() {
                    break;
                }
                continue;
            }
            if !self.permitted {
                self.not_permitted().await;
                continue;
            }
            match self.round(&mut standing).await {
                Ok(()) => {
                    self.backoff.succeeded();
                    refused_for_rate = 0;
                    let wait = self.settings.interval(self.orders.borrow().pace);
                    self.set(FeedState::Idle { until: self.after(wait) });
                    self.wait(wait).await;
                }
                Err(Trouble::Ordered) => {}
                Err(Trouble::Fetch(FetchError::NotPermitted)) => {
                    self.budget.count(Instant::now());
                    self.permitted = false;
                }
                Err(Trouble::Fetch(error @ FetchError::Unauthorized(_))) => {
                    // To find out, the source introspected.
                    self.budget.count(Instant::now());
                    self.failed(&error.to_string());
                    self.set(FeedState::Unauthorised { until: self.after(REFUSED) });
                    orders::rest(&mut self.orders, &*self.source, REFUSED).await;
                }
                Err(Trouble::Fetch(error @ FetchError::RateLimited { retry_after })) => {
                    self.failed(&error.to_string());
                    refused_for_rate += 1;
                    let window = if refused_for_rate > 2 { HOUR_WINDOW } else { MINUTE_WINDOW };
                    let wait = retry_after.unwrap_or(window);
                    // The limits are the account's: nobody else needs to find out by asking.
                    self.budget.close(Instant::now(), wait);
                    self.back_off(wait).await;
                }
                Err(Trouble::Store(StoreError::Stopped)) => {
                    self.failed(&StoreError::Stopped.to_string());
                    break;
                }
                Err(Trouble::Fetch(error)) => {
                    self.failed(&error.to_string());
                    let wait = self.backoff.failed();
                    self.back_off(wait).await;
                }
                Err(Trouble::Store(error)) => {
                    self.failed(&Shown::new(&error.to_string()).into_string());
                    let wait = self.backoff.failed();
                    self.back_off(wait).await;
                }
                Err(Trouble::CursorRefused(why)) => {
                    self.failed(&why);
                    let wait = self.backoff.failed();
                    self.back_off(wait).await;
                }
            }
        }
        self.set(FeedState::Stopped);
    }

    async fn back_off(&mut self, wait: Duration) {
        self.set(FeedState::BackingOff { until: self.after(wait) });
        self.wait(wait).await;
    }

    /// Waits, or until orders change.
    async fn wait(&mut self, time: Duration) {
        let _ = tokio::time::timeout(time, self.orders.changed()).await;
    }

    /// Rests, then takes it that the feed may be read, so that the next round finds out.
    async fn not_permitted(&mut self) {
        self.failed(&FetchError::NotPermitted.to_string());
        self.set(FeedState::NotPermitted { until: self.after(REFUSED) });
        orders::rest(&mut self.orders, &*self.source, REFUSED).await;
        self.permitted = true;
    }

    fn stopped(&self) -> bool {
        self.orders.borrow().stop || self.orders.has_changed().is_err()
    }

    fn after(&self, wait: Duration) -> Ticks {
        self.settings.clock.now() + Span(i64::try_from(wait.as_nanos() / 100).unwrap_or(i64::MAX))
    }

    fn set(&self, state: FeedState) {
        self.tell(|feed| feed.state = state);
    }

    fn failed(&self, why: &str) {
        tracing::warn!(feed = self.feed.name(), account = %Shown::new(&self.account), "{why}");
        self.tell(|feed| {
            feed.errors += 1;
            feed.failures += 1;
            feed.last_error = Some(why.to_owned());
        });
    }

    /// Changes this feed's health, and the measured consumption with it.
    fn tell(&self, change: impl FnOnce(&mut FeedHealth)) {
        let used = self.budget.used(Instant::now());
        self.health.send_modify(|health| {
            health.used = used;
            if let Some(feed) = health.feeds.iter_mut().find(|feed| feed.feed == self.feed) {
                change(feed);
            }
        });
    }
}
