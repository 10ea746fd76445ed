//! What a running query is held to: cancel, time, memory; and what it has cost so far.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::column::Result;
use crate::engine::{Cancel, Progress, QueryError, Request, Stage, Statistics};
use crate::kql::Diagnostic;

/// One query's limits and counters, shared by everything that works for it.
#[derive(Debug)]
pub struct Control {
    cancel: Cancel,
    started: Instant,
    time: Duration,
    pub progress: Progress,
    allowed: u64,
    /// Where rows go that memory has no room for.
    folder: PathBuf,
    used: AtomicU64,
    peak: AtomicU64,
    pub counters: Counters,
    stages: Mutex<Vec<Stage>>,
    notes: Mutex<Vec<Diagnostic>>,
    /// Rows that cannot be read are told of, and the query goes on without them.
    pub goes_on: AtomicBool,
}

/// What reading cost.
#[derive(Debug, Default)]
pub struct Counters {
    pub rows: AtomicU64,
    pub bytes: AtomicU64,
    pub segments: AtomicU64,
    pub groups_pruned: AtomicU64,
    pub groups_read: AtomicU64,
    /// Values that a column's KQL type cannot hold, shown as null: `aux_id` past 32 bits.
    pub unfit: AtomicU64,
    /// Bytes written to disk for want of memory.
    pub spilled: AtomicU64,
}

impl Control {
    pub fn new(request: &Request) -> Arc<Self> {
        Self::spilling_to(request, std::env::temp_dir())
    }

    /// Rows that memory has no room for go to nameless files in a folder.
    pub fn spilling_to(request: &Request, folder: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            cancel: request.cancel.clone(),
            started: Instant::now(),
            time: request.limits.time,
            progress: request.progress.clone(),
            allowed: request.limits.memory,
            folder,
            used: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            counters: Counters::default(),
            stages: Mutex::default(),
            notes: Mutex::default(),
            goes_on: AtomicBool::new(false),
        })
    }

    /// Asked per batch: goes on, or says why not.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(QueryError::Cancelled);
        }
        if self.started.elapsed() > self.time {
            return Err(QueryError::Time(self.time));
        }
        Ok(())
    }

    /// Something that whoever reads the answer should know.
    pub fn note(&self, note: Diagnostic) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub fn notes(&self) -> Vec<Diagnostic> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn statistics(&self) -> Statistics {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Statistics {
            elapsed: self.started.elapsed(),
            rows_read: get(&self.counters.rows),
            bytes_read: get(&self.counters.bytes),
            segments_read: get(&self.counters.segments),
            row_groups_pruned: get(&self.counters.groups_pruned),
            row_groups_read: get(&self.counters.groups_read),
            memory_peak: get(&self.peak),
            spilled: get(&self.counters.spilled),
            stages: self.stages.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// A part of the memory that the query may take, in bytes.
    pub fn share(&self, part: u64) -> u64 {
        self.allowed / part.max(1)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A stage is over.
    pub fn ended(&self, stage: Stage) {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).push(stage);
    }

    /// An account of bytes held, empty at first.
    pub fn account(self: &Arc<Self>, what: &'static str) -> Account {
        Account { control: Arc::clone(self), what, bytes: 0 }
    }
}

/// Bytes that one operator holds, given back when it is dropped. Operators that can write rows away do so before `hold` refuses.
#[derive(Debug)]
pub struct Account {
    control: Arc<Control>,
    what: &'static str,
    bytes: u64,
}

impl Account {
    /// Holds so many bytes from now on, more or fewer than before.
    pub fn hold(&mut self, bytes: u64) -> Result<()> {
        if bytes <= self.bytes {
            self.control.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
            self.bytes = bytes;
            return Ok(());
        }
        let more = bytes - self.bytes;
        let used = self.control.used.fetch_add(more, Ordering::Relaxed) + more;
        if used > self.control.allowed {
            self.control.used.fetch_sub(more, Ordering::Relaxed);
            return Err(QueryError::Memory { what: self.what, needed: used, allowed: self.control.allowed });
        }
        self.control.peak.fetch_max(used, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }

    /// Bytes held now.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn add(&mut self, bytes: u64) -> Result<()> {
        self.hold(self.bytes + bytes)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.control.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Ticks;

    #[test]
    fn memory_is_refused_past_the_limit_and_given_back() {
        let mut request = Request::new("", Ticks(0));
        request.limits.memory = 100;
        let control = Control::new(&request);
        let mut a = control.account("a");
        a.hold(80).unwrap();
        assert!(matches!(
            control.account("b").hold(30),
            Err(QueryError::Memory { what: "b", needed: 110, allowed: 100 })
        ));
        drop(a);
        control.account("b").hold(30).unwrap();
        assert_eq!(control.statistics().memory_peak, 80);
    }

    #[test]
    fn a_cancelled_query_stops_at_the_next_check() {
        let request = Request::new("", Ticks(0));
        let control = Control::new(&request);
        control.check().unwrap();
        request.cancel.cancel();
        assert!(matches!(control.check(), Err(QueryError::Cancelled)));
    }
}
