//! A page into an open transaction: what is new, what was there, and everything that is written of it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rusqlite::{Connection, params};

use super::catalogue::feed_code;
use super::chain::{self, Leaf, Root};
use super::counts::{self, Hours};
use super::damage::{guarded, is_damage};
use super::filter::identity;
use super::intake::{Progress, Sealed};
use super::names::learned::Learned;
use super::page::{Committed, Page};
use super::records;
use super::segment::{Identity, Segment};
use super::suppress::Suppressing;
use super::{StoreError, errands, fresh};
use crate::base::fault;
use crate::base::time::Ticks;
use crate::event::Source;
use crate::event::columns::{Arrival, BatchBuilder, text_at};
use crate::event::decode::{Decoded, decode_of};

/// An item that was there already, with the text and sequence number of the primary.
pub(super) struct Again<'a> {
    pub event: &'a Decoded<'a>,
    pub seq: i64,
    pub same: bool,
}

/// One page into an open transaction.
pub(super) fn put(
    tx: &Connection,
    sealed: &[Sealed],
    names: &mut Learned,
    progress: &mut Progress,
    page: &Page,
) -> Result<Committed, StoreError> {
    let failed = StoreError::sqlite;
    let account = records::account_id(tx, &page.account)?;
    let feed = feed_code(page.feed);
    let mut done = Committed { through: progress.head.through, ..Committed::default() };

    if !page.items.is_empty() {
        fault::at("commit.decode").map_err(StoreError::doing("decode a page"))?;
        let mut events = Vec::with_capacity(page.items.len());
        let mut bad = Vec::new();
        let mut suppressing = Suppressing::of(page, account);
        let mut unwanted = Vec::new();
        for (at, item) in page.items.iter().enumerate() {
            match decode_of(page.feed, item) {
                Ok(event) if is_past(progress, page, at, &event) => done.expired += 1,
                Ok(event) if suppressing.discards(at) => unwanted.push((at, event)),
                Ok(event) => events.push(event),
                Err(why) => bad.push((at, why)),
            }
        }
        fault::at("commit.tell-apart").map_err(StoreError::doing("tell events apart"))?;
        if !unwanted.is_empty() {
            // What was stored before the rule was made stays, and is what it is: an event that came again.
            let (places, unwanted): (Vec<usize>, Vec<Decoded<'_>>) = unwanted.into_iter().unzip();
            let stored = are_stored(tx, sealed, progress, page, account, &unwanted)?;
            for ((at, event), stored) in places.into_iter().zip(unwanted).zip(stored) {
                if stored {
                    events.push(event);
                } else {
                    suppressing.discard(tx, at, &event)?;
                    done.discarded += 1;
                }
            }
        }
        let (fresh, again) = tell_apart(tx, sealed, progress, page, account, &events)?;
        let first_seq = progress.head.through + 1;
        let (batch, leaves, undated) = build(page, first_seq, &fresh)?;
        done.stored = fresh.len() as u64;
        done.undated = undated;
        // A variant that came again is a duplicate of that variant.
        done.variants = records::variants(tx, page, account, &again)?;
        done.duplicates = again.len() as u64 - done.variants;
        done.quarantined = bad.len() as u64;
        progress.head.through += fresh.len() as i64;
        progress.head.batches += 1;
        let tree = chain::tree(&leaves);
        progress.head.root = chain::root(progress.head.batches, &progress.head.root, first_seq, done.stored, &tree);
        progress.fresh_rows += done.stored;
        done.through = progress.head.through;
        done.hidden = suppressing.hidden(&fresh);
        suppressing.record(tx)?;
        fault::at("commit.ledger").map_err(StoreError::doing("write the ledger"))?;
        records::batch(tx, page, account, first_seq, &done, progress.head, &tree)?;
        if !fresh.is_empty() {
            let blob = fresh::encode(&batch)?;
            fault::at("commit.page").map_err(StoreError::doing("write a page"))?;
            tx.prepare_cached("INSERT INTO page (first_seq, last_seq, rows, data) VALUES (?, ?, ?, ?)")
                .and_then(|mut s| s.execute(params![first_seq, progress.head.through, done.stored as i64, blob]))
                .map_err(failed("write a page"))?;
            let mut hours = Hours::new();
            counts::count(&batch, &mut hours);
            records::add_hours(tx, 0, &hours)?;
            names.learn(tx, &batch)?;
        }
        records::again(tx, progress.head.batches, &again)?;
        for (at, why) in bad {
            fault::at("commit.quarantine").map_err(StoreError::doing("quarantine an item"))?;
            records::quarantine_item(tx, page, at, &why)?;
        }
    }
    if let Some(update) = &page.cursor {
        fault::at("commit.cursor").map_err(StoreError::doing("move the cursor"))?;
        records::move_cursor(tx, account, feed, page.contact.unwrap_or(page.arrived), update)?;
    }
    errands::record(tx, page, account, &done)?;
    if let Some(poll) = &page.poll {
        fault::at("commit.poll").map_err(StoreError::doing("record a poll"))?;
        records::poll(tx, account, feed, page.items.len(), poll)?;
    }
    Ok(done)
}

/// Is it an event of a time that retention has let go?
fn is_past(progress: &Progress, page: &Page, at: usize, event: &Decoded<'_>) -> bool {
    let arrived = page.generated.get(at).copied().flatten().unwrap_or(page.arrived);
    progress.expiry.let_go(page.feed, event.timestamp().map(|t| t.0), arrived.0)
}

/// For each event whether it is stored already, sealed or fresh.
fn are_stored(
    tx: &Connection,
    sealed: &[Sealed],
    progress: &mut Progress,
    page: &Page,
    account: i64,
    events: &[Decoded<'_>],
) -> Result<Vec<bool>, StoreError> {
    let in_segments = find_sealed(sealed, &mut progress.damaged, page, events)?;
    let mut find = tx
        .prepare_cached("SELECT 1 FROM fresh WHERE account = ? AND feed = ? AND uuid = ?")
        .map_err(StoreError::sqlite("index events"))?;
    let feed = feed_code(page.feed);
    let stored = |(at, event): (usize, &Decoded<'_>)| {
        Ok(in_segments.contains_key(&at) || find.exists(params![account, feed, event.uuid()])?)
    };
    events.iter().enumerate().map(stored).collect::<rusqlite::Result<_>>().map_err(StoreError::sqlite("index events"))
}

/// Which events are new, in order, and which were there already. New identities are entered in the index on the way, with the sequence
/// numbers they will have.
fn tell_apart<'a>(
    tx: &Connection,
    sealed: &[Sealed],
    progress: &mut Progress,
    page: &Page,
    account: i64,
    events: &'a [Decoded<'a>],
) -> Result<(Vec<&'a Decoded<'a>>, Vec<Again<'a>>), StoreError> {
    let failed = StoreError::sqlite;
    let through = progress.head.through;
    let in_segments = find_sealed(sealed, &mut progress.damaged, page, events)?;
    let mut insert = tx
        .prepare_cached("INSERT OR IGNORE INTO fresh (account, feed, uuid, seq) VALUES (?, ?, ?, ?)")
        .map_err(failed("index events"))?;
    let mut find = tx
        .prepare_cached("SELECT seq FROM fresh WHERE account = ? AND feed = ? AND uuid = ?")
        .map_err(failed("index events"))?;
    let feed = feed_code(page.feed);
    let mut pages = FreshTexts::of(tx);
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
            None => pages.text(seq)?.is_some_and(|stored| stored == event.raw()),
        };
        again.push(Again { event, seq, same });
    }
    Ok((fresh, again))
}

/// Which events stand in segments: position → (sequence number, same bytes).
fn find_sealed(
    sealed: &[Sealed],
    damaged: &mut Vec<(Arc<Segment>, String)>,
    page: &Page,
    events: &[Decoded<'_>],
) -> Result<HashMap<usize, (i64, bool)>, StoreError> {
    let mut found = HashMap::new();
    if sealed.is_empty() {
        return Ok(found);
    }
    let keys: Vec<u64> = events.iter().map(|e| identity(&page.account, page.feed, e.uuid())).collect();
    for Sealed { segment, filter, .. } in sealed {
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
        let hits = match guarded(segment, || segment.find(&wanted)) {
            Ok(hits) => hits,
            // Its rows cannot be read any more: taking them in anew is the only way to have them.
            Err(e) if is_damage(&e) => {
                damaged.push((Arc::clone(segment), e.to_string()));
                continue;
            }
            // It cannot be read just now, and what is in there must not come in twice.
            Err(e) => return Err(e),
        };
        for hit in hits {
            for at in &askers[hit.wanted] {
                found.insert(*at, (hit.seq, events[*at].raw() == hit.raw));
            }
        }
    }
    Ok(found)
}

/// The texts of fresh events by sequence number, the pages they stand in decoded once a commit.
pub(super) struct FreshTexts<'t> {
    tx: &'t Connection,
    /// None where a page cannot be decoded.
    pages: HashMap<i64, Option<RecordBatch>>,
}

impl<'t> FreshTexts<'t> {
    pub(super) fn of(tx: &'t Connection) -> Self {
        Self { tx, pages: HashMap::new() }
    }

    /// `None` where the page that the event stands in rotted: what comes again then is kept beside it, and holds up nothing.
    pub(super) fn text(&mut self, seq: i64) -> Result<Option<&str>, StoreError> {
        let failed = StoreError::sqlite;
        let id: i64 = self
            .tx
            .prepare_cached("SELECT id FROM page WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1")
            .and_then(|mut s| s.query_row([seq], |row| row.get(0)))
            .map_err(failed("find a fresh event"))?;
        let batch = match self.pages.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let blob: Vec<u8> = self
                    .tx
                    .prepare_cached("SELECT data FROM page WHERE id = ?")
                    .and_then(|mut s| s.query_row([id], |row| row.get(0)))
                    .map_err(failed("read a fresh page"))?;
                new.insert(fresh::decode(&blob).ok())
            }
        };
        let Some(batch) = batch else { return Ok(None) };
        let row = fresh::seqs(batch).binary_search(&seq).ok();
        let raw = batch.columns().last().zip(row).and_then(|(raw, row)| text_at(raw, row));
        raw.map(Some).ok_or_else(|| StoreError::damaged(format!("the fresh page of event {seq}")))
    }
}

/// The batch of the new events, their leaves, and how many have no time.
fn build(page: &Page, first_seq: i64, events: &[&Decoded<'_>]) -> Result<(RecordBatch, Vec<Root>, u64), StoreError> {
    let mut builder = BatchBuilder::new();
    let mut leaves = Vec::with_capacity(events.len());
    let mut undated = 0;
    // An event's text is its item's, so where it lies tells which it is.
    let elsewhere: HashMap<usize, Ticks> = page
        .items
        .iter()
        .zip(&page.generated)
        .filter_map(|(item, generated)| generated.map(|ticks| (item.as_ptr() as usize, ticks)))
        .collect();
    for (at, event) in events.iter().enumerate() {
        let generated = elsewhere.get(&(event.raw().as_ptr() as usize)).copied();
        let arrived = generated.unwrap_or(page.arrived);
        let leaf = Leaf {
            account: &page.account,
            feed: page.feed,
            uuid: event.uuid(),
            arrived,
            source: page.source,
            raw: event.raw().as_bytes(),
        }
        .hash();
        leaves.push(leaf);
        undated += u64::from(event.undated());
        // Rows that are older than their arrival tells stand where they happened (first contact, a gap, a file); Sentinel's rules, which
        // look at arrival, see live rows as Sentinel would.
        let time_generated = match page.source {
            _ if generated.is_some() => arrived,
            Source::Live | Source::Demo => page.arrived,
            Source::Backfill | Source::Gap | Source::Import => event.timestamp().unwrap_or(page.arrived),
        };
        let arrival = Arrival {
            seq: first_seq + at as i64,
            feed: page.feed,
            account: &page.account,
            source: page.source,
            arrived,
            time_generated,
            tag: chain::tag(&leaf),
        };
        builder.push(&arrival, event);
    }
    let batch = builder.finish().map_err(StoreError::arrow("build a page"))?;
    Ok((batch, leaves, undated))
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
                arrived: crate::base::time::Ticks(arrived.value(row)),
                source: Source::from_name(text("source", row)).unwrap(),
                raw: text("raw", row).as_bytes(),
            }
            .hash()
        })
        .collect();
    chain::root(number, before, fresh::seqs(batch)[0], leaves.len() as u64, &chain::tree(&leaves))
}
