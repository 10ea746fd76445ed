//! The intake: everything that commits touch. Several pages share a transaction, each whole with its cursor or not at all.

use std::fs::File;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior, params};

use super::catalogue::{self, feed_code};
use super::checkpoint::Notary;
use super::commit::put;
use super::filter::Filter;
use super::gather::gather;
use super::heads::{self, Head, Heads};
use super::names::learned::Learned;
use super::page::{BadItem, Committed, GapRecord, Page};
use super::records;
use super::retain::Cutoffs;
use super::retain::purge::read_line;
use super::segment::Segment;
use super::watermark::{self, Channel};
use super::{Layout, Options, StoreError, modes};
use crate::base::fault;
use crate::base::time::Ticks;
use crate::event::Source;

/// A segment as the intake knows it: where it is, and which identities it may hold.
#[derive(Debug)]
pub(super) struct Sealed {
    pub segment: Arc<Segment>,
    pub filter: Filter,
    /// The file was found not to be the one that was signed for: it is read, and left as it is.
    pub altered: bool,
}

/// Everything that commits touch. Lives on the writer's thread.
#[derive(Debug)]
pub(super) struct Intake {
    pub layout: Layout,
    pub options: Options,
    pub db: Connection,
    pub sealed: Vec<Sealed>,
    /// As of the last commit.
    pub head: Head,
    pub fresh_rows: u64,
    /// Events older than this were let go, and do not come back.
    pub expiry: Cutoffs,
    /// Pages up to here are being sealed, and are left as they are.
    pub sealing_through: i64,
    pub notary: Notary,
    heads: Heads,
    /// What is written of the names that events tell.
    pub(super) names: Learned,
    watermark: File,
    channel: Arc<Channel>,
}

/// What one page adds to, before it is known whether the transaction holds.
#[derive(Debug)]
pub(super) struct Progress {
    pub head: Head,
    pub fresh_rows: u64,
    pub expiry: Cutoffs,
    /// Segments that could not be searched, and why.
    pub damaged: Vec<(Arc<Segment>, String)>,
}

impl Intake {
    /// Opens the store for writing. The caller holds the writer's lock.
    pub(super) fn open(layout: Layout, options: Options) -> Result<Self, StoreError> {
        catalogue::is_there(&layout)?;
        let db = catalogue::open_writer(&layout.catalogue())?;
        if let Some(pages) = options.catalogue_pages {
            db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
                .map_err(StoreError::sqlite("limit the catalogue"))?;
        }
        let head = read_head(&db)?;
        let fresh_rows = db
            .query_row("SELECT coalesce(sum(rows), 0) FROM page", [], |row| row.get::<_, i64>(0))
            .map_err(StoreError::sqlite("count fresh rows"))? as u64;
        // Before the file is opened for writing: it was written last with the last commit that there was.
        let last_commit = heads::written(&layout.heads());
        let (heads, kept) = Heads::open(&layout.heads())?;
        let notary = Notary::open(&db, &layout, head)?;
        let (sealed, unfiltered) = read_sealed(&db, &layout)?;
        let expiry = read_line(&db)?;
        let path = layout.watermark();
        modes::create(&path, modes::SHARED)?;
        let watermark = File::options().write(true).open(&path).map_err(|e| StoreError::io(&path, e))?;
        let channel = watermark::channel(&path);
        let mut intake = Self {
            layout,
            options,
            db,
            sealed,
            head,
            fresh_rows,
            expiry,
            sealing_through: 0,
            notary,
            heads,
            names: Learned::default(),
            watermark,
            channel,
        };
        intake.clear_leftovers(head.through);
        intake.look_over()?;
        unfiltered.iter().try_for_each(|segment| intake.refilter(segment).map(drop))?;
        intake.compare_heads(kept, last_commit)?;
        intake.announce();
        Ok(intake)
    }

    /// A head that the catalogue does not have: commits were lost or changed after they were synced. A lost cursor went back with
    /// its events, so that they are fetched again; the loss itself is recorded. What was lost arrived after the last that is there and not
    /// after `last_commit`, when the head was written: that stretch is read again beside the tail, for nobody knows what else was in it.
    fn compare_heads(&mut self, kept: Option<Head>, last_commit: Option<Ticks>) -> Result<(), StoreError> {
        let now = self.head;
        let Some(kept) = kept.filter(|kept| kept.batches >= now.batches && *kept != now) else {
            // As it should be, or one behind: the program ended between commit and head.
            return if kept != Some(now) && now.batches > 0 { self.heads.write(now) } else { Ok(()) };
        };
        let noticed = Ticks::now();
        let (from, to, why) = if kept.batches > now.batches {
            let from = last_contact(&self.db)?;
            // A clock that was set back, or a file that was put back from a copy, must not turn the stretch round.
            let to = last_commit.filter(|at| *at <= noticed).unwrap_or(noticed).max(from.unwrap_or_default());
            let why = format!(
                "the catalogue ends with batch {}, but batch {} had been committed: {} events were lost on this disk",
                now.batches,
                kept.batches,
                kept.through - now.through
            );
            (from, Some(to), why)
        } else {
            let why = format!(
                "the chain's root of batch {} is not the one that was committed: the catalogue was changed",
                now.batches
            );
            (None, None, why)
        };
        tracing::error!("{why}");
        self.record_gap(&GapRecord { account: "".into(), feed: None, from, to, why, noticed })?;
        // Readers have seen the lost numbers, and exports may name them: they are not given to other events.
        self.head.through = now.through.max(kept.through);
        self.db
            .execute("UPDATE head SET through = ?", [self.head.through])
            .map_err(StoreError::sqlite("write the chain's head"))?;
        self.heads.write(self.head)
    }

    /// Commits pages in one transaction. Where that fails, each page is tried alone, so that one cannot take others with it.
    pub(super) fn commit(&mut self, pages: &[Page]) -> Vec<Result<Committed, StoreError>> {
        match self.commit_together(pages) {
            Ok(done) => done.into_iter().map(Ok).collect(),
            Err(e) if pages.len() == 1 => vec![Err(e)],
            Err(_) => {
                pages.iter().map(|page| self.commit_together(std::slice::from_ref(page)).map(|done| done[0])).collect()
            }
        }
    }

    fn commit_together(&mut self, pages: &[Page]) -> Result<Vec<Committed>, StoreError> {
        let done = self.commit_in_one(pages);
        if done.is_err() {
            self.names.forget();
        }
        done
    }

    fn commit_in_one(&mut self, pages: &[Page]) -> Result<Vec<Committed>, StoreError> {
        let failed = StoreError::sqlite;
        let before = self.head;
        let mut progress =
            Progress { head: self.head, fresh_rows: self.fresh_rows, expiry: self.expiry, damaged: Vec::new() };
        fault::at("commit.begin").map_err(StoreError::doing("begin a commit"))?;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a commit"))?;
        let mut done = Vec::with_capacity(pages.len());
        for page in pages {
            done.push(put(&tx, &self.sealed, &mut self.names, &mut progress, page)?);
        }
        if progress.head.through > before.through {
            fault::at("commit.gather").map_err(StoreError::doing("gather pages"))?;
            gather(&tx, self.sealing_through)?;
        }
        if progress.head.batches > before.batches {
            fault::at("commit.head").map_err(StoreError::doing("write the chain's head"))?;
            tx.prepare_cached("UPDATE head SET through = ?, batches = ?, root = ?")
                .and_then(|mut s| {
                    s.execute(params![progress.head.through, progress.head.batches as i64, progress.head.root])
                })
                .map_err(failed("write the chain's head"))?;
            fault::at("commit.sign").map_err(StoreError::doing("sign the chain's head"))?;
            self.notary.sign(&tx, progress.head, Ticks::now())?;
        }
        fault::at("commit.end").map_err(StoreError::doing("commit a page"))?;
        tx.commit().map_err(failed("commit a page"))?;
        self.head = progress.head;
        self.fresh_rows = progress.fresh_rows;
        if self.head.batches > before.batches {
            // The events are safe by now; without this a loss of the log's tail would only go unnoticed.
            if let Err(e) = self.heads.write(self.head) {
                tracing::error!(error = %e, "the chain's head could not be written");
            }
        }
        self.announce();
        for (segment, why) in progress.damaged {
            if self.sealed.iter().any(|s| s.segment.id == segment.id)
                && let Err(e) = self.mark_damaged(&segment, &why)
            {
                tracing::error!(error = %e, "a damaged segment could not be marked");
            }
        }
        Ok(done)
    }

    /// Folds the log into the catalogue and empties it, as far as readers let it. The log stays as a file, for those who may only read.
    pub(super) fn fold_log(&self) {
        let _ = self.db.pragma_query(None, "wal_checkpoint(TRUNCATE)", |_| Ok(()));
    }

    /// The same, without keeping commits waiting for readers: did it succeed?
    pub(super) fn fold_log_soon(&self) -> bool {
        let _ = self.db.busy_timeout(std::time::Duration::from_millis(100));
        let folded = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get::<_, i64>(0));
        let _ = self.db.busy_timeout(catalogue::PATIENCE);
        folded.is_ok_and(|busy| busy == 0)
    }

    /// Tells every reader how far the store has come.
    pub(super) fn announce(&self) {
        let written = fault::at("announce").and_then(|()| watermark::write(&self.watermark, self.head.through));
        if let Err(e) = written {
            tracing::warn!(error = %e, "the watermark could not be written");
        }
        self.channel.raise(self.head.through);
    }

    /// Notes that events may be missing.
    pub(super) fn record_gap(&mut self, gap: &GapRecord) -> Result<(), StoreError> {
        let feed = gap.feed.map_or(0, feed_code);
        self.db
            .execute(
                "INSERT INTO gap (account, feed, first, last, why, noticed) VALUES (?, ?, ?, ?, ?, ?)",
                params![&*gap.account, feed, gap.from.map(|t| t.0), gap.to.map(|t| t.0), gap.why, gap.noticed.0],
            )
            .map(drop)
            .map_err(StoreError::sqlite("record a gap"))
    }

    /// Keeps items whose feed is not known.
    pub(super) fn set_aside(&mut self, account: &str, items: &[BadItem]) -> Result<(), StoreError> {
        let failed = StoreError::sqlite;
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a commit"))?;
        for item in items {
            records::quarantine(&tx, account, 0, Source::Import, item.arrived, &item.place, &item.reason, &item.raw)?;
        }
        tx.commit().map_err(failed("commit quarantined items"))
    }
}

/// The head as the catalogue has it.
pub(super) fn read_head(db: &Connection) -> Result<Head, StoreError> {
    db.query_row("SELECT through, batches, root FROM head", [], |row| {
        Ok(Head { through: row.get(0)?, batches: row.get::<_, i64>(1)? as u64, root: row.get(2)? })
    })
    .map_err(StoreError::sqlite("read the chain's head"))
}

/// When the service was last heard as far as the catalogue knows: the arrival of the last batch, or the last of the cursors where they are
/// later. `None` where it knows of neither.
fn last_contact(db: &Connection) -> Result<Option<Ticks>, StoreError> {
    let sql = "SELECT max(at) FROM (SELECT max(at) AS at FROM cursor \
               UNION ALL SELECT arrived FROM (SELECT arrived FROM batch ORDER BY id DESC LIMIT 1))";
    db.query_row(sql, [], |row| Ok(row.get::<_, Option<i64>>(0)?.map(Ticks)))
        .map_err(StoreError::sqlite("read when the service was last heard"))
}

/// The segments that are read, and those among them whose filter is lost: theirs holds nothing.
fn read_sealed(db: &Connection, layout: &Layout) -> Result<(Vec<Sealed>, Vec<Arc<Segment>>), StoreError> {
    let failed = StoreError::sqlite;
    let sql = format!(
        "SELECT {}, data FROM segment LEFT JOIN filter ON segment = id WHERE superseded IS NULL AND damaged IS NULL ORDER BY first_seq",
        Segment::COLUMNS
    );
    let mut query = db.prepare(&sql).map_err(failed("read the segments"))?;
    let rows = query
        .query_map([], |row| Ok((Segment::from_row(row, &layout.segments())?, row.get::<_, Option<Vec<u8>>>("data")?)))
        .map_err(failed("read the segments"))?;
    let (mut sealed, mut unfiltered) = (Vec::new(), Vec::new());
    for row in rows {
        let (segment, filter) = row.map_err(failed("read the segments"))?;
        let segment = Arc::new(segment);
        let filter = filter.and_then(|bytes| Filter::from_bytes(&bytes).ok()).unwrap_or_else(|| {
            unfiltered.push(Arc::clone(&segment));
            Filter::build(Vec::new())
        });
        sealed.push(Sealed { segment, filter, altered: false });
    }
    Ok((sealed, unfiltered))
}
