//! A unit of work: the events of one segment or one fresh page, held against the batches they belong to.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::columns::Columns;
use super::finding::{Event, Finding, Kind};
use super::held::{Held, add_strangers};
use super::listing::{Batch, Listing, PageBlob};
use super::seen::{Rows, Seen};
use crate::base::time::Ticks;
use crate::event::columns::text_at;
use crate::event::{Feed, Source, schema};
use crate::store::chain::pruned::Pruned;
use crate::store::checkpoint::{attestation, file_digest};
use crate::store::segment::{Batches, Segment};
use crate::store::{StoreError, fresh};

/// The columns that leaves are made of.
const LEDGERED: [&str; 8] = ["seq", "feed", "account", "source", "arrived", "tag", "uuid_s", "raw"];
/// Rows of a batch while reading.
const AT_ONCE: usize = 8_192;
/// So many findings of a kind are told of one unit; the rest are counted.
const TOLD: usize = 100;

/// Where a unit's events lie.
#[derive(Debug)]
pub(in crate::store) enum Place<'l> {
    Segment(&'l Segment),
    Page(&'l PageBlob),
}

impl Place<'_> {
    pub fn seqs(&self) -> (i64, i64) {
        match self {
            Self::Segment(segment) => segment.seqs,
            Self::Page(page) => page.seqs,
        }
    }

    fn rows(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.rows,
            Self::Page(page) => page.rows,
        }
    }

    fn segment(&self) -> Option<i64> {
        match self {
            Self::Segment(segment) => Some(segment.id),
            Self::Page(_) => None,
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Segment(segment) => {
                let file = segment.path.file_name().unwrap_or_default().to_string_lossy();
                format!("segments/{file}")
            }
            Self::Page(page) => format!("catalogue.db, page of events {} to {}", page.seqs.0, page.seqs.1),
        }
    }
}

/// A unit and the batches whose events it should hold.
#[derive(Debug)]
pub(in crate::store) struct Work<'l> {
    pub place: Place<'l>,
    batches: Vec<(Batch, Pruned)>,
    /// Every column is held to the event's text, not only what the chain covers, whoever vouches for the file.
    every_column: bool,
    /// A segment's row groups are looked at by whoever is free; the last one holds them to the batches.
    pub parts: usize,
    vouched: OnceLock<(bool, Outcome)>,
    looked: Mutex<Vec<Option<Looked>>>,
    left: AtomicUsize,
}

/// What came of a unit.
#[derive(Debug, Default)]
pub(in crate::store) struct Outcome {
    pub events: u64,
    pub raw_bytes: u64,
    pub findings: Vec<Finding>,
    /// Findings past those: kind → (findings, events).
    pub more: HashMap<Kind, u64>,
    /// Hashes of the identities.
    pub identities: Vec<u64>,
    /// The segment's file is not there: perhaps it was superseded meanwhile.
    pub vanished: Option<i64>,
    /// The segment cannot be read and is not marked, or the other way round.
    pub doubted: Option<i64>,
}

impl Outcome {
    pub fn find(&mut self, finding: Finding) {
        if self.findings.iter().filter(|f| f.kind == finding.kind).count() < TOLD {
            self.findings.push(finding);
        } else {
            *self.more.entry(finding.kind).or_default() += finding.events;
        }
    }

    /// What the next part of the unit has shown.
    fn append(&mut self, other: Self) {
        self.raw_bytes += other.raw_bytes;
        other.findings.into_iter().for_each(|finding| self.find(finding));
        other.more.into_iter().for_each(|(kind, events)| *self.more.entry(kind).or_default() += events);
        self.identities.extend(other.identities);
    }
}

/// What came of a part of a unit.
#[derive(Debug)]
struct Looked {
    rows: Rows,
    outcome: Outcome,
    failed: Option<StoreError>,
}

impl<'l> Work<'l> {
    pub fn new(place: Place<'l>, batches: Vec<(Batch, Pruned)>, every_column: bool) -> Self {
        // Of a footer that cannot be read the one part tells.
        let groups = match &place {
            Place::Segment(segment) => {
                catch_unwind(AssertUnwindSafe(|| Some(segment.metadata().ok()?.metadata().num_row_groups())))
            }
            Place::Page(_) => Ok(None),
        };
        let parts = groups.ok().flatten().unwrap_or(1).max(1);
        let looked = Mutex::new((0..parts).map(|_| None).collect());
        Self { place, batches, every_column, parts, vouched: OnceLock::new(), looked, left: AtomicUsize::new(parts) }
    }
}

impl Work<'_> {
    /// Is the segment's file the one that the store's key vouched for? Where it is, its columns are what the writer made of the events.
    fn is_vouched_for(&self, listing: &Listing, outcome: &mut Outcome) -> Result<bool, StoreError> {
        let Place::Segment(segment) = &self.place else { return Ok(false) };
        let Some((digest, signer, signature)) = listing.attested.get(&segment.id) else { return Ok(false) };
        let (first, place) = (segment.seqs.0, self.place.name());
        let file = segment.path.file_name().unwrap_or_default().to_string_lossy();
        let text = |key| attestation(key, &file, digest);
        if !listing.signers.get(signer).is_some_and(|key| key.verify(&text(key), signature)) {
            let what = "the digest of the segment is not signed by the store's key";
            outcome.find(Finding::new(Kind::Head, first, what).at(&place).standing_for(0));
            return Ok(false);
        }
        let same = file_digest(&segment.path)? == *digest;
        if !same {
            let what =
                "the file is not the one that was written: what is changed in it follows, unless no event was touched";
            outcome.find(Finding::new(Kind::File, i64::MAX, what).at(&place).standing_for(0));
        }
        Ok(same)
    }

    /// What is told where a decoder gave up on the unit altogether.
    fn given_up(&self) -> Outcome {
        let (mut outcome, first) = (Outcome::default(), self.place.seqs().0);
        let finding = Finding::new(Kind::Unreadable, first, "the events here cannot be decoded").at(&self.place.name());
        outcome.find(finding.standing_for(self.place.rows()));
        outcome.doubted = self.place.segment();
        outcome
    }

    /// Looks at a part; with the last of them answers what came of the unit. An error is one of this program's rights or of a disk that does
    /// not answer, and no finding.
    pub fn run(
        &self,
        part: usize,
        listing: &Listing,
        hasher: &std::hash::RandomState,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Option<Result<Outcome, StoreError>> {
        // What is in a damaged file may be anything: a decoder that gives up is told of as well.
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(part, listing, hasher, progress))).ok();
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)[part] = looked;
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return None;
        }
        let all = std::mem::take(&mut *self.looked.lock().unwrap_or_else(PoisonError::into_inner));
        let concluded = catch_unwind(AssertUnwindSafe(|| match all.into_iter().collect() {
            Some(all) => self.conclude(all, listing),
            None => Ok(self.given_up()),
        }));
        Some(concluded.unwrap_or_else(|_| Ok(self.given_up())))
    }

    fn look(
        &self,
        part: usize,
        listing: &Listing,
        hasher: &std::hash::RandomState,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Looked {
        let (vouched_for, _) = self.vouched.get_or_init(|| {
            let mut outcome = Outcome::default();
            // A file that cannot be read is told by its parts.
            (self.is_vouched_for(listing, &mut outcome).unwrap_or(false), outcome)
        });
        let every_column = self.every_column || !vouched_for;
        let mut outcome = Outcome::default();
        let filter = self.place.segment().and_then(|id| listing.filters.get(&id));
        let mut seen = Seen::new(hasher, filter);
        let mut columns = every_column.then(Columns::new);
        let place = self.place.name();
        let mut take = |batch: &RecordBatch, outcome: &mut Outcome| {
            seen.take(batch, outcome);
            if let Some(columns) = &mut columns {
                columns.check(batch, &place, outcome);
            }
            progress(batch.num_rows() as u64);
        };
        let failed = self.read(part, every_column, &mut outcome, &mut take).err();
        Looked { rows: seen.rows, outcome, failed }
    }

    /// Puts the parts together, in order, and holds their events to the batches.
    fn conclude(&self, all: Vec<Looked>, listing: &Listing) -> Result<Outcome, StoreError> {
        let (mut outcome, mut rows, mut failed) = (Outcome::default(), Rows::default(), None);
        let vouched = self.vouched.get();
        let vouched_for = vouched.is_some_and(|(vouched_for, _)| *vouched_for);
        vouched.into_iter().flat_map(|(_, told)| &told.findings).for_each(|finding| outcome.find(finding.clone()));
        for looked in all {
            rows.append(looked.rows);
            outcome.append(looked.outcome);
            failed = failed.or(looked.failed);
        }
        let place = self.place.name();
        match failed {
            None => {}
            // Not being let in is for whoever asks to mend; all else is about the store.
            Some(StoreError::Io { path, source }) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Err(StoreError::Io { path, source });
            }
            Some(e) => {
                if let (StoreError::Io { source, .. }, Place::Segment(segment)) = (&e, &self.place)
                    && source.kind() == io::ErrorKind::NotFound
                {
                    outcome.vanished = Some(segment.id);
                }
                outcome.doubted = self.place.segment().filter(|id| !listing.damaged.contains(id));
                let (first, _) = self.place.seqs();
                let what = format!("the events here cannot be read: {}", said(&e));
                let lost = self.place.rows();
                outcome.identities.clear();
                outcome.find(
                    Finding {
                        batch: self.batches.first().map(|b| b.0.number),
                        ..Finding::new(Kind::Unreadable, first, what)
                    }
                    .at(&place)
                    .standing_for(lost),
                );
                return Ok(outcome);
            }
        }
        outcome.events = rows.each.len() as u64;
        if let Place::Segment(segment) = &self.place
            && listing.damaged.contains(&segment.id)
        {
            let what = "the segment is marked as damaged: its events are not given to readers, and may have been fetched again";
            outcome.find(Finding::new(Kind::Unreadable, segment.seqs.0, what).at(&place).standing_for(outcome.events));
            outcome.doubted = vouched_for.then_some(segment.id);
            // What was fetched again stands there twice, and rightly.
            outcome.identities.clear();
        }
        self.hold_filter(rows.unfiltered, listing, &mut outcome);
        if outcome.events != self.place.rows() {
            let what = format!("the catalogue counts {} events here, there are {}", self.place.rows(), outcome.events);
            outcome.find(Finding::new(Kind::Catalogue, self.place.seqs().0, what).at(&place));
        }
        let mut unnamed = self.hold(&mut rows, &listing.accounts, &mut outcome);
        self.name(&mut unnamed)?;
        for (_, finding) in unnamed {
            outcome.find(finding);
        }
        Ok(outcome)
    }

    /// A segment that is read must have a membership filter that knows its events.
    fn hold_filter(&self, unfiltered: Option<(i64, u64)>, listing: &Listing, outcome: &mut Outcome) {
        let Some(id) = self.place.segment().filter(|id| !listing.damaged.contains(id)) else { return };
        let lost = (!listing.filters.contains_key(&id)).then_some((self.place.seqs().0, outcome.events));
        let Some((first, events)) = lost.or(unfiltered) else { return };
        let what = format!(
            "the segment's membership filter does not know {events} of its events: were they to come again, they would be stored twice"
        );
        outcome.find(Finding::new(Kind::Catalogue, first, what).at(&self.place.name()).standing_for(0));
        outcome.doubted = Some(id);
    }

    fn read(
        &self,
        part: usize,
        every_column: bool,
        outcome: &mut Outcome,
        take: &mut dyn FnMut(&RecordBatch, &mut Outcome),
    ) -> Result<(), StoreError> {
        match &self.place {
            Place::Page(page) => take(&fresh::decode(&page.data)?, outcome),
            Place::Segment(segment) => {
                let columns: Option<&[&str]> = (!every_column).then_some(&LEDGERED);
                let group = (self.parts > 1).then_some(part);
                for batch in batches_of(segment, columns, group)? {
                    take(&batch.map_err(|e| damaged(segment, e))?, outcome);
                }
            }
        }
        Ok(())
    }

    /// Holds the rows to their batches. What is answered has the row it is about, and is still to be given the event's name.
    fn hold(&self, seen: &mut Rows, accounts: &HashMap<i64, String>, outcome: &mut Outcome) -> Vec<(u32, Finding)> {
        let place = self.place.name();
        let mut unnamed = Vec::new();
        if let Some(later) = seen.each.windows(2).position(|pair| pair[0].seq >= pair[1].seq) {
            let row = &seen.each[later + 1];
            let what = format!("it stands after event {}", seen.each[later].seq);
            unnamed.push((row.at, Finding::new(Kind::Moved, row.seq, what).at(&place)));
            seen.each.sort_by_key(|row| row.seq);
        }
        let mut rows = seen.each.as_slice();
        for (batch, pruned) in &self.batches {
            let strangers = rows.partition_point(|row| row.seq < batch.first_seq);
            add_strangers(&rows[..strangers], None, &place, &mut unnamed);
            rows = &rows[strangers..];
            let mine = rows.partition_point(|row| row.seq < batch.end());
            Held { batch, pruned, accounts, facts: &seen.facts, place: &place }.check(
                &rows[..mine],
                outcome,
                &mut unnamed,
            );
            rows = &rows[mine..];
        }
        add_strangers(rows, None, &place, &mut unnamed);
        unnamed
    }

    /// Enters which events the findings are about: read a second time, which only happens when there is something to say.
    fn name(&self, unnamed: &mut [(u32, Finding)]) -> Result<(), StoreError> {
        if unnamed.is_empty() {
            return Ok(());
        }
        unnamed.sort_by_key(|(row, finding)| (*row, finding.kind));
        let mut before = 0;
        let mut wanted = unnamed.iter_mut().peekable();
        let mut take = |batch: &RecordBatch| {
            let end = before + batch.num_rows();
            while let Some((row, finding)) = wanted.next_if(|(row, _)| (*row as usize) < end) {
                finding.event = Some(event_at(batch, *row as usize - before));
            }
            before = end;
        };
        match &self.place {
            Place::Page(page) => take(&fresh::decode(&page.data)?),
            Place::Segment(segment) => {
                for batch in batches_of(segment, Some(&LEDGERED[..7]), None)? {
                    take(&batch.map_err(|e| damaged(segment, e))?);
                }
            }
        }
        Ok(())
    }
}

/// Takes an identity: its hash, its sequence number, and the event when it is asked for.
type Look<'l> = dyn FnMut(u64, i64, &dyn Fn() -> Event) + 'l;

/// Hands every identity of a unit to `look`: its hash, the sequence number and the event.
pub(in crate::store) fn each_identity(
    place: &Place<'_>,
    hasher: &std::hash::RandomState,
    look: &mut Look<'_>,
) -> Result<(), StoreError> {
    use std::hash::BuildHasher as _;
    let mut take = |batch: &RecordBatch| {
        for row in 0..batch.num_rows() {
            let text = |name| batch.column_by_name(name).and_then(|c| text_at(c.as_ref(), row)).unwrap_or_default();
            let feed = Feed::from_name(text("feed")).filter(|_| Source::from_name(text("source")).is_some());
            let hash = hasher.hash_one((text("account"), feed.map(Feed::name), text("uuid_s")));
            look(hash, fresh::seqs(batch)[row], &|| event_at(batch, row));
        }
    };
    match place {
        Place::Page(page) => take(&fresh::decode(&page.data)?),
        Place::Segment(segment) => {
            for batch in batches_of(segment, Some(&LEDGERED[..7]), None)? {
                take(&batch.map_err(|e| damaged(segment, e))?);
            }
        }
    }
    Ok(())
}

/// What a row says it is.
pub(in crate::store) fn event_at(batch: &RecordBatch, row: usize) -> Event {
    let text = |name| {
        let column = batch.column_by_name(name);
        column.and_then(|c| text_at(c.as_ref(), row)).unwrap_or_default().to_owned()
    };
    let arrived = batch.column_by_name("arrived").and_then(|c| c.as_primitive_opt::<Int64Type>());
    Event {
        account: text("account"),
        feed: text("feed"),
        uuid: text("uuid_s"),
        arrived: Ticks(arrived.map_or(0, |a| a.value(row))),
    }
}

/// The rows of a segment, or of one of its row groups, in order; some columns, or all of them.
pub(in crate::store) fn batches_of(
    segment: &Segment,
    columns: Option<&[&str]>,
    group: Option<usize>,
) -> Result<Batches, StoreError> {
    let columns: Vec<usize> = match columns {
        Some(names) => names.iter().filter_map(|name| schema::position(name)).collect(),
        None => (0..schema::STORED.len()).collect(),
    };
    segment.read(&columns, |builder| {
        let builder = builder.with_batch_size(AT_ONCE);
        match group {
            Some(group) => builder.with_row_groups(vec![group]),
            None => builder,
        }
    })
}

pub(in crate::store) fn damaged(segment: &Segment, e: arrow::error::ArrowError) -> StoreError {
    StoreError::Parquet { path: segment.path.clone(), source: e.into() }
}

/// The error without paths that the finding's place names already.
fn said(e: &StoreError) -> String {
    match e {
        StoreError::Io { source, .. } => source.to_string(),
        StoreError::Parquet { source, .. } => source.to_string(),
        StoreError::Damaged { what } => what.clone(),
        other => other.to_string(),
    }
}
