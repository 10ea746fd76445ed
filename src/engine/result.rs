//! An answer: named tables of Arrow batches with KQL types, what it cost, and what was left out.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;

use crate::kql::plan::Render;
use crate::kql::{Diagnostic, Schema};

/// What a query gave.
#[derive(Clone, Debug)]
pub struct Answer {
    pub tables: Vec<ResultTable>,
    pub statistics: Statistics,
    /// Warnings of the binder, and of the run: watch-lists that are missing, values that did not fit.
    pub warnings: Vec<Diagnostic>,
}

/// One result table. Columns of the batches go by position; names and types are the schema's.
#[derive(Clone, Debug)]
pub struct ResultTable {
    pub name: Arc<str>,
    pub schema: Schema,
    pub batches: Vec<RecordBatch>,
    pub render: Option<Render>,
    /// Set when rows were left out: why, for people. The count shown is then "at least".
    pub cut: Option<String>,
}

impl ResultTable {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// What a query cost.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    pub elapsed: Duration,
    pub rows_read: u64,
    pub bytes_read: u64,
    pub segments_read: u64,
    /// Row groups that statistics, page indexes or filters spared.
    pub row_groups_pruned: u64,
    pub row_groups_read: u64,
    /// Bytes of memory at the peak, as accounted.
    pub memory_peak: u64,
    /// Bytes written to disk for want of memory.
    pub spilled: u64,
    /// What ran, in the order in which it ended.
    pub stages: Vec<Stage>,
}

/// A stage of a query: from a source of rows through steps to what needs them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// `scan OnePasswordEventLogs_CL > project > summarize`.
    pub name: String,
    /// Pieces that the work came in: row groups, fresh pages, blocks of rows in memory.
    pub morsels: u64,
    /// Rows that reached its end.
    pub rows: u64,
    /// From its begin to its end, and what its workers took together.
    pub elapsed: Duration,
    pub busy: Duration,
}

/// Why a query gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is wrong: at least one diagnostic is an error.
    #[error("{}", .0.iter().find(|d| d.severity == crate::kql::Severity::Error).map_or("the query is wrong", |d| d.message.as_str()))]
    Invalid(Vec<Diagnostic>),
    #[error("cancelled")]
    Cancelled,
    #[error("stopped after {0:?}: narrow the time range, or raise the time limit")]
    Time(Duration),
    /// What was needed and what was allowed, in bytes.
    #[error(
        "needs at least {needed} bytes of memory ({what}), and {allowed} are allowed: narrow the time range, summarize earlier, or raise `memory` under \
         `[limits.console]` or `[limits.headless]` in the configuration to \"{} MiB\" or more",
        needed.div_ceil(1 << 20)
    )]
    Memory { what: &'static str, needed: u64, allowed: u64 },
    /// A value or size that the operator cannot take; the message says which and the fix.
    #[error("{0}")]
    Runtime(String),
    #[error("the store could not be read: {0}")]
    Store(String),
    /// A fault of ours: a worker panicked. The console goes on.
    #[error("internal error: {0}")]
    Internal(String),
}
