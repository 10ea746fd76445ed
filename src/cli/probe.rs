//! One account asked once: whose token it is, and the first page of each feed. `connect` shows it, `doctor` judges it.

use std::io;

use crate::base::time::{DAY, Span, Ticks};
use crate::collect::{EventSource, FetchError, Fetched, Identity, Position};
use crate::event::Feed;

/// What an account's server answered.
#[derive(Debug)]
pub struct Probe {
    pub identity: Identity,
    /// The first page of each feed that may be read.
    pub pages: Vec<(Feed, Result<Fetched, FetchError>)>,
}

/// Asks for the identity and the first page of at most `feeds` feeds: a request each. Blocks until all have answered.
pub fn ask(source: &dyn EventSource, feeds: usize, back: Span) -> io::Result<Result<Probe, FetchError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let identity = source.identify().await?;
        let since = Position::Since(Ticks::now() - back);
        let mut pages = Vec::new();
        for feed in identity.feeds.iter().copied().take(feeds) {
            pages.push((feed, source.fetch(feed, &since).await));
        }
        Ok(Probe { identity, pages })
    }))
}

/// How far back the API keeps events.
pub const ALL: Span = Span(crate::collect::events_api::KEPT_DAYS * DAY);
