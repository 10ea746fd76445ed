//! One feed's poller: where it stands, what it asks next, how long it waits.
//!
//! A round asks for pages until the service has no more, each committed with its cursor before the next is asked for.
//! Then the poller waits for its interval, or until it is told something. A failure never moves the cursor, so whatever
//! went wrong, the next round asks for the same page again; a page that came twice is recognised by the store.

mod errand;
pub(super) mod orders;
mod round;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

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

/// Whose token is in use, as far as is known: no page of another one is kept, and nobody asks with one that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// As [`crate::collect::source::Identity::credential`]; none while it is found out. One request does that for all feeds, so that a
    /// token that is refused costs no more than that one.
    pub credential: Option<u64>,
    /// The feeds that it may read.
    pub feeds: Vec<Feed>,
}

/// A feed's poller. It ends when its orders say so or when their sender is gone.
#[derive(Clone, Debug)]
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
    pub known: watch::Receiver<Known>,
    /// The last credential whose account was known.
    pub with: Option<u64>,
    /// Told when this poller has reason to doubt what is known of the token: a refusal, a page that came with another one.
    pub doubt: Arc<Notify>,
    pub backoff: Backoff,
    /// Whether the token may read the feed, as far as is known.
    pub permitted: bool,
    /// What is read again beside the tail, between two of its polls.
    pub errand: Option<errand::Reading>,
    pub errand_backoff: Backoff,
    /// After a failure of that: not before.
    pub errands_rest: Instant,
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
    /// The page came with a token whose account is not known yet.
    Unverified,
}

impl Poller {
    pub async fn run(mut self) {
        let mut standing = None;
        while !self.stopped() {
            // What was ordered before a round is served by it.
            if self.orders.borrow_and_update().pace == Pace::Paused {
                self.set(FeedState::Paused);
                if self.orders.changed().await.is_err() {
                    break;
                }
                continue;
            }
            if !self.is_known() {
                self.await_identity().await;
                continue;
            }
            if !self.permitted {
                self.not_permitted().await;
                continue;
            }
            match self.turn(&mut standing).await {
                Ok(next) => {
                    let wait = next.saturating_duration_since(Instant::now());
                    self.set(FeedState::Idle { until: self.after(wait) });
                    self.wait(wait).await;
                }
                Err(Trouble::Ordered) => {}
                Err(Trouble::Unverified) => {
                    self.doubt();
                    self.await_identity().await;
                }
                Err(Trouble::Fetch(FetchError::NotPermitted)) => {
                    self.budget.count(self.budget.now());
                    self.permitted = false;
                }
                Err(Trouble::Fetch(error @ (FetchError::Unauthorized(_) | FetchError::NoToken(_)))) => {
                    // To find out, the source introspected.
                    self.budget.count(self.budget.now());
                    self.failed(&error.to_string());
                    self.set(FeedState::Unauthorised { until: self.after(REFUSED) });
                    // Whether all are refused, and whether another token lies where this one came from, is found out once for all.
                    self.doubt();
                    self.rest().await;
                }
                Err(Trouble::Fetch(error @ FetchError::RateLimited { retry_after })) => {
                    self.failed(&error.to_string());
                    // The limits are the account's: nobody else needs to find out by asking.
                    let wait = self.budget.sent_away(self.budget.now(), retry_after);
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
                    let why = Shown::new(&error.to_string()).into_string();
                    self.failed(&why);
                    self.tell(|feed| feed.not_stored = Some(why));
                    // The disk is here, and may be well again at any moment: the service is not asked more often than at the usual pace.
                    let interval = self.settings.interval(self.orders.borrow().pace);
                    let wait = self.backoff.failed().min(interval);
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

    /// The tail to its end, then what is read again beside it. Answers when the tail is polled next.
    async fn turn(&mut self, standing: &mut Option<Standing>) -> Result<Instant, Trouble> {
        self.round(standing).await?;
        self.backoff.succeeded();
        let next = Instant::now() + self.settings.interval(self.orders.borrow().pace);
        self.errands(standing, next).await?;
        Ok(next)
    }

    /// The credential whose account is known.
    fn credential(&self) -> Option<u64> {
        self.known.borrow().credential
    }

    /// Takes up what is known of the token by now: is it known whose it is?
    fn is_known(&mut self) -> bool {
        let changed = self.known.has_changed().unwrap_or(false);
        let known = self.known.borrow_and_update();
        if known.credential.is_none() {
            return false;
        }
        self.with = known.credential;
        if changed {
            self.permitted = known.feeds.contains(&self.feed);
        }
        true
    }

    /// Has it found out whose the token is, unless that is under way.
    fn doubt(&self) {
        if self.credential().is_some() {
            self.doubt.notify_one();
        }
    }

    /// Waits until something else is known of the token.
    async fn await_identity(&mut self) {
        let (mut known, mut orders) = (self.known.clone(), self.orders.clone());
        tokio::select! {
            _ = known.changed() => {}
            _ = orders.changed() => {}
            // In case it was identified in the meantime.
            () = tokio::time::sleep(Duration::from_secs(1)), if self.credential().is_some() => {}
        }
    }

    /// Rests after a refusal: until another token is known, a person wants it tried, or the time is over.
    async fn rest(&mut self) {
        let (mut known, refused) = (self.known.clone(), self.with);
        let renewed = async {
            let _ = known.wait_for(|known| known.credential.is_some() && known.credential != refused).await;
        };
        orders::rest(&mut self.orders, REFUSED, renewed).await;
    }

    async fn back_off(&mut self, wait: Duration) {
        self.set(FeedState::BackingOff { until: self.after(wait) });
        self.wait(wait).await;
    }

    /// Waits, or until orders change or something else is known of the token: what it may read holds at once.
    async fn wait(&mut self, time: Duration) {
        let mut known = self.known.clone();
        tokio::select! {
            _ = self.orders.changed() => {}
            _ = known.changed() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// It panicked, and another takes its place.
    pub fn died(&self, wait: Duration) {
        self.failed("the poller died of a fault in this program and is started anew; the log says more");
        self.set(FeedState::BackingOff { until: self.after(wait) });
    }

    /// Rests, then takes it that the feed may be read, so that the next round finds out.
    async fn not_permitted(&mut self) {
        self.failed(&FetchError::NotPermitted.to_string());
        self.set(FeedState::NotPermitted { until: self.after(REFUSED) });
        self.rest().await;
        self.permitted = true;
    }

    fn stopped(&self) -> bool {
        self.orders.borrow().stop || self.orders.has_changed().is_err() || self.known.has_changed().is_err()
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
        let used = self.budget.used(self.budget.now());
        self.health.send_modify(|health| {
            health.used = used;
            if let Some(feed) = health.feeds.iter_mut().find(|feed| feed.feed == self.feed) {
                change(feed);
            }
        });
    }
}
