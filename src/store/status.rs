//! What a store says of itself: its status, and its records as rows.

use rusqlite::{Connection, Row};

use super::catalogue::{feed_of, schema_version};
use super::heads::{self, Head};
use super::intake::read_head;
use super::lock::{self, Holder};
use super::page::Cursor;
use super::{Layout, Reader, StoreError};
use crate::base::time::Ticks;
use crate::event::{Feed, Source};

/// The events of one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedStatus {
    pub feed: Feed,
    pub events: u64,
    pub duplicates: u64,
    pub variants: u64,
    pub quarantined: u64,
    /// Without a readable timestamp.
    pub undated: u64,
    /// When the newest batch arrived.
    pub last_arrival: Option<Ticks>,
}

/// A store at a glance.
#[derive(Clone, Debug)]
pub struct Status {
    pub layout: Layout,
    pub schema_version: i64,
    pub feeds: Vec<FeedStatus>,
    pub fresh_rows: u64,
    pub fresh_pages: u64,
    pub sealed_rows: u64,
    pub segments: u64,
    /// The hour of the first and of the last event by its timestamp.
    pub hours: Option<(Ticks, Ticks)>,
    /// Bytes of the catalogue with its log.
    pub catalogue_bytes: u64,
    /// Bytes of segment files, and of the events' text that they hold.
    pub segment_bytes: u64,
    pub sealed_raw_bytes: u64,
    /// Open gaps, those that were filled again, and those of which the service had lost a part or all.
    pub gaps: u64,
    pub gaps_filled: u64,
    pub gaps_lost: u64,
    /// Segments that cannot be read, by file, and why.
    pub damaged: Vec<(String, String)>,
    /// Events that retention took, the tombstones that say so, and when the policy was last carried out.
    pub let_go: u64,
    pub tombstones: u64,
    pub last_retention: Option<Ticks>,
    pub cursors: Vec<CursorRow>,
    pub head: Head,
    /// The head as the second file has it; behind by at most one commit in a sound store.
    pub kept_head: Option<Head>,
    /// Who writes it now.
    pub writer: Option<Holder>,
}

impl Status {
    /// Events in the store.
    pub fn events(&self) -> u64 {
        self.fresh_rows + self.sealed_rows
    }
}

/// A cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorRow {
    pub account: String,
    pub feed: Feed,
    /// Of the API.
    pub version: u8,
    /// None where the server refused the last one.
    pub cursor: Option<Cursor>,
    pub previous: Option<Cursor>,
    /// What the pages of this cursor are.
    pub reading: Source,
    pub at: Ticks,
}

/// A committed page in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    pub id: u64,
    pub account: String,
    pub feed: Feed,
    pub source: Source,
    pub arrived: Ticks,
    pub first_seq: i64,
    pub stored: u64,
    pub duplicates: u64,
    pub variants: u64,
    pub quarantined: u64,
    pub undated: u64,
    /// Events that were not stored because a rule of suppression says so.
    pub discarded: u64,
    pub root: super::Root,
}

/// Polls of one feed with one HTTP status in five minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollRow {
    pub account: String,
    pub feed: Feed,
    /// The start of the five minutes.
    pub bin: Ticks,
    /// 0: no answer.
    pub status: u16,
    pub polls: u64,
    pub items: u64,
    pub bytes: u64,
    pub millis: u64,
    pub slowest_millis: u64,
    pub last: Ticks,
    pub error: Option<String>,
}

/// An item that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineRow {
    pub id: i64,
    pub account: String,
    pub feed: Option<Feed>,
    pub source: Source,
    /// The first time.
    pub arrived: Ticks,
    pub arrivals: u64,
    pub place: String,
    pub reason: String,
    pub raw: Vec<u8>,
}

/// An event whose UUID was there with other bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantRow {
    pub id: i64,
    pub account: String,
    pub feed: Feed,
    pub uuid: String,
    /// The sequence number of the first one.
    pub primary_seq: i64,
    pub source: Source,
    pub arrived: Ticks,
    pub arrivals: u64,
    pub raw: Vec<u8>,
}

/// A stretch whose events may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapRow {
    pub id: i64,
    /// "" for the whole store.
    pub account: String,
    pub feed: Option<Feed>,
    pub from: Option<Ticks>,
    pub to: Option<Ticks>,
    pub why: String,
    pub noticed: Ticks,
    /// When it was filled, or found to be past filling.
    pub closed: Option<Ticks>,
    /// Up to this time the service no longer had the events.
    pub lost: Option<Ticks>,
}

impl Reader {
    /// The store at a glance, in one read transaction.
    pub fn status(&self) -> Result<Status, StoreError> {
        let layout = self.layout().clone();
        let size = |path| std::fs::metadata(path).map_or(0, |m| m.len());
        let catalogue = layout.catalogue();
        let wal = catalogue.with_extension("db-wal");
        let (catalogue_bytes, kept_head, writer) =
            (size(&catalogue) + size(&wal), heads::read(&layout.heads()), lock::holder(&layout.lock()));
        let cursors = self.cursors()?;
        self.with("read the store's status", |db| {
            let tx = db.unchecked_transaction()?;
            let count = |sql: &str| tx.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|n| n.max(0) as u64);
            let hours: (Option<i64>, Option<i64>) =
                tx.query_row("SELECT min(hour), max(hour) FROM hour WHERE events > 0", [], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })?;
            let live = |what: &str| {
                count(&format!(
                    "SELECT coalesce(sum({what}), 0) FROM segment WHERE superseded IS NULL AND damaged IS NULL"
                ))
            };
            Ok(Status {
                schema_version: schema_version(&tx).unwrap_or_default(),
                feeds: feeds(&tx)?,
                fresh_rows: count("SELECT coalesce(sum(rows), 0) FROM page")?,
                fresh_pages: count("SELECT count(*) FROM page")?,
                sealed_rows: live("rows")?,
                segments: live("1")?,
                hours: hours.0.zip(hours.1).map(|(a, b)| (Ticks(a), Ticks(b))),
                catalogue_bytes,
                segment_bytes: live("bytes")?,
                sealed_raw_bytes: live("raw_bytes")?,
                gaps: count("SELECT count(*) FROM gap WHERE closed IS NULL")?,
                gaps_filled: count("SELECT count(*) FROM gap WHERE closed IS NOT NULL AND lost IS NULL")?,
                gaps_lost: count("SELECT count(*) FROM gap WHERE closed IS NOT NULL AND lost IS NOT NULL")?,
                damaged: tx
                    .prepare("SELECT file, damage FROM segment WHERE damaged IS NOT NULL AND superseded IS NULL ORDER BY first_seq")?
                    .query_map([], |r| Ok((r.get(0)?, r.get::<_, Option<String>>(1)?.unwrap_or_default())))?
                    .collect::<rusqlite::Result<_>>()?,
                let_go: count("SELECT coalesce(sum(events), 0) FROM tombstone")?,
                tombstones: count("SELECT count(*) FROM tombstone")?,
                last_retention: tx.query_row("SELECT at FROM retained", [], |r| r.get::<_, Option<i64>>(0))?.map(Ticks),
                cursors,
                head: read_head(&tx).map_err(|_| rusqlite::Error::QueryReturnedNoRows)?,
                kept_head,
                writer,
                layout,
            })
        })
    }

    /// Every cursor.
    pub fn cursors(&self) -> Result<Vec<CursorRow>, StoreError> {
        self.rows(
            "SELECT uuid, feed, version, cursor, previous, reading, at FROM cursor JOIN account ON id = account \
             ORDER BY uuid, feed, version",
            i64::MAX,
            |r| {
                Ok(CursorRow {
                    account: r.get(0)?,
                    feed: feed(r, 1)?,
                    version: r.get(2)?,
                    cursor: r.get::<_, Option<String>>(3)?.map(|c| Cursor::new(&c)),
                    previous: r.get::<_, Option<String>>(4)?.map(|c| Cursor::new(&c)),
                    reading: source(r, 5)?,
                    at: Ticks(r.get(6)?),
                })
            },
        )
    }

    /// The cursor to read on from, if the store has one.
    pub fn cursor(&self, account: &str, feed: Feed, version: u8) -> Result<Option<CursorRow>, StoreError> {
        let all = self.cursors()?;
        Ok(all.into_iter().find(|c| c.account == account && c.feed == feed && c.version == version))
    }

    /// The cursor of a feed that was read from last, of whichever version of the API.
    pub fn newest_cursor(&self, account: &str, feed: Feed) -> Result<Option<CursorRow>, StoreError> {
        let all = self.cursors()?;
        Ok(all.into_iter().filter(|c| c.account == account && c.feed == feed).max_by_key(|c| c.at))
    }

    /// The accounts that the store has events or cursors of.
    pub fn accounts(&self) -> Result<Vec<String>, StoreError> {
        self.rows("SELECT uuid FROM account ORDER BY id", i64::MAX, |r| r.get(0))
    }

    /// The newest `limit` batches of the ledger, newest first.
    pub fn batches(&self, limit: usize) -> Result<Vec<BatchRow>, StoreError> {
        self.rows(
            "SELECT batch.id, uuid, feed, source, arrived, first_seq, stored, duplicates, variants, quarantined, undated, root, batch.discarded \
             FROM batch JOIN account ON account.id = account ORDER BY batch.id DESC",
            limit as i64,
            |r| {
                Ok(BatchRow {
                    id: unsigned(r, 0)?,
                    account: r.get(1)?,
                    feed: feed(r, 2)?,
                    source: source(r, 3)?,
                    arrived: Ticks(r.get(4)?),
                    first_seq: r.get(5)?,
                    stored: unsigned(r, 6)?,
                    duplicates: unsigned(r, 7)?,
                    variants: unsigned(r, 8)?,
                    quarantined: unsigned(r, 9)?,
                    undated: unsigned(r, 10)?,
                    root: r.get(11)?,
                    discarded: unsigned(r, 12)?,
                })
            },
        )
    }

    /// The newest `limit` rows of polls, newest first.
    pub fn polls(&self, limit: usize) -> Result<Vec<PollRow>, StoreError> {
        self.rows(
            "SELECT uuid, feed, bin, status, polls, items, bytes, millis, slowest, last, error \
             FROM poll JOIN account ON id = account ORDER BY bin DESC, feed, status",
            limit as i64,
            |r| {
                Ok(PollRow {
                    account: r.get(0)?,
                    feed: feed(r, 1)?,
                    bin: Ticks(r.get(2)?),
                    status: r.get(3)?,
                    polls: unsigned(r, 4)?,
                    items: unsigned(r, 5)?,
                    bytes: unsigned(r, 6)?,
                    millis: unsigned(r, 7)?,
                    slowest_millis: unsigned(r, 8)?,
                    last: Ticks(r.get(9)?),
                    error: r.get(10)?,
                })
            },
        )
    }

    /// The newest `limit` quarantined items, newest first.
    pub fn quarantined(&self, limit: usize) -> Result<Vec<QuarantineRow>, StoreError> {
        self.rows(
            "SELECT id, account, feed, source, arrived, arrivals, place, reason, raw FROM quarantine ORDER BY id DESC",
            limit as i64,
            |r| {
                Ok(QuarantineRow {
                    id: r.get(0)?,
                    account: r.get(1)?,
                    feed: feed_of(r.get(2)?),
                    source: source(r, 3)?,
                    arrived: Ticks(r.get(4)?),
                    arrivals: unsigned(r, 5)?,
                    place: r.get(6)?,
                    reason: r.get(7)?,
                    raw: r.get(8)?,
                })
            },
        )
    }

    /// The newest `limit` variants, newest first.
    pub fn variants(&self, limit: usize) -> Result<Vec<VariantRow>, StoreError> {
        self.rows(
            "SELECT variant.id, account.uuid, feed, variant.uuid, seq, source, arrived, arrivals, raw \
             FROM variant JOIN account ON account.id = account ORDER BY variant.id DESC",
            limit as i64,
            |r| {
                Ok(VariantRow {
                    id: r.get(0)?,
                    account: r.get(1)?,
                    feed: feed(r, 2)?,
                    uuid: r.get(3)?,
                    primary_seq: r.get(4)?,
                    source: source(r, 5)?,
                    arrived: Ticks(r.get(6)?),
                    arrivals: unsigned(r, 7)?,
                    raw: r.get(8)?,
                })
            },
        )
    }

    /// The newest `limit` gaps, newest first.
    pub fn gaps(&self, limit: usize) -> Result<Vec<GapRow>, StoreError> {
        self.rows(
            "SELECT id, account, feed, first, last, why, noticed, closed, lost FROM gap ORDER BY id DESC",
            limit as i64,
            |r| {
                Ok(GapRow {
                    id: r.get(0)?,
                    account: r.get(1)?,
                    feed: feed_of(r.get(2)?),
                    from: r.get::<_, Option<i64>>(3)?.map(Ticks),
                    to: r.get::<_, Option<i64>>(4)?.map(Ticks),
                    why: r.get(5)?,
                    noticed: Ticks(r.get(6)?),
                    closed: r.get::<_, Option<i64>>(7)?.map(Ticks),
                    lost: r.get::<_, Option<i64>>(8)?.map(Ticks),
                })
            },
        )
    }

    fn rows<T>(
        &self,
        sql: &str,
        limit: i64,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.with("read the store's records", |db| {
            db.prepare_cached(&format!("{sql} LIMIT ?"))?.query_map([limit], read)?.collect()
        })
    }
}

/// Events are those that the batches brought, less what retention took and what lies in damaged segments.
fn feeds(db: &Connection) -> rusqlite::Result<Vec<FeedStatus>> {
    db.prepare(
        "SELECT feed, max(0, sum(stored) \
         - (SELECT coalesce(sum(events), 0) FROM tombstone_feed t WHERE t.feed = batch.feed) \
         - (SELECT coalesce(sum(min(b.first_seq + b.stored - 1, s.last_seq) - max(b.first_seq, s.first_seq) + 1), 0) \
            FROM segment s JOIN batch b ON b.first_seq <= s.last_seq AND b.first_seq + b.stored > s.first_seq \
            WHERE s.damaged IS NOT NULL AND s.superseded IS NULL AND b.stored > 0 AND b.feed = batch.feed)), sum(duplicates), sum(variants), sum(quarantined), sum(undated), max(arrived) \
         FROM batch GROUP BY feed ORDER BY feed",
    )?
    .query_map([], |r| {
        Ok(FeedStatus {
            feed: feed(r, 0)?,
            events: unsigned(r, 1)?,
            duplicates: unsigned(r, 2)?,
            variants: unsigned(r, 3)?,
            quarantined: unsigned(r, 4)?,
            undated: unsigned(r, 5)?,
            last_arrival: r.get::<_, Option<i64>>(6)?.map(Ticks),
        })
    })?
    .collect()
}

pub(super) fn unsigned(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(|n| n.max(0) as u64)
}

pub(super) fn feed(row: &Row<'_>, at: usize) -> rusqlite::Result<Feed> {
    let code = row.get(at)?;
    feed_of(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(at, code))
}

fn source(row: &Row<'_>, at: usize) -> rusqlite::Result<Source> {
    let name: String = row.get(at)?;
    Source::from_name(&name).ok_or_else(|| rusqlite::Error::InvalidColumnType(at, name, rusqlite::types::Type::Text))
}
