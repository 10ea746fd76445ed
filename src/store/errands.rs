//! What is read beside the tail, as it is committed with its pages: gaps that are filled again, and sweeps.

use rusqlite::{Connection, OptionalExtension, params};

use super::Reader;
use super::StoreError;
use super::catalogue::feed_code;
use super::page::{Committed, Cursor, Errand, Page, Step};
use super::status::{GapRow, feed, unsigned};
use crate::base::time::{DAY, Ticks};
use crate::event::Feed;

/// Identities of discarded events are kept for as long as the service may send them again, and a little longer.
const DISCARDED_KEPT: i64 = 130;

/// Writes what a page brings an errand.
pub(super) fn record(tx: &Connection, page: &Page, account: i64, done: &Committed) -> Result<(), StoreError> {
    let Some(errand) = &page.errand else { return Ok(()) };
    let feed = feed_code(page.feed);
    let write = || match errand {
        Errand::Reset { from, to, why, version } => {
            let gap = insert_gap(tx, page, (*from, *to), why)?;
            tx.prepare_cached("INSERT INTO refill VALUES (?, ?, ?, 1, ?, NULL, 0, 0, NULL)")?
                .execute(params![gap, account, feed, version])
                .map(drop)
        }
        Errand::Lost { from, to, why } => {
            // The tail that is to fill an open gap will come to its end, and will not have had this of it.
            tx.prepare_cached(
                "UPDATE gap SET lost = max(coalesce(lost, ?1), ?1) WHERE closed IS NULL AND coalesce(first, ?1) <= ?1 AND id IN \
                 (SELECT gap FROM refill WHERE account = ?2 AND feed = ?3 AND by_tail = 1 AND ended IS NULL)",
            )?
            .execute(params![to.0, account, feed])?;
            // A service that is still away when the program is started once more has forgotten more of the same stretch.
            let longer = tx
                .prepare_cached(
                    "UPDATE gap SET last = max(last, ?1), lost = max(lost, ?1) \
                     WHERE account = ?2 AND feed = ?3 AND first IS ?4 AND why = ?5 AND lost = last",
                )?
                .execute(params![to.0, &*page.account, feed, from.map(|t| t.0), why])?;
            if longer > 0 {
                return Ok(());
            }
            let gap = insert_gap(tx, page, (*from, Some(*to)), why)?;
            tx.execute("UPDATE gap SET lost = last, closed = noticed WHERE id = ?", [gap]).map(drop)
        }
        Errand::CaughtUp => {
            tx.prepare_cached(
                "UPDATE refill SET ended = ? WHERE account = ? AND feed = ? AND by_tail = 1 AND ended IS NULL",
            )?
            .execute(params![page.arrived.0, account, feed])?;
            close_gaps(tx, page.arrived)
        }
        Errand::Refill { gap, lost, step } => {
            refill(tx, (*gap, account, feed), step, done, page.arrived)?;
            if let Some(lost) = lost {
                tx.execute("UPDATE gap SET lost = max(coalesce(lost, ?1), ?1) WHERE id = ?2", params![lost.0, gap])?;
            }
            close_gaps(tx, page.arrived)
        }
        Errand::Sweep { began, first, last, step } => {
            let ended = step.done.then_some(page.arrived.0);
            tx.prepare_cached(
                "INSERT INTO sweep VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10) \
                 ON CONFLICT (account, feed, began) DO UPDATE SET version = excluded.version, \
                 cursor = excluded.cursor, pages = pages + 1, events = events + excluded.events, \
                 late = late + excluded.late, ended = excluded.ended",
            )?
            .execute(params![
                account,
                feed,
                began.0,
                first.0,
                last.0,
                step.version,
                step.cursor.as_ref().map(Cursor::expose),
                page.items.len() as i64,
                done.stored as i64,
                ended
            ])?;
            if step.done {
                let oldest = day(page.arrived) - DISCARDED_KEPT;
                tx.execute("DELETE FROM discarded WHERE day < ?", [oldest])?;
            }
            Ok(())
        }
    };
    write().map_err(StoreError::sqlite("record what was read again"))
}

fn insert_gap(
    tx: &Connection,
    page: &Page,
    (from, to): (Option<Ticks>, Option<Ticks>),
    why: &str,
) -> rusqlite::Result<i64> {
    tx.prepare_cached("INSERT INTO gap (account, feed, first, last, why, noticed) VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![
            &*page.account,
            feed_code(page.feed),
            from.map(|t| t.0),
            to.map(|t| t.0),
            why,
            page.arrived.0
        ])?;
    Ok(tx.last_insert_rowid())
}

fn refill(
    tx: &Connection,
    (gap, account, feed): (i64, i64, i64),
    step: &Step,
    done: &Committed,
    now: Ticks,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO refill VALUES (?1, ?2, ?3, 0, ?4, ?5, 1, ?6, ?7) \
         ON CONFLICT (gap, account, feed) DO UPDATE SET version = excluded.version, cursor = excluded.cursor, \
         pages = pages + 1, found = found + excluded.found, ended = excluded.ended",
    )?
    .execute(params![
        gap,
        account,
        feed,
        step.version,
        step.cursor.as_ref().map(Cursor::expose),
        done.stored as i64,
        step.done.then_some(now.0)
    ])
    .map(drop)
}

/// Closes the gaps that every account and feed which is collected has filled.
fn close_gaps(tx: &Connection, now: Ticks) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE gap SET closed = ? WHERE closed IS NULL \
         AND EXISTS (SELECT 1 FROM refill WHERE refill.gap = gap.id) \
         AND NOT EXISTS (SELECT 1 FROM cursor JOIN account ON account.id = cursor.account \
             LEFT JOIN refill ON refill.gap = gap.id AND refill.account = cursor.account AND refill.feed = cursor.feed \
             WHERE gap.account IN ('', account.uuid) AND gap.feed IN (0, cursor.feed) AND refill.ended IS NULL)",
    )?
    .execute([now.0])
    .map(drop)
}

/// The day of a time, counted from the first.
pub(super) fn day(at: Ticks) -> i64 {
    at.0.div_euclid(DAY)
}

/// A gap that a feed has yet to read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refill {
    pub gap: i64,
    /// Open where the gap does not say.
    pub from: Option<Ticks>,
    pub to: Option<Ticks>,
    pub noticed: Ticks,
    /// It is this feed's alone.
    pub of_feed: bool,
    /// Where an earlier run stopped, and of which version of the API that is.
    pub cursor: Option<(u8, Cursor)>,
}

/// A sweep of one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepRow {
    pub account: String,
    pub feed: Feed,
    pub began: Ticks,
    /// The events' times that it reads.
    pub from: Ticks,
    pub to: Ticks,
    pub pages: u64,
    pub events: u64,
    /// Events that the tail had missed.
    pub late: u64,
    pub ended: Option<Ticks>,
    /// Where it stands, and of which version of the API that is.
    pub cursor: Option<(u8, Cursor)>,
}

/// What a rule did on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressedRow {
    /// Its beginning.
    pub day: Ticks,
    pub account: String,
    pub feed: Feed,
    pub rule: String,
    /// `hide`, `sample` or `discard`.
    pub action: String,
    pub events: u64,
    /// Of the events' text.
    pub bytes: u64,
}

impl Reader {
    /// The open gaps with a range that a feed of an account has not read again, the oldest first. Those that its tail reads by itself
    /// are not among them.
    pub fn refills(&self, account: &str, of: Feed) -> Result<Vec<Refill>, StoreError> {
        self.with("read the open gaps", |db| {
            db.prepare_cached(
                "SELECT gap.id, gap.first, gap.last, gap.noticed, refill.version, refill.cursor, gap.feed FROM gap \
                 LEFT JOIN account ON account.uuid = ?1 \
                 LEFT JOIN refill ON refill.gap = gap.id AND refill.account = account.id AND refill.feed = ?2 \
                 WHERE gap.closed IS NULL AND gap.account IN ('', ?1) AND gap.feed IN (0, ?2) \
                 AND (gap.first IS NOT NULL OR gap.last IS NOT NULL) \
                 AND refill.ended IS NULL AND coalesce(refill.by_tail, 0) = 0 ORDER BY gap.id",
            )?
            .query_map(params![account, feed_code(of)], |r| {
                Ok(Refill {
                    gap: r.get(0)?,
                    from: r.get::<_, Option<i64>>(1)?.map(Ticks),
                    to: r.get::<_, Option<i64>>(2)?.map(Ticks),
                    noticed: Ticks(r.get(3)?),
                    of_feed: r.get::<_, i64>(6)? != 0,
                    cursor: cursor(r, 4)?,
                })
            })?
            .collect()
        })
    }

    /// The newest sweep of a feed of an account that began by a time: a clock that was set back leaves later ones behind.
    pub fn last_sweep(&self, account: &str, of: Feed, by: Ticks) -> Result<Option<SweepRow>, StoreError> {
        self.with("read the sweeps", |db| {
            db.prepare_cached(&format!(
                "{SWEEPS} WHERE uuid = ? AND feed = ? AND began <= ? ORDER BY began DESC LIMIT 1"
            ))?
            .query_row(params![account, feed_code(of), by.0], sweep)
            .optional()
        })
    }

    /// The newest sweep of each feed and account; those that only noted where sweeping begins are left out.
    pub fn sweeps(&self) -> Result<Vec<SweepRow>, StoreError> {
        self.with("read the sweeps", |db| {
            db.prepare_cached(&format!(
                "{SWEEPS} WHERE first < last AND began = (SELECT max(s.began) FROM sweep s \
                 WHERE s.account = sweep.account AND s.feed = sweep.feed AND s.first < s.last) ORDER BY uuid, feed"
            ))?
            .query_map([], sweep)?
            .collect()
        })
    }

    /// Events that only sweeps found, in all.
    pub fn found_late(&self) -> Result<u64, StoreError> {
        self.with("read the sweeps", |db| {
            db.query_row("SELECT coalesce(sum(late), 0) FROM sweep", [], |r| unsigned(r, 0))
        })
    }

    /// What rules did since a day, by day.
    pub fn suppressed(&self, since: Ticks) -> Result<Vec<SuppressedRow>, StoreError> {
        self.with("read what was suppressed", |db| {
            db.prepare_cached(
                "SELECT day, uuid, feed, rule, action, events, bytes FROM suppressed JOIN account ON id = account \
                 WHERE day >= ? ORDER BY day, uuid, feed, rule",
            )?
            .query_map([day(since)], |r| {
                Ok(SuppressedRow {
                    day: Ticks(r.get::<_, i64>(0)?.saturating_mul(DAY)),
                    account: r.get(1)?,
                    feed: feed(r, 2)?,
                    rule: r.get(3)?,
                    action: r.get(4)?,
                    events: unsigned(r, 5)?,
                    bytes: unsigned(r, 6)?,
                })
            })?
            .collect()
        })
    }

    /// Where the earliest gap begins that a feed's tail is to fill and has not filled. `None` where there is none, or none that says so.
    pub fn tail_gap(&self, account: &str, of: Feed) -> Result<Option<Ticks>, StoreError> {
        self.with("read the open gaps", |db| {
            db.query_row(
                "SELECT min(gap.first) FROM refill JOIN gap ON gap.id = gap JOIN account ON account.id = refill.account \
                 WHERE uuid = ? AND refill.feed = ? AND by_tail = 1 AND ended IS NULL",
                params![account, feed_code(of)],
                |r| Ok(r.get::<_, Option<i64>>(0)?.map(Ticks)),
            )
        })
    }

    /// When a feed of an account was first asked for, to five minutes: the first poll on record, whatever came of it.
    pub fn first_asked(&self, account: &str, of: Feed) -> Result<Option<Ticks>, StoreError> {
        self.with("read the polls", |db| {
            db.query_row(
                "SELECT min(bin) FROM poll JOIN account ON account.id = poll.account WHERE uuid = ? AND feed = ?",
                params![account, feed_code(of)],
                |r| Ok(r.get::<_, Option<i64>>(0)?.map(Ticks)),
            )
        })
    }

    /// The beginning of the hour in which the newest event of a feed happened, by its own time.
    pub fn newest_hour(&self, of: Feed) -> Result<Option<Ticks>, StoreError> {
        self.with("read the hourly counts", |db| {
            db.query_row("SELECT max(hour) FROM hour WHERE feed = ? AND events > 0", [feed_code(of)], |r| {
                Ok(r.get::<_, Option<i64>>(0)?.map(Ticks))
            })
        })
    }
}

const SWEEPS: &str = "SELECT uuid, feed, began, first, last, pages, events, late, ended, version, cursor FROM sweep \
                      JOIN account ON account.id = account";

fn sweep(r: &rusqlite::Row<'_>) -> rusqlite::Result<SweepRow> {
    Ok(SweepRow {
        account: r.get(0)?,
        feed: feed(r, 1)?,
        began: Ticks(r.get(2)?),
        from: Ticks(r.get(3)?),
        to: Ticks(r.get(4)?),
        pages: unsigned(r, 5)?,
        events: unsigned(r, 6)?,
        late: unsigned(r, 7)?,
        ended: r.get::<_, Option<i64>>(8)?.map(Ticks),
        cursor: cursor(r, 9)?,
    })
}

/// A version and a cursor that stand side by side.
fn cursor(r: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<(u8, Cursor)>> {
    let (version, text): (Option<u8>, Option<String>) = (r.get(at)?, r.get(at + 1)?);
    Ok(version.zip(text.map(|text| Cursor::new(&text))))
}

impl GapRow {
    /// `open`, `filled`, `partly lost` or `lost`.
    pub fn state(&self) -> &'static str {
        match (self.closed, self.lost) {
            (None, _) => "open",
            (Some(_), None) => "filled",
            (Some(_), Some(lost)) if self.to.is_none_or(|to| lost < to) => "partly lost",
            (Some(_), Some(_)) => "lost",
        }
    }
}

#[cfg(test)]
mod tests;
