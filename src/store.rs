//! Floor 3: the evidence store and the workspace store.
//!
//! **Evidence** is append-only, has one writer and any number of readers, and is ledgered. A data folder holds:
//!
//! ```text
//! evidence/catalogue.db        SQLite in WAL mode: fresh pages, cursors, batches, segments, counts
//! evidence/segments/*.parquet  sealed events, zstd
//! evidence/heads               how far the chain has come, a second time (see `heads`)
//! evidence/watermark           the newest sequence number; written after each commit, watched by other processes
//! evidence/signing.key         what checkpoints are signed with: its owner's alone (see `signing`)
//! evidence/signing.pub         what they are verified with
//! evidence/copies              how the copying of heads goes, as the collector wrote it down last
//! evidence/doubts              segments that readers could not read, for the writer to look at (see `doubts`); mostly there is none
//! evidence/writer.lock         held by the one writer, names its pid and host
//! tables/                      imported tables (see `tables`)
//! workspace.db                 query log, marks, notes, sessions: per person, many writers (see `workspace`)
//! ```
//!
//! A page goes in through [`WriterHandle::commit`]: its events, its cursor, its poll record, its counts and its chain root are
//! one SQLite transaction, synced before the answer. [`Reader::snapshot`] gives what was committed: sealed segments and
//! decoded fresh batches, both under `event::schema::arrow()`, which together hold each sequence number once.

mod catalogue;
mod chain;
pub mod checkpoint;
mod commit;
mod counts;
mod damage;
pub mod doubts;
mod errands;
mod error;
pub mod export;
mod file;
mod filter;
mod fresh;
mod gather;
mod heads;
pub mod import;
mod intake;
mod lock;
mod merge;
mod modes;
pub mod names;
pub mod own;
mod page;
mod reader;
mod records;
mod refilter;
mod restored;
pub mod retain;
mod seal;
mod segment;
pub mod signing;
mod status;
mod superseded;
mod suppress;
pub mod tables;
#[cfg(test)]
mod tests;
mod upkeep;
pub mod usage;
pub mod verify;
mod watermark;
pub mod workspace;
mod writer;

pub use catalogue::SCHEMA_VERSION;
pub use chain::Root;
pub use chain::pruned::{Node, Pruned};
pub use counts::HourCount;
pub use errands::{Refill, SuppressedRow, SweepRow};
pub use error::StoreError;
pub use heads::Head;
pub use lock::Holder;
pub use page::{
    BadItem, Committed, Cursor, CursorUpdate, Errand, GapRecord, Origin, Page, PollRecord, Step, Suppressed,
    SuppressedBy,
};
pub use reader::{Reader, Rows, Snapshot};
pub use segment::{Batches, Segment};
pub use status::{BatchRow, CursorRow, FeedStatus, GapRow, PollRow, QuarantineRow, Status, VariantRow};
pub use workspace::Workspace;
pub use writer::{Options, Writer, WriterHandle};

use std::path::{Path, PathBuf};

/// Where the files of an evidence store lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The evidence store of a data folder.
    pub fn of(data_dir: &Path) -> Self {
        Self { root: data_dir.join("evidence") }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn catalogue(&self) -> PathBuf {
        self.root.join("catalogue.db")
    }

    pub fn segments(&self) -> PathBuf {
        self.root.join("segments")
    }

    pub fn heads(&self) -> PathBuf {
        self.root.join("heads")
    }

    pub fn signing_key(&self) -> PathBuf {
        self.root.join("signing.key")
    }

    pub fn signing_public(&self) -> PathBuf {
        self.root.join("signing.pub")
    }

    pub fn watermark(&self) -> PathBuf {
        self.root.join("watermark")
    }

    pub fn doubts(&self) -> PathBuf {
        self.root.join("doubts")
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("writer.lock")
    }

    pub fn copies(&self) -> PathBuf {
        self.root.join("copies")
    }

    /// Is there a store here, whole or not?
    pub fn exists(&self) -> bool {
        self.catalogue().exists() || self.has_remains()
    }

    /// Is there something that only a catalogue can have led to?
    fn has_remains(&self) -> bool {
        let is_segment = |file: std::fs::DirEntry| file.path().extension().is_some_and(|end| end == "parquet");
        heads::read(&self.heads()).is_some()
            || std::fs::read_dir(self.segments()).is_ok_and(|files| files.flatten().any(is_segment))
    }
}
