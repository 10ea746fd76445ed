//! The intake: pages into the catalogue, several in one transaction, each whole with its cursor or not at all.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::catalogue::{self, feed_code};
use super::chain::{self, Leaf, Root};
use super::counts::{self, Hours};
use super::filter::{Filter, identity};
use super::heads::{Head, Heads};
use super::page::{BadItem, Committed, CursorUpdate, GapRecord, Page, PollRecord};
use super::segment::{Identity, Segment};
use super::watermark::{self, Channel};
use super::{Layout, Options, StoreError, fresh};
use crate::base::time::{MINUTE, Ticks};
use crate::event::Source;
use crate::event::columns::{Arrival, BatchBuilder, text_at};
use crate::event::decode::{Decoded, Undecodable, decode};

/// Polls are summed over this long.
const POLL_BIN: i64 = 5 * MINUTE;

/// A segment as the intake knows it: where it is, and which identities it may hold.
#[derive(Debug)]
pub(super) struct Sealed {
    pub segment: Arc<Segment>,
    pub filter: Filter,
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
    /// Pages up to here are being sealed, and are left as they are.
    pub sealing_through: i64,
    heads: Heads,
    watermark: File,
    channel: Arc<Channel>,
}

/// What one page adds to, before it is known whether the transaction holds.
#[derive(Clone, Copy, Debug)]
struct Progress {
    head: Head,
    fresh_rows: u64,
}

/// An item that was there already, with the text and sequence number of the primary.
struct Again<'a> {
    event: &'a Decoded<'a>,
    seq: i64,
    same: bool,
}

impl Intake {
    /// Opens the store for writing. The caller holds the writer's lock.
    pub(super) fn open(layout: Layout, options: Options) -> Result<Self, StoreError> {
        let db = catalogue::open_writer(&layout.catalogue())?;
        if let Some(pages) = options.catalogue_pages {
            db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
                .map_err(StoreError::sqlite("limit the catalogue"))?;
        }
        let head = read_head(&db)?;
        let fresh_rows = db
            .query_row("SELECT coalesce(sum(rows), 0) FROM page", [], |row| row.get::<_, i64>(0))
            .map_err(StoreError::sqlite("count fresh rows"))? as u64;
        let (heads, kept) = Heads::open(&layout.heads())?;
        let sealed = read_sealed(&db, &layout)?;
        let path = layout.watermark();
        let watermark = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| StoreError::io(&path, e))?;
        let channel = watermark::channel(&path);
        let mut intake =
            Self { layout, options, db, sealed, head, fresh_rows, sealing_through: 0, heads, watermark, channel };
        intake.compare_heads(kept)?;
        intake.clear_leftovers();
        intake.announce();
        Ok(intake)
    }

    /// A head that is ahead of the catalogue: commits were lost after they were synced. The cursor went back with them, so the events
    /// will be fetched again; the loss itself is recorded.
    fn compare_heads(&mut self, kept: Option<Head>) -> Result<(), StoreError> {
        let Some(kept) = kept.filter(|kept| kept.batches > self.head.batches) else {
            if kept != Some(self.head) && self.head.batches > 0 {
                self.heads.write(self.head)?;
            }
            return Ok(());
        };
        let lost = kept.through - self.head.through;
        tracing::error!(lost, "the catalogue is behind its head file: committed events are missing");
        self.record_gap(&GapRecord {
            account: "".into(),
            feed: None,
            from: None,
            to: None,
            why: format!(
                "the catalogue ends at event {} of batch {}, but event {} of batch {} had been committed: {lost} events were lost \
                 on this disk",
                self.head.through, self.head.batches, kept.through, kept.batches
            ),
            noticed: Ticks::now(),
        })?;
        self.heads.write(self.head)
    }

    /// Files of a sealing that was cut off: their events are still in the catalogue.
    fn clear_leftovers(&self) {
        let Ok(files) = std::fs::read_dir(self.layout.segments()) else { return };
        for file in files.flatten() {
            if file.path().extension().is_some_and(|e| e == "tmp") {
                let _ = std::fs::remove_file(file.path());
            }
        }
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
        let failed = StoreError::sqlite;
        let before = self.head;
        let mut progress = Progress { head: self.head, fresh_rows: self.fresh_rows };
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a commit"))?;
        let mut done = Vec::with_capacity(pages.len());
        for page in pages {
            done.push(put(&tx, &self.sealed, &mut progress, page)?);
        }
        if progress.head.through > before.through {
            gather(&tx, self.sealing_through)?;
        }
        if progress.head.batches > before.batches {
            tx.prepare_cached("UPDATE head SET through = ?, batches = ?, root = ?")
                .and_then(|mut s| {
                    s.execute(params![progress.head.through, progress.head.batches as i64, progress.head.root])
                })
                .map_err(failed("write the chain's head"))?;
        }
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
        Ok(done)
    }

    /// Tells every reader how far the store has come.
    pub(super) fn announce(&self) {
        if let Err(e) = watermark::write(&self.watermark, self.head.through) {
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
            quarantine(&tx, account, 0, Source::Import, item.arrived, &item.place, &item.reason, &item.raw)?;
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

fn read_sealed(db: &Connection, layout: &Layout) -> Result<Vec<Sealed>, StoreError> {
    let failed = StoreError::sqlite;
    let sql = format!(
        "SELECT {}, data FROM segment JOIN filter ON segment = id WHERE superseded IS NULL ORDER BY first_seq",
        Segment::COLUMNS
    );
    let mut query = db.prepare(&sql).map_err(failed("read the segments"))?;
    let rows = query
        .query_map([], |row| Ok((Segment::from_row(row, &layout.segments())?, row.get::<_, Vec<u8>>("data")?)))
        .map_err(failed("read the segments"))?;
    rows.map(|row| {
        let (segment, filter) = row.map_err(failed("read the segments"))?;
        Ok(Sealed { segment: Arc::new(segment), filter: Filter::from_bytes(&filter)? })
    })
    .collect()
}

/// One page into an open transaction.
fn put(tx: &Connection, sealed: &[Sealed], progress: &mut Progress, page: &Page) -> Result<Committed, StoreError> {
    let failed = StoreError::sqlite;
    let account = account_id(tx, &page.account)?;
    let feed = feed_code(page.feed);
    let mut done = Committed { through: progress.head.through, ..Committed::default() };

    if !page.items.is_empty() {
        let mut events = Vec::with_capacity(page.items.len());
        let mut bad = Vec::new();
        for (at, item) in page.items.iter().enumerate() {
            match decode(item) {
                Ok(event) => events.push(event),
                Err(why) => bad.push((at, why)),
            }
        }
        let (fresh, again) = tell_apart(tx, sealed, progress.head.through, page, account, &events)?;
        let first_seq = progress.head.through + 1;
        let (batch, leaves, undated) = build(page, first_seq, &fresh)?;
        done.stored = fresh.len() as u64;
        done.undated = undated;
        done.duplicates = again.iter().filter(|a| a.same).count() as u64;
        done.variants = again.len() as u64 - done.duplicates;
        done.quarantined = bad.len() as u64;
        progress.head.through += fresh.len() as i64;
        progress.head.batches += 1;
        progress.head.root = chain::root(progress.head.batches, &progress.head.root, first_seq, &leaves);
        progress.fresh_rows += done.stored;
        done.through = progress.head.through;
        record_batch(tx, page, account, first_seq, &done, progress.head)?;
        if !fresh.is_empty() {
            let blob = fresh::encode(&batch)?;
            tx.prepare_cached("INSERT INTO page (first_seq, last_seq, rows, data) VALUES (?, ?, ?, ?)")
                .and_then(|mut s| s.execute(params![first_seq, progress.head.through, done.stored as i64, blob]))
                .map_err(failed("write a page"))?;
            let mut hours = Hours::new();
            counts::count(&batch, &mut hours);
            add_hours(tx, 0, &hours)?;
        }
        record_again(tx, progress.head.batches, page, account, &again)?;
        for (at, why) in bad {
            set_aside_item(tx, page, at, &why)?;
        }
    }
    if let Some(update) = &page.cursor {
        move_cursor(tx, account, feed, page.arrived, update)?;
    }
    if let Some(poll) = &page.poll {
        record_poll(tx, account, feed, page.items.len(), poll)?;
    }
    Ok(done)
}

fn account_id(tx: &Connection, uuid: &str) -> Result<i64, StoreError> {
    let find = || -> rusqlite::Result<i64> {
        let mut known = tx.prepare_cached("SELECT id FROM account WHERE uuid = ?")?;
        if let Some(id) = known.query_row([uuid], |row| row.get(0)).optional()? {
            return Ok(id);
        }
        tx.prepare_cached("INSERT INTO account (uuid) VALUES (?)")?.execute([uuid])?;
        Ok(tx.last_insert_rowid())
    };
    find().map_err(StoreError::sqlite("name the account"))
}

/// Which events are new, in order, and which were there already. New identities are entered in the index on the way, with the sequence
/// numbers they will have.
fn tell_apart<'a>(
    tx: &Connection,
    sealed: &[Sealed],
    through: i64,
    page: &Page,
    account: i64,
    events: &'a [Decoded<'a>],
) -> Result<(Vec<&'a Decoded<'a>>, Vec<Again<'a>>), StoreError> {
    let failed = StoreError::sqlite;
    let in_segments = find_sealed(sealed, page, events)?;
    let mut insert = tx
        .prepare_cached("INSERT OR IGNORE INTO fresh (account, feed, uuid, seq) VALUES (?, ?, ?, ?)")
        .map_err(failed("index events"))?;
    let mut find = tx
        .prepare_cached("SELECT seq FROM fresh WHERE account = ? AND feed = ? AND uuid = ?")
        .map_err(failed("index events"))?;
    let feed = feed_code(page.feed);
    let mut pages = FreshTexts { tx, pages: HashMap::new() };
    let (mut fresh, mut again) = (Vec::with_capacity(events.len()), Vec::new());
    for (at, event) in events.iter().enumerate() {
        if let Some((seq, same)) = in_segments.get(&at) {
            again.push(Again { event, seq: *seq, same: *same });
            continue;
        }
        let seq = through + 1 + fresh.len() as i64;
        if insert.execute(params![account, feed, event.uuid(), seq]).map_err(failed("index events"))? == 1 {
            fresh.push(event);
            continue;
        }
        let seq: i64 =
            find.query_row(params![account, feed, event.uuid()], |row| row.get(0)).map_err(failed("index events"))?;
        let same = match usize::try_from(seq - through - 1).ok().and_then(|at| fresh.get(at)) {
            Some(twin) => twin.raw() == event.raw(),
            None => pages.text(seq)? == event.raw(),
        };
        again.push(Again { event, seq, same });
    }
    Ok((fresh, again))
}

/// Which events stand in segments: position → (sequence number, same bytes).
fn find_sealed(
    sealed: &[Sealed],
    page: &Page,
    events: &[Decoded<'_>],
) -> Result<HashMap<usize, (i64, bool)>, StoreError> {
    let mut found = HashMap::new();
    if sealed.is_empty() {
        return Ok(found);
    }
    let keys: Vec<u64> = events.iter().map(|e| identity(&page.account, page.feed, e.uuid())).collect();
    for Sealed { segment, filter } in sealed {
        let maybe: Vec<usize> =
            (0..events.len()).filter(|at| filter.may_hold(keys[*at]) && !found.contains_key(at)).collect();
        if maybe.is_empty() {
            continue;
        }
        // An identity twice in the page is one question with two who ask.
        let mut asking: HashMap<&str, Vec<usize>> = HashMap::new();
        for at in maybe {
            asking.entry(events[at].uuid()).or_default().push(at);
        }
        let (uuids, askers): (Vec<&str>, Vec<Vec<usize>>) = asking.into_iter().unzip();
        let wanted: Vec<Identity<'_>> =
            uuids.iter().map(|uuid| Identity { account: &page.account, feed: page.feed, uuid }).collect();
        for hit in segment.find(&wanted)? {
            for at in &askers[hit.wanted] {
                found.insert(*at, (hit.seq, events[*at].raw() == hit.raw));
            }
        }
    }
    Ok(found)
}

/// The texts of fresh events by sequence number, the pages they stand in decoded once a commit.
struct FreshTexts<'t> {
    tx: &'t Connection,
    pages: HashMap<i64, RecordBatch>,
}

impl FreshTexts<'_> {
    fn text(&mut self, seq: i64) -> Result<&str, StoreError> {
        let failed = StoreError::sqlite;
        let (first, id): (i64, i64) = self
            .tx
            .prepare_cached("SELECT first_seq, id FROM page WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1")
            .and_then(|mut s| s.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?))))
            .map_err(failed("find a fresh event"))?;
        let batch = match self.pages.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let blob: Vec<u8> = self
                    .tx
                    .prepare_cached("SELECT data FROM page WHERE id = ?")
                    .and_then(|mut s| s.query_row([id], |row| row.get(0)))
                    .map_err(failed("read a fresh page"))?;
                new.insert(fresh::decode(&blob)?)
            }
        };
        let raw = batch.columns().last().map(|raw| text_at(raw, (seq - first) as usize));
        raw.flatten().ok_or_else(|| StoreError::damaged(format!("the fresh page of event {seq}")))
    }
}

/// The batch of the new events, their leaves, and how many have no time.
fn build(page: &Page, first_seq: i64, events: &[&Decoded<'_>]) -> Result<(RecordBatch, Vec<Root>, u64), StoreError> {
    let mut builder = BatchBuilder::new();
    let mut leaves = Vec::with_capacity(events.len());
    let mut undated = 0;
    for (at, event) in events.iter().enumerate() {
        let leaf = Leaf {
            account: &page.account,
            feed: page.feed,
            uuid: event.uuid(),
            arrived: page.arrived,
            source: page.source,
            raw: event.raw().as_bytes(),
        }
        .hash();
        leaves.push(leaf);
        undated += u64::from(event.undated());
        // Rows that are older than their arrival tells stand where they happened (first contact, a gap, a file); Sentinel's rules, which
        // look at arrival, see live rows as Sentinel would.
        let time_generated = match page.source {
            Source::Live | Source::Demo => page.arrived,
            Source::Backfill | Source::Gap | Source::Import => event.timestamp().unwrap_or(page.arrived),
        };
        let arrival = Arrival {
            seq: first_seq + at as i64,
            feed: page.feed,
            account: &page.account,
            source: page.source,
            arrived: page.arrived,
            time_generated,
            tag: chain::tag(&leaf),
        };
        builder.push(&arrival, event);
    }
    let batch = builder.finish().map_err(StoreError::arrow("build a page"))?;
    Ok((batch, leaves, undated))
}

fn record_batch(
    tx: &Connection,
    page: &Page,
    account: i64,
    first_seq: i64,
    done: &Committed,
    head: Head,
) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .and_then(|mut s| {
            s.execute(params![
                head.batches as i64,
                account,
                feed_code(page.feed),
                page.source.name(),
                page.arrived.0,
                first_seq,
                done.stored as i64,
                done.duplicates as i64,
                done.variants as i64,
                done.quarantined as i64,
                done.undated as i64,
                head.root,
            ])
        })
        .map(drop)
        .map_err(StoreError::sqlite("write the ledger"))
}

/// Notes which events came again, and keeps those that came with other bytes.
fn record_again(tx: &Connection, batch: u64, page: &Page, account: i64, again: &[Again<'_>]) -> Result<(), StoreError> {
    if again.is_empty() {
        return Ok(());
    }
    let failed = StoreError::sqlite;
    let mut seqs = Vec::with_capacity(again.len() * 2);
    let mut before = 0;
    for a in again {
        leb128_zigzag(a.seq - before, &mut seqs);
        before = a.seq;
    }
    tx.prepare_cached("INSERT INTO arrived_again VALUES (?, ?)")
        .and_then(|mut s| s.execute(params![batch as i64, seqs]))
        .map_err(failed("note events that came again"))?;
    for a in again.iter().filter(|a| !a.same) {
        let raw = a.event.raw().as_bytes();
        tx.prepare_cached(
            "INSERT INTO variant (account, feed, uuid, seq, digest, source, arrived, arrivals, raw) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?) \
             ON CONFLICT (account, feed, uuid, digest) DO UPDATE SET arrivals = arrivals + 1",
        )
        .and_then(|mut s| {
            s.execute(params![
                account,
                feed_code(page.feed),
                a.event.uuid(),
                a.seq,
                digest(raw),
                page.source.name(),
                page.arrived.0,
                raw
            ])
        })
        .map_err(failed("keep a variant"))?;
    }
    Ok(())
}

fn leb128_zigzag(n: i64, out: &mut Vec<u8>) {
    let mut rest = ((n << 1) ^ (n >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn digest(raw: &[u8]) -> Root {
    Sha256::digest(raw).into()
}

fn set_aside_item(tx: &Connection, page: &Page, at: usize, why: &Undecodable) -> Result<(), StoreError> {
    let line = page.origin.as_ref().and_then(|o| o.lines.get(at).map(|line| format!("{}:{line}", o.file)));
    let place = line.unwrap_or_else(|| format!("item {} of a page of {}", at + 1, page.items.len()));
    let feed = feed_code(page.feed);
    quarantine(tx, &page.account, feed, page.source, page.arrived, &place, &why.to_string(), &page.items[at])
}

#[expect(clippy::too_many_arguments, reason = "a row of the table, column by column")]
fn quarantine(
    tx: &Connection,
    account: &str,
    feed: i64,
    source: Source,
    arrived: Ticks,
    place: &str,
    reason: &str,
    raw: &[u8],
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO quarantine (account, feed, digest, source, arrived, arrivals, place, reason, raw) \
         VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT (digest, account, feed) DO UPDATE SET arrivals = arrivals + 1",
    )
    .and_then(|mut s| s.execute(params![account, feed, digest(raw), source.name(), arrived.0, place, reason, raw]))
    .map(drop)
    .map_err(StoreError::sqlite("quarantine an item"))
}

/// Adds to the counts by hour of a segment, 0 for the fresh ones; counts below zero take away.
pub(super) fn add_hours(tx: &Connection, segment: i64, hours: &Hours) -> Result<(), StoreError> {
    let add = || -> rusqlite::Result<()> {
        let mut add = tx.prepare_cached(
            "INSERT INTO hour VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (segment, hour, feed, outcome) DO UPDATE SET events = events + excluded.events",
        )?;
        for ((hour, feed, outcome), events) in hours {
            add.execute(params![segment, hour, feed, outcome, events])?;
        }
        Ok(())
    };
    add().map_err(StoreError::sqlite("count events by hour"))
}

fn move_cursor(tx: &Connection, account: i64, feed: i64, at: Ticks, update: &CursorUpdate) -> Result<(), StoreError> {
    let moved = match update {
        CursorUpdate::Advance { version, cursor, reading } => tx
            .prepare_cached(
                "INSERT INTO cursor (account, feed, version, cursor, reading, at) VALUES (?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (account, feed, version) DO UPDATE SET \
                 previous = CASE WHEN cursor IS excluded.cursor THEN previous ELSE cursor END, \
                 cursor = excluded.cursor, reading = excluded.reading, at = excluded.at",
            )
            .and_then(|mut s| s.execute(params![account, feed, version, cursor.expose(), reading.name(), at.0])),
        CursorUpdate::Reject { version, reason } => tx
            .prepare_cached(
                "INSERT INTO rejected_cursor (account, feed, version, cursor, reason, at) \
                 SELECT account, feed, version, cursor, ?4, ?5 FROM cursor \
                 WHERE account = ?1 AND feed = ?2 AND version = ?3 AND cursor IS NOT NULL",
            )
            .and_then(|mut s| s.execute(params![account, feed, version, reason, at.0]))
            .and_then(|_| {
                tx.prepare_cached(
                    "UPDATE cursor SET previous = cursor, cursor = NULL, at = ? \
                     WHERE account = ? AND feed = ? AND version = ? AND cursor IS NOT NULL",
                )?
                .execute(params![at.0, account, feed, version])
            }),
    };
    moved.map(drop).map_err(StoreError::sqlite("move the cursor"))
}

fn record_poll(tx: &Connection, account: i64, feed: i64, items: usize, poll: &PollRecord) -> Result<(), StoreError> {
    let bin = poll.started.0.div_euclid(POLL_BIN) * POLL_BIN;
    tx.prepare_cached(
        "INSERT INTO poll VALUES (?, ?, ?, ?, 1, ?, ?, ?8, ?8, ?7, ?9) \
         ON CONFLICT (account, feed, bin, status) DO UPDATE SET \
         polls = polls + 1, items = items + excluded.items, bytes = bytes + excluded.bytes, \
         millis = millis + excluded.millis, slowest = max(slowest, excluded.slowest), \
         last = max(last, excluded.last), error = coalesce(excluded.error, error)",
    )
    .and_then(|mut s| {
        s.execute(params![
            account,
            feed,
            bin,
            poll.status,
            items as i64,
            poll.bytes as i64,
            poll.started.0,
            poll.millis as i64,
            poll.error
        ])
    })
    .map(drop)
    .map_err(StoreError::sqlite("record a poll"))
}

/// Small pages are gathered into larger ones, so that ten thousand polls of a few events are not ten thousand pages to open: eight
/// pages of one size class (a factor of eight) at the end become one. A row is written anew at most four times.
const GATHER: usize = 8;
const GATHERED_ROWS: i64 = 4_096;

fn gather(tx: &Connection, sealing_through: i64) -> Result<(), StoreError> {
    let failed = StoreError::sqlite;
    loop {
        let newest: Vec<(i64, i64)> = tx
            .prepare_cached("SELECT id, rows FROM page WHERE first_seq > ? ORDER BY first_seq DESC LIMIT ?")
            .and_then(|mut s| {
                s.query_map(params![sealing_through, GATHER as i64], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .map_err(failed("look at the newest pages"))?;
        let class = |rows: i64| (64 - (rows.max(1) as u64).leading_zeros() - 1) / 3;
        let total: i64 = newest.iter().map(|(_, rows)| rows).sum();
        let newest_class = newest.first().map_or(0, |(_, rows)| class(*rows));
        let ripe = newest.len() == GATHER
            && total <= GATHERED_ROWS
            && newest.iter().all(|(_, rows)| class(*rows) <= newest_class);
        if !ripe {
            return Ok(());
        }
        let mut batches = Vec::with_capacity(GATHER);
        for (id, _) in newest.iter().rev() {
            let blob: Vec<u8> = tx
                .prepare_cached("SELECT data FROM page WHERE id = ?")
                .and_then(|mut s| s.query_row([id], |row| row.get(0)))
                .map_err(failed("read a fresh page"))?;
            batches.push(Arc::new(fresh::decode(&blob)?));
            tx.prepare_cached("DELETE FROM page WHERE id = ?")
                .and_then(|mut s| s.execute([id]))
                .map_err(failed("gather pages"))?;
        }
        let joined = fresh::join(&batches)?;
        let seqs = fresh::seqs(&joined);
        let blob = fresh::encode(&joined)?;
        tx.prepare_cached("INSERT INTO page (first_seq, last_seq, rows, data) VALUES (?, ?, ?, ?)")
            .and_then(|mut s| s.execute(params![seqs.first(), seqs.last(), joined.num_rows() as i64, blob]))
            .map_err(failed("gather pages"))?;
    }
}

/// The root of a committed batch, computed anew from its events as the catalogue and `head` before it tell.
#[cfg(test)]
pub(super) fn recompute_root(batch: &RecordBatch, number: u64, before: &Root) -> Root {
    let column = |name: &str| batch.column(crate::event::schema::position(name).unwrap());
    let arrived = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(column("arrived"));
    let text = |name: &str, row| text_at(column(name), row).unwrap();
    let leaves: Vec<Root> = (0..batch.num_rows())
        .map(|row| {
            Leaf {
                account: text("account", row),
                feed: crate::event::Feed::from_name(text("feed", row)).unwrap(),
                uuid: text("uuid_s", row),
                arrived: Ticks(arrived.value(row)),
                source: Source::from_name(text("source", row)).unwrap(),
                raw: text("raw", row).as_bytes(),
            }
            .hash()
        })
        .collect();
    chain::root(number, before, fresh::seqs(batch)[0], &leaves)
}
