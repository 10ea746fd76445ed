//! What a poller is told while it runs.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;

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
pub(in crate::collect) async fn rest(
    orders: &mut watch::Receiver<Orders>,
    wait: Duration,
    renewed: impl Future<Output = ()>,
) {
    let nudges = orders.borrow().nudges;
    let wanted = async {
        while orders.changed().await.is_ok() {
            let now = *orders.borrow_and_update();
            if now.hold() || now.nudges != nudges {
                return;
            }
        }
    };
    tokio::select! {
        () = wanted => {}
        () = renewed => {}
        () = tokio::time::sleep(wait) => {}
    }
}
