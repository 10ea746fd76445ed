//! The records that a commit writes beside its events: ledger, arrivals, variants, quarantine, counts, cursors, polls.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::catalogue::feed_code;
use super::chain::Root;
use super::commit::Again;
use super::counts::Hours;
use super::heads::Head;
use super::page::{Committed, CursorUpdate, Page, PollRecord};
use crate::base::time::{MINUTE, Ticks};
use crate::event::Source;
use crate::event::decode::Undecodable;

/// Polls are summed over this long.
const POLL_BIN: i64 = 5 * MINUTE;

/// The catalogue's number of an account.
pub(super) fn account_id(tx: &Connection, uuid: &str) -> Result<i64, StoreError> {
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

/// A row of the ledger.
pub(super) fn batch(
    tx: &Connection,
    page: &Page,
    account: i64,
    first_seq: i64,
    done: &Committed,
    head: Head,
    tree: &Root,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO batch (id, account, feed, source, arrived, first_seq, stored, duplicates, variants, quarantined, undated, \
         root, tree, discarded, expired) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
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
                tree,
                done.discarded as i64,
                done.expired as i64,
            ])
        })
        .map(drop)
        .map_err(StoreError::sqlite("write the ledger"))
}

/// Notes which events came again.
pub(super) fn again(tx: &Connection, batch: u64, again: &[Again<'_>]) -> Result<(), StoreError> {
    if again.is_empty() {
        return Ok(());
    }
    let seqs = blob_of(again.iter().map(|a| a.seq));
    tx.prepare_cached("INSERT INTO arrived_again VALUES (?, ?)")
        .and_then(|mut s| s.execute(params![batch as i64, seqs]))
        .map(drop)
        .map_err(StoreError::sqlite("note events that came again"))
}

/// Keeps events that came again with other bytes, and tells how many of these were not known.
pub(super) fn variants(tx: &Connection, page: &Page, account: i64, again: &[Again<'_>]) -> Result<u64, StoreError> {
    let mut new = 0;
    for a in again.iter().filter(|a| !a.same) {
        let raw = a.event.raw().as_bytes();
        let arrivals: i64 = tx
            .prepare_cached(
                "INSERT INTO variant (account, feed, uuid, seq, digest, source, arrived, arrivals, raw) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?) \
                 ON CONFLICT (account, feed, uuid, digest) DO UPDATE SET arrivals = arrivals + 1 RETURNING arrivals",
            )
            .and_then(|mut s| {
                let digest = digest(raw);
                let (feed, source) = (feed_code(page.feed), page.source.name());
                let row = params![account, feed, a.event.uuid(), a.seq, digest, source, page.arrived.0, raw];
                s.query_row(row, |row| row.get(0))
            })
            .map_err(StoreError::sqlite("keep a variant"))?;
        new += u64::from(arrivals == 1);
    }
    Ok(new)
}

/// Sequence numbers as they lie in `arrived_again`.
pub(super) fn blob_of(seqs: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let (mut blob, mut before) = (Vec::new(), 0);
    for seq in seqs {
        leb128_zigzag(seq - before, &mut blob);
        before = seq;
    }
    blob
}

/// The sequence numbers of such a blob.
pub(super) fn seqs_of(blob: &[u8]) -> Vec<i64> {
    let (mut seqs, mut before, mut number, mut shift) = (Vec::new(), 0_i64, 0_u64, 0);
    for byte in blob {
        number |= u64::from(byte & 0x7f).unbounded_shl(shift);
        shift += 7;
        if byte & 0x80 == 0 {
            before = before.wrapping_add((number >> 1) as i64 ^ -((number & 1) as i64));
            seqs.push(before);
            (number, shift) = (0, 0);
        }
    }
    seqs
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

/// Keeps an item that is no event.
pub(super) fn quarantine_item(tx: &Connection, page: &Page, at: usize, why: &Undecodable) -> Result<(), StoreError> {
    let line = page.origin.as_ref().and_then(|o| o.lines.get(at).map(|line| format!("{}:{line}", o.file)));
    let place = line.unwrap_or_else(|| format!("item {} of a page of {}", at + 1, page.items.len()));
    let feed = feed_code(page.feed);
    quarantine(tx, &page.account, feed, page.source, page.arrived, &place, &why.to_string(), &page.items[at])
}

#[expect(clippy::too_many_arguments, reason = "a row of the table, column by column")]
pub(super) fn quarantine(
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

pub(super) fn move_cursor(
    tx: &Connection,
    account: i64,
    feed: i64,
    at: Ticks,
    update: &CursorUpdate,
) -> Result<(), StoreError> {
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

pub(super) fn poll(
    tx: &Connection,
    account: i64,
    feed: i64,
    items: usize,
    poll: &PollRecord,
) -> Result<(), StoreError> {
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
