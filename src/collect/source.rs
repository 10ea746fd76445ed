//! What a poller asks of a source of events, and what can come back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::base::http::HttpError;
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::store::Cursor;

/// A future that can be made by an object behind `dyn`.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A service, a file or another program that hands out events page by page. The Events API (v2) is one; v3, Log
/// Analytics, Connect and replayed files stand beside it.
pub trait EventSource: fmt::Debug + Send + Sync {
    /// The version of a feed's cursors: those of another version, or of another feed, mean nothing to the source.
    fn version(&self, feed: Feed) -> u8;

    /// Where the events come from, for people: a host, a file.
    fn place(&self) -> String;

    /// Whose events these are, and which feeds may be read.
    fn identify(&self) -> Asked<'_, Result<Identity, FetchError>>;

    /// One page.
    fn fetch<'a>(&'a self, feed: Feed, position: &'a Position) -> Asked<'a, Result<Fetched, FetchError>>;

    /// Can a range of time be asked for beside the tail, by a cursor of its own? Gaps and sweeps need that.
    fn reads_ranges(&self, feed: Feed) -> bool {
        let _ = feed;
        true
    }

    /// Reads the credentials again; answers whether they changed. `thorough` allows tools that may ask a person. Asked every few seconds
    /// without it.
    fn renew(&self, thorough: bool) -> Asked<'_, bool> {
        let _ = thorough;
        Box::pin(async { false })
    }
}

/// Where to read on: after a cursor, or from a time. Never both, never neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    Cursor(Cursor),
    /// Events from this time on, however late they arrived.
    Since(Ticks),
    /// Events of the times from `from` (inclusive) to `to`, however late they arrived: a gap that is filled, a sweep.
    Between {
        from: Ticks,
        to: Ticks,
    },
}

/// Whose token it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The integration's own UUID.
    pub integration: Option<String>,
    /// The account's UUID; servers before September 2025 do not tell.
    pub account: Option<String>,
    /// The feeds that the token may read.
    pub feeds: Vec<Feed>,
    pub issued: Option<Ticks>,
    pub expires: Option<Ticks>,
    /// Which of the source's credentials was asked with: the number goes up when another is taken up. 0 where there is only one.
    pub credential: u64,
}

/// A page as it came.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The text of each event, byte for byte.
    pub items: Vec<Bytes>,
    /// Where to read on. `None` where the service gave none: the position stays where it was.
    pub cursor: Option<Cursor>,
    /// More may be waiting, though the next page can still be empty.
    pub has_more: bool,
    /// Of the answer.
    pub status: u16,
    /// Bytes of the answer, unpacked.
    pub bytes: u64,
    pub took: Duration,
    pub limits: RateHeaders,
    /// The service's clock, where it told.
    pub server_time: Option<Ticks>,
    /// What the service no longer had, though we had not read it yet.
    pub missed: Option<String>,
    /// Which credential it was fetched with, as in [`Identity::credential`]: a page of a token that has not been identified is not kept.
    pub credential: u64,
}

/// What a service says of its rate limits, where it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateHeaders {
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    /// Until the window resets.
    pub reset: Option<Duration>,
}

/// Why there is no page. The texts are safe to show: they hold no secret, and nothing of a server's unshown.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the token is not accepted{}: it may be revoked, expired or of another account; issue a new one and store it where the configuration points", quoted(.0))]
    Unauthorized(String),
    /// Nothing to ask with: why, and what to do.
    #[error("{0}")]
    NoToken(String),
    #[error(
        "the token may not read this feed: add the feature to the integration in 1Password, or leave the feed out with `feeds`"
    )]
    NotPermitted,
    #[error("the service asks to slow down{}", match .retry_after { Some(wait) => format!(" for {}s", wait.as_secs()), None => String::new() })]
    RateLimited { retry_after: Option<Duration> },
    /// In answer to a cursor: the cursor is refused.
    #[error("the service refused the request{}", quoted(.0))]
    BadRequest(String),
    #[error("the service failed with status {status}{}", quoted(.said))]
    Server { status: u16, said: String },
    #[error("{0}; check the host: something else answers there")]
    Malformed(String),
    #[error("the answer is too large: {0}")]
    TooLarge(HttpError),
    #[error(transparent)]
    Network(HttpError),
}

/// What a server said, as an addition to a sentence; nothing where it said nothing.
pub(super) fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" (“{text}”)") }
}

impl FetchError {
    /// The HTTP status behind it, 0 where no answer came.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthorized(_) => 401,
            Self::NotPermitted => 403,
            Self::RateLimited { .. } => 429,
            Self::BadRequest(_) => 400,
            Self::Server { status, .. } => *status,
            Self::Malformed(_) | Self::TooLarge(_) => 200,
            Self::Network(_) | Self::NoToken(_) => 0,
        }
    }
}

impl From<HttpError> for FetchError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::TooLarge { .. } | HttpError::Bomb { .. } => Self::TooLarge(error),
            error => Self::Network(error),
        }
    }
}
