//! Reading: snapshots of what was committed, from any process, beside a writer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use rusqlite::{Connection, params};
use tokio::sync::watch;

use super::counts::HourCount;
use super::segment::Segment;
use super::watermark::{self, Channel};
use super::{Layout, StoreError, catalogue, fresh};
use crate::base::time::Ticks;

/// A read transaction longer than this would keep the writer's log from being cut.
const LONGEST_READ: Duration = Duration::from_millis(100);

/// What was committed at one moment: segments and fresh batches, all under `event::schema::arrow()`, that together hold every sequence
/// number up to `through` once. Cheap to clone; it stays readable while the store goes on.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By sequence number.
    pub segments: Vec<Arc<Segment>>,
    /// By sequence number, after the segments.
    pub fresh: Vec<Arc<RecordBatch>>,
    pub through: i64,
    /// Segments that cannot be read any more, whose events are in none of the above: whoever answers from a snapshot says so.
    pub damaged: Vec<Arc<Segment>>,
}

impl Snapshot {
    /// Events in it.
    pub fn rows(&self) -> u64 {
        let fresh: usize = self.fresh.iter().map(|b| b.num_rows()).sum();
        self.segments.iter().map(|s| s.rows).sum::<u64>() + fresh as u64
    }
}

/// Fresh rows in ascending order.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub batches: Vec<RecordBatch>,
    /// Rows that were asked for and are not here: sealed already, or past the limit.
    pub skipped: u64,
    /// The newest committed sequence number.
    pub through: i64,
}

/// Reads a store. Cheap to clone; its clones share one connection and one cache of decoded pages.
#[derive(Clone, Debug)]
pub struct Reader {
    layout: Layout,
    inner: Arc<Mutex<Inner>>,
    channel: Arc<Channel>,
}

#[derive(Debug)]
struct Inner {
    db: Connection,
    /// SQLite's count of changes made by others: while it stands still, so does the last snapshot.
    seen: Option<(i64, Snapshot)>,
    /// Decoded pages by id.
    pages: HashMap<i64, Arc<RecordBatch>>,
    segments: BTreeMap<i64, Arc<Segment>>,
}

/// A fresh page as the catalogue lists it.
#[derive(Clone, Copy, Debug)]
struct PageEntry {
    id: i64,
    last_seq: i64,
    rows: usize,
}

impl Reader {
    /// Opens the evidence store of a data folder to read. Needs no writer, disturbs none, and needs only read permission.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let layout = Layout::of(data_dir);
        if !layout.exists() {
            return Err(StoreError::Missing { dir: data_dir.into() });
        }
        catalogue::is_there(&layout)?;
        let mut db = catalogue::open_reader(&layout.catalogue())?;
        let found = catalogue::schema_version(&db)?;
        if found < catalogue::SCHEMA_VERSION {
            catalogue::upgrade(&layout, found)?;
            db = catalogue::open_reader(&layout.catalogue())?;
        }
        let channel = watermark::channel(&layout.watermark());
        let inner = Inner { db, seen: None, pages: HashMap::new(), segments: BTreeMap::new() };
        Ok(Self { layout, inner: Arc::new(Mutex::new(inner)), channel })
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Runs `read` with the connection.
    pub(super) fn with<T>(
        &self,
        what: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        read(&self.lock().db).map_err(StoreError::sqlite(what))
    }

    /// The same, for whoever has errors of their own.
    pub(super) fn whole<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        read(&self.lock().db)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is committed now. Pages and segments that an earlier snapshot had are not read again.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let failed = StoreError::sqlite;
        let mut inner = self.lock();
        loop {
            // Asked before the read: a change in between only costs another look.
            let version: i64 = inner
                .db
                .pragma_query_value(None, "data_version", |row| row.get(0))
                .map_err(failed("look for new events"))?;
            if let Some((seen, snapshot)) = &inner.seen
                && *seen == version
            {
                return Ok(snapshot.clone());
            }
            let Listing { through, pages, segments, damaged, copied } = inner.list(&self.layout, None)?;
            for (id, blob) in copied {
                inner.pages.insert(id, Arc::new(fresh::decode(&blob)?));
            }
            let fresh: Option<Vec<_>> = pages.iter().map(|page| inner.pages.get(&page.id).cloned()).collect();
            // Not all could be copied in time: look again, with what is known by now.
            let Some(fresh) = fresh else { continue };
            let snapshot = Snapshot { segments, fresh, through, damaged };
            inner.seen = Some((version, snapshot.clone()));
            return Ok(snapshot);
        }
    }

    /// The newest `limit` rows that are fresh; a store keeps at least its newest 10,000 so. Reads only the pages it needs.
    pub fn recent(&self, limit: usize) -> Result<Rows, StoreError> {
        self.fresh_rows(0, limit)
    }

    /// The rows above a sequence number; of more than `limit`, the newest.
    pub fn rows_above(&self, seq: i64, limit: usize) -> Result<Rows, StoreError> {
        self.fresh_rows(seq, limit)
    }

    fn fresh_rows(&self, above: i64, limit: usize) -> Result<Rows, StoreError> {
        let mut inner = self.lock();
        loop {
            let Listing { through, pages, copied, .. } = inner.list(&self.layout, Some((above, limit)))?;
            for (id, blob) in copied {
                inner.pages.insert(id, Arc::new(fresh::decode(&blob)?));
            }
            let batches: Option<Vec<_>> = pages.iter().map(|page| inner.pages.get(&page.id).cloned()).collect();
            let Some(batches) = batches else { continue };
            let mut batches: Vec<_> =
                batches.iter().map(|b| fresh::above(b, above)).filter(|b| b.num_rows() > 0).collect();
            let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
            let surplus = found.saturating_sub(limit);
            // Numbers between rows that are there belong to events that are not in the store any more; those before the first may be sealed.
            let first = batches.iter().find_map(|b| fresh::seqs(b).first().copied());
            let skipped = (first.map_or(through, |first| first - 1) - above).max(0) as u64 + surplus as u64;
            let mut surplus = surplus;
            while surplus > 0 {
                let first = &mut batches[0];
                let cut = surplus.min(first.num_rows());
                *first = first.slice(cut, first.num_rows() - cut);
                surplus -= cut;
                if first.num_rows() == 0 {
                    batches.remove(0);
                }
            }
            return Ok(Rows { batches, skipped, through });
        }
    }

    /// One event by its sequence number, fresh or sealed: a batch of one row.
    pub fn event(&self, seq: i64) -> Result<Option<RecordBatch>, StoreError> {
        let snapshot = self.snapshot()?;
        for batch in &snapshot.fresh {
            if let Ok(row) = fresh::seqs(batch).binary_search(&seq) {
                return Ok(Some(batch.slice(row, 1)));
            }
        }
        let holding = snapshot.segments.iter().find(|s| (s.seqs.0..=s.seqs.1).contains(&seq));
        holding.map_or(Ok(None), |segment| segment.row(seq))
    }

    /// The newest sequence number, as it grows: by commits of this process or another.
    pub fn watermark(&self) -> watch::Receiver<i64> {
        self.channel.follow(&self.layout.watermark());
        self.channel.subscribe()
    }

    /// Events by hour, feed and outcome, of the hours that begin in `from..to`, by hour. Events without a readable timestamp are in
    /// none (`status` counts them).
    pub fn hourly_counts(&self, from: Ticks, to: Ticks) -> Result<Vec<HourCount>, StoreError> {
        let counts = self.with("read the hourly counts", |db| {
            let mut query = db.prepare_cached(
                "SELECT hour, feed, outcome, sum(events) FROM hour WHERE hour >= ? AND hour < ? \
                 GROUP BY hour, feed, outcome HAVING sum(events) > 0 ORDER BY hour, feed, outcome",
            )?;
            let rows = query.query_map([from.0, to.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?;
            rows.collect::<rusqlite::Result<Vec<(i64, i64, i64, i64)>>>()
        })?;
        Ok(counts.into_iter().filter_map(|(h, f, o, n)| HourCount::from_codes(h, f, o, n)).collect())
    }
}

struct Listing {
    through: i64,
    pages: Vec<PageEntry>,
    segments: Vec<Arc<Segment>>,
    damaged: Vec<Arc<Segment>>,
    /// Blobs of pages that were not known.
    copied: Vec<(i64, Vec<u8>)>,
}

impl Inner {
    /// One short read transaction: what there is, and the blobs of unknown pages, newest first, as far as time permits. `window` restricts
    /// the pages to those with rows above a number, and to as many of the newest as hold that many rows.
    fn list(&mut self, layout: &Layout, window: Option<(i64, usize)>) -> Result<Listing, StoreError> {
        let Self { db, pages: known, segments: known_segments, .. } = self;
        let mut read = || -> rusqlite::Result<Listing> {
            let tx = db.unchecked_transaction()?;
            let through = tx.prepare_cached("SELECT through FROM head")?.query_row([], |row| row.get(0))?;
            let mut pages: Vec<PageEntry> = tx
                .prepare_cached("SELECT id, last_seq, rows FROM page ORDER BY first_seq DESC")?
                .query_map([], |row| {
                    Ok(PageEntry { id: row.get(0)?, last_seq: row.get(1)?, rows: row.get::<_, i64>(2)? as usize })
                })?
                .collect::<rusqlite::Result<_>>()?;
            // Sealed or gathered into larger ones since.
            let there: HashSet<i64> = pages.iter().map(|page| page.id).collect();
            known.retain(|id, _| there.contains(id));
            if let Some((above, limit)) = window {
                let mut covered = 0;
                let wanted = pages.iter().take_while(|page| {
                    let before = covered;
                    covered += page.rows;
                    page.last_seq > above && before < limit
                });
                let wanted = wanted.count();
                pages.truncate(wanted);
            }
            let (mut segments, mut damaged) = (Vec::new(), Vec::new());
            if window.is_none() {
                let sql = format!(
                    "SELECT {}, damaged FROM segment WHERE superseded IS NULL ORDER BY first_seq",
                    Segment::COLUMNS
                );
                let mut query = tx.prepare_cached(&sql)?;
                let mut rows = query.query([])?;
                while let Some(row) = rows.next()? {
                    let id = row.get(0)?;
                    let segment = match known_segments.get(&id) {
                        Some(known) => Arc::clone(known),
                        None => Arc::new(Segment::from_row(row, &layout.segments())?),
                    };
                    let is_damaged = row.get::<_, Option<i64>>("damaged")?.is_some();
                    if is_damaged { &mut damaged } else { &mut segments }.push(segment);
                }
                *known_segments = segments.iter().map(|s| (s.id, Arc::clone(s))).collect();
            }
            let start = Instant::now();
            let mut copied: Vec<(i64, Vec<u8>)> = Vec::new();
            let mut blob = tx.prepare_cached("SELECT data FROM page WHERE id = ?")?;
            for page in pages.iter().filter(|page| !known.contains_key(&page.id)) {
                // At least one, or a slow disk would never let a reader through.
                if !copied.is_empty() && start.elapsed() > LONGEST_READ {
                    break;
                }
                copied.push((page.id, blob.query_row(params![page.id], |row| row.get(0))?));
            }
            drop(blob);
            tx.finish()?;
            pages.reverse();
            Ok(Listing { through, pages, segments, damaged, copied })
        };
        read().map_err(StoreError::sqlite("read the catalogue"))
    }
}
