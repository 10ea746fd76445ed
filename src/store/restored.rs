//! Segments that were marked as damaged and whose file is back, byte for byte the one that was signed for: somebody restored it from a backup, or
//! mounted what was not mounted.
//!
//! The segment is read again as if nothing had been. What the collector had fetched again meanwhile is there a second time: those rows are left
//! out of the segment, as retention leaves rows out, with a signed tombstone that says so, and one of them whose text is another stays as a variant.
//! The gaps that the damage had opened are closed.

use arrow::array::RecordBatch;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::catalogue::feed_code;
use super::chain::sha256;
use super::commit::FreshTexts;
use super::damage::{entry, guarded, is_as_signed, named_in_gaps};
use super::file::{Content, Effort, SegmentFile};
use super::filter::{Filter, identity};
use super::intake::{Intake, Sealed};
use super::lock::Holder;
use super::merge::{self, supersede};
use super::names::learned;
use super::records::{account_id, add_hours};
use super::retain::purge::{Order, forget, later_arrivals};
use super::retain::sieve::{Purge, Sieve};
use super::retain::tombstone::{self, Stone};
use super::segment::{Identity, Segment};
use super::{StoreError, fresh};
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::event::columns::text_at;

/// A row whose event was fetched again.
#[derive(Debug)]
struct Twin {
    /// Its number here, and that of the event that came again.
    seqs: (i64, i64),
    /// Where the texts differ.
    other: Option<Other>,
}

#[derive(Debug)]
struct Other {
    account: String,
    feed: Feed,
    uuid: String,
    source: String,
    arrived: i64,
    raw: String,
}

/// A segment that is to be read again.
struct Back {
    content: Content,
    /// By batch of rows: those that are nowhere else.
    keep: Vec<Vec<bool>>,
    twins: Vec<Twin>,
}

impl Intake {
    /// Takes back every marked segment whose file is as it was signed. What fails stays marked.
    pub(super) fn take_back_all(&mut self) {
        let marked: rusqlite::Result<Vec<i64>> = self
            .db
            .prepare("SELECT id FROM segment WHERE damaged IS NOT NULL AND superseded IS NULL")
            .and_then(|mut s| s.query_map([], |row| row.get(0))?.collect());
        for id in marked.unwrap_or_default() {
            if let Err(error) = self.take_back(id) {
                tracing::warn!(%error, segment = id, "a segment that was damaged stays marked");
            }
        }
    }

    /// Takes a marked segment back, if its file is as it was signed; answers whether it is.
    pub(super) fn take_back(&mut self, id: i64) -> Result<bool, StoreError> {
        let Some(segment) = entry(&self.db, &self.layout, id, true)? else { return Ok(false) };
        // Of another length it need not be read.
        let is_as_long = std::fs::metadata(&segment.path).is_ok_and(|file| file.len() == segment.bytes);
        if !is_as_long || is_as_signed(&self.db, &segment)? != Some(true) {
            return Ok(false);
        }
        let back = guarded(&segment, || self.read_back(&segment))?;
        if back.twins.is_empty() {
            self.unmark(segment, back.content)?;
        } else {
            self.take_back_without(&segment, &back)?;
        }
        Ok(true)
    }

    /// Reads the segment, and which of its events are there already.
    fn read_back(&self, segment: &Segment) -> Result<Back, StoreError> {
        let mut back = Back { content: Content::default(), keep: Vec::new(), twins: Vec::new() };
        let mut texts = FreshTexts::of(&self.db);
        for batch in segment.batches()? {
            let batch = batch?;
            back.content.add(&batch);
            let twins = self.twins(&batch, &mut texts)?;
            let mut keep = vec![true; batch.num_rows()];
            for (row, twin) in twins {
                keep[row] = false;
                back.twins.push(twin);
            }
            back.keep.push(keep);
        }
        Ok(back)
    }

    /// The rows of a batch whose events are there already, fresh or in other segments.
    fn twins(&self, batch: &RecordBatch, texts: &mut FreshTexts<'_>) -> Result<Vec<(usize, Twin)>, StoreError> {
        let lost = || StoreError::damaged("a stored column");
        let column = |name| batch.column_by_name(name).ok_or_else(lost);
        let (accounts, feeds, uuids) = (column("account")?, column("feed")?, column("uuid_s")?);
        let (raws, sources, seqs) = (column("raw")?, column("source")?, fresh::seqs(batch));
        let arrived = arrow::array::AsArray::as_primitive_opt::<arrow::datatypes::Int64Type>(column("arrived")?);
        let arrived = arrived.ok_or_else(lost)?;
        let text = |column, row| text_at(column, row).ok_or_else(lost);
        let twin = |row: usize, seq, raw: &str| -> Result<Twin, StoreError> {
            let other = (text(raws, row)? != raw).then(|| {
                Ok::<_, StoreError>(Other {
                    account: text(accounts, row)?.to_owned(),
                    feed: Feed::from_name(text(feeds, row)?).ok_or_else(lost)?,
                    uuid: text(uuids, row)?.to_owned(),
                    source: text(sources, row)?.to_owned(),
                    arrived: arrived.value(row),
                    raw: text(raws, row)?.to_owned(),
                })
            });
            Ok(Twin { seqs: (seqs[row], seq), other: other.transpose()? })
        };
        let mut found = Vec::new();
        let mut asked: Vec<(usize, Identity<'_>)> = Vec::with_capacity(batch.num_rows());
        let mut fresh = self
            .db
            .prepare_cached(
                "SELECT seq FROM fresh WHERE account = (SELECT id FROM account WHERE account.uuid = ?) AND feed = ? AND uuid = ?",
            )
            .map_err(StoreError::sqlite("look for an event"))?;
        for row in 0..batch.num_rows() {
            let (account, uuid) = (text(accounts, row)?, text(uuids, row)?);
            let feed = Feed::from_name(text(feeds, row)?).ok_or_else(lost)?;
            let seq: Option<i64> = fresh
                .query_row(params![account, feed_code(feed), uuid], |r| r.get(0))
                .optional()
                .map_err(StoreError::sqlite("look for an event"))?;
            match seq {
                // Where its page rotted nothing is known of its text: no event's is empty, so this one's is kept beside it.
                Some(seq) => found.push((row, twin(row, seq, texts.text(seq)?.unwrap_or_default())?)),
                None => asked.push((row, Identity { account, feed, uuid })),
            }
        }
        for Sealed { segment, filter, .. } in &self.sealed {
            let may = |id: &Identity<'_>| filter.may_hold(identity(id.account, id.feed, id.uuid));
            let (rows, wanted): (Vec<usize>, Vec<Identity<'_>>) =
                asked.iter().filter(|(_, id)| may(id)).copied().unzip();
            if wanted.is_empty() {
                continue;
            }
            for hit in guarded(segment, || segment.find(&wanted))? {
                let row = rows[hit.wanted];
                found.push((row, twin(row, hit.seq, &hit.raw)?));
            }
        }
        found.sort_by_key(|(row, _)| *row);
        Ok(found)
    }

    /// All of it is read again.
    fn unmark(&mut self, segment: Segment, content: Content) -> Result<(), StoreError> {
        let failed = StoreError::sqlite;
        let filter = Filter::build(content.keys);
        let tx =
            self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("take a segment back"))?;
        clear(&tx, &segment)?;
        tx.execute("REPLACE INTO filter VALUES (?, ?)", params![segment.id, filter.to_bytes()])
            .map_err(failed("add a segment's filter"))?;
        add_hours(&tx, segment.id, &content.hours)?;
        // Retention may have forgotten them meanwhile.
        for batch in segment.columns(&learned::columns())? {
            self.names.learn(&tx, &batch?)?;
        }
        tx.commit().map_err(failed("take a segment back"))?;
        tracing::warn!(file = %segment.path.display(), "a segment that was damaged is back as it was signed");
        self.swap(&[], Some(Sealed { segment: segment.into(), filter, altered: false }));
        Ok(())
    }

    /// What is not there already is read again, from a file of its own.
    fn take_back_without(&mut self, segment: &Segment, back: &Back) -> Result<(), StoreError> {
        let failed = StoreError::sqlite;
        let number = self.next_number()?;
        let name = merge::name_of(segment.seqs, number);
        let mut file = SegmentFile::create(&self.layout, name, Effort::Keeping)?;
        let purge = match self.sieve_back(segment, back, &mut file) {
            Ok(purge) => purge,
            Err(error) => {
                file.discard();
                return Err(error);
            }
        };
        let written = if file.rows() > 0 {
            Some(file.finish()?)
        } else {
            file.discard();
            None
        };
        let again = later_arrivals(&self.db, &purge)?;
        let now = Ticks::now();
        let tx =
            self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("take a segment back"))?;
        clear(&tx, segment)?;
        supersede(&tx, segment.id, now)?;
        let sealed = match written {
            Some(written) => {
                let segment = written.enter(&tx, &self.layout, &self.notary)?.into();
                Some(Sealed { segment, filter: written.filter, altered: false })
            }
            None => None,
        };
        for batch in segment.columns(&learned::columns())? {
            self.names.learn(&tx, &batch?)?;
        }
        keep_variants(&tx, &back.twins)?;
        forget(&tx, &purge, &again)?;
        let file = segment.path.file_name().unwrap_or_default().to_string_lossy();
        let policy = format!("fetched again while {file} was damaged");
        let by = format!("the store on {}, uid {}", Holder::here().host, rustix::process::geteuid().as_raw());
        let order = Order { policy: &policy, by: &by };
        let stone = Stone { at: now, order, purge: &purge, variants: 0, quarantined: 0 };
        tombstone::set(&tx, self.notary.signer(), &stone)?;
        tx.commit().map_err(failed("take a segment back"))?;
        tracing::warn!(
            file = %segment.path.display(),
            twice = back.twins.len(),
            "a segment that was damaged is back as it was signed, without the events that had been fetched again"
        );
        self.swap(&[], sealed);
        Ok(())
    }

    fn sieve_back(&self, segment: &Segment, back: &Back, file: &mut SegmentFile) -> Result<Purge, StoreError> {
        let bytes = segment.bytes as f64 / segment.rows.max(1) as f64;
        let mut sieve = Sieve::new(&self.db, segment.seqs, bytes)?;
        for (batch, keep) in segment.batches()?.zip(&back.keep) {
            let stays = sieve.push(&batch?, keep.clone())?;
            if stays.num_rows() > 0 {
                file.write(&stays)?;
            }
        }
        sieve.finish()
    }
}

/// The segment is not marked any more, and what it was missed for is not missing.
fn clear(tx: &Connection, segment: &Segment) -> Result<(), StoreError> {
    let file = segment.path.file_name().unwrap_or_default().to_string_lossy();
    let why = format!("{} of ", named_in_gaps(&file));
    let clear = || -> rusqlite::Result<()> {
        tx.execute("UPDATE segment SET damaged = NULL, damage = NULL WHERE id = ?", [segment.id])?;
        tx.execute(
            "UPDATE gap SET closed = ?1 WHERE closed IS NULL AND substr(why, 1, length(?2)) = ?2",
            params![Ticks::now().0, why],
        )?;
        Ok(())
    };
    clear().map_err(StoreError::sqlite("take a segment back"))
}

/// The variants of an event go over to the one that came again, and its own text is one of them where it is another.
fn keep_variants(tx: &Connection, twins: &[Twin]) -> Result<(), StoreError> {
    for Twin { seqs: (was, is), other } in twins {
        let account = other.as_ref().map(|other| account_id(tx, &other.account)).transpose()?;
        let write = || -> rusqlite::Result<()> {
            tx.prepare_cached("UPDATE variant SET seq = ? WHERE seq = ?")?.execute([is, was])?;
            let Some(Other { feed, uuid, source, arrived, raw, .. }) = other else { return Ok(()) };
            let digest = sha256(&[raw.as_bytes()]);
            tx.prepare_cached(
                "INSERT INTO variant (account, feed, uuid, seq, digest, source, arrived, arrivals, raw) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?) \
                 ON CONFLICT (account, feed, uuid, digest) DO UPDATE SET arrivals = arrivals + 1",
            )?
            .execute(params![account, feed_code(*feed), uuid, is, digest, source, arrived, raw.as_bytes()])
            .map(drop)
        };
        write().map_err(StoreError::sqlite("keep a variant"))?;
    }
    Ok(())
}
