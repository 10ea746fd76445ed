//! A unit of work: the events of one segment or one fresh page, held against the batches they belong to.

use std::collections::HashMap;
use std::io;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};

use super::columns::Columns;
use super::finding::{Event, Finding, Kind};
use super::held::{Held, Row, add_strangers};
use super::listing::{Batch, Listing, PageBlob};
use crate::base::time::Ticks;
use crate::event::columns::text_at;
use crate::event::{Feed, Source, schema};
use crate::store::chain::pruned::Pruned;
use crate::store::chain::{self, Leaf};
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
    pub batches: Vec<(Batch, Pruned)>,
    /// Every column is held to the event's text, not only what the chain covers, whoever vouches for the file.
    pub every_column: bool,
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
}

/// All that the rows of a unit have shown.
struct Seen<'h> {
    rows: Vec<Row>,
    /// Distinct (account, feed, source).
    facts: Vec<(String, String, String)>,
    hasher: &'h std::hash::RandomState,
    scratch: Vec<u8>,
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
    pub fn given_up(&self) -> Outcome {
        let (mut outcome, first) = (Outcome::default(), self.place.seqs().0);
        let finding = Finding::new(Kind::Unreadable, first, "the events here cannot be decoded").at(&self.place.name());
        outcome.find(finding.standing_for(self.place.rows()));
        outcome.doubted = self.place.segment();
        outcome
    }

    /// Looks at the unit. An error is one of this program's rights or of a disk that does not answer, and no finding.
    pub fn run(
        &self,
        listing: &Listing,
        hasher: &std::hash::RandomState,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Outcome, StoreError> {
        let mut outcome = Outcome::default();
        let mut seen = Seen { rows: Vec::new(), facts: Vec::new(), hasher, scratch: Vec::new() };
        // A file that cannot be read is told below.
        let vouched_for = self.is_vouched_for(listing, &mut outcome).unwrap_or(false);
        let every_column = self.every_column || !vouched_for;
        let mut columns = every_column.then(Columns::new);
        let place = self.place.name();
        let mut take = |batch: &RecordBatch, outcome: &mut Outcome| {
            seen.take(batch, outcome);
            if let Some(columns) = &mut columns {
                columns.check(batch, &place, outcome);
            }
            progress(batch.num_rows() as u64);
        };
        match self.read(every_column, &mut outcome, &mut take) {
            Ok(()) => {}
            // Not being let in is for whoever asks to mend; all else is about the store.
            Err(StoreError::Io { path, source }) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Err(StoreError::Io { path, source });
            }
            Err(e) => {
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
        outcome.events = seen.rows.len() as u64;
        if let Place::Segment(segment) = &self.place
            && listing.damaged.contains(&segment.id)
        {
            let what = "the segment is marked as damaged: its events are not given to readers, and may have been fetched again";
            outcome.find(Finding::new(Kind::Unreadable, segment.seqs.0, what).at(&place).standing_for(outcome.events));
            outcome.doubted = vouched_for.then_some(segment.id);
            // What was fetched again stands there twice, and rightly.
            outcome.identities.clear();
        }
        if outcome.events != self.place.rows() {
            let what = format!("the catalogue counts {} events here, there are {}", self.place.rows(), outcome.events);
            outcome.find(Finding::new(Kind::Catalogue, self.place.seqs().0, what).at(&place));
        }
        let mut unnamed = self.hold(&mut seen, &listing.accounts, &mut outcome);
        self.name(&mut unnamed)?;
        for (_, finding) in unnamed {
            outcome.find(finding);
        }
        Ok(outcome)
    }

    fn read(
        &self,
        every_column: bool,
        outcome: &mut Outcome,
        take: &mut dyn FnMut(&RecordBatch, &mut Outcome),
    ) -> Result<(), StoreError> {
        match &self.place {
            Place::Page(page) => take(&fresh::decode(&page.data)?, outcome),
            Place::Segment(segment) => {
                let columns: Option<&[&str]> = (!every_column).then_some(&LEDGERED);
                for batch in batches_of(segment, columns)? {
                    take(&batch.map_err(|e| damaged(segment, e))?, outcome);
                }
            }
        }
        Ok(())
    }

    /// Holds the rows to their batches. What is answered has the row it is about, and is still to be given the event's name.
    fn hold(&self, seen: &mut Seen<'_>, accounts: &HashMap<i64, String>, outcome: &mut Outcome) -> Vec<(u32, Finding)> {
        let place = self.place.name();
        let mut unnamed = Vec::new();
        if let Some(later) = seen.rows.windows(2).position(|pair| pair[0].seq >= pair[1].seq) {
            let row = &seen.rows[later + 1];
            let what = format!("it stands after event {}", seen.rows[later].seq);
            unnamed.push((row.at, Finding::new(Kind::Moved, row.seq, what).at(&place)));
            seen.rows.sort_by_key(|row| row.seq);
        }
        let mut rows = seen.rows.as_slice();
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
                for batch in batches_of(segment, Some(&LEDGERED[..7]))? {
                    take(&batch.map_err(|e| damaged(segment, e))?);
                }
            }
        }
        Ok(())
    }
}

/// Dictionary codes of feed, account and source.
type Codes = [Option<usize>; 3];
/// Codes, and what they stand for: the position among the facts, and feed and source where both exist.
type Known = (Codes, u32, Option<(Feed, Source)>);

impl Seen<'_> {
    fn take(&mut self, batch: &RecordBatch, outcome: &mut Outcome) {
        use std::hash::BuildHasher as _;
        let column = |name| batch.column_by_name(name);
        let numbers = |name| column(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
        let codes = |name| column(name).and_then(|c| c.as_dictionary_opt::<Int32Type>());
        let (Some(seqs), Some(arrived), Some(tags)) = (numbers("seq"), numbers("arrived"), numbers("tag")) else {
            return;
        };
        let (Some(feeds), Some(accounts), Some(sources)) = (codes("feed"), codes("account"), codes("source")) else {
            return;
        };
        let (Some(uuids), Some(raws)) =
            (column("uuid_s").and_then(|c| c.as_string_view_opt()), column("raw").and_then(|c| c.as_string_view_opt()))
        else {
            return;
        };
        let text = |codes: &arrow::array::DictionaryArray<Int32Type>, row| {
            codes.key(row).and_then(|key| text_at(codes.values().as_ref(), key)).unwrap_or_default().to_owned()
        };
        self.rows.reserve(batch.num_rows());
        outcome.identities.reserve(batch.num_rows());
        // The codes of the row before, and what they stand for.
        let mut known: Option<Known> = None;
        for row in 0..batch.num_rows() {
            let key = [feeds.key(row), accounts.key(row), sources.key(row)];
            let (facts, kinds) = match known {
                Some((same, facts, kinds)) if same == key => (facts, kinds),
                _ => {
                    let new = (text(accounts, row), text(feeds, row), text(sources, row));
                    let kinds = Feed::from_name(&new.1).zip(Source::from_name(&new.2));
                    let at = self.facts.iter().position(|f| *f == new).unwrap_or_else(|| {
                        self.facts.push(new);
                        self.facts.len() - 1
                    });
                    known = Some((key, at as u32, kinds));
                    (at as u32, kinds)
                }
            };
            let account = self.facts[facts as usize].0.as_str();
            let (uuid, raw) = (uuids.value(row), raws.value(row).as_bytes());
            // A feed or a source that does not exist has no leaf: it cannot be what was committed.
            let leaf = kinds.map_or([0; 32], |(feed, source)| {
                let arrived = Ticks(arrived.value(row));
                Leaf { account, feed, uuid, arrived, source, raw }.hash_with(&mut self.scratch)
            });
            outcome.raw_bytes += raw.len() as u64;
            outcome.identities.push(self.hasher.hash_one((account, kinds.map(|k| k.0.name()), uuid)));
            let tagged = chain::tag(&leaf) == tags.value(row);
            self.rows.push(Row { seq: seqs.value(row), leaf, facts, at: self.rows.len() as u32, tagged });
        }
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
            for batch in batches_of(segment, Some(&LEDGERED[..7]))? {
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

/// The rows of a segment in order; some columns, or all of them.
pub(in crate::store) fn batches_of(segment: &Segment, columns: Option<&[&str]>) -> Result<Batches, StoreError> {
    let columns: Vec<usize> = match columns {
        Some(names) => names.iter().filter_map(|name| schema::position(name)).collect(),
        None => (0..schema::STORED.len()).collect(),
    };
    segment.read(&columns, |builder| builder.with_batch_size(AT_ONCE))
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
