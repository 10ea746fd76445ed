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
//! before 2c26b4…                               SHA-256 of the note of the tombstone before this one; - for the first
//! ```
//!
//! Each names the one before it, so that none can be taken out of their row in silence; that the last is missing shows in what is gone.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::FEEDS;
use super::purge::{Order, pass};
use super::sieve::Purge;
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::store::catalogue::feed_code;
use crate::store::chain::{Root, sha256};
use crate::store::signing::{Signer, Verifier, hex};
use crate::store::{Reader, StoreError};

/// What one transaction took.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Stone<'a> {
    pub at: Ticks,
    pub order: Order<'a>,
    pub purge: &'a Purge,
    pub variants: u64,
    pub quarantined: u64,
}

impl Stone<'_> {
    fn text(&self, store: &str, before: Option<&str>) -> String {
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
            let trees = purge.pruned.iter().map(|(batch, pruned)| (*batch, pruned.to_bytes()));
            let _ = writeln!(text, "pruned {}", hex(&trees_digest(trees)));
        }
        let _ = writeln!(text, "variants {variants}\nquarantined {quarantined}\nbefore {}", named(before));
        text
    }
}

/// What stands for the pruned trees of some batches, in order of their numbers.
pub(in crate::store) fn trees_digest(trees: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Root {
    let mut all = Vec::new();
    for (batch, bytes) in trees {
        all.extend(batch.to_be_bytes());
        all.extend((bytes.len() as u64).to_be_bytes());
        all.extend(bytes);
    }
    sha256(&[&all])
}

/// How a tombstone names the one before it, by its note.
fn named(before: Option<&str>) -> String {
    before.map_or_else(|| "-".to_owned(), |note| hex(&sha256(&[note.as_bytes()])))
}

/// Enters a signed tombstone. Without a key nothing may be taken away.
pub(in crate::store) fn set(tx: &Connection, signer: Option<&Signer>, stone: &Stone<'_>) -> Result<(), StoreError> {
    let signer = signer.ok_or(StoreError::Unsigned)?;
    pass("retain.sign")?;
    let before: Option<String> = tx
        .query_row("SELECT note FROM tombstone ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
        .optional()
        .map_err(StoreError::sqlite("read the newest tombstone"))?;
    let note = signer.note(&stone.text(signer.verifier().name(), before.as_deref()));
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
    /// The first and the last time of these events, where they have any.
    pub times: [Option<(Ticks, Ticks)>; FEEDS],
    pub variants: u64,
    pub quarantined: u64,
    /// The first and the last batch that lost events.
    pub batches: Option<(u64, u64)>,
    /// As many as of all feeds together.
    pub total: u64,
    /// The signed note.
    pub note: String,
    /// Is the note signed by a key of this store?
    pub signed: bool,
}

/// What the note of a tombstone says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Said {
    pub events: [u64; FEEDS],
    times: [Option<(Ticks, Ticks)>; FEEDS],
    /// Of the batches that lost events: the first, the last, how many, and the digest of what is left of their trees.
    pub batches: Option<(u64, u64, u64, String)>,
    /// Does it follow the tombstone that stands before it?
    pub follows: bool,
    /// Does the catalogue say the same of it?
    pub as_listed: bool,
}

impl Said {
    /// Reads a signed text, and holds what the catalogue lists beside it to it; `None` where it is no tombstone's.
    pub fn read(text: &str, listed: &Tombstone, before: Option<&Tombstone>) -> Option<Self> {
        let mut lines = text.strip_prefix("vaultscope tombstone v1\n")?.lines().skip(1);
        let mut line = |key: &str| lines.next()?.strip_prefix(key);
        let head = [line("at ")?, line("by ")?, line("policy ")?];
        let mut said =
            Self { events: [0; FEEDS], times: [None; FEEDS], batches: None, follows: false, as_listed: false };
        let mut rest = lines.peekable();
        while let Some(feed) = rest.next_if(|line| line.starts_with("feed ")) {
            let mut words = feed.split(' ').skip(1);
            let feed = Feed::from_name(words.next()?)?;
            said.events[feed as usize] = words.next()?.parse().ok()?;
            let (first, last) = (words.next()?, words.next()?);
            said.times[feed as usize] = Ticks::parse_rfc3339(first).zip(Ticks::parse_rfc3339(last));
        }
        if let Some(batches) = rest.next_if(|line| line.starts_with("batches ")) {
            let mut numbers = batches.split(' ').skip(1).map_while(|n| n.parse().ok());
            let digest = rest.next()?.strip_prefix("pruned ")?;
            said.batches = Some((numbers.next()?, numbers.next()?, numbers.next()?, digest.to_owned()));
        }
        let mut number = |key: &str| rest.next()?.strip_prefix(key)?.parse::<u64>().ok();
        let (variants, quarantined) = (number("variants ")?, number("quarantined ")?);
        said.follows = rest.next()?.strip_prefix("before ")? == named(before.map(|before| before.note.as_str()));
        let batches = said.batches.as_ref().map(|(first, last, ..)| (*first, *last));
        said.as_listed = head == [&*listed.at.to_string(), &*listed.who, &*listed.policy]
            && (said.events, said.times, batches) == (listed.events, listed.times, listed.batches)
            && said.events.iter().sum::<u64>() == listed.total
            && (variants, quarantined) == (listed.variants, listed.quarantined);
        Some(said)
    }
}

/// Every tombstone, oldest first, held to these keys.
pub(in crate::store) fn all(db: &Connection, keys: &[Verifier]) -> rusqlite::Result<Vec<Tombstone>> {
    let mut counts = db.prepare_cached("SELECT feed, events, first, last FROM tombstone_feed WHERE tombstone = ?")?;
    let mut query = db.prepare_cached(
        "SELECT id, at, policy, who, variants, quarantined, first_batch, last_batch, note, events \
         FROM tombstone ORDER BY id",
    )?;
    let rows = query.query_map([], |r| {
        let unsigned = |at| r.get::<_, i64>(at).map(|n| n.max(0) as u64);
        let (id, note): (i64, String) = (r.get(0)?, r.get(8)?);
        let (mut events, mut times) = ([0; FEEDS], [None; FEEDS]);
        let mut feeds = counts.query([id])?;
        while let Some(row) = feeds.next()? {
            if let Some(feed) = crate::store::catalogue::feed_of(row.get(0)?) {
                events[feed as usize] = row.get::<_, i64>(1)?.max(0) as u64;
                let (first, last): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
                times[feed as usize] = first.map(Ticks).zip(last.map(Ticks));
            }
        }
        let (first, last): (Option<i64>, Option<i64>) = (r.get(6)?, r.get(7)?);
        Ok(Tombstone {
            id,
            at: Ticks(r.get(1)?),
            policy: r.get(2)?,
            who: r.get(3)?,
            events,
            times,
            variants: unsigned(4)?,
            quarantined: unsigned(5)?,
            batches: first.zip(last).map(|(a, b)| (a as u64, b as u64)),
            total: unsigned(9)?,
            signed: keys.iter().any(|key| key.open(&note).is_ok()),
            note,
        })
    })?;
    rows.collect()
}

impl Reader {
    /// Every tombstone, oldest first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, StoreError> {
        self.with("read the tombstones", |db| {
            let keys: Vec<String> = db
                .prepare_cached("SELECT key FROM signer")?
                .query_map([], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            all(db, &keys.iter().filter_map(|key| key.parse().ok()).collect::<Vec<Verifier>>())
        })
    }
}
