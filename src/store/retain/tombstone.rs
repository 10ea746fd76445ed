//! Tombstones: what retention took, said once for all and signed by the store.
//!
//! A tombstone is a signed note (`signing`) whose text is, a line each:
//!
//! ```text
//! vaultscope tombstone v1
//! vaultscope/5f0c2a9be1d37764                  the store, as its key is called
//! at 2026-11-22T03:00:00.0000000Z
//! by collect on jump-1, uid 990
//! policy 400 days
//! feed auditevents 812 2025-10-17T00:01:02.0000000Z 2025-10-18T23:59:58.0000000Z     a line a feed; - where no event had a time
//! batches 17 301 212                           the first, the last, and how many
//! pruned 9f86d0…                               SHA-256 over number (8 bytes) ‖ length (8 bytes) ‖ pruned tree of each of these batches
//! variants 0
//! quarantined 0
//! ```

use rusqlite::{Connection, params};

use super::FEEDS;
use super::purge::Order;
use super::sieve::Purge;
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::store::catalogue::feed_code;
use crate::store::chain::sha256;
use crate::store::signing::{Signer, Verifier, hex};
use crate::store::{Reader, StoreError};

/// What one transaction took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stone<'a> {
    pub at: Ticks,
    pub order: Order<'a>,
    pub purge: &'a Purge,
    pub variants: u64,
    pub quarantined: u64,
}

impl Stone<'_> {
    fn text(&self, store: &str) -> String {
        use std::fmt::Write as _;
        let Self { at, order: Order { policy, by }, purge, variants, quarantined } = *self;
        let mut text = format!("vaultscope tombstone v1\n{store}\nat {at}\nby {by}\npolicy {policy}\n");
        for feed in Feed::STORED {
            let going = purge.going.of(feed);
            if going.events == 0 {
                continue;
            }
            let times = going.times.map_or_else(|| "- -".to_owned(), |(first, last)| format!("{first} {last}"));
            let _ = writeln!(text, "feed {feed} {} {times}", going.events);
        }
        if let (Some((first, _)), Some((last, _))) = (purge.pruned.first(), purge.pruned.last()) {
            let _ = writeln!(text, "batches {first} {last} {}", purge.pruned.len());
            let mut all = Vec::new();
            for (batch, pruned) in &purge.pruned {
                let bytes = pruned.to_bytes();
                all.extend(batch.to_be_bytes());
                all.extend((bytes.len() as u64).to_be_bytes());
                all.extend(bytes);
            }
            let _ = writeln!(text, "pruned {}", hex(&sha256(&[&all])));
        }
        let _ = writeln!(text, "variants {variants}\nquarantined {quarantined}");
        text
    }
}

/// Enters a signed tombstone. Without a key nothing may be taken away.
pub(super) fn set(tx: &Connection, signer: Option<&Signer>, stone: &Stone<'_>) -> Result<(), StoreError> {
    let signer = signer.ok_or(StoreError::Unsigned)?;
    let note = signer.note(&stone.text(signer.verifier().name()));
    let Stone { at, order, purge, variants, quarantined } = stone;
    let enter = || -> rusqlite::Result<()> {
        tx.execute(
            "INSERT INTO tombstone (at, policy, who, events, variants, quarantined, first_batch, last_batch, note) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                at.0,
                order.policy,
                order.by,
                purge.going.events() as i64,
                *variants as i64,
                *quarantined as i64,
                purge.pruned.first().map(|(batch, _)| batch),
                purge.pruned.last().map(|(batch, _)| batch),
                note
            ],
        )?;
        let id = tx.last_insert_rowid();
        for feed in Feed::STORED {
            let going = purge.going.of(feed);
            let (first, last) = going.times.map(|(first, last)| (first.0, last.0)).unzip();
            if going.events > 0 {
                tx.execute(
                    "INSERT INTO tombstone_feed VALUES (?, ?, ?, ?, ?)",
                    params![id, feed_code(feed), going.events as i64, first, last],
                )?;
            }
        }
        Ok(())
    };
    enter().map_err(StoreError::sqlite("sign for what retention takes"))
}

/// A tombstone as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub id: i64,
    pub at: Ticks,
    pub policy: String,
    pub who: String,
    /// By feed, in the order of [`Feed::STORED`].
    pub events: [u64; FEEDS],
    pub variants: u64,
    pub quarantined: u64,
    /// The first and the last batch that lost events.
    pub batches: Option<(u64, u64)>,
    /// The signed note.
    pub note: String,
    /// Is the note signed by a key of this store?
    pub signed: bool,
}

impl Reader {
    /// Every tombstone, oldest first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, StoreError> {
        self.with("read the tombstones", |db| {
            let keys: Vec<String> =
                db.prepare_cached("SELECT key FROM signer")?.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
            let keys: Vec<Verifier> = keys.iter().filter_map(|key| key.parse().ok()).collect();
            let mut counts = db.prepare_cached("SELECT feed, events FROM tombstone_feed WHERE tombstone = ?")?;
            let mut query = db.prepare_cached(
                "SELECT id, at, policy, who, variants, quarantined, first_batch, last_batch, note FROM tombstone ORDER BY id",
            )?;
            let rows = query.query_map([], |r| {
                let unsigned = |at| r.get::<_, i64>(at).map(|n| n.max(0) as u64);
                let (id, note): (i64, String) = (r.get(0)?, r.get(8)?);
                let mut events = [0; FEEDS];
                let mut feeds = counts.query([id])?;
                while let Some(row) = feeds.next()? {
                    if let Some(feed) = crate::store::catalogue::feed_of(row.get(0)?) {
                        events[feed as usize] = row.get::<_, i64>(1)?.max(0) as u64;
                    }
                }
                let (first, last): (Option<i64>, Option<i64>) = (r.get(6)?, r.get(7)?);
                Ok(Tombstone {
                    id,
                    at: Ticks(r.get(1)?),
                    policy: r.get(2)?,
                    who: r.get(3)?,
                    events,
                    variants: unsigned(4)?,
                    quarantined: unsigned(5)?,
                    batches: first.zip(last).map(|(a, b)| (a as u64, b as u64)),
                    signed: keys.iter().any(|key| key.open(&note).is_ok()),
                    note,
                })
            })?;
            rows.collect()
        })
    }
}
