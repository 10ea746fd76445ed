//! Verifying: is everything as it was committed?
//!
//! The whole chain is followed. Each batch's root is computed again from the events' bytes as they lie in segments and fresh pages, so that
//! a changed, removed, added or moved event shows, and each root covers the one before it. Checkpoints, the head file and copied heads name
//! batches that the chain must lead through: what is missing at the end shows there. Beside the chain: columns that queries read (by the
//! signed digest of the segment's file, or by decoding every event again), row counts, identities, variants and quarantine.
//!
//! It only reads, in short transactions, and may run beside a collector: what is committed after it began is not looked at.

mod claims;
mod columns;
mod entries;
mod finding;
mod held;
pub(super) mod listing;
mod seen;
#[cfg(test)]
mod tests;
mod tombstones;
pub(super) mod unit;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

pub use finding::{Event, Finding, Kind, Report};

use super::chain::pruned::Pruned;
use super::chain::sha256;
use super::checkpoint::{CopiedHead, Line};
use super::heads::Head;
use super::signing::Verifier;
use super::{Layout, StoreError, catalogue, heads};
use claims::Claims;
use listing::{Batch, Batches, Listing};
use unit::{Outcome, Place, Work};

/// How to verify.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Threads; 0 is one a core.
    pub threads: usize,
    /// Every column of every event is decoded again, also where a signed digest vouches for the file.
    pub every_column: bool,
    /// Heads that lay elsewhere.
    pub against: Vec<Copies>,
    /// The key that must have signed, from a copy that this store's owner could not change.
    pub key: Option<Verifier>,
}

/// A file of copied heads.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    /// The file, for what is said about it.
    pub name: String,
    /// By line, from 1.
    pub heads: Vec<(u64, CopiedHead)>,
    pub keys: Vec<Verifier>,
    /// Lines that begin as heads or keys do and are none.
    pub broken: Vec<u64>,
}

impl Copies {
    /// Reads a file of copied heads, or a log that has them among other lines.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::io(path, source);
        let mut copies = Self { name: path.to_string_lossy().into_owned(), ..Self::default() };
        let mut lines = BufReader::new(File::open(path).map_err(io)?);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            // A log's line may be anything; ours are short.
            if (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(io)? == 0 {
                break;
            }
            match Line::parse(&String::from_utf8_lossy(&line)) {
                Line::Head(head) => copies.heads.push((number, head)),
                Line::Key(key) if copies.keys.contains(&key) => {}
                Line::Key(key) => copies.keys.push(key),
                Line::Broken => copies.broken.push(number),
                Line::Other => {}
            }
        }
        Ok(copies)
    }
}

/// A merge may take a segment away while it waits to be read; then all is begun anew, so many times.
const ATTEMPTS: usize = 3;
const LONGEST_LINE: u64 = 64 * 1024;

/// Verifies the store of a data folder. `progress` hears how many events of how many have been looked at, from any thread. An error is
/// something that keeps this program from looking, and not something it found.
pub fn verify(data_dir: &Path, options: &Options, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Report, StoreError> {
    let layout = Layout::of(data_dir);
    if !layout.exists() {
        return Err(StoreError::Missing { dir: data_dir.into() });
    }
    for _ in 1..ATTEMPTS {
        if let Some(report) = attempt(&layout, options, progress, false)? {
            return Ok(report);
        }
    }
    Ok(attempt(&layout, options, progress, true)?.unwrap_or_default())
}

/// `None` where a segment was merged away meanwhile, unless it is the last attempt.
fn attempt(
    layout: &Layout,
    options: &Options,
    progress: &(dyn Fn(u64, u64) + Sync),
    last: bool,
) -> Result<Option<Report>, StoreError> {
    // Before the catalogue is read: a collector writes it after the catalogue.
    let kept = heads::read(&layout.heads());
    let mut report = Report::default();
    if !heads::is_whole(&layout.heads()) {
        let what = "the head file holds something that is no head: it was changed, or its disk is failing";
        report.add(Finding::new(Kind::Head, i64::MAX, what).at("heads").standing_for(0));
    }
    let public = Verifier::of(layout);
    if public.is_none() && std::fs::read(layout.signing_public()).is_ok() {
        let what = "there is no public key in the file: it was changed";
        report.add(Finding::new(Kind::Head, i64::MAX, what).at("signing.pub").standing_for(0));
    }
    let mut walk = || -> Result<Option<()>, StoreError> {
        catalogue::is_there(layout)?;
        let db = catalogue::open_reader(&layout.catalogue())?;
        let listing = Listing::read(&db, layout)?;
        let mut walk = Walk::new(&db, &listing, options, progress, &mut report);
        let claims = Claims::gather(&listing, kept, public.as_ref(), options, walk.report);
        walk.run(claims)?;
        for segment in std::mem::take(&mut walk.vanished) {
            if !last && !Listing::is_live(&db, segment)? {
                return Ok(None);
            }
        }
        set_aside(&db, &mut report)?;
        Ok(Some(()))
    };
    match walk() {
        Ok(None) => return Ok(None),
        Ok(Some(())) => {}
        Err(e) if is_damage(&e) => {
            let what = format!("the catalogue cannot be read further: {e}");
            report.add(Finding::new(Kind::Unreadable, i64::MAX, what).at("catalogue.db"));
        }
        Err(e) => return Err(e),
    }
    report.sort();
    report.doubts.sort_unstable();
    report.doubts.dedup();
    Ok(Some(report))
}

/// Is it the catalogue itself that is broken, and not the way to it?
fn is_damage(e: &StoreError) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match e {
        StoreError::Sqlite { source, .. } => {
            matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
                // A value that is not what the schema says.
                || matches!(
                    source,
                    rusqlite::Error::FromSqlConversionFailure(..)
                        | rusqlite::Error::InvalidColumnType(..)
                        | rusqlite::Error::QueryReturnedNoRows
                )
        }
        StoreError::Damaged { .. } | StoreError::Catalogue { .. } => true,
        _ => false,
    }
}

/// One walk along the chain.
struct Walk<'w> {
    db: &'w Connection,
    listing: &'w Listing,
    options: &'w Options,
    progress: &'w (dyn Fn(u64, u64) + Sync),
    report: &'w mut Report,
    vanished: Vec<i64>,
    identities: Vec<u64>,
    /// Events that retention took, by feed.
    gone: HashMap<Option<crate::event::Feed>, u64>,
}

impl<'w> Walk<'w> {
    fn new(
        db: &'w Connection,
        listing: &'w Listing,
        options: &'w Options,
        progress: &'w (dyn Fn(u64, u64) + Sync),
        report: &'w mut Report,
    ) -> Self {
        Self {
            db,
            listing,
            options,
            progress,
            report,
            vanished: Vec::new(),
            identities: Vec::new(),
            gone: HashMap::new(),
        }
    }

    /// This thread reads the ledger and hands out units; the others read events.
    fn run(&mut self, claims: Claims) -> Result<(), StoreError> {
        let listing = self.listing;
        let threads = match self.options.threads {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            n => n,
        };
        let total = listing.segments.iter().map(|s| s.rows).chain(listing.pages.iter().map(|p| p.rows)).sum::<u64>();
        let (done, tell) = (AtomicU64::new(0), self.progress);
        let progress = |rows| tell(done.fetch_add(rows, Ordering::Relaxed) + rows, total);
        let hasher = std::hash::RandomState::new();
        let (hand_out, queue) = mpsc::sync_channel::<Unit<'_>>(1);
        let (hand_in, outcomes) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let walked = std::thread::scope(|scope| {
            for _ in 0..threads {
                let (queue, hand_in, progress, hasher) = (Arc::clone(&queue), hand_in.clone(), &progress, &hasher);
                scope.spawn(move || {
                    while let Some((work, part)) = next(&queue) {
                        let came = work.run(part, listing, hasher, progress);
                        if came.is_some_and(|came| hand_in.send(came).is_err()) {
                            return;
                        }
                    }
                });
            }
            // What only the workers hold ends with them, so that nobody waits for one that is not there.
            drop((queue, hand_in));
            let hand_out = hand_out;
            self.hand_out(&hand_out, claims)
        });
        for outcome in outcomes {
            self.take(outcome?);
        }
        walked?;
        self.twice(&hasher)?;
        tombstones::hold(listing, std::mem::take(&mut self.gone), self.report);
        entries::hold(listing, self.report);
        Ok(())
    }

    /// Follows the batches, and hands out the parts of each unit with those that begin in it.
    fn hand_out(&mut self, queue: &SyncSender<Unit<'w>>, mut claims: Claims) -> Result<(), StoreError> {
        let listing = self.listing;
        let places = listing.segments.iter().map(Place::Segment).chain(listing.pages.iter().map(Place::Page));
        let mut batches = Batches::new(self.db, listing);
        let mut waiting = self.next_batch(&mut batches, &mut claims, None)?;
        let mut end_before = 0;
        for place in places {
            let (first, last) = place.seqs();
            if first <= end_before {
                let what = format!("it overlaps with what ends at event {end_before}");
                self.report.add(Finding::new(Kind::Catalogue, first, what).at(&place.name()));
            }
            end_before = last;
            let mut mine = Vec::new();
            while let Some(batch) = waiting.take_if(|batch| batch.first_seq <= last) {
                let before = (batch.number, batch.end());
                if batch.end() <= first {
                    self.homeless(&batch);
                } else {
                    match listing.pruned_of(&batch) {
                        Some(pruned) => mine.push((batch, pruned)),
                        None => self.unread_tree(&batch),
                    }
                }
                waiting = self.next_batch(&mut batches, &mut claims, Some(before))?;
            }
            self.report.segments += u64::from(matches!(place, Place::Segment(_)));
            self.report.pages += u64::from(matches!(place, Place::Page(_)));
            let every_column = self.options.every_column;
            let work = Arc::new(Work::new(place, mine, every_column));
            for part in 0..work.parts {
                if queue.send((Arc::clone(&work), part)).is_err() {
                    // Every worker has met an error; it is among the outcomes.
                    return Ok(());
                }
            }
        }
        while let Some(batch) = waiting {
            let before = (batch.number, batch.end());
            self.homeless(&batch);
            waiting = self.next_batch(&mut batches, &mut claims, Some(before))?;
        }
        claims.end(listing.head, self.report);
        Ok(())
    }

    /// The next batch that holds events, the ones in between followed. `before` is the number of the batch before and where it ended.
    fn next_batch(
        &mut self,
        batches: &mut Batches<'_>,
        claims: &mut Claims,
        mut before: Option<(u64, i64)>,
    ) -> Result<Option<Batch>, StoreError> {
        loop {
            let (number, end) = before.unwrap_or((0, 1));
            let Some(batch) = batches.next()? else {
                self.at_the_end(number, end, batches.last_root());
                return Ok(None);
            };
            self.report.batches += 1;
            if batch.number != number + 1 {
                let what = format!("the records of the batches {} to {} are missing", number + 1, batch.number - 1);
                self.report.add(Finding::new(Kind::Ledger, end, what).of_batch(number + 1).standing_for(0));
            } else if batch.first_seq < end {
                let what =
                    format!("its record begins with event {}, the one before ends with {}", batch.first_seq, end - 1);
                self.report
                    .add(Finding::new(Kind::Ledger, batch.first_seq, what).of_batch(batch.number).standing_for(0));
            } else if batch.first_seq > end {
                self.report.notes.push(format!(
                    "the numbers {end} to {} were given to events that were lost on this disk before batch {} (see the gaps)",
                    batch.first_seq - 1,
                    batch.number
                ));
            }
            claims.meet(&batch, self.report);
            if let Some(pruned) = self.listing.pruned_of(&batch).filter(|pruned| pruned.gone() > 0) {
                *self.gone.entry(batch.feed).or_default() += pruned.gone();
            }
            if batch.stored > 0 {
                return Ok(Some(batch));
            }
            // All that a batch without new events has is its place in the chain.
            let tree = super::chain::tree(&[]);
            let root = super::chain::root(batch.number, &batch.before, batch.first_seq, 0, &tree);
            if root != batch.root {
                let what = "the record of the batch was changed: its root does not cover it";
                self.report
                    .add(Finding::new(Kind::Ledger, batch.first_seq, what).of_batch(batch.number).standing_for(0));
            }
            before = Some((batch.number, batch.end()));
        }
    }

    fn at_the_end(&mut self, number: u64, end: i64, root: super::Root) {
        let head = self.listing.head;
        self.report.head = Some(head);
        if head != (Head { batches: number, through: end - 1, root }) {
            let what =
                format!("the catalogue's head is not where the ledger ends: batch {} and not {number}", head.batches);
            self.report.add(Finding::new(Kind::Ledger, end, what).of_batch(number).at("catalogue.db").standing_for(0));
        }
    }

    /// A batch none of whose events are anywhere.
    fn homeless(&mut self, batch: &Batch) {
        match self.listing.pruned_of(batch) {
            Some(pruned) if pruned.gone() == batch.stored => return self.purged_whole(batch, &pruned),
            Some(_) => {}
            None => return self.unread_tree(batch),
        }
        let what = format!("events {} to {} were committed and are not there", batch.first_seq, batch.end() - 1);
        let finding = Finding::new(Kind::Removed, batch.first_seq, what).of_batch(batch.number);
        self.report.add(finding.standing_for(batch.stored));
    }

    /// A batch that retention took all of: the hash that it left must still be that of the batch.
    fn purged_whole(&mut self, batch: &Batch, pruned: &Pruned) {
        let root_over = |tree| super::chain::root(batch.number, &batch.before, batch.first_seq, batch.stored, &tree);
        if pruned.tree(&[]).map(root_over) != Some(batch.root) {
            let what = "the hashes that were left of its events are not those of the batch";
            self.report.add(Finding::new(Kind::Ledger, batch.first_seq, what).of_batch(batch.number).standing_for(0));
        }
    }

    fn unread_tree(&mut self, batch: &Batch) {
        let what = "what retention left of its tree cannot be read";
        let finding = Finding::new(Kind::Ledger, batch.first_seq, what).of_batch(batch.number);
        self.report.add(finding.standing_for(batch.stored));
    }

    fn take(&mut self, outcome: Outcome) {
        self.report.events += outcome.events;
        self.report.raw_bytes += outcome.raw_bytes;
        self.vanished.extend(outcome.vanished);
        self.report.doubts.extend(outcome.doubted);
        outcome.findings.into_iter().for_each(|finding| self.report.add(finding));
        outcome.more.into_iter().for_each(|(kind, events)| self.report.count(kind, events, events));
        self.identities.extend(outcome.identities);
    }

    /// Identities that are there twice: hashes that are, and then the events behind them.
    fn twice(&mut self, hasher: &std::hash::RandomState) -> Result<(), StoreError> {
        let mut hashes = std::mem::take(&mut self.identities);
        hashes.sort_unstable();
        let mut double: Vec<u64> = hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        double.dedup();
        if double.is_empty() {
            return Ok(());
        }
        drop(hashes);
        let places = self.listing.segments.iter().map(Place::Segment).chain(self.listing.pages.iter().map(Place::Page));
        let mut first: HashMap<(String, String, String), i64> = HashMap::new();
        for place in places {
            let name = place.name();
            let report = &mut *self.report;
            let looked = unit::each_identity(&place, hasher, &mut |hash, seq, event| {
                if double.binary_search(&hash).is_err() {
                    return;
                }
                let event = event();
                let key = (event.account.clone(), event.feed.clone(), event.uuid.clone());
                if let Some(before) = first.get(&key) {
                    let what = format!("its identity is that of event {before}");
                    report.add(Finding { event: Some(event), ..Finding::new(Kind::Twice, seq, what) }.at(&name));
                } else {
                    first.insert(key, seq);
                }
            });
            // What cannot be read has been told.
            if let Err(e @ StoreError::Sqlite { .. }) = looked {
                return Err(e);
            }
        }
        Ok(())
    }
}

/// A unit and one of its parts.
type Unit<'l> = (Arc<Work<'l>>, usize);

/// Waits for a part of a unit; `None` when all have been handed out.
fn next<'l>(queue: &Mutex<Receiver<Unit<'l>>>) -> Option<Unit<'l>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Variants and quarantined items are kept with a digest of their bytes.
fn set_aside(db: &Connection, report: &mut Report) -> Result<(), StoreError> {
    let mut look = |table: &str, sql: &str| -> rusqlite::Result<()> {
        let mut query = db.prepare(sql)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (id, seq): (i64, i64) = (row.get(0)?, row.get(1)?);
            if sha256(&[row.get_ref(3)?.as_bytes()?]) != row.get::<_, super::Root>(2)? {
                let what = format!("row {id} of `{table}` is not what was set aside");
                report.add(Finding::new(Kind::SetAside, seq, what).at("catalogue.db"));
            }
        }
        Ok(())
    };
    look("variant", "SELECT id, seq, digest, raw FROM variant")
        .and_then(|()| look("quarantine", &format!("SELECT id, {}, digest, raw FROM quarantine", i64::MAX)))
        .map_err(StoreError::sqlite("read what was set aside"))
}
