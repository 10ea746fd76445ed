//! Doubts: segments that somebody who only reads could not read, or found whole although they are marked as damaged, or whose membership filter
//! does not know their events.
//!
//! A query, the console or `verify` may meet damage first, in a process that is not the writer. It adds the segment's number to a file beside the
//! catalogue, `evidence/doubts`; whoever may only read the store cannot, and says so. The writer looks at the file at opening and every few
//! seconds, and then at each segment itself: nobody's word marks a segment as damaged or takes one back.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::damage::{ALL_GONE, guarded, is_damage};
use super::intake::Intake;
use super::lock::{Holder, WriterLock};
use super::segment::Segment;
use super::verify::unit::batches_of;
use super::{Layout, Options, StoreError, damage, modes};

/// A file of this length is not added to: nobody has looked at it for long.
const LONGEST: u64 = 16 * 1024;

/// Who looks at the segments that were doubted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The process that writes the store, within seconds.
    Writer(Holder),
    /// They have been looked at: so many were marked as damaged, so many taken back, and of so many the membership filter was made anew.
    Settled { marked: u64, back: u64, refiltered: u64 },
    /// Nobody: this person may not change the store.
    Nobody,
}

/// Has the writer look at segments again, by their numbers: the process that writes the store where there is one, else this one.
pub fn tell(data_dir: &Path, segments: &[i64]) -> Result<Told, StoreError> {
    let layout = Layout::of(data_dir);
    match raise(&layout, segments) {
        Err(StoreError::Io { source, .. })
            if matches!(
                source.kind(),
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            return Ok(Told::Nobody);
        }
        raised => raised?,
    }
    let _lock = match WriterLock::take(&layout.lock()) {
        Ok(lock) => lock,
        Err(StoreError::Locked { holder, .. }) => return Ok(Told::Writer(holder)),
        Err(error) => return Err(error),
    };
    let before = marked(&layout)?;
    let mut intake = Intake::open(layout, Options::default())?;
    let refiltered = intake.look_at_doubts();
    let after = marked(&intake.layout)?;
    let of = |these: &[i64], others: &[i64]| these.iter().filter(|id| !others.contains(id)).count() as u64;
    Ok(Told::Settled { marked: of(&after, &before), back: of(&before, &after), refiltered })
}

/// The same from within a query, which has other things to do: somebody will look.
pub fn doubt(segment: &Segment) {
    if let Some(root) = segment.path.parent().and_then(Path::parent)
        && let Some(data_dir) = root.parent()
        && let Err(error) = raise(&Layout::of(data_dir), &[segment.id])
    {
        tracing::debug!(%error, "the writer is not told of a segment that cannot be read");
    }
}

fn raise(layout: &Layout, segments: &[i64]) -> Result<(), StoreError> {
    let path = layout.doubts();
    let io = |e| StoreError::io(&path, e);
    if std::fs::metadata(&path).is_ok_and(|file| file.len() > LONGEST) {
        return Ok(());
    }
    let mut file = modes::open(OpenOptions::new().append(true).create(true), &path, modes::PRIVATE)?;
    // One write, so that lines of two processes do not mix.
    let mut lines = String::new();
    for id in segments {
        let _ = writeln!(lines, "{id}");
    }
    file.write_all(lines.as_bytes()).map_err(io)
}

/// The doubts raised so far, each once. They are gone from the file then.
fn take(layout: &Layout) -> Vec<i64> {
    let (path, taken) = (layout.doubts(), layout.doubts().with_extension("taken"));
    if std::fs::rename(&path, &taken).is_err() {
        return Vec::new();
    }
    let text = std::fs::read_to_string(&taken).unwrap_or_default();
    let _ = std::fs::remove_file(&taken);
    let mut ids: Vec<i64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn marked(layout: &Layout) -> Result<Vec<i64>, StoreError> {
    let db = super::catalogue::open_reader(&layout.catalogue())?;
    let has = super::catalogue::schema_version(&db)? >= 2;
    let sql = "SELECT id FROM segment WHERE damaged IS NOT NULL AND superseded IS NULL";
    let read = || if has { db.prepare(sql)?.query_map([], |row| row.get(0))?.collect() } else { Ok(Vec::new()) };
    read().map_err(StoreError::sqlite("list damaged segments"))
}

impl Intake {
    /// Looks at the segments that somebody doubts, and answers how many filters it made anew. What cannot be settled is logged, and intake
    /// goes on.
    pub(super) fn look_at_doubts(&mut self) -> u64 {
        let mut refiltered = 0;
        for id in take(&self.layout) {
            match self.look_again(id) {
                Ok(anew) => refiltered += u64::from(anew),
                Err(error) => {
                    tracing::error!(%error, segment = id, "a segment that was doubted could not be looked at");
                }
            }
        }
        refiltered
    }

    /// Settles a doubt; answers whether the segment's filter was made anew.
    fn look_again(&mut self, id: i64) -> Result<bool, StoreError> {
        let Some(known) = self.sealed.iter().find(|s| s.segment.id == id) else {
            return self.take_back(id).map(|_| false);
        };
        let known = Arc::clone(&known.segment);
        let missing = self.sealed.iter().filter(|s| !s.segment.path.exists()).count();
        if missing >= ALL_GONE && missing == self.sealed.len() {
            return Err(StoreError::NoSegments { dir: self.layout.segments(), segments: missing });
        }
        // Its footer may have been read before something happened to it.
        let Some(segment) = damage::entry(&self.db, &self.layout, id, false)? else { return Ok(false) };
        match read_whole(&self.db, &segment) {
            Err(error) if is_damage(&error) => self.mark_damaged(&known, &error.to_string()).map(|()| false),
            Err(error) => Err(error),
            Ok(()) => self.refilter(&known),
        }
    }
}

/// Reads a segment from end to end, unless its file is the one that was signed for.
fn read_whole(db: &rusqlite::Connection, segment: &Segment) -> Result<(), StoreError> {
    if damage::is_as_signed(db, segment)? == Some(true) {
        return Ok(());
    }
    guarded(segment, || {
        for batch in batches_of(segment, None, None)? {
            batch.map_err(|e| super::verify::unit::damaged(segment, e))?;
        }
        Ok(())
    })
}
