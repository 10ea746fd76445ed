//! What goes, goes: in one transaction with the file or the pages that take its place and the statement that says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::sieve::{Purge, Sieve};
use super::tombstone::{self, Stone};
use super::{Cutoffs, Retained};
use crate::base::fault;
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::event::columns::text_at;
use crate::store::catalogue::{self, feed_code};
use crate::store::counts::{self, Hours};
use crate::store::damage::guarded;
use crate::store::file::{Effort, SegmentFile, Written};
use crate::store::intake::{Intake, Sealed};
use crate::store::merge::{Failed, as_signed, supersede};
use crate::store::records::{self, add_hours};
use crate::store::segment::Segment;
use crate::store::{Layout, StoreError, fresh};

/// A place at which tests make a run fail.
pub(super) fn pass(point: &'static str) -> Result<(), StoreError> {
    fault::at(point).map_err(StoreError::doing("let events go"))
}

/// A segment without what goes.
#[derive(Debug)]
pub(in crate::store) struct Sieved {
    /// None where nothing is left.
    pub written: Option<Written>,
    pub purge: Purge,
    pub again: Vec<Again>,
}

/// The list of later arrivals of a batch, without those of events that go; none where the list is empty then.
pub(in crate::store) type Again = (i64, Option<Vec<u8>>);

/// Writes a segment's file anew, from a connection of its own. `None` where nothing in it goes.
pub(in crate::store) fn write(
    layout: &Layout,
    segment: &Arc<Segment>,
    cutoffs: &Cutoffs,
    name: String,
    stop: &AtomicBool,
) -> Result<Option<Sieved>, Failed> {
    let db = catalogue::open_reader(&layout.catalogue()).map_err(Failed::Target)?;
    let unreadable = |e| Failed::Source(Arc::clone(segment), e);
    // The times alone tell whether it is worth reading.
    let mut touched = false;
    for batch in segment.columns(&["feed", "arrived", "timestamp"]).map_err(unreadable)? {
        touched |= cutoffs.keep(&batch.map_err(unreadable)?).contains(&false);
        if stop.load(Ordering::Relaxed) {
            return Err(Failed::Stopped);
        }
    }
    if !touched {
        return Ok(None);
    }
    as_signed(&db, segment)?;
    let mut file = SegmentFile::create(layout, name, Effort::Keeping).map_err(Failed::Target)?;
    let mut fill = || -> Result<Purge, Failed> {
        let bytes = segment.bytes as f64 / segment.rows.max(1) as f64;
        let mut sieve = Sieve::new(&db, segment.seqs, bytes).map_err(Failed::Target)?;
        let mut batches = guarded(segment, || segment.batches()).map_err(unreadable)?;
        while let Some(batch) = guarded(segment, || Ok(batches.next())).map_err(unreadable)? {
            if stop.load(Ordering::Relaxed) {
                return Err(Failed::Stopped);
            }
            pass("retain.read").map_err(Failed::Target)?;
            let batch = batch.map_err(unreadable)?;
            let stays = sieve.push(&batch, cutoffs.keep(&batch)).map_err(Failed::Target)?;
            if stays.num_rows() > 0 {
                file.write(&stays).map_err(Failed::Target)?;
            }
        }
        sieve.finish().map_err(Failed::Target)
    };
    let filled = fill();
    let left = file.rows();
    let purge = match filled {
        Ok(purge) if purge.going.events() + left == segment.rows => purge,
        Ok(_) => {
            file.discard();
            return Err(unreadable(StoreError::damaged(segment.path.display().to_string())));
        }
        Err(e) => {
            file.discard();
            return Err(e);
        }
    };
    let written = if left == 0 {
        file.discard();
        None
    } else {
        Some(file.finish().map_err(Failed::Target)?)
    };
    let again = later_arrivals(&db, &purge).map_err(Failed::Target)?;
    Ok(Some(Sieved { written, purge, again }))
}

/// The lists of later arrivals that name events that go.
pub(in crate::store) fn later_arrivals(db: &Connection, purge: &Purge) -> Result<Vec<Again>, StoreError> {
    let Some((first, _)) = purge.pruned.first() else { return Ok(Vec::new()) };
    let read = || -> rusqlite::Result<Vec<Again>> {
        let mut query = db.prepare_cached("SELECT batch, seqs FROM arrived_again WHERE batch >= ?")?;
        let mut rows = query.query([first])?;
        let mut changed = Vec::new();
        while let Some(row) = rows.next()? {
            let seqs = records::seqs_of(row.get_ref(1)?.as_blob()?);
            let stay: Vec<i64> = seqs.iter().copied().filter(|seq| !purge.takes(*seq)).collect();
            if stay.len() < seqs.len() {
                changed.push((row.get(0)?, (!stay.is_empty()).then(|| records::blob_of(stay))));
            }
        }
        Ok(changed)
    };
    read().map_err(StoreError::sqlite("look for later arrivals"))
}

/// Unreadable items that go with their age. Those of no known feed stay as long as the feed that is kept longest.
const QUARANTINED: &str =
    "FROM quarantine WHERE arrived < CASE feed WHEN 1 THEN ?1 WHEN 2 THEN ?2 WHEN 3 THEN ?3 WHEN 4 THEN ?4 ELSE ?5 END";

fn quarantine_cutoffs(cutoffs: &Cutoffs) -> [Option<i64>; 5] {
    let by_code = |code| catalogue::feed_of(code).and_then(|feed| cutoffs.0[feed as usize]);
    let longest = cutoffs.0.iter().copied().collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().min());
    [by_code(1), by_code(2), by_code(3), by_code(4), longest]
}

/// How many of them there are.
pub(super) fn quarantined(db: &Connection, cutoffs: &Cutoffs) -> rusqlite::Result<u64> {
    let sql = format!("SELECT count(*) {QUARANTINED}");
    db.query_row(&sql, quarantine_cutoffs(cutoffs), |r| r.get::<_, i64>(0)).map(|n| n as u64)
}

/// What a slice is done for.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Order<'a> {
    pub policy: &'a str,
    pub by: &'a str,
}

impl Intake {
    /// Puts what is left of a segment in its place. False where the segment is not what it was any more.
    pub(in crate::store) fn let_go(
        &mut self,
        source: &Arc<Segment>,
        sieved: Sieved,
        order: Order<'_>,
        done: &mut Retained,
    ) -> Result<bool, StoreError> {
        let failed = StoreError::sqlite;
        let Sieved { written, purge, again } = sieved;
        let now = Ticks::now();
        pass("retain.replace")?;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a purge"))?;
        if !supersede(&tx, source.id, now)? {
            drop(tx);
            if let Some(written) = written {
                let _ = std::fs::remove_file(self.layout.segments().join(&written.file));
            }
            return Ok(false);
        }
        let new = match written {
            Some(written) => {
                let segment = Arc::new(written.enter(&tx, &self.layout, &self.notary)?);
                done.rewritten += 1;
                Some(Sealed { segment, filter: written.filter, altered: false })
            }
            None => {
                done.dropped += 1;
                None
            }
        };
        let variants = forget(&tx, &purge, &again)?;
        let stone = Stone { at: now, order, purge: &purge, variants, quarantined: 0 };
        tombstone::set(&tx, self.notary.signer(), &stone)?;
        tx.commit().map_err(failed("commit a purge"))?;
        pass("retain.replaced")?;
        done.going.add(&purge.going);
        done.variants += variants;
        done.files_until = Some(Ticks(now.0.saturating_add(self.options.grace)));
        self.swap(std::slice::from_ref(source), new);
        Ok(true)
    }

    /// Takes what goes out of the next fresh page after a number, if there is one. Answers the page's last number.
    pub(in crate::store) fn sieve_page(
        &mut self,
        after: i64,
        cutoffs: &Cutoffs,
        order: Order<'_>,
        done: &mut Retained,
    ) -> Result<Option<i64>, StoreError> {
        let failed = StoreError::sqlite;
        let now = Ticks::now();
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a purge"))?;
        let page: Option<(i64, i64, i64, Vec<u8>)> = tx
            .prepare_cached(
                "SELECT id, first_seq, last_seq, data FROM page WHERE first_seq > ? ORDER BY first_seq LIMIT 1",
            )
            .and_then(|mut s| {
                s.query_row([after.max(self.sealing_through)], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
                    .optional()
            })
            .map_err(failed("read a fresh page"))?;
        let Some((id, first, last, blob)) = page else { return Ok(None) };
        let batch = fresh::decode(&blob)?;
        let keep = cutoffs.keep(&batch);
        if !keep.contains(&false) {
            return Ok(Some(last));
        }
        let mut sieve = Sieve::new(&tx, (first, last), blob.len() as f64 / keep.len().max(1) as f64)?;
        let (stays, purge) = match sieve.push(&batch, keep.clone()).and_then(|stays| Ok((stays, sieve.finish()?))) {
            Err(error @ StoreError::Changed { .. }) => {
                done.kept.push(error.to_string());
                return Ok(Some(last));
            }
            sieved => sieved?,
        };
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| StoreError::damaged("a fresh page"));
        let (accounts, feeds, uuids) = (column("account")?, column("feed")?, column("uuid_s")?);
        for row in (0..keep.len()).filter(|row| !keep[*row]) {
            let account = records::account_id(&tx, text_at(accounts, row).unwrap_or_default())?;
            let feed = text_at(feeds, row).and_then(Feed::from_name).map_or(0, feed_code);
            tx.prepare_cached("DELETE FROM fresh WHERE account = ? AND feed = ? AND uuid = ?")
                .and_then(|mut s| s.execute(params![account, feed, text_at(uuids, row)]))
                .map_err(failed("forget an identity"))?;
        }
        let (mut was, mut is) = (Hours::new(), Hours::new());
        counts::count(&batch, &mut was);
        counts::count(&stays, &mut is);
        let less = was.into_iter().map(|(key, n)| (key, is.get(&key).copied().unwrap_or_default() - n)).collect();
        add_hours(&tx, 0, &less)?;
        // A page under a new number: readers know pages by theirs.
        tx.execute("DELETE FROM page WHERE id = ?", [id]).map_err(failed("replace a fresh page"))?;
        if let [from, .., to] | [from @ to] = fresh::seqs(&stays) {
            let blob = fresh::encode(&stays)?;
            tx.execute(
                "INSERT INTO page (first_seq, last_seq, rows, data) VALUES (?, ?, ?, ?)",
                params![from, to, stays.num_rows() as i64, blob],
            )
            .map_err(failed("replace a fresh page"))?;
        }
        let again = later_arrivals(&tx, &purge)?;
        let variants = forget(&tx, &purge, &again)?;
        let stone = Stone { at: now, order, purge: &purge, variants, quarantined: 0 };
        tombstone::set(&tx, self.notary.signer(), &stone)?;
        pass("retain.page")?;
        tx.commit().map_err(failed("commit a purge"))?;
        self.fresh_rows = self.fresh_rows.saturating_sub(purge.going.events());
        done.going.add(&purge.going);
        done.variants += variants;
        done.pages += 1;
        Ok(Some(last))
    }

    /// Are there pages with events up to a number? Those of a sealing that failed are fresh as before.
    pub(in crate::store) fn has_pages(&self, upto: i64) -> Result<bool, StoreError> {
        self.db
            .query_row("SELECT EXISTS (SELECT 1 FROM page WHERE first_seq <= ?)", [upto], |row| row.get(0))
            .map_err(StoreError::sqlite("look for fresh pages"))
    }

    /// Unreadable items of that age, and the end of a run.
    pub(in crate::store) fn end_retention(
        &mut self,
        cutoffs: &Cutoffs,
        order: Order<'_>,
        done: &mut Retained,
    ) -> Result<(), StoreError> {
        let failed = StoreError::sqlite;
        let now = Ticks::now();
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a purge"))?;
        let gone = tx
            .execute(&format!("DELETE {QUARANTINED}"), quarantine_cutoffs(cutoffs))
            .map_err(failed("let unreadable items go"))? as u64;
        if gone > 0 {
            let stone = Stone { at: now, order, purge: &Purge::default(), variants: 0, quarantined: gone };
            tombstone::set(&tx, self.notary.signer(), &stone)?;
        }
        tx.execute("UPDATE retained SET at = ?, policy = ?", params![now.0, order.policy])
            .map_err(failed("note the run of retention"))?;
        pass("retain.end")?;
        let unscrubbed: bool =
            tx.query_row("SELECT unscrubbed FROM retained", [], |r| r.get(0)).map_err(failed("read the last run"))?;
        tx.commit().map_err(failed("commit a purge"))?;
        done.quarantined += gone;
        if unscrubbed && (done.going.events() > 0 || gone > 0) {
            // An older program left what it deleted in pages that are free now; from then on they are overwritten at once.
            self.db
                .execute_batch("VACUUM; UPDATE retained SET unscrubbed = 0")
                .map_err(failed("scrub the catalogue"))?;
        }
        self.fold_log_soon();
        Ok(())
    }

    /// Moves the line before which events are not taken in. A feed that is kept for ever has none.
    pub(in crate::store) fn draw_line(&mut self, cutoffs: &Cutoffs, only: Option<Feed>) -> Result<(), StoreError> {
        let failed = StoreError::sqlite;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a purge"))?;
        for feed in Feed::STORED.into_iter().filter(|feed| only.is_none_or(|only| only == *feed)) {
            match cutoffs.0[feed as usize] {
                Some(before) => tx.execute("REPLACE INTO expiry VALUES (?, ?)", [feed_code(feed), before]),
                None => tx.execute("DELETE FROM expiry WHERE feed = ?", [feed_code(feed)]),
            }
            .map_err(failed("note what is let go"))?;
        }
        pass("retain.line")?;
        tx.commit().map_err(failed("note what is let go"))?;
        self.expiry = read_line(&self.db)?;
        Ok(())
    }
}

/// Before which time events of each feed are not taken in.
pub(in crate::store) fn read_line(db: &Connection) -> Result<Cutoffs, StoreError> {
    let read = || -> rusqlite::Result<Cutoffs> {
        let mut line = Cutoffs::default();
        let mut query = db.prepare("SELECT feed, before FROM expiry")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(feed) = catalogue::feed_of(row.get(0)?) {
                line.0[feed as usize] = Some(row.get(1)?);
            }
        }
        Ok(line)
    };
    read().map_err(StoreError::sqlite("read what retention let go"))
}

/// Trees, variants and later arrivals without what goes; answers the variants.
pub(in crate::store) fn forget(tx: &Connection, purge: &Purge, again: &[Again]) -> Result<u64, StoreError> {
    let forget = || -> rusqlite::Result<u64> {
        let mut tree = tx.prepare_cached("REPLACE INTO pruned VALUES (?, ?)")?;
        for (batch, pruned) in &purge.pruned {
            tree.execute(params![batch, pruned.to_bytes()])?;
        }
        // By what there is of them, not by what goes: a segment of many small pages lets go in a hundred thousand ranges.
        let (first, last) = (purge.gone.first().map_or(0, |g| g.0), purge.gone.last().map_or(-1, |g| g.1));
        let there: Vec<(i64, i64)> = tx
            .prepare_cached("SELECT id, seq FROM variant WHERE seq BETWEEN ? AND ?")?
            .query_map([first, last], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut variant = tx.prepare_cached("DELETE FROM variant WHERE id = ?")?;
        let mut variants = 0;
        for (id, _) in there.into_iter().filter(|(_, seq)| purge.takes(*seq)) {
            variants += variant.execute([id])? as u64;
        }
        for (batch, seqs) in again {
            match seqs {
                Some(seqs) => tx
                    .prepare_cached("UPDATE arrived_again SET seqs = ? WHERE batch = ?")?
                    .execute(params![seqs, batch])?,
                None => tx.prepare_cached("DELETE FROM arrived_again WHERE batch = ?")?.execute([batch])?,
            };
        }
        Ok(variants)
    };
    forget().map_err(StoreError::sqlite("let events go"))
}
