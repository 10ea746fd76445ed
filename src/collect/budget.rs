//! The requests that the pollers of an account may make together, and what they made.
//!
//! 1Password documents 600 requests a minute and 30,000 an hour. Other consumers share an account's limits, so only a
//! part of them is ours. Windows slide and are measured on the monotonic clock: a jump of the wall clock neither starves
//! the pollers nor lets them storm.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The documented limits.
pub const PER_MINUTE: u32 = 600;
pub const PER_HOUR: u32 = 30_000;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Requests made in the last minute and the last hour, and how many may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub minute: u32,
    pub minute_limit: u32,
    pub hour: u32,
    pub hour_limit: u32,
}

/// Shared by all pollers of an account.
#[derive(Debug)]
pub struct Budget {
    per_minute: u32,
    per_hour: u32,
    windows: Mutex<Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    /// When each request of the last hour was made, oldest first: at most `per_hour` of them and a few uncounted for.
    made: VecDeque<Instant>,
    /// The server asked everybody to wait until then.
    closed_until: Option<Instant>,
}

impl Budget {
    /// A share of the documented limits, above 0 and at most 1; never less than one request.
    pub fn new(share: f64) -> Self {
        let of = |limit: u32| ((f64::from(limit) * share) as u32).clamp(1, limit);
        Self { per_minute: of(PER_MINUTE), per_hour: of(PER_HOUR), windows: Mutex::default() }
    }

    /// Takes one request at `now`, or says how long to wait before asking again.
    pub fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut windows = self.windows(now);
        if let Some(until) = windows.closed_until.filter(|until| *until > now) {
            return Err(until - now);
        }
        // The request that must leave a window before another fits into it.
        let blocking = |length: Duration, limit: u32| {
            let oldest = windows.made.len().checked_sub(limit as usize)?;
            let leaves = windows.made[oldest] + length;
            (leaves > now).then(|| leaves - now)
        };
        if let Some(wait) = blocking(MINUTE, self.per_minute).max(blocking(HOUR, self.per_hour)) {
            return Err(wait);
        }
        windows.made.push_back(now);
        Ok(())
    }

    /// Waits until a request may be made, and takes it. `waiting` is told each wait before it begins.
    pub async fn acquire(&self, waiting: impl Fn(Duration)) {
        while let Err(wait) = self.take(Instant::now()) {
            waiting(wait);
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts a request that was made without asking.
    pub fn count(&self, now: Instant) {
        self.windows(now).made.push_back(now);
    }

    /// Nobody may make a request for this long: the server said so.
    pub fn close(&self, now: Instant, wait: Duration) {
        let mut windows = self.windows(now);
        windows.closed_until = windows.closed_until.max(Some(now + wait));
    }

    pub fn used(&self, now: Instant) -> Used {
        let windows = self.windows(now);
        let within = |length: Duration| windows.made.iter().rev().take_while(|at| **at + length > now).count() as u32;
        Used { minute: within(MINUTE), minute_limit: self.per_minute, hour: within(HOUR), hour_limit: self.per_hour }
    }

    /// The windows, without what has left the longer one.
    fn windows(&self, now: Instant) -> MutexGuard<'_, Windows> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        while windows.made.front().is_some_and(|at| *at + HOUR <= now) {
            windows.made.pop_front();
        }
        windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_documented_limits_is_given_out_a_minute_at_a_time() {
        let (budget, start) = (Budget::new(0.5), Instant::now());
        for _ in 0..300 {
            assert_eq!(budget.take(start), Ok(()));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(budget.take(later), Err(Duration::from_secs(40)));
        assert_eq!(budget.used(later), Used { minute: 300, minute_limit: 300, hour: 300, hour_limit: 15_000 });
        let next = start + MINUTE;
        assert_eq!(budget.take(next), Ok(()));
        assert_eq!(budget.used(next), Used { minute: 1, minute_limit: 300, hour: 301, hour_limit: 15_000 });
    }

    #[test]
    fn the_hour_binds_when_every_minute_is_used_up() {
        let (budget, start) = (Budget::new(0.5), Instant::now());
        for minute in 0..50 {
            for _ in 0..300 {
                assert_eq!(budget.take(start + MINUTE * minute), Ok(()));
            }
        }
        assert_eq!(budget.take(start + MINUTE * 50), Err(MINUTE * 10));
        assert_eq!(budget.take(start + HOUR), Ok(()));
    }

    #[test]
    fn whoever_the_server_sends_away_keeps_the_others_away_too() {
        let (budget, start) = (Budget::new(1.0), Instant::now());
        budget.close(start, Duration::from_secs(30));
        budget.close(start, Duration::from_secs(10));
        assert_eq!(budget.take(start + Duration::from_secs(10)), Err(Duration::from_secs(20)));
        assert_eq!(budget.take(start + Duration::from_secs(30)), Ok(()));
    }

    #[test]
    fn the_smallest_share_still_lets_one_request_through() {
        let (budget, start) = (Budget::new(1e-9), Instant::now());
        assert_eq!(budget.take(start), Ok(()));
        assert_eq!(budget.take(start), Err(HOUR));
        budget.count(start);
        assert_eq!(budget.used(start).hour, 2);
    }
}
