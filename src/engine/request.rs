//! A question: the text, what it may use, and what is known of its progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::base::time::Ticks;
use crate::kql::Value;

/// A query to run.
#[derive(Clone, Debug)]
pub struct Request {
    pub text: String,
    /// Values of `declare query_parameters`, by name.
    pub parameters: Vec<(String, Value)>,
    /// What `now()` is, once for the whole query.
    pub now: Ticks,
    /// Bounds `TimeGenerated` of every table that has it: from (inclusive), to (exclusive).
    pub timespan: Option<(Ticks, Ticks)>,
    /// Bounds `timestamp`, the time of the event, in the same way: the range chosen on the console's timeline.
    pub window: Option<(Ticks, Ticks)>,
    pub limits: Limits,
    pub cancel: Cancel,
    pub progress: Progress,
}

impl Request {
    /// A request with the console's limits.
    pub fn new(text: impl Into<String>, now: Ticks) -> Self {
        Self {
            text: text.into(),
            parameters: Vec::new(),
            now,
            timespan: None,
            window: None,
            limits: Limits::CONSOLE,
            cancel: Cancel::default(),
            progress: Progress::default(),
        }
    }
}

/// What a query may take. Past a limit it ends with a clear error, or a partial result that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub time: Duration,
    /// Bytes held in memory.
    pub memory: u64,
    /// Rows of a result; more are cut, and the answer says so.
    pub rows: u64,
}

impl Limits {
    pub const CONSOLE: Self = Self { time: Duration::from_secs(60), memory: 512 << 20, rows: 100_000 };
    pub const HEADLESS: Self = Self { time: Duration::from_secs(600), memory: 1 << 30, rows: 500_000 };
}

/// Says stop; the running query looks at it per batch.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Is it the same one?
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How far a running query is: rows of its scans done and in all.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<(AtomicU64, AtomicU64)>);

impl Progress {
    pub fn expect(&self, rows: u64) {
        self.0.1.fetch_add(rows, Ordering::Relaxed);
    }

    pub fn done(&self, rows: u64) {
        self.0.0.fetch_add(rows, Ordering::Relaxed);
    }

    /// Rows done, rows in all.
    pub fn get(&self) -> (u64, u64) {
        (self.0.0.load(Ordering::Relaxed), self.0.1.load(Ordering::Relaxed))
    }
}
