//! An account's collecting: identified once, then a poller a feed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::aside::aside;
use super::backoff::{Backoff, REFUSED};
use super::budget::{Budget, Urgency};
use super::events_api::KEPT_DAYS;
use super::health::{FeedHealth, FeedState, Health};
use super::pins::{PinError, Pins};
use super::poller::orders::{held, rest};
use super::poller::{Known, Orders, Pace, Poller};
use super::source::{EventSource, FetchError, Identity};
use super::suppress::Rules;
use crate::base::clock::Clock;
use crate::base::config::Config;
use crate::base::shown::Shown;
use crate::base::time::{DAY, Span, Ticks};
use crate::event::{Feed, Source};
use crate::store::{Reader, WriterHandle};

/// How often another token is looked for where the one in use came from.
const TOKEN_LOOK: Duration = Duration::from_secs(4);

/// How an account is collected.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Between two polls of a feed that has nothing more, and the same while live.
    pub poll_interval: Duration,
    pub live_interval: Duration,
    /// The pace to begin with.
    pub pace: Pace,
    /// The share of the documented rate limits that may be used.
    pub budget_share: f64,
    /// The data folder through which processes share an account's budget; none for a budget of this process alone.
    pub budget_dir: Option<PathBuf>,
    /// Between two sweeps, which read the last seven days once more; none for no sweeps.
    pub sweep: Option<Duration>,
    /// How far back first contact reads.
    pub back_fill: Span,
    /// What the events at the tail are: live ones, or the demo's.
    pub tail: Source,
    /// What is kept out of the tail, or out of the store.
    pub rules: Arc<Rules>,
    /// The feeds to collect, as far as the token may read them.
    pub feeds: Vec<Feed>,
    pub clock: Clock,
}

impl Settings {
    /// As configured, for an account with these feeds (empty: all of them).
    pub fn of(config: &Config, feeds: &[String]) -> Self {
        let feeds: Vec<Feed> = feeds.iter().filter_map(|name| Feed::from_name(name)).collect();
        Self {
            poll_interval: config.poll_interval,
            live_interval: config.live_interval,
            budget_share: config.budget_share,
            sweep: config.sweep,
            feeds: if feeds.is_empty() { Feed::ALL.to_vec() } else { feeds },
            ..Self::default()
        }
    }

    /// For a simulated organisation: live at once, every two seconds.
    pub fn demo() -> Self {
        let live_interval = Duration::from_secs(2);
        Self { live_interval, pace: Pace::Live, tail: Source::Demo, budget_share: 1.0, ..Self::default() }
    }

    pub(super) fn interval(&self, pace: Pace) -> Duration {
        if pace == Pace::Live { self.live_interval } else { self.poll_interval }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let config = Config::default();
        Self {
            poll_interval: config.poll_interval,
            live_interval: config.live_interval,
            pace: Pace::Normal,
            budget_share: config.budget_share,
            budget_dir: None,
            sweep: None,
            back_fill: Span(KEPT_DAYS * DAY),
            tail: Source::Live,
            rules: Arc::default(),
            feeds: Feed::ALL.to_vec(),
            clock: Clock::System,
        }
    }
}

/// Everything that collecting one account needs.
#[derive(Debug)]
pub struct Collector {
    /// As the configuration calls it.
    pub account: String,
    pub source: Arc<dyn EventSource>,
    pub writer: WriterHandle,
    pub reader: Reader,
    pub pins: Pins,
    pub settings: Settings,
}

/// A running collector. Dropped, it stops by itself; [`CollectorHandle::stop`] waits for that.
#[derive(Debug)]
pub struct CollectorHandle {
    orders: watch::Sender<Orders>,
    health: Arc<watch::Sender<Health>>,
    task: JoinHandle<()>,
}

impl Collector {
    /// Starts collecting on the current tokio runtime, and answers at once: an unreachable service, a refused token or
    /// another account's token are told in the health, and tried again.
    pub fn start(self) -> CollectorHandle {
        let (orders, told) = watch::channel(Orders { pace: self.settings.pace, ..Orders::default() });
        let health = Arc::new(watch::Sender::new(Health {
            account: self.account.clone(),
            place: Shown::new(&self.source.place()).into_string(),
            pace: self.settings.pace,
            feeds: self.settings.feeds.iter().copied().map(FeedHealth::new).collect(),
            ..Health::default()
        }));
        let task = tokio::spawn(self.run(told, Arc::clone(&health)));
        CollectorHandle { orders, health, task }
    }

    async fn run(self, mut orders: watch::Receiver<Orders>, health: Arc<watch::Sender<Health>>) {
        let share = self.settings.budget_share;
        let budget = Arc::new(match &self.settings.budget_dir {
            Some(data) => Budget::shared(share, data, &self.account),
            None => Budget::new(share),
        });
        health.send_modify(|health| health.budget_shared = budget.is_shared());
        let doubt = Arc::new(Notify::new());
        let known = watch::Sender::new(Known::default());
        let mut pollers = JoinSet::new();
        // Once for the token that there is, and again for each that takes its place, and where one is refused.
        while let Some((account, identity)) = self.identified(&budget, &mut orders, &health).await {
            known.send_replace(Known { credential: Some(identity.credential), feeds: identity.feeds });
            if pollers.is_empty() {
                for feed in &self.settings.feeds {
                    let poller = self.poller(*feed, &account, &budget, (&orders, &health), (&known, &doubt));
                    pollers.spawn(kept_going(poller));
                }
            }
            tokio::select! {
                () = self.another_token(&doubt) => known.send_modify(|known| known.credential = None),
                () = async { while pollers.join_next().await.is_some() {} } => break,
            }
        }
        // Without it, those that still run end.
        drop(known);
        while pollers.join_next().await.is_some() {}
        all(&health, &FeedState::Stopped, None);
    }

    fn poller(
        &self,
        feed: Feed,
        account: &Arc<str>,
        budget: &Arc<Budget>,
        (orders, health): (&watch::Receiver<Orders>, &Arc<watch::Sender<Health>>),
        (known, doubt): (&watch::Sender<Known>, &Arc<Notify>),
    ) -> Poller {
        let (permitted, with) = (known.borrow().feeds.contains(&feed), known.borrow().credential);
        Poller {
            source: Arc::clone(&self.source),
            feed,
            account: Arc::clone(account),
            writer: self.writer.clone(),
            reader: self.reader.clone(),
            budget: Arc::clone(budget),
            settings: self.settings.clone(),
            orders: orders.clone(),
            health: Arc::clone(health),
            known: known.subscribe(),
            with,
            doubt: Arc::clone(doubt),
            backoff: Backoff::new(fastrand::Rng::new()),
            permitted,
            errand: None,
            errand_backoff: Backoff::new(fastrand::Rng::new()),
            errands_rest: tokio::time::Instant::now(),
        }
    }

    /// Waits until another token is found where the one in use came from, by a look every few seconds, or a poller doubts this one.
    async fn another_token(&self, doubt: &Notify) {
        loop {
            tokio::select! {
                () = doubt.notified() => return,
                () = tokio::time::sleep(TOKEN_LOOK) => {}
            }
            if self.source.renew(false).await {
                return;
            }
        }
    }

    /// Asks whose token it is until it is known and pinned: what the store files the events under, and what it may read. `None` when told
    /// to stop, or when the account is another one than before.
    async fn identified(
        &self,
        budget: &Budget,
        orders: &mut watch::Receiver<Orders>,
        health: &watch::Sender<Health>,
    ) -> Option<(Arc<str>, Identity)> {
        let mut backoff = Backoff::new(fastrand::Rng::new());
        loop {
            if orders.borrow().stop || orders.has_changed().is_err() {
                return None;
            }
            if orders.borrow_and_update().pace == Pace::Paused {
                all(health, &FeedState::Paused, None);
                let _ = orders.changed().await;
                continue;
            }
            let asked = tokio::select! {
                biased;
                () = held(orders) => continue,
                asked = async { budget.acquire(Urgency::Normal, |_| ()).await; self.source.identify().await } => asked,
            };
            if !matches!(asked, Err(FetchError::RateLimited { .. })) {
                budget.let_through();
            }
            let used = budget.used(budget.now());
            health.send_modify(|health| {
                health.used = used;
                health.place = Shown::new(&self.source.place()).into_string();
            });
            let error = match asked {
                Ok(identity) => return self.pinned(identity, health).await,
                Err(error) => error,
            };
            let until = |wait: Duration| {
                self.settings.clock.now() + Span(i64::try_from(wait.as_nanos() / 100).unwrap_or(i64::MAX))
            };
            if matches!(error, FetchError::Unauthorized(_) | FetchError::NotPermitted | FetchError::NoToken(_)) {
                // Once a refusal, also where a person may be asked for it; what is not there at all was looked for just now.
                let missing = matches!(error, FetchError::NoToken(_));
                if !missing && self.source.renew(true).await {
                    continue;
                }
                all(health, &FeedState::Unauthorised { until: until(REFUSED) }, Some(&error.to_string()));
                rest(orders, REFUSED, self.another_token(&Notify::new())).await;
                if missing {
                    self.source.renew(true).await;
                }
                continue;
            }
            let wait = match error {
                FetchError::RateLimited { retry_after } => budget.sent_away(budget.now(), retry_after),
                _ => backoff.failed(),
            };
            all(health, &FeedState::BackingOff { until: until(wait) }, Some(&error.to_string()));
            let _ = tokio::time::timeout(wait, orders.changed()).await;
        }
    }

    /// Holds the identity against the pin; an account that is not the one of before ends it.
    async fn pinned(&self, identity: Identity, health: &watch::Sender<Health>) -> Option<(Arc<str>, Identity)> {
        match self.pin(identity.clone()).await {
            Ok(stored_as) => {
                health.send_modify(|health| {
                    health.stored_as = Some(Shown::new(&stored_as).into_string());
                    health.token_expires = identity.expires;
                });
                Some((stored_as, identity))
            }
            Err(error) => {
                all(health, &FeedState::Stopped, Some(&error.to_string()));
                None
            }
        }
    }

    async fn pin(&self, identity: Identity) -> Result<Arc<str>, PinError> {
        let (pins, name) = (self.pins.clone(), self.account.clone());
        let stopped = || PinError::Io { path: "accounts.json".into(), error: std::io::Error::other("interrupted") };
        aside(move || pins.hold(&name, &identity)).await.ok_or_else(stopped)?
    }
}

/// Runs a poller, and another in its place when it panicked: a fault of this program is told of and backed off from like any other
/// failure, and ends neither the feed nor the others. A task of its own, so that a panic ends there.
async fn kept_going(poller: Poller) {
    let (mut backoff, mut orders) = (poller.backoff.clone(), poller.orders.clone());
    while let Err(error) = tokio::spawn(poller.clone().run()).await {
        if !error.is_panic() {
            return;
        }
        tracing::error!(feed = poller.feed.name(), "the poller died: {error}");
        let wait = backoff.failed();
        poller.died(wait);
        let _ = tokio::time::timeout(wait, orders.changed()).await;
    }
}

/// Puts every feed into a state, with the error that led there.
fn all(health: &watch::Sender<Health>, state: &FeedState, error: Option<&str>) {
    if let Some(error) = error {
        tracing::warn!("{error}");
    }
    health.send_modify(|health| {
        for feed in &mut health.feeds {
            feed.state = state.clone();
            if let Some(error) = error {
                feed.errors += 1;
                feed.failures += 1;
                feed.last_error = Some(error.to_owned());
            }
        }
    });
}

impl CollectorHandle {
    /// Snapshots of how it goes; the newest is always there.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Polls at this pace from now on, and at once unless it is a pause.
    pub fn set_pace(&self, pace: Pace) {
        self.health.send_modify(|health| health.pace = pace);
        self.orders.send_modify(|orders| orders.pace = pace);
    }

    /// Polls every feed now.
    pub fn poll_now(&self) {
        self.orders.send_modify(|orders| orders.nudges += 1);
    }

    /// Waits until every feed has been read to its end, or cannot be: one pass.
    pub async fn settled(&self) -> Health {
        let mut health = self.health.subscribe();
        let _ = health.wait_for(Health::is_settled).await;
        health.borrow().clone()
    }

    /// Stops the pollers and waits for the page that is under way. Nothing is lost without waiting; a page is fetched again.
    pub async fn stop(self) {
        self.orders.send_modify(|orders| orders.stop = true);
        let _ = self.task.await;
    }
}

/// The step before its end that a token has come to: 14, 7 and 1 days, an hour, or past it (0), in hours. One warning a step is enough.
pub fn expiry_step(expires: Ticks, now: Ticks) -> Option<i64> {
    let left = (expires - now).0;
    [0, 1, 24, 7 * 24, 14 * 24].into_iter().find(|hours| left <= hours * crate::base::time::HOUR)
}

/// When a token's end is worth a warning: 14, 7 and 1 days and an hour before it, as the largest that has passed.
pub fn expiry_warning(expires: Ticks, now: Ticks) -> Option<String> {
    let left = expires - now;
    if left.0 <= 0 {
        return Some("the token has expired: issue a new one".to_owned());
    }
    let hours = left.0 / crate::base::time::HOUR;
    match hours {
        0 => Some("the token expires within an hour".to_owned()),
        1..24 => Some(format!("the token expires in {hours} hours")),
        24..=336 => Some(format!("the token expires in {} days", hours / 24)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
