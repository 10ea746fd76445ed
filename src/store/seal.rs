//! Sealing: the oldest fresh pages become a Parquet segment.
//!
//! The file is written by a thread of its own (see `file`). Only then does ONE transaction on the writer's thread add the segment and take
//! the pages away. A crash before it leaves the pages and a file that nobody knows; a crash after it leaves the segment. Commits go on
//! meanwhile.

use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::file::{Effort, SegmentFile, Written};
use super::intake::{Intake, Sealed};
use super::records::add_hours;
use super::segment::VERSION;
use super::{Layout, StoreError, catalogue, fresh};
use crate::base::fault;

/// Which pages become a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub first_seq: i64,
    pub last_seq: i64,
    pub rows: u64,
}

/// The oldest pages up to the one that makes `rows` events, of those that are not among the newest `keep`. Pages are sealed whole.
pub(super) fn plan(db: &Connection, rows: u64, keep: u64) -> Result<Option<Plan>, StoreError> {
    fault::at("seal.plan").map_err(StoreError::doing("plan a sealing"))?;
    let pages: Vec<(i64, i64, i64)> = db
        .prepare_cached("SELECT first_seq, last_seq, rows FROM page ORDER BY first_seq")
        .and_then(|mut s| s.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect())
        .map_err(StoreError::sqlite("plan a sealing"))?;
    let mut left = pages.iter().map(|p| p.2 as u64).sum::<u64>();
    let mut plan: Option<Plan> = None;
    for (first_seq, last_seq, n) in pages {
        let so_far = plan.unwrap_or(Plan { first_seq, last_seq, rows: 0 });
        if so_far.rows >= rows || left < keep + n as u64 {
            break;
        }
        left -= n as u64;
        plan = Some(Plan { last_seq, rows: so_far.rows + n as u64, ..so_far });
    }
    Ok(plan)
}

/// Writes the file of a plan, from a connection of its own.
pub(super) fn write(layout: &Layout, plan: Plan) -> Result<Written, StoreError> {
    let failed = StoreError::sqlite;
    let db = catalogue::open_reader(&layout.catalogue())?;
    let name = format!("{:012}-{:012}.v{VERSION}.parquet", plan.first_seq, plan.last_seq);
    let mut file = SegmentFile::create(layout, name, Effort::Sealing)?;
    // Page by page, each in a short transaction: one over all of them would keep the log from being cut.
    let pages: Vec<i64> = db
        .prepare("SELECT id FROM page WHERE first_seq BETWEEN ? AND ? ORDER BY first_seq")
        .and_then(|mut s| s.query_map([plan.first_seq, plan.last_seq], |row| row.get(0))?.collect())
        .map_err(failed("list pages to seal"))?;
    for page in pages {
        let blob: Vec<u8> = db
            .prepare_cached("SELECT data FROM page WHERE id = ?")
            .and_then(|mut s| s.query_row([page], |row| row.get(0)))
            .map_err(failed("read a page to seal"))?;
        file.write(&fresh::decode(&blob)?)?;
    }
    if file.rows() != plan.rows {
        file.discard();
        return Err(StoreError::damaged(format!("the fresh pages of events {} to {}", plan.first_seq, plan.last_seq)));
    }
    file.finish()
}

impl Intake {
    /// Enters a written segment in the catalogue and takes its pages away: one transaction.
    pub(super) fn adopt(&mut self, plan: Plan, written: Written) -> Result<(), StoreError> {
        let failed = StoreError::sqlite;
        fault::at("seal.adopt").map_err(StoreError::doing("adopt a segment"))?;
        let tx =
            self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a sealing"))?;
        let segment = written.enter(&tx, &self.layout, &self.notary)?;
        add_hours(&tx, 0, &written.hours.iter().map(|(key, events)| (*key, -events)).collect())?;
        tx.execute("DELETE FROM hour WHERE segment = 0 AND events = 0", []).map_err(failed("move counts"))?;
        let range = [plan.first_seq, plan.last_seq];
        tx.execute("DELETE FROM page WHERE first_seq BETWEEN ? AND ?", range).map_err(failed("remove sealed pages"))?;
        tx.execute("DELETE FROM fresh WHERE seq BETWEEN ? AND ?", range).map_err(failed("remove sealed identities"))?;
        tx.commit().map_err(failed("commit a sealing"))?;
        fault::at("seal.adopted").map_err(StoreError::doing("adopt a segment"))?;
        self.fresh_rows = self.fresh_rows.saturating_sub(written.rows);
        self.sealed.push(Sealed { segment: Arc::new(segment), filter: written.filter, altered: false });
        self.announce();
        Ok(())
    }
}
