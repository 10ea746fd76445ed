//! Files of segments that nothing names any more, and when they may go.
//!
//! A superseded segment stays longer than a query may last, so that whoever has a snapshot can finish reading it. And it stays until the
//! catalogue's log has been folded: should the log's tail be damaged later, a catalogue of before would name this file again.

use std::collections::HashSet;
use std::path::Path;

use super::StoreError;
use super::file::sync_dir;
use super::intake::Intake;
use crate::base::fault;
use crate::base::time::{MINUTE, Ticks};

/// A query may last ten minutes; a reader may have taken its snapshot a little before it began.
pub(super) const GRACE: i64 = 15 * MINUTE;

impl Intake {
    /// Removes what no query can still read. Answers when there is more to remove.
    pub(super) fn remove_superseded(&mut self, now: Ticks) -> Result<Option<Ticks>, StoreError> {
        let failed = StoreError::sqlite;
        let grace = self.options.grace;
        let all: Vec<(i64, String, i64)> = self
            .db
            .prepare_cached("SELECT id, file, superseded FROM segment WHERE superseded IS NOT NULL ORDER BY superseded")
            .and_then(|mut s| s.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect())
            .map_err(failed("list superseded segments"))?;
        let ripe = all.partition_point(|(.., at)| at.saturating_add(grace) <= now.0);
        let (ripe, later) = all.split_at(ripe);
        let next = later.first().map(|(.., at)| Ticks(at + grace));
        if ripe.is_empty() {
            return Ok(next);
        }
        if !self.fold_log_soon() {
            return Ok(Some(Ticks(now.0 + MINUTE)));
        }
        for (_, file, _) in ripe {
            let path = self.layout.segments().join(file);
            match fault::before("superseded.remove", &path).and_then(|()| std::fs::remove_file(&path)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::io(&path, e)),
                _ => {}
            }
        }
        sync_dir(&self.layout.segments())?;
        // Only now: a row without a file costs nothing, a file without a row would be forgotten until the next opening.
        fault::at("superseded.forget").map_err(StoreError::doing("forget superseded segments"))?;
        let tx = self.db.transaction().map_err(failed("forget superseded segments"))?;
        for (id, ..) in ripe {
            tx.execute("DELETE FROM segment WHERE id = ?", [id]).map_err(failed("forget superseded segments"))?;
        }
        tx.commit().map_err(failed("forget superseded segments"))?;
        Ok(next)
    }

    /// At opening: files that the catalogue does not know, of a sealing or a merge that was cut off. Their events are in the pages or segments
    /// that it does know; where that is not so, because commits were lost, the file is kept for people to look at.
    pub(super) fn clear_leftovers(&self, through: i64) {
        let known: Result<HashSet<String>, _> =
            self.db.prepare("SELECT file FROM segment").and_then(|mut s| s.query_map([], |row| row.get(0))?.collect());
        let (Ok(known), Ok(files)) = (known, std::fs::read_dir(self.layout.segments())) else { return };
        for path in files.flatten().map(|file| file.path()) {
            let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
            let written_by_us = Path::new(name).extension().is_some_and(|e| e == "tmp" || e == "parquet");
            if !written_by_us || known.contains(name) {
                continue;
            }
            let unfinished = path.extension().is_some_and(|e| e == "tmp");
            if unfinished || self.holds_elsewhere(name, through) {
                let _ = std::fs::remove_file(&path);
            } else {
                let kept = path.with_extension("orphan");
                tracing::error!(file = %kept.display(), "a segment that the catalogue does not know holds events that it does not have");
                let _ = std::fs::rename(&path, kept);
            }
        }
    }

    /// Are the events of an unknown file, as its name tells them, in files that are there, or in pages?
    fn holds_elsewhere(&self, name: &str, through: i64) -> bool {
        let mut numbers = name.split(['-', '.']).map_while(|part| part.parse::<i64>().ok());
        let (Some(first), Some(last)) = (numbers.next(), numbers.next()) else { return false };
        last <= through
            && self
                .sealed
                .iter()
                .filter(|s| s.segment.seqs.0 <= last && s.segment.seqs.1 >= first)
                .all(|s| s.segment.path.exists())
    }
}
