//! Segments that cannot be read any more: found, marked, and recorded as a gap, so that what the service still has is fetched again.
//!
//! A damaged segment is not given to readers, who are told of it instead, and its identities no longer count as there already. Its file stays
//! for whoever wants to look at it, its batches stay in the ledger, and intake goes on. Where the file comes back from a backup as it was signed,
//! so do its events (`restored`). A file that can be read and is not the one that was signed is no damage but a finding: it stays as it is.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::errors::ParquetError;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::checkpoint::{attestation, file_digest};
use super::intake::Intake;
use super::segment::Segment;
use super::signing::Verifier;
use super::{Layout, Root, StoreError};
use crate::base::time::{HOUR, Ticks};

/// So many segments and not one file: the folder was moved or is not mounted, rather than each of them lost.
pub(super) const ALL_GONE: usize = 8;

/// Does the error say that the file is damaged, rather than that it cannot be read just now (no descriptors, no memory, no permission)?
pub(super) fn is_damage(error: &StoreError) -> bool {
    let lasting = |e: &std::io::Error| {
        matches!(e.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof | ErrorKind::InvalidData)
            || e.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
    };
    match error {
        StoreError::Io { source, .. } => lasting(source),
        StoreError::Parquet { source: ParquetError::External(inner), .. } => {
            inner.downcast_ref::<std::io::Error>().is_none_or(lasting)
        }
        StoreError::Parquet { .. } | StoreError::Damaged { .. } => true,
        _ => false,
    }
}

/// Runs a read of a segment's file. What is in there may be anything by now: a decoder that gives up must not take a thread with it.
pub(super) fn guarded<T>(segment: &Segment, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(StoreError::damaged(format!("{} (it cannot be decoded)", segment.path.display()))))
}

/// A segment that is read, or one that is marked.
pub(super) fn entry(db: &Connection, layout: &Layout, id: i64, marked: bool) -> Result<Option<Segment>, StoreError> {
    let sql = format!(
        "SELECT {} FROM segment WHERE id = ? AND superseded IS NULL AND (damaged IS NOT NULL) = ?",
        Segment::COLUMNS
    );
    db.query_row(&sql, params![id, marked], |row| Segment::from_row(row, &layout.segments()))
        .optional()
        .map_err(StoreError::sqlite("look for a segment"))
}

/// Is the segment's file the one that a key of the store vouches for? `None` where nothing does.
pub(super) fn is_as_signed(db: &Connection, segment: &Segment) -> Result<Option<bool>, StoreError> {
    let signed: Option<(Root, Vec<u8>, String)> = db
        .query_row(
            "SELECT sha256, signature, key FROM attested JOIN signer ON signer.id = signer WHERE segment = ?",
            [segment.id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()
        .map_err(StoreError::sqlite("read what was signed"))?;
    let Some((digest, signature, key)) = signed else { return Ok(None) };
    let file = segment.path.file_name().unwrap_or_default().to_string_lossy();
    let good = key.parse::<Verifier>().is_ok_and(|key| key.verify(&attestation(&key, &file, &digest), &signature));
    if good { Ok(Some(file_digest(&segment.path)? == digest)) } else { Ok(None) }
}

impl Intake {
    /// At opening: are the files of the segments there, and as long as they were? Are those back that were not?
    pub(super) fn look_over(&mut self) -> Result<(), StoreError> {
        self.take_back_all();
        let segments: Vec<_> = self.sealed.iter().map(|s| Arc::clone(&s.segment)).collect();
        let mut found = Vec::new();
        let mut missing = 0;
        for segment in &segments {
            match std::fs::metadata(&segment.path) {
                Ok(file) if file.len() == segment.bytes => {}
                Ok(file) => {
                    found.push((segment, format!("it has {} bytes of {}", file.len(), segment.bytes)));
                }
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    missing += 1;
                    found.push((segment, "its file is missing".to_owned()));
                }
                Err(e) => return Err(StoreError::io(&segment.path, e)),
            }
        }
        if missing >= ALL_GONE && missing == segments.len() {
            return Err(StoreError::NoSegments { dir: self.layout.segments(), segments: missing });
        }
        found.into_iter().try_for_each(|(segment, why)| self.mark_damaged(segment, &why))
    }

    /// Marks a segment as damaged, with a gap for each account and feed that it held events of.
    pub(super) fn mark_damaged(&mut self, segment: &Arc<Segment>, why: &str) -> Result<(), StoreError> {
        let failed = StoreError::sqlite;
        let now = Ticks::now();
        let file = segment.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        tracing::error!(file, why, "a segment is damaged");
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed("mark a damaged segment"))?;
        let gaps = gaps(&tx, segment).map_err(failed("find out what a damaged segment held"))?;
        let mark = || -> rusqlite::Result<()> {
            tx.execute("UPDATE segment SET damaged = ?, damage = ? WHERE id = ?", params![now.0, why, segment.id])?;
            tx.execute("DELETE FROM filter WHERE segment = ?", [segment.id])?;
            tx.execute("DELETE FROM hour WHERE segment = ?", [segment.id])?;
            let why = format!("{} of {} events is damaged: {why}", named_in_gaps(file), segment.rows);
            for (account, feed, first, last) in gaps {
                tx.execute(
                    "INSERT INTO gap (account, feed, first, last, why, noticed) VALUES (?, ?, ?, ?, ?, ?)",
                    params![account, feed, first, last, why, now.0],
                )?;
            }
            Ok(())
        };
        mark().map_err(failed("mark a damaged segment"))?;
        tx.commit().map_err(failed("mark a damaged segment"))?;
        self.swap(std::slice::from_ref(segment), None);
        Ok(())
    }
}

/// How a gap begins to say which segment's events are missing.
pub(super) fn named_in_gaps(file: &str) -> String {
    format!("segment {file}")
}

/// The accounts and feeds of a segment's events, each with the time that they span.
fn gaps(tx: &Connection, segment: &Segment) -> rusqlite::Result<Vec<(String, i64, i64, i64)>> {
    let (first, last) = segment.timestamps.unwrap_or(segment.generated);
    let mut query = tx.prepare(
        "SELECT DISTINCT uuid, batch.feed, \
         (SELECT min(hour) FROM hour WHERE segment = ?3 AND hour.feed = batch.feed), \
         (SELECT max(hour) FROM hour WHERE segment = ?3 AND hour.feed = batch.feed) \
         FROM batch JOIN account ON account.id = account \
         WHERE stored > 0 AND first_seq <= ?2 AND first_seq + stored > ?1",
    )?;
    let rows = query.query_map([segment.seqs.0, segment.seqs.1, segment.id], |r| {
        let hours = r.get::<_, Option<i64>>(2)?.zip(r.get::<_, Option<i64>>(3)?);
        // Whole hours, within what the segment spans.
        let (from, to) = hours.map_or((first, last), |(a, b)| (a.max(first), (b + HOUR - 1).min(last)));
        Ok((r.get(0)?, r.get(1)?, from, to))
    })?;
    rows.collect()
}
