//! What a poller is told while it runs.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::collect::source::EventSource;

/// How often a changed token is looked for while the old one is refused.
const TOKEN_LOOK: Duration = Duration::from_secs(5);

/// How eagerly an account is polled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Every five minutes, or as configured.
    #[default]
    Normal,
    /// Every ten seconds, or as configured.
    Live,
    /// Not at all.
    Paused,
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::Live => "live",
            Self::Paused => "paused",
        })
    }
}

/// The orders that hold for all pollers of an account. Any change wakes the ones that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    pub pace: Pace,
    /// Counted up to have every feed polled now.
    pub nudges: u64,
    pub stop: bool,
}

impl Orders {
    /// Nothing may be asked for.
    pub fn hold(&self) -> bool {
        self.stop || self.pace == Pace::Paused
    }
}

/// Waits for orders to stop or to pause, or for whoever gives them to be gone.
pub(in crate::collect) async fn held(orders: &watch::Receiver<Orders>) {
    let _ = orders.clone().wait_for(Orders::hold).await;
}

/// Waits as long as a refused token must rest: less when another one is found where it came from, or when a person wants it
/// tried now. A change of pace is no such wish.
pub(in crate::collect) async fn rest(orders: &mut watch::Receiver<Orders>, source: &dyn EventSource, wait: Duration) {
    let nudges = orders.borrow().nudges;
    let until = Instant::now() + wait;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        match tokio::time::timeout(left.min(TOKEN_LOOK), orders.changed()).await {
            Ok(Err(_)) => return,
            Ok(Ok(())) => {
                let now = *orders.borrow_and_update();
                if now.hold() {
                    return;
                }
                if now.nudges != nudges {
                    break;
                }
            }
            Err(_) if source.renew(false).await => return,
            Err(_) => {}
        }
    }
    source.renew(true).await;
}
