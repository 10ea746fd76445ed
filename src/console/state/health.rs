//! How the feeds are doing: what each account's collector says, and what the store does.

use crate::base::time::Ticks;
use crate::collect::health::{FeedState, Health};
use crate::collect::poller::Pace;
use crate::event::Feed;

/// What the store knows of the feeds, whoever fills it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Events and the last arrival.
    pub feeds: Vec<(Feed, u64, Option<Ticks>)>,
    pub quarantined: u64,
    pub variants: u64,
    /// Events whose time could not be read.
    pub undated: u64,
    /// Gaps: open, filled again, lost at the service.
    pub gaps: [u64; 3],
    /// Events that only sweeps found, and when the last sweep ended.
    pub late: u64,
    pub swept: Option<Ticks>,
    /// Rules of suppression and what they did in the last seven days: name, action, events, bytes.
    pub suppressed: Vec<(Box<str>, Box<str>, u64, u64)>,
    /// Segments that cannot be read.
    pub damaged: u64,
    /// Places that take no copies of heads: place and why, shown.
    pub copies: Vec<(Box<str>, Box<str>)>,
    /// Who writes: process and host, shown.
    pub writer: Option<Box<str>>,
}

/// All feeds.
#[derive(Clone, Debug, Default)]
pub struct Feeds {
    /// One for each collector of this process; empty when another process collects, or none.
    pub accounts: Vec<Health>,
    pub stored: StoreHealth,
}

impl Feeds {
    /// Are all accounts polled at the live pace?
    pub fn is_live(&self) -> bool {
        !self.accounts.is_empty() && self.accounts.iter().all(|account| account.pace == Pace::Live)
    }

    /// Why the store does not take what is collected, where it does not.
    pub fn not_stored(&self) -> Option<&str> {
        self.accounts.iter().flat_map(|account| &account.feeds).find_map(|feed| feed.not_stored.as_deref())
    }

    /// The share of the history that is read, 0 to 1, while any feed reads it: the least of all.
    pub fn reading_history(&self) -> Option<f64> {
        let states = self.accounts.iter().flat_map(|account| &account.feeds).map(|feed| &feed.state);
        states.filter_map(FeedState::progress).min_by(f64::total_cmp)
    }

    /// A feed's state, over all accounts the one that needs most attention.
    pub fn worst(&self, feed: Feed) -> Option<&FeedState> {
        let states = self.accounts.iter().filter_map(|account| account.feed(feed)).map(|health| &health.state);
        states.max_by_key(|state| attention(state))
    }
}

/// How much attention a state needs, against others.
pub const fn attention(state: &FeedState) -> u8 {
    match state {
        FeedState::Idle { .. } => 0,
        FeedState::Polling | FeedState::ReadingAgain { .. } => 1,
        FeedState::Starting => 2,
        FeedState::BackFilling { .. } => 3,
        FeedState::Paused => 4,
        FeedState::Stopped => 5,
        FeedState::NotPermitted { .. } => 6,
        FeedState::BackingOff { .. } => 7,
        FeedState::Unauthorised { .. } => 8,
    }
}
