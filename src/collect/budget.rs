//! The requests that the pollers of an account may make together, and what they made.
//!
//! 1Password documents 600 requests a minute and 30,000 an hour. Other consumers share an account's limits, so only a
//! part of them is ours. Windows slide and are measured on the monotonic clock: a jump of the wall clock neither starves
//! the pollers nor lets them storm.
//!
//! `collect`, a console, `connect` and `doctor --live` may all ask for one account at a time. They share what they made in a
//! small file of the data folder ([`ring`]). Where it cannot be had, each process still keeps to its own count.
//!
//! Whoever is sent away (429) closes the account for everybody. When the time is over one request goes first; the others wait for what
//! comes of it, so that a storm costs a request a minute and not one a feed.

mod ring;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use ring::Ring;

/// The documented limits.
pub const PER_MINUTE: u32 = 600;
pub const PER_HOUR: u32 = 30_000;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Without `Retry-After`, a 429 closes the account for its minute window …
const MINUTE_WINDOW: Duration = MINUTE;
/// … and, when waiting for that did not help, for a part of the hour's.
const HOUR_WINDOW: Duration = Duration::from_secs(600);
/// A request that goes first has come to an end after this: a little longer than the client's whole patience.
const LEASE: Duration = Duration::from_secs(130);
/// How often whoever waits for the first one looks again.
const LOOK: Duration = Duration::from_secs(1);

/// Requests made in the last minute and the last hour, and how many may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub minute: u32,
    pub minute_limit: u32,
    pub hour: u32,
    pub hour_limit: u32,
}

/// How much it matters that a request is made soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// The tail.
    Normal,
    /// Gaps and sweeps: they leave half of what may be used to the tail.
    Low,
}

/// Shared by all pollers of an account.
#[derive(Debug)]
pub struct Budget {
    per_minute: u32,
    per_hour: u32,
    /// The monotonic clock at the time of `began`, since the machine started where that is known.
    origin: Duration,
    began: Instant,
    own: Mutex<Own>,
    ring: Option<Ring>,
}

/// Whether the service lets anybody through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gate {
    /// The server asked everybody to wait until then.
    closed_until: Duration,
    /// A request went first and is under way, at most until then.
    first_until: Duration,
    /// Times in a row that the account was closed. Not 0: one request goes first.
    refusals: u32,
}

/// What was made, each by its number from 0, and the gate.
trait Log {
    fn gate(&mut self) -> &mut Gate;
    /// Requests ever made.
    fn made(&self) -> u64;
    /// When the n-th was made; those that are long past may be gone and answer zero.
    fn at(&self, n: u64) -> Duration;
    fn push(&mut self, at: Duration);
}

/// This process's own requests of the last hour.
#[derive(Debug, Default)]
struct Own {
    gate: Gate,
    forgotten: u64,
    made: VecDeque<Duration>,
}

impl Log for Own {
    fn gate(&mut self) -> &mut Gate {
        &mut self.gate
    }

    fn made(&self) -> u64 {
        self.forgotten + self.made.len() as u64
    }

    fn at(&self, n: u64) -> Duration {
        let place = n.checked_sub(self.forgotten).and_then(|n| usize::try_from(n).ok());
        place.and_then(|n| self.made.get(n)).copied().unwrap_or_default()
    }

    fn push(&mut self, at: Duration) {
        while self.made.front().is_some_and(|oldest| *oldest + HOUR <= at) {
            self.made.pop_front();
            self.forgotten += 1;
        }
        self.made.push_back(at);
    }
}

impl Budget {
    /// A share of the documented limits, above 0 and at most 1; never less than one request. For this process alone.
    pub fn new(share: f64) -> Self {
        let of = |limit: u32| ((f64::from(limit) * share) as u32).clamp(1, limit);
        let (origin, began) = (ring::uptime(), Instant::now());
        Self { per_minute: of(PER_MINUTE), per_hour: of(PER_HOUR), origin, began, own: Mutex::default(), ring: None }
    }

    /// The same, together with every other process that asks for this account from the same data folder. Where the file cannot be used
    /// the answer is a budget of this process alone; the log says why.
    pub fn shared(share: f64, data_dir: &Path, account: &str) -> Self {
        let path = file(data_dir, account);
        let ring = Ring::open(&path)
            .inspect_err(|error| tracing::warn!("{}: the budget is not shared: {error}", path.display()))
            .ok();
        Self { ring, ..Self::new(share) }
    }

    /// Now, on the clock that the budget is measured by.
    pub fn now(&self) -> Duration {
        self.origin + self.began.elapsed()
    }

    /// Is it shared with other processes?
    pub fn is_shared(&self) -> bool {
        self.ring.is_some()
    }

    /// Takes one request at `now`, or says how long to wait before asking again.
    pub fn take(&self, now: Duration, urgency: Urgency) -> Result<(), Duration> {
        let part = |limit: u32| if urgency == Urgency::Low { (limit / 2).max(1) } else { limit };
        let limits = (part(self.per_minute), part(self.per_hour));
        self.with(|log| take(log, now, limits))
    }

    /// Waits until a request may be made, and takes it. `waiting` is told each wait before it begins.
    pub async fn acquire(&self, urgency: Urgency, waiting: impl Fn(Duration)) {
        while let Err(wait) = self.take(self.now(), urgency) {
            waiting(wait);
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts a request that was made without asking.
    pub fn count(&self, now: Duration) {
        self.with(|log| log.push(now));
    }

    /// The server sent a request away: nobody may make one for the time that it says, a window where it says nothing, and longer each
    /// time that the first one after it is sent away too. Answers how long that is.
    pub fn sent_away(&self, now: Duration, retry_after: Option<Duration>) -> Duration {
        self.with(|log| {
            let gate = log.gate();
            if gate.closed_until <= now {
                gate.refusals = gate.refusals.saturating_add(1);
            }
            let n = gate.refusals.saturating_sub(1);
            let window = if n > 2 { HOUR_WINDOW } else { MINUTE_WINDOW };
            let growing = MINUTE.min(Duration::from_secs(1) * (2_u32.saturating_pow(n.min(10)) / 2));
            let wait = retry_after.map_or(window, |wait| wait.max(growing));
            gate.closed_until = gate.closed_until.max(now + wait);
            gate.first_until = Duration::ZERO;
            gate.closed_until.saturating_sub(now)
        })
    }

    /// The server answered a request, whatever it said, but that it is too many; or there was no answer.
    pub fn let_through(&self) {
        // Cheap in the ordinary case: no request went first.
        if self.own().gate.refusals == 0 {
            return;
        }
        self.with(|log| {
            let now_open = Gate { refusals: 0, first_until: Duration::ZERO, ..*log.gate() };
            *log.gate() = now_open;
        });
    }

    pub fn used(&self, now: Duration) -> Used {
        let (minute, hour) = self.with(|log| (within(log, now, MINUTE), within(log, now, HOUR)));
        Used { minute, minute_limit: self.per_minute, hour, hour_limit: self.per_hour }
    }

    fn own(&self) -> std::sync::MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with what all processes made, or, where that cannot be had now, with what this one made.
    fn with<T>(&self, mut todo: impl FnMut(&mut dyn Log) -> T) -> T {
        let mut own = self.own();
        let Some(mut shared) = self.ring.as_ref().and_then(Ring::lock) else { return todo(&mut *own) };
        let before = shared.made();
        let done = todo(&mut shared);
        // One's own count stands in when the file is gone.
        own.gate = *shared.gate();
        for n in before..shared.made() {
            own.push(shared.at(n));
        }
        done
    }
}

/// The file of an account's budget.
fn file(data_dir: &Path, account: &str) -> PathBuf {
    data_dir.join("budgets").join(account)
}

/// What all processes use of an account's budget now, without taking part: `None` where nobody has asked yet.
pub fn used(share: f64, data_dir: &Path, account: &str) -> Option<Used> {
    let ring = Ring::look(&file(data_dir, account)).ok()?;
    let budget = Budget { ring: Some(ring), ..Budget::new(share) };
    Some(budget.used(budget.now()))
}

fn take(log: &mut dyn Log, now: Duration, (per_minute, per_hour): (u32, u32)) -> Result<(), Duration> {
    let gate = *log.gate();
    if gate.closed_until > now {
        return Err(gate.closed_until.saturating_sub(now));
    }
    if gate.refusals > 0 && gate.first_until > now {
        return Err(LOOK.min(gate.first_until.saturating_sub(now)));
    }
    // The request that must leave a window before another fits into it.
    let made = log.made();
    let blocking = |length: Duration, limit: u32| {
        let leaves = log.at(made.checked_sub(limit.into())?) + length;
        leaves.checked_sub(now).filter(|wait| !wait.is_zero())
    };
    if let Some(wait) = blocking(MINUTE, per_minute).max(blocking(HOUR, per_hour)) {
        return Err(wait);
    }
    if gate.refusals > 0 {
        log.gate().first_until = now + LEASE;
    }
    log.push(now);
    Ok(())
}

/// How many were made within this time. They stand in order, so the first of them is searched for by halves.
fn within(log: &dyn Log, now: Duration, length: Duration) -> u32 {
    let made = log.made();
    let (mut low, mut high) = (made.saturating_sub(ring::PLACES), made);
    while low < high {
        let middle = low.midpoint(high);
        if log.at(middle) + length > now { high = middle } else { low = middle + 1 }
    }
    (made - low) as u32
}

#[cfg(test)]
mod tests;
