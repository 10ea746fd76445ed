//! Rows in order of their numbers, told apart into those that stay and those that go, each batch of the ledger held against its root before
//! anything is taken from it.

use std::collections::VecDeque;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use rusqlite::Connection;

use super::Going;
use crate::base::time::Ticks;
use crate::event::columns::text_at;
use crate::event::{Feed, Source};
use crate::store::chain::{self, Leaf, Root, pruned::Pruned};
use crate::store::{StoreError, fresh};

/// What the ledger says of a batch.
#[derive(Debug)]
struct Ledgered {
    id: i64,
    first_seq: i64,
    stored: i64,
    root: Root,
    before: Root,
    pruned: Pruned,
}

/// What goes of some rows.
#[derive(Debug, Default)]
pub(in crate::store) struct Purge {
    pub going: Going,
    /// What is left of the trees of the batches concerned.
    pub pruned: Vec<(i64, Pruned)>,
    /// The numbers that go, as ranges with both ends, ascending.
    pub gone: Vec<(i64, i64)>,
}

impl Purge {
    /// Does an event go?
    pub(in crate::store) fn takes(&self, seq: i64) -> bool {
        let at = self.gone.partition_point(|(_, last)| *last < seq);
        self.gone.get(at).is_some_and(|(first, _)| *first <= seq)
    }
}

#[derive(Debug)]
pub(in crate::store) struct Sieve {
    /// Bytes of a row, about.
    bytes: f64,
    batches: VecDeque<Ledgered>,
    /// The leaves of the first of `batches` so far, and which of them stay.
    leaves: Vec<Root>,
    keep: Vec<bool>,
    purge: Purge,
}

impl Sieve {
    /// For rows with numbers in a range, both ends included, of so many bytes each.
    pub(in crate::store) fn new(db: &Connection, range: (i64, i64), bytes: f64) -> Result<Self, StoreError> {
        let read = || -> rusqlite::Result<VecDeque<Ledgered>> {
            let ids = (first_past(db, range.0)?, first_past(db, range.1)?);
            db.prepare_cached(
                "SELECT b.id, b.first_seq, b.stored, b.root, p.root, nodes FROM batch b \
                 LEFT JOIN batch p ON p.id = b.id - 1 LEFT JOIN pruned ON pruned.batch = b.id \
                 WHERE b.id BETWEEN ?3 AND ?4 AND b.stored > 0 AND b.first_seq <= ?2 AND b.first_seq + b.stored > ?1 ORDER BY b.id",
            )?
            .query_map([range.0, range.1, ids.0, ids.1], |r| {
                let (id, stored): (i64, i64) = (r.get(0)?, r.get(2)?);
                let nodes: Option<Vec<u8>> = r.get(5)?;
                let whole = || Pruned::whole(stored as u64);
                // Nodes that cannot be read are found out below: without them there are fewer leaves than the tree had.
                let pruned = nodes.and_then(|nodes| Pruned::from_bytes(stored as u64, &nodes)).unwrap_or_else(whole);
                let before = r.get::<_, Option<Root>>(4)?.unwrap_or_default();
                Ok(Ledgered { id, first_seq: r.get(1)?, stored, root: r.get(3)?, before, pruned })
            })?
            .collect()
        };
        let batches = read().map_err(StoreError::sqlite("read the ledger"))?;
        let (leaves, keep) = (Vec::new(), Vec::new());
        Ok(Self { bytes, batches, leaves, keep, purge: Purge::default() })
    }

    /// The rows of the next batch that stay.
    pub(in crate::store) fn push(&mut self, rows: &RecordBatch, keep: Vec<bool>) -> Result<RecordBatch, StoreError> {
        let unreadable = || StoreError::damaged("a stored column");
        let column = |name: &str| rows.column_by_name(name).ok_or_else(unreadable);
        let (accounts, feeds, uuids) = (column("account")?, column("feed")?, column("uuid_s")?);
        let (sources, raws) = (column("source")?, column("raw")?);
        let arrived = column("arrived")?.as_primitive_opt::<Int64Type>().ok_or_else(unreadable)?;
        for (row, seq) in fresh::seqs(rows).iter().enumerate() {
            while self.batches.front().is_some_and(|b| *seq >= b.first_seq + b.stored) {
                self.settle()?;
            }
            let leaf = Leaf {
                account: text_at(accounts, row).ok_or_else(unreadable)?,
                feed: text_at(feeds, row).and_then(Feed::from_name).ok_or_else(unreadable)?,
                uuid: text_at(uuids, row).ok_or_else(unreadable)?,
                arrived: Ticks(arrived.value(row)),
                source: text_at(sources, row).and_then(Source::from_name).ok_or_else(unreadable)?,
                raw: text_at(raws, row).ok_or_else(unreadable)?.as_bytes(),
            };
            self.leaves.push(leaf.hash());
            self.keep.push(keep[row]);
            if !keep[row] {
                match self.purge.gone.last_mut() {
                    Some((_, last)) if *last + 1 == *seq => *last = *seq,
                    _ => self.purge.gone.push((*seq, *seq)),
                }
            }
        }
        self.purge.going.count(rows, &keep, self.bytes);
        filter_record_batch(rows, &BooleanArray::from(keep)).map_err(StoreError::arrow("leave rows out"))
    }

    /// The first of the batches is complete.
    fn settle(&mut self) -> Result<(), StoreError> {
        let (leaves, keep) = (std::mem::take(&mut self.leaves), std::mem::take(&mut self.keep));
        let Some(batch) = self.batches.pop_front() else { return Ok(()) };
        if !keep.contains(&false) {
            return Ok(());
        }
        let tree = batch.pruned.tree(&leaves);
        let root =
            tree.map(|tree| chain::root(batch.id as u64, &batch.before, batch.first_seq, batch.stored as u64, &tree));
        let pruned = batch.pruned.prune(&leaves, &keep).filter(|_| root == Some(batch.root));
        let pruned = pruned.ok_or(StoreError::Changed { batch: batch.id as u64 })?;
        self.purge.pruned.push((batch.id, pruned));
        Ok(())
    }

    /// All rows have been seen.
    pub(in crate::store) fn finish(mut self) -> Result<Purge, StoreError> {
        self.settle()?;
        if !self.leaves.is_empty() {
            return Err(StoreError::damaged("the ledger: events that are of no batch"));
        }
        Ok(self.purge)
    }
}

/// The first batch that ends past a sequence number, or the last of all. Found by halves, for batches are in the order of their events: a feed that is
/// polled all day has a million of them, and a fresh page that is looked at by the writer's thread needs one.
fn first_past(db: &Connection, seq: i64) -> rusqlite::Result<i64> {
    let last: i64 = db.query_row("SELECT coalesce(max(id), 0) FROM batch", [], |row| row.get(0))?;
    let mut end_of = db.prepare_cached("SELECT first_seq + stored FROM batch WHERE id >= ? ORDER BY id LIMIT 1")?;
    let (mut low, mut high) = (1, last);
    while low < high {
        let middle = low + (high - low) / 2;
        if end_of.query_row([middle], |row| row.get::<_, i64>(0))? > seq {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_of_a_number_is_found_whatever_lies_between() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE batch (id INTEGER PRIMARY KEY, first_seq INTEGER, stored INTEGER)").unwrap();
        assert_eq!(first_past(&db, 7).unwrap(), 1);
        // Batches of 0 to 3 events, some of which bring nothing.
        let (mut seq, mut ends) = (1_i64, Vec::new());
        for id in 1..=200_i64 {
            let stored = id * 7 % 4;
            db.execute("INSERT INTO batch VALUES (?, ?, ?)", [id, seq, stored]).unwrap();
            seq += stored;
            ends.push(seq);
        }
        for wanted in 0..seq + 5 {
            let expected = ends.iter().position(|end| *end > wanted).map_or(200, |at| at as i64 + 1);
            assert_eq!(first_past(&db, wanted).unwrap(), expected, "{wanted}");
        }
    }
}
