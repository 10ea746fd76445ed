//! Membership filters that are lost, or that do not know what their segment holds.
//!
//! They lie in the catalogue, and SQLite keeps no sums of its pages: a flipped bit is met by nobody, until an event comes again that its
//! filter has forgotten, and is stored twice. A filter is made of its segment's events alone and always the same, so it can be made anew:
//! at opening where there is none, and where `verify` finds that one does not know an event.

use std::sync::Arc;

use rusqlite::{OptionalExtension as _, params};

use super::StoreError;
use super::damage::{guarded, is_damage};
use super::filter::{Filter, IDENTITY, identities};
use super::intake::Intake;
use super::segment::Segment;

impl Intake {
    /// Makes a segment's filter anew, if it is not the one that its events make; answers whether it did. A segment that cannot be read is marked
    /// as damaged: it needs none.
    pub(super) fn refilter(&mut self, segment: &Arc<Segment>) -> Result<bool, StoreError> {
        let failed = StoreError::sqlite;
        let filter = match guarded(segment, || filter_of(segment)) {
            Err(error) if is_damage(&error) => return self.mark_damaged(segment, &error.to_string()).map(|()| false),
            filter => filter?,
        };
        let bytes = filter.to_bytes();
        let stored: Option<Vec<u8>> = self
            .db
            .query_row("SELECT data FROM filter WHERE segment = ?", [segment.id], |row| row.get(0))
            .optional()
            .map_err(failed("read a segment's filter"))?;
        let Some(known) = self.sealed.iter_mut().find(|s| s.segment.id == segment.id) else { return Ok(false) };
        if stored.is_some_and(|stored| stored == bytes) && known.filter == filter {
            return Ok(false);
        }
        self.db
            .execute("REPLACE INTO filter VALUES (?, ?)", params![segment.id, bytes])
            .map_err(failed("add a segment's filter"))?;
        tracing::warn!(file = %segment.path.display(), "a segment's membership filter was made anew");
        known.filter = filter;
        Ok(true)
    }
}

fn filter_of(segment: &Segment) -> Result<Filter, StoreError> {
    let mut keys = Vec::with_capacity(segment.rows as usize);
    for batch in segment.columns(&IDENTITY)? {
        keys.extend(identities(&batch?));
    }
    Ok(Filter::build(keys))
}
