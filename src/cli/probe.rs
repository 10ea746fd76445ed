//! One account asked once: whose token it is, and the first page of each feed. `connect` shows it, `doctor` judges it.

use std::io;
use std::time::Duration;

use super::place::Place;
use crate::base::time::{DAY, Span, Ticks};
use crate::collect::budget::{Budget, Urgency};
use crate::collect::{EventSource, FetchError, Fetched, Identity, Position};
use crate::event::Feed;
use crate::store::Layout;

/// What an account's server answered.
#[derive(Debug)]
pub struct Probe {
    pub identity: Identity,
    /// The first page of each feed that may be read.
    pub pages: Vec<(Feed, Result<Fetched, FetchError>)>,
}

/// Asks for the identity and the first page of at most `feeds` feeds: a request each, out of the account's budget. Blocks until all have
/// answered.
pub fn ask(
    source: &dyn EventSource,
    budget: &Budget,
    feeds: usize,
    back: Span,
) -> io::Result<Result<Probe, FetchError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        take(budget).await?;
        let identity = source.identify().await?;
        let since = Position::Since(Ticks::now() - back);
        let mut pages = Vec::new();
        for feed in identity.feeds.iter().copied().take(feeds) {
            take(budget).await?;
            pages.push((feed, source.fetch(feed, &since).await));
        }
        Ok(Probe { identity, pages })
    }))
}

/// A request out of the budget; whoever looks on waits a few seconds for one, no longer.
async fn take(budget: &Budget) -> Result<(), FetchError> {
    match budget.take(budget.now(), Urgency::Normal) {
        Err(wait) if wait > PATIENCE => {
            return Err(FetchError::RateLimited { retry_after: Some(wait) });
        }
        Err(wait) => tokio::time::sleep(wait).await,
        Ok(()) => return Ok(()),
    }
    budget.take(budget.now(), Urgency::Normal).map_err(|wait| FetchError::RateLimited { retry_after: Some(wait) })
}

/// The budget of an account: what collectors in other processes use of it counts. Where nobody collects into this folder there is no
/// file, and none is made.
pub fn budget(place: &Place, account: &str) -> Budget {
    let (share, data) = (place.config.budget_share, &place.paths.data);
    if Layout::of(data).exists() { Budget::shared(share, data, account) } else { Budget::new(share) }
}

/// How long a person waits for the budget.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far back the API keeps events.
pub const ALL: Span = Span(crate::collect::events_api::KEPT_DAYS * DAY);
