//! How far into a file an import has come: noted in the store, with the events that it brought.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;

use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::Request;
use crate::store::StoreError;

/// Bytes of a file's beginning by which it is known.
const HEAD: u64 = 64 << 10;

/// What is asked or said of a file's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Mark {
    /// How far is it?
    Look,
    /// Everything before this byte, so many lines, is in the store.
    At(u64, u64),
    /// It was read to its end.
    Done,
}

/// What a file is known by: its length, when it was changed, how it begins, and as what it is imported. `None` for what cannot be read from
/// the middle.
pub(super) fn of(file: &File, request: &Request<'_>) -> std::io::Result<Option<[u8; 32]>> {
    let found = file.metadata()?;
    if !found.is_file() {
        return Ok(None);
    }
    let mut file = file;
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    file.rewind()?;
    let feed = request.feed.map_or("", crate::event::Feed::name);
    let mut digest = Sha256::new();
    digest.update(found.len().to_le_bytes());
    digest.update(found.mtime().to_le_bytes());
    digest.update(found.mtime_nsec().to_le_bytes());
    for part in [request.account.as_bytes(), feed.as_bytes(), &head] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    Ok(Some(digest.finalize().into()))
}

/// Answers or notes a file's place. The events before it are in the store by now: it goes in after them.
pub(in crate::store) fn mark(db: &Connection, file: [u8; 32], mark: Mark) -> Result<Option<(u64, u64)>, StoreError> {
    let done = match mark {
        Mark::Look => db
            .query_row("SELECT bytes, lines FROM import_place WHERE file = ?", [file], |row| {
                Ok((row.get::<_, i64>(0)?.max(0) as u64, row.get::<_, i64>(1)?.max(0) as u64))
            })
            .optional(),
        Mark::At(bytes, lines) => db
            .execute(
                "INSERT INTO import_place VALUES (?, ?, ?, ?) \
                 ON CONFLICT (file) DO UPDATE SET bytes = excluded.bytes, lines = excluded.lines, at = excluded.at",
                params![file, bytes as i64, lines as i64, crate::base::time::Ticks::now().0],
            )
            .map(|_| None),
        Mark::Done => db.execute("DELETE FROM import_place WHERE file = ?", [file]).map(|_| None),
    };
    done.map_err(StoreError::sqlite("note how far an import has come"))
}
