//! Merging: small segments become large ones.
//!
//! A query opens a file, reads its footer and keeps it for every segment, so a year of small ones is a year of footers. A merged segment is
//! also written with more effort than intake can wait for (`file::Effort`). The file is written by a thread of low priority from segments that
//! never change; ONE transaction on the writer's thread then adds it and marks the old ones as superseded. A crash before it leaves the old
//! ones and a file that nobody knows; a crash after it the new one. The old files stay for the readers that have them (`superseded`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::chain::Root;
use super::checkpoint::file_digest;
use super::damage::guarded;
use super::file::{Effort, SegmentFile, Written};
use super::intake::{Intake, Sealed};
use super::segment::{Segment, VERSION};
use super::{Layout, Options, StoreError, catalogue};
use crate::base::fault;
use crate::base::time::Ticks;

/// So many neighbours become one, even where they are far from large together: rows are written anew at most log₁₆ times then.
pub(super) const NEIGHBOURS: usize = 16;

/// Why a segment could not be rewritten.
#[derive(Debug)]
pub(super) enum Failed {
    /// This one cannot be read.
    Source(Arc<Segment>, StoreError),
    /// This one is not the file that the store wrote and signed for.
    Altered(Arc<Segment>),
    /// The new file cannot be written.
    Target(StoreError),
    /// The writer is closing.
    Stopped,
}

/// Neighbouring small segments that are worth a merge: together as large as one should be, or many. With `all`, any two.
pub(super) fn plan(sealed: &[Sealed], options: &Options, all: bool) -> Option<Vec<Arc<Segment>>> {
    let whole = options.merge_rows;
    let mut run: Vec<Arc<Segment>> = Vec::new();
    let mut rows = 0;
    for Sealed { segment, altered, .. } in sealed {
        if is_small(segment, options) && !altered {
            run.push(Arc::clone(segment));
            rows += segment.rows;
            if rows >= whole || run.len() >= NEIGHBOURS {
                return Some(run);
            }
        } else {
            if all && run.len() > 1 {
                return Some(run);
            }
            run.clear();
            rows = 0;
        }
    }
    (all && run.len() > 1).then_some(run)
}

fn is_small(segment: &Segment, options: &Options) -> bool {
    segment.rows < options.merge_rows / 2
}

/// How many segments wait for a merge.
pub(super) fn small(sealed: &[Sealed], options: &Options) -> usize {
    sealed.iter().filter(|s| !s.altered && is_small(&s.segment, options)).count()
}

/// The name of a file that takes the place of others. `number` makes it one that no other file has or had.
pub(super) fn name(sources: &[Arc<Segment>], number: i64) -> String {
    name_of((sources.first().map_or(0, |s| s.seqs.0), sources.last().map_or(0, |s| s.seqs.1)), number)
}

/// The same, of events with these numbers.
pub(super) fn name_of((first, last): (i64, i64), number: i64) -> String {
    format!("{first:012}-{last:012}.{number}.v{VERSION}.parquet")
}

/// Writes the file of a merge. The sources are in order of their sequence numbers.
pub(super) fn write(
    layout: &Layout,
    sources: &[Arc<Segment>],
    name: String,
    stop: &AtomicBool,
) -> Result<Written, Failed> {
    let db = catalogue::open_reader(&layout.catalogue()).map_err(Failed::Target)?;
    sources.iter().try_for_each(|source| as_signed(&db, source))?;
    let mut file = SegmentFile::create(layout, name, Effort::Keeping).map_err(Failed::Target)?;
    match fill(&mut file, sources, stop) {
        Ok(()) => file.finish().map_err(Failed::Target),
        Err(e) => {
            file.discard();
            Err(e)
        }
    }
}

/// Is a segment's file the one that was signed for? What is written anew is signed for again, and must not vouch for what somebody changed.
pub(super) fn as_signed(db: &Connection, segment: &Arc<Segment>) -> Result<(), Failed> {
    let signed: Option<Root> = db
        .query_row("SELECT sha256 FROM attested WHERE segment = ?", [segment.id], |row| row.get(0))
        .optional()
        .map_err(|e| Failed::Target(StoreError::sqlite("read what was signed")(e)))?;
    let found = file_digest(&segment.path).map_err(|e| Failed::Source(Arc::clone(segment), e))?;
    if signed.is_none_or(|signed| signed == found) { Ok(()) } else { Err(Failed::Altered(Arc::clone(segment))) }
}

fn fill(file: &mut SegmentFile, sources: &[Arc<Segment>], stop: &AtomicBool) -> Result<(), Failed> {
    for segment in sources {
        fault::at("merge.read").map_err(StoreError::doing("merge segments")).map_err(Failed::Target)?;
        let unreadable = |e| Failed::Source(Arc::clone(segment), e);
        let before = file.rows();
        let mut batches = guarded(segment, || segment.batches()).map_err(unreadable)?;
        while let Some(batch) = guarded(segment, || Ok(batches.next())).map_err(unreadable)? {
            if stop.load(Ordering::Relaxed) {
                return Err(Failed::Stopped);
            }
            file.write(&batch.map_err(unreadable)?).map_err(Failed::Target)?;
        }
        if file.rows() - before != segment.rows {
            return Err(unreadable(StoreError::damaged(segment.path.display().to_string())));
        }
    }
    Ok(())
}

impl Intake {
    /// Puts a written segment in the place of others: one transaction. Where one of them is not what it was any more, the file is given up
    /// and the answer is false.
    pub(super) fn replace(&mut self, sources: &[Arc<Segment>], written: Written) -> Result<bool, StoreError> {
        let failed = StoreError::sqlite;
        fault::at("merge.replace").map_err(StoreError::doing("put a merged segment in its place"))?;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a merge"))?;
        for source in sources {
            if !supersede(&tx, source.id, Ticks::now())? {
                drop(tx);
                let _ = std::fs::remove_file(self.layout.segments().join(&written.file));
                return Ok(false);
            }
        }
        let segment = written.enter(&tx, &self.layout, &self.notary)?;
        tx.commit().map_err(failed("commit a merge"))?;
        fault::at("merge.replaced").map_err(StoreError::doing("put a merged segment in its place"))?;
        let new = Sealed { segment: Arc::new(segment), filter: written.filter, altered: false };
        self.swap(sources, Some(new));
        Ok(true)
    }

    /// Segments as the intake knows them: without some, with another.
    pub(super) fn swap(&mut self, without: &[Arc<Segment>], with: Option<Sealed>) {
        self.sealed.retain(|s| without.iter().all(|gone| gone.id != s.segment.id));
        self.sealed.extend(with);
        self.sealed.sort_by_key(|s| s.segment.seqs.0);
    }

    /// A segment that is not to be written anew.
    pub(super) fn leave_altered(&mut self, segment: &Segment) {
        self.sealed.iter_mut().filter(|s| s.segment.id == segment.id).for_each(|s| s.altered = true);
    }

    /// A number that no segment has had, for a file's name.
    pub(super) fn next_number(&self) -> Result<i64, StoreError> {
        self.db
            .query_row("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'segment'", [], |r| r.get(0))
            .map_err(StoreError::sqlite("name a segment"))
    }
}

/// Marks a segment as superseded; false where it is not one that is read.
pub(super) fn supersede(tx: &Connection, id: i64, now: Ticks) -> Result<bool, StoreError> {
    let marked = || -> rusqlite::Result<bool> {
        let sql = "UPDATE segment SET superseded = ? WHERE id = ? AND superseded IS NULL AND damaged IS NULL";
        let one = tx.prepare_cached(sql)?.execute([now.0, id])? == 1;
        tx.prepare_cached("DELETE FROM filter WHERE segment = ?")?.execute([id])?;
        tx.prepare_cached("DELETE FROM hour WHERE segment = ?")?.execute([id])?;
        Ok(one)
    };
    marked().map_err(StoreError::sqlite("supersede a segment"))
}
