//! What the catalogue says at one moment: the segments, the fresh pages, the head and what was signed.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::super::catalogue::{feed_of, schema_version};
use super::super::chain::pruned::Pruned;
use super::super::chain::{Root, sha256};
use super::super::filter::Filter;
use super::super::heads::Head;
use super::super::intake::read_head;
use super::super::retain::tombstone::{self, Tombstone};
use super::super::segment::Segment;
use super::super::signing::Verifier;
use super::super::{Layout, StoreError};
use crate::base::time::Ticks;
use crate::event::Feed;

/// Batches are read so many at a time, each time in a short transaction.
const AT_ONCE: i64 = 4_096;

/// A fresh page as it lies in the catalogue.
#[derive(Debug)]
pub(in crate::store) struct PageBlob {
    pub seqs: (i64, i64),
    pub rows: u64,
    pub data: Vec<u8>,
}

/// A signed head of the catalogue.
#[derive(Debug)]
pub(in crate::store) struct Signed {
    pub head: Head,
    pub at: Ticks,
    /// The catalogue's number of the key.
    pub signer: i64,
    pub signature: Vec<u8>,
}

/// An entry of the index of fresh events as a number, of which sums can be compared.
pub(super) fn index_entry(account: i64, feed: i64, uuid: &str, seq: i64) -> u128 {
    let hash = sha256(&[&account.to_be_bytes(), &feed.to_be_bytes(), &seq.to_be_bytes(), uuid.as_bytes()]);
    hash[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[derive(Debug)]
pub(in crate::store) struct Listing {
    pub head: Head,
    pub segments: Vec<Segment>,
    pub pages: Vec<PageBlob>,
    pub accounts: HashMap<i64, String>,
    pub signers: HashMap<i64, Verifier>,
    /// By segment: the digest of its file, the key's number and its signature.
    pub attested: HashMap<i64, (Root, i64, Vec<u8>)>,
    pub checkpoints: Vec<Signed>,
    /// Batches signed later than they were committed: first, last, when.
    pub signed_late: Vec<(i64, i64, Ticks)>,
    /// What retention left of the trees of batches, as bytes.
    pub pruned: HashMap<i64, Vec<u8>>,
    /// What it says that it took, oldest first.
    pub tombstones: Vec<Tombstone>,
    /// The membership filters that can be read, by segment.
    pub filters: HashMap<i64, Filter>,
    /// Segments marked as damaged.
    pub damaged: HashSet<i64>,
    /// Identities of fresh events: how many, and the sum of their entries.
    pub identities: u64,
    pub identities_sum: u128,
    /// False in a store that an older program wrote last: its batches have no tree hash and nothing is signed.
    pub has_ledger: bool,
}

impl Listing {
    /// Reads it in one transaction, so that a collector that goes on meanwhile does not show.
    pub fn read(db: &Connection, layout: &Layout) -> Result<Self, StoreError> {
        let failed = StoreError::sqlite;
        let tx = db.unchecked_transaction().map_err(failed("read the catalogue"))?;
        let has_ledger = schema_version(&tx)? >= 2;
        let head = read_head(&tx)?;
        let read = || -> rusqlite::Result<Self> {
            let sql = format!("SELECT {} FROM segment WHERE superseded IS NULL ORDER BY first_seq", Segment::COLUMNS);
            let segments = tx
                .prepare(&sql)?
                .query_map([], |row| Segment::from_row(row, &layout.segments()))?
                .collect::<rusqlite::Result<_>>()?;
            let pages = tx
                .prepare("SELECT first_seq, last_seq, rows, data FROM page ORDER BY first_seq")?
                .query_map([], |row| {
                    let rows: i64 = row.get(2)?;
                    Ok(PageBlob { seqs: (row.get(0)?, row.get(1)?), rows: rows as u64, data: row.get(3)? })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let accounts = tx
                .prepare("SELECT id, uuid FROM account")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let (mut identities, mut identities_sum) = (0, 0_u128);
            let mut index = tx.prepare("SELECT account, feed, uuid, seq FROM fresh")?;
            let mut entries = index.query([])?;
            while let Some(row) = entries.next()? {
                let entry = index_entry(row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str()?, row.get(3)?);
                identities_sum = identities_sum.wrapping_add(entry);
                identities += 1;
            }
            let mut filters = HashMap::new();
            let mut query = tx.prepare("SELECT segment, data FROM filter")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                if let Ok(filter) = Filter::from_bytes(row.get_ref(1)?.as_blob()?) {
                    filters.insert(row.get(0)?, filter);
                }
            }
            let mut listing = Self {
                head,
                segments,
                pages,
                accounts,
                signers: HashMap::new(),
                attested: HashMap::new(),
                pruned: HashMap::new(),
                tombstones: Vec::new(),
                filters,
                damaged: HashSet::new(),
                checkpoints: Vec::new(),
                signed_late: Vec::new(),
                identities,
                identities_sum,
                has_ledger,
            };
            if has_ledger {
                listing.read_signed(&tx)?;
            }
            Ok(listing)
        };
        read().map_err(failed("read the catalogue"))
    }

    fn read_signed(&mut self, tx: &Connection) -> rusqlite::Result<()> {
        let mut signers = tx.prepare("SELECT id, key FROM signer")?;
        let mut rows = signers.query([])?;
        while let Some(row) = rows.next()? {
            // One that is no key signs nothing, which its checkpoints show.
            if let Ok(key) = row.get::<_, String>(1)?.parse() {
                self.signers.insert(row.get(0)?, key);
            }
        }
        self.checkpoints = tx
            .prepare("SELECT batch, through, root, at, signer, signature FROM checkpoint ORDER BY batch")?
            .query_map([], |row| {
                let batches: i64 = row.get(0)?;
                Ok(Signed {
                    head: Head { batches: batches as u64, through: row.get(1)?, root: row.get(2)? },
                    at: Ticks(row.get(3)?),
                    signer: row.get(4)?,
                    signature: row.get(5)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        let has = "SELECT count(*) FROM sqlite_schema WHERE name IN ('pruned', 'tombstone')";
        if tx.query_row(has, [], |row| row.get::<_, i64>(0))? == 2 {
            self.pruned = tx
                .prepare("SELECT batch, nodes FROM pruned")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            self.tombstones = tombstone::all(tx, &self.signers.values().cloned().collect::<Vec<_>>())?;
        }
        self.damaged = tx
            .prepare("SELECT id FROM segment WHERE damaged IS NOT NULL AND superseded IS NULL")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.attested = tx
            .prepare("SELECT segment, sha256, signer, signature FROM attested")?
            .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))))?
            .collect::<rusqlite::Result<_>>()?;
        self.signed_late = tx
            .prepare("SELECT first, last, at FROM signed_late ORDER BY first")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, Ticks(row.get(2)?))))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(())
    }

    /// A batch's tree without what retention took; `None` where what it left cannot be read.
    pub fn pruned_of(&self, batch: &Batch) -> Option<Pruned> {
        match self.pruned.get(&(batch.number as i64)) {
            None => Some(Pruned::whole(batch.stored)),
            Some(bytes) => Pruned::from_bytes(batch.stored, bytes),
        }
    }

    /// Is a segment still one that readers read?
    pub fn is_live(db: &Connection, segment: i64) -> Result<bool, StoreError> {
        db.query_row("SELECT count(*) FROM segment WHERE id = ? AND superseded IS NULL", [segment], |row| {
            row.get::<_, i64>(0).map(|n| n > 0)
        })
        .map_err(StoreError::sqlite("look for a segment"))
    }
}

/// A batch as the ledger has it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Batch {
    pub number: u64,
    pub account: i64,
    pub feed: Option<Feed>,
    pub source: String,
    pub first_seq: i64,
    pub stored: u64,
    pub root: Root,
    /// Of the batch before.
    pub before: Root,
    pub tree: Option<Root>,
}

impl Batch {
    /// The number after its last event's.
    pub fn end(&self) -> i64 {
        self.first_seq.saturating_add_unsigned(self.stored)
    }
}

/// The batches up to a head, by number.
pub(in crate::store) struct Batches<'c> {
    db: &'c Connection,
    through: i64,
    sql: &'static str,
    read: std::vec::IntoIter<Batch>,
    last: i64,
    before: Root,
    ended: bool,
}

impl<'c> Batches<'c> {
    pub fn new(db: &'c Connection, listing: &Listing) -> Self {
        let sql = if listing.has_ledger {
            "SELECT id, account, feed, source, first_seq, stored, root, tree FROM batch WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        } else {
            "SELECT id, account, feed, source, first_seq, stored, root, NULL FROM batch WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        };
        let through = listing.head.batches as i64;
        Self { db, through, sql, read: Vec::new().into_iter(), last: 0, before: [0; 32], ended: false }
    }

    /// The root of the newest batch that was read.
    pub fn last_root(&self) -> Root {
        self.before
    }

    pub fn next(&mut self) -> Result<Option<Batch>, StoreError> {
        if self.read.len() == 0 && !self.ended {
            self.fill().map_err(StoreError::sqlite("read the ledger"))?;
        }
        Ok(self.read.next())
    }

    fn fill(&mut self) -> rusqlite::Result<()> {
        let mut query = self.db.prepare_cached(self.sql)?;
        let mut rows = query.query([self.last, self.through, AT_ONCE])?;
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            let (number, root): (i64, Root) = (row.get(0)?, row.get(6)?);
            let stored: i64 = row.get(5)?;
            read.push(Batch {
                number: number as u64,
                account: row.get(1)?,
                feed: feed_of(row.get(2)?),
                source: row.get(3)?,
                first_seq: row.get(4)?,
                stored: stored.max(0) as u64,
                root,
                before: self.before,
                tree: row.get(7)?,
            });
            (self.last, self.before) = (number, root);
        }
        self.ended = (read.len() as i64) < AT_ONCE;
        self.read = read.into_iter();
        Ok(())
    }
}
