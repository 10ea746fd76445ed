//! How the feeds are doing, as the console shows it.

use crate::base::time::{Span, Ticks};
use crate::event::Feed;

/// What a feed is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Doing {
    /// Nothing is known: no collector, or none has reported.
    #[default]
    Unknown,
    /// Waiting for the next poll.
    Waiting,
    Polling,
    /// First contact: reading history, with the share that is done, 0 to 1000.
    Backfilling {
        permille: Option<u16>,
    },
    /// After an error, until then.
    BackingOff {
        until: Ticks,
    },
    /// The token may not read it.
    NotPermitted,
    /// It is switched off.
    Off,
}

/// One feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedHealth {
    pub feed: Feed,
    pub doing: Doing,
    /// When the last page came.
    pub last_page: Option<Ticks>,
    /// The newest event's time.
    pub last_event: Option<Ticks>,
    /// Arrival minus the event's time, of the newest page.
    pub lag: Option<Span>,
    pub pages: u64,
    pub errors: u64,
    /// What went wrong last, shown.
    pub last_error: Option<Box<str>>,
    pub next_poll: Option<Ticks>,
}

impl FeedHealth {
    pub fn new(feed: Feed) -> Self {
        Self {
            feed,
            doing: Doing::default(),
            last_page: None,
            last_event: None,
            lag: None,
            pages: 0,
            errors: 0,
            last_error: None,
            next_poll: None,
        }
    }
}

/// What the store knows of the feeds, whoever fills it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Events and the last arrival.
    pub feeds: Vec<(Feed, u64, Option<Ticks>)>,
    pub quarantined: u64,
    pub variants: u64,
    /// Events whose time could not be read.
    pub undated: u64,
    /// Who writes: process and host, shown.
    pub writer: Option<Box<str>>,
}

/// All feeds, and the calls they share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub feeds: Vec<FeedHealth>,
    /// Calls made and allowed in this minute.
    pub minute: (u32, u32),
    /// Calls made and allowed in this hour.
    pub hour: (u32, u32),
    /// Polls every ten seconds.
    pub live: bool,
    /// Where the events come from: an address, or who polls.
    pub source: Box<str>,
    pub stored: StoreHealth,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            feeds: Feed::ALL.map(FeedHealth::new).to_vec(),
            minute: (0, 0),
            hour: (0, 0),
            live: false,
            source: Box::default(),
            stored: StoreHealth::default(),
        }
    }
}
