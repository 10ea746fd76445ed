//! The walk over a range: which events, and the proof that they are what was committed.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use rusqlite::Connection;

use super::bundle::{BatchProof, FeedSummary, GapSummary};
use super::{ExportError, Format, Options, Out, Predicate};
use crate::base::time::Ticks;
use crate::event::columns::text_at;
use crate::event::{Feed, Source};
use crate::store::chain::pruned::{Node, Pruned};
use crate::store::chain::{self, Leaf, Root};
use crate::store::checkpoint::{Checkpoint, SignedHead};
use crate::store::segment::Segment;
use crate::store::signing::hex;
use crate::store::verify::listing::{Batch, Batches, Listing, PageBlob};
use crate::store::verify::unit::{batches_of, damaged};
use crate::store::{Head, Layout, Reader, StoreError, catalogue, fresh};

/// What came of the walk.
pub(super) struct Found {
    pub count: u64,
    pub bytes: u64,
    pub digest: Root,
    pub seqs: Option<(i64, i64)>,
    pub feeds: BTreeMap<String, FeedSummary>,
    pub gaps: Vec<GapSummary>,
    pub batches: Vec<BatchProof>,
    pub checkpoint: Option<SignedHead>,
    pub head: Head,
    pub altered: BTreeMap<String, u64>,
}

pub(super) struct Range<'o> {
    db: Connection,
    listing: Listing,
    options: &'o Options,
    out: Out,
    gaps: Vec<GapSummary>,
    count: u64,
    seqs: Option<(i64, i64)>,
    feeds: BTreeMap<String, (u64, Option<(i64, i64)>)>,
    /// From the first that holds an event of the export; the last that does.
    proofs: Vec<BatchProof>,
    last_held: usize,
}

/// A row of a unit.
struct Row {
    seq: i64,
    leaf: Root,
    keep: bool,
}

impl<'o> Range<'o> {
    pub fn new(reader: &Reader, layout: &Layout, options: &'o Options, out: Out) -> Result<Self, ExportError> {
        let db = catalogue::open_reader(&layout.catalogue())?;
        let listing = Listing::read(&db, layout)?;
        let within = |from: Option<Ticks>, to: Option<Ticks>| {
            options.to.is_none_or(|end| from.is_none_or(|from| from < end))
                && options.from.is_none_or(|start| to.is_none_or(|to| to >= start))
        };
        let mine = |feed: Option<Feed>| feed.is_none_or(|f| options.feeds.is_empty() || options.feeds.contains(&f));
        let gaps = reader.gaps(usize::MAX >> 1)?.into_iter().filter(|gap| mine(gap.feed) && within(gap.from, gap.to));
        let time = |t: Option<Ticks>| t.map(|t| t.to_string());
        let gaps = gaps.map(|gap| GapSummary {
            account: gap.account,
            feed: gap.feed.map(|f| f.name().to_owned()),
            from: time(gap.from),
            to: time(gap.to),
            why: gap.why,
            noticed: gap.noticed.to_string(),
            closed: time(gap.closed),
        });
        let gaps = gaps.collect();
        let (count, seqs, feeds, proofs) = (0, None, BTreeMap::new(), Vec::new());
        Ok(Self { db, listing, options, out, gaps, count, seqs, feeds, proofs, last_held: 0 })
    }

    /// Looks at every unit in order.
    pub fn walk(
        &mut self,
        mut predicate: Option<&mut Predicate<'_>>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), ExportError> {
        let segments = std::mem::take(&mut self.listing.segments);
        let pages = std::mem::take(&mut self.listing.pages);
        let total = segments.iter().map(|s| s.rows).chain(pages.iter().map(|p| p.rows)).sum();
        let db = catalogue::open_reader(Path::new(self.db.path().unwrap_or_default()))?;
        let mut ledger = Batches::new(&db, &self.listing);
        let mut waiting = ledger.next()?;
        let units = segments.iter().map(Unit::Segment).chain(pages.iter().map(Unit::Page));
        let mut done = 0;
        for unit in units {
            let mut mine = Vec::new();
            while let Some(batch) = waiting.take_if(|batch| batch.first_seq <= unit.last()) {
                mine.push(batch);
                waiting = ledger.next()?;
            }
            self.unit(&unit, &mine, &mut predicate)?;
            done += unit.rows();
            progress(done, total);
        }
        while let Some(batch) = waiting {
            self.prove(&batch, &[])?;
            waiting = ledger.next()?;
        }
        Ok(())
    }

    fn unit(
        &mut self,
        unit: &Unit<'_>,
        ledger: &[Batch],
        predicate: &mut Option<&mut Predicate<'_>>,
    ) -> Result<(), ExportError> {
        let mut rows: Vec<Row> = Vec::new();
        let proves = self.options.format == Format::Ndjson;
        let has_trees = ledger.iter().all(|batch| batch.tree.is_some());
        if self.can_pass(unit) && has_trees {
            return ledger.iter().try_for_each(|batch| Ok(self.prove(batch, &[])?));
        }
        let mut scratch = Vec::new();
        let mut take = |batch: &RecordBatch, range: &mut Self| -> Result<(), ExportError> {
            let keep = range.select(batch, predicate)?;
            let number = |seq: i64| {
                let at = ledger.partition_point(|batch| batch.first_seq <= seq);
                at.checked_sub(1).and_then(|at| ledger.get(at)).map_or(0, |batch| batch.number)
            };
            range.out.write(batch, &keep, &number)?;
            if proves {
                leaves(batch, &keep, &mut scratch, &mut rows).ok_or_else(|| StoreError::damaged(unit.name()))?;
            }
            Ok(())
        };
        match unit {
            Unit::Page(page) => take(&fresh::decode(&page.data)?, self)?,
            Unit::Segment(segment) => {
                for batch in batches_of(segment, None, None)? {
                    take(&batch.map_err(|e| damaged(segment, e))?, self)?;
                }
            }
        }
        if proves {
            let mut rest = rows.as_slice();
            for batch in ledger {
                let from = rest.partition_point(|row| row.seq < batch.first_seq);
                let to = rest.partition_point(|row| row.seq < batch.end());
                self.prove(batch, &rest[from..to])?;
                rest = &rest[to..];
            }
        }
        Ok(())
    }

    /// Is nothing of this unit in the range, or nothing that could be read?
    fn can_pass(&self, unit: &Unit<'_>) -> bool {
        let Unit::Segment(segment) = unit else { return false };
        // The gap that it left is in the manifest.
        if self.listing.damaged.contains(&segment.id) {
            return true;
        }
        // An event without a time stands at its arrival.
        let outside = |(first, last): (i64, i64)| {
            self.options.from.is_some_and(|from| last < from.0) || self.options.to.is_some_and(|to| first >= to.0)
        };
        segment.timestamps.is_none_or(outside) && outside(segment.generated)
    }

    /// Which rows are asked for; counts them.
    fn select(
        &mut self,
        batch: &RecordBatch,
        predicate: &mut Option<&mut Predicate<'_>>,
    ) -> Result<Vec<bool>, ExportError> {
        let incomplete = || StoreError::damaged("a batch of events");
        let column = |name| batch.column_by_name(name).ok_or_else(incomplete);
        let numbers = |name| column(name)?.as_primitive_opt::<Int64Type>().ok_or_else(incomplete);
        let (times, arrived, seqs) = (numbers("timestamp")?, numbers("arrived")?, numbers("seq")?);
        let feeds = column("feed")?;
        let Options { from, to, feeds: wanted, .. } = self.options;
        let mut keep = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let at = if times.is_null(row) { arrived.value(row) } else { times.value(row) };
            let feed = text_at(feeds, row).and_then(Feed::from_name);
            keep.push(
                from.is_none_or(|from| at >= from.0)
                    && to.is_none_or(|to| at < to.0)
                    && (wanted.is_empty() || feed.is_some_and(|feed| wanted.contains(&feed))),
            );
        }
        if let Some(predicate) = predicate
            && keep.contains(&true)
        {
            let matching = predicate(batch).map_err(ExportError::Predicate)?;
            keep.iter_mut().zip(matching).for_each(|(keep, matches)| *keep &= matches);
        }
        for row in (0..batch.num_rows()).filter(|row| keep[*row]) {
            let seq = seqs.value(row);
            self.count += 1;
            self.seqs = Some((self.seqs.map_or(seq, |(first, _)| first), seq));
            let name = text_at(feeds, row).unwrap_or_default();
            if !self.feeds.contains_key(name) {
                self.feeds.insert(name.to_owned(), (0, None));
            }
            if let Some((count, span)) = self.feeds.get_mut(name) {
                *count += 1;
                let at = times.is_valid(row).then(|| times.value(row));
                *span = at.map_or(*span, |at| Some(span.map_or((at, at), |(a, b)| (a.min(at), b.max(at)))));
            }
        }
        Ok(keep)
    }

    /// Enters a batch: what of it is in the export, and hashes for the rest. Batches before the first with an event are not needed.
    fn prove(&mut self, batch: &Batch, rows: &[Row]) -> Result<(), StoreError> {
        if self.options.format != Format::Ndjson {
            return Ok(());
        }
        let held = rows.iter().any(|row| row.keep);
        if !held && self.proofs.is_empty() {
            return Ok(());
        }
        let broken = || {
            StoreError::damaged(format!("batch {}: what is stored of it is not what was committed; it", batch.number))
        };
        let stored = self.listing.pruned_of(batch).ok_or_else(broken)?;
        let pruned = match batch.tree {
            Some(hash) if !held => {
                let nodes = if batch.stored == 0 { Vec::new() } else { vec![Node { at: 0, size: batch.stored, hash }] };
                Pruned::from_nodes(batch.stored, nodes).ok_or_else(broken)?
            }
            _ => {
                let leaves: Vec<Root> = rows.iter().map(|row| row.leaf).collect();
                let keep: Vec<bool> = rows.iter().map(|row| row.keep).collect();
                let tree = stored.tree(&leaves).ok_or_else(broken)?;
                if chain::root(batch.number, &batch.before, batch.first_seq, batch.stored, &tree) != batch.root {
                    return Err(broken());
                }
                stored.prune(&leaves, &keep).ok_or_else(broken)?
            }
        };
        self.proofs.push(BatchProof {
            number: batch.number,
            before: hex(&batch.before),
            root: hex(&batch.root),
            first_seq: batch.first_seq,
            leaves: batch.stored,
            pruned: BatchProof::nodes(&pruned),
        });
        if held {
            self.last_held = self.proofs.len();
        }
        Ok(())
    }

    /// Ends the file of events, and the proof with the next signed head.
    pub fn finish(mut self) -> Result<Found, StoreError> {
        let last = self.last_held.checked_sub(1).map_or(0, |at| self.proofs[at].number);
        let mut signed = self.listing.checkpoints.iter().filter(|s| s.head.batches <= self.listing.head.batches);
        let signed = if last == 0 { signed.next_back() } else { signed.find(|s| s.head.batches >= last) };
        let checkpoint = signed.and_then(|signed| {
            let key = self.listing.signers.get(&signed.signer)?.clone();
            let checkpoint = Checkpoint { origin: key.name().to_owned(), head: signed.head, at: signed.at };
            Some(SignedHead { checkpoint, key, signature: signed.signature.clone() })
        });
        let end = checkpoint.as_ref().map_or(last, |signed| signed.checkpoint.head.batches);
        self.proofs.retain(|proof| proof.number <= end);
        let (digest, bytes, altered) = self.out.finish()?;
        let time = |ticks: i64| Ticks(ticks).to_string();
        let feeds = self.feeds.into_iter().map(|(name, (count, span))| {
            let (first, last) = span.map(|(first, last)| (time(first), time(last))).unzip();
            (name, FeedSummary { count, first, last })
        });
        Ok(Found {
            count: self.count,
            bytes,
            digest,
            seqs: self.seqs,
            feeds: feeds.collect(),
            gaps: self.gaps,
            batches: self.proofs,
            checkpoint,
            head: self.listing.head,
            altered,
        })
    }
}

enum Unit<'l> {
    Segment(&'l Segment),
    Page(&'l PageBlob),
}

impl Unit<'_> {
    fn last(&self) -> i64 {
        match self {
            Self::Segment(segment) => segment.seqs.1,
            Self::Page(page) => page.seqs.1,
        }
    }

    fn rows(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.rows,
            Self::Page(page) => page.rows,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Segment(segment) => segment.path.display().to_string(),
            Self::Page(page) => format!("the fresh page of events {} to {}", page.seqs.0, page.seqs.1),
        }
    }
}

/// The leaves of a batch's rows.
fn leaves(batch: &RecordBatch, keep: &[bool], scratch: &mut Vec<u8>, rows: &mut Vec<Row>) -> Option<()> {
    let arrived = batch.column_by_name("arrived")?.as_primitive_opt::<Int64Type>()?;
    let text = |name: &str, row| batch.column_by_name(name).and_then(|c| text_at(c.as_ref(), row));
    for (row, keep) in keep.iter().enumerate() {
        let leaf = Leaf {
            account: text("account", row)?,
            feed: Feed::from_name(text("feed", row)?)?,
            uuid: text("uuid_s", row)?,
            arrived: Ticks(arrived.value(row)),
            source: Source::from_name(text("source", row)?)?,
            raw: text("raw", row)?.as_bytes(),
        };
        rows.push(Row { seq: fresh::seqs(batch)[row], leaf: leaf.hash_with(scratch), keep: *keep });
    }
    Some(())
}
