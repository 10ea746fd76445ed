//! How collecting goes, for the console and for `doctor`: a snapshot in a `watch`, replaced as things happen.

use crate::base::time::{Span, Ticks};
use crate::event::Feed;
use crate::store::Committed;

use super::budget::Used;
use super::poller::Pace;
use super::source::RateHeaders;

/// An account's collecting at one moment. Every text is safe to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// As the configuration calls it.
    pub account: String,
    /// The host, or what else the events come from.
    pub place: String,
    /// What the store files the events under, once the account is identified.
    pub stored_as: Option<String>,
    pub pace: Pace,
    pub feeds: Vec<FeedHealth>,
    /// Requests in the last minute and hour, as of the last one.
    pub used: Used,
    /// Those of other processes that ask for the account are among them.
    pub budget_shared: bool,
    /// What the service itself said of its limits.
    pub limits: RateHeaders,
    /// When the token ends, where it says so.
    pub token_expires: Option<Ticks>,
    /// The service's clock minus ours, when they are more than two minutes apart.
    pub clock_skew: Option<Span>,
}

/// A feed's collecting.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedHealth {
    pub feed: Feed,
    pub state: FeedState,
    /// When the last page came, empty ones counted.
    pub last_page: Option<Ticks>,
    /// The newest event's own time.
    pub newest_event: Option<Ticks>,
    /// Between that and the arrival of its page: how late events come.
    pub lag: Option<Span>,
    pub pages: u64,
    /// Events that only a sweep found, since the program started.
    pub found_late: u64,
    /// Events taken, duplicates, variants, quarantined and undated ones since the program started.
    pub taken: Committed,
    /// Bytes of answers since the program started.
    pub bytes: u64,
    /// Failures since the program started.
    pub errors: u64,
    /// Failures since the last page.
    pub failures: u32,
    pub last_error: Option<String>,
    /// Why the store does not take what comes, as long as it does not.
    pub not_stored: Option<String>,
}

/// What a feed's poller is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FeedState {
    /// Not asked yet.
    #[default]
    Starting,
    /// Reading what the service still has of the time from `from` to `to`; it has come to about `at`.
    BackFilling { from: Ticks, to: Ticks, at: Option<Ticks> },
    /// Asking for the next page.
    Polling,
    /// The tail has nothing new; meanwhile a range is read again, and has come to about `at`.
    ReadingAgain { what: Again, from: Ticks, to: Ticks, at: Option<Ticks> },
    /// Nothing more for now; asks again at that time.
    Idle { until: Ticks },
    /// After a failure, until that time.
    BackingOff { until: Ticks },
    /// The token is not accepted; tried again at that time, or when it changes.
    Unauthorised { until: Ticks },
    /// The token may not read this feed; looked at again at that time, or when it changes.
    NotPermitted { until: Ticks },
    /// By the analyst.
    Paused,
    /// For good; the last error says why, if it was one.
    Stopped,
}

/// Why a range is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Its events may be missing.
    Gap,
    /// To find what the tail may have missed.
    Sweep,
}

impl FeedHealth {
    pub fn new(feed: Feed) -> Self {
        Self {
            feed,
            state: FeedState::Starting,
            last_page: None,
            newest_event: None,
            lag: None,
            pages: 0,
            found_late: 0,
            taken: Committed::default(),
            bytes: 0,
            errors: 0,
            failures: 0,
            last_error: None,
            not_stored: None,
        }
    }

    /// Nothing is under way and nothing will be before the next poll, or three tries in a row have failed.
    pub fn is_settled(&self) -> bool {
        match self.state {
            FeedState::Idle { .. }
            | FeedState::Unauthorised { .. }
            | FeedState::NotPermitted { .. }
            | FeedState::Paused
            | FeedState::Stopped => true,
            FeedState::BackingOff { .. } => self.failures >= 3,
            FeedState::Starting
            | FeedState::BackFilling { .. }
            | FeedState::Polling
            | FeedState::ReadingAgain { .. } => false,
        }
    }

    /// No page for three intervals: what is on the screen may be old.
    pub fn is_stale(&self, now: Ticks, interval: Span) -> bool {
        self.last_page.is_some_and(|last| (now - last).0 > interval.0.saturating_mul(3))
    }
}

impl FeedState {
    /// Of a back-fill: how much of its time it has come through, 0 to 1.
    pub fn progress(&self) -> Option<f64> {
        match *self {
            Self::BackFilling { from, to, at } => Some(through(from, to, at)),
            _ => None,
        }
    }

    /// The same of a range that is read again.
    pub fn progress_again(&self) -> Option<f64> {
        match *self {
            Self::ReadingAgain { from, to, at, .. } => Some(through(from, to, at)),
            _ => None,
        }
    }
}

fn through(from: Ticks, to: Ticks, at: Option<Ticks>) -> f64 {
    at.filter(|_| to > from).map_or(0.0, |at| ((at - from).0 as f64 / (to - from).0 as f64).clamp(0.0, 1.0))
}

impl Health {
    pub fn feed(&self, feed: Feed) -> Option<&FeedHealth> {
        self.feeds.iter().find(|health| health.feed == feed)
    }

    /// Every feed has been asked and waits: what `collect --once` waits for.
    pub fn is_settled(&self) -> bool {
        self.feeds.iter().all(FeedHealth::is_settled)
    }

    /// All feeds together.
    pub fn taken(&self) -> Committed {
        let mut all = Committed::default();
        self.feeds.iter().for_each(|feed| all.add(feed.taken));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::DAY;

    #[test]
    fn the_progress_of_a_back_fill_is_where_its_events_have_come_to() {
        let filling = |at| FeedState::BackFilling { from: Ticks(0), to: Ticks(120 * DAY), at };
        assert_eq!(filling(None).progress(), Some(0.0));
        assert_eq!(filling(Some(Ticks(30 * DAY))).progress(), Some(0.25));
        assert_eq!(filling(Some(Ticks(130 * DAY))).progress(), Some(1.0));
        assert_eq!(FeedState::Polling.progress(), None);
    }

    #[test]
    fn a_feed_is_stale_after_three_intervals_without_a_page() {
        let mut feed = FeedHealth::new(Feed::AuditEvents);
        assert!(!feed.is_stale(Ticks(DAY), Span(1)));
        feed.last_page = Some(Ticks(100));
        assert!(!feed.is_stale(Ticks(130), Span(10)));
        assert!(feed.is_stale(Ticks(131), Span(10)));
    }
}
