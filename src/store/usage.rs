//! Where the bytes of a store are: by kind of file, by column of the segments, by table of the catalogue.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Reader, StoreError};
use crate::event::schema::STORED;

/// Where a store's bytes are. Segments that have been superseded and wait to be removed count among the files and in no column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Events, fresh and sealed.
    pub events: u64,
    /// What the disk gives the files of the store, as `du` counts.
    pub on_disk: u64,
    /// By kind, in bytes: segments, superseded segments, catalogue, other.
    pub files: Vec<(&'static str, u64)>,
    /// Events in the segments that are read.
    pub sealed: u64,
    /// The columns of those, in the order of the schema.
    pub columns: Vec<ColumnUsage>,
    /// What a segment has beside columns: footer, page index.
    pub footers: u64,
    /// Tables and indexes of the catalogue, the largest first. Empty where SQLite cannot tell.
    pub tables: Vec<(String, u64)>,
}

/// What a column takes in all segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnUsage {
    pub name: &'static str,
    /// Its values, compressed.
    pub values: u64,
    /// The same before compression and after encoding.
    pub encoded: u64,
    /// Its bloom filters.
    pub filters: u64,
}

impl Reader {
    /// Reads every segment's footer and counts the catalogue's pages: some milliseconds a segment.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let snapshot = self.snapshot()?;
        let mut usage = Usage { events: snapshot.rows(), ..Usage::default() };
        let empty = |name| ColumnUsage { name, values: 0, encoded: 0, filters: 0 };
        usage.columns = STORED.iter().map(|column| empty(column.name)).collect();
        let mut live = 0;
        for segment in &snapshot.segments {
            let metadata = segment.metadata()?.metadata();
            let mut here = 0;
            for group in metadata.row_groups() {
                for (chunk, column) in group.columns().iter().zip(&mut usage.columns) {
                    let count = |n: i64| n.max(0) as u64;
                    let filter = chunk.bloom_filter_length().map_or(0, |n| count(n.into()));
                    column.values += count(chunk.compressed_size());
                    column.encoded += count(chunk.uncompressed_size());
                    column.filters += filter;
                    here += count(chunk.compressed_size()) + filter;
                }
            }
            usage.sealed += segment.rows;
            usage.footers += segment.bytes.saturating_sub(here);
            live += segment.bytes;
        }
        let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
        walk(self.layout().root(), &mut |path, file| {
            let kind = match path.file_name().and_then(|name| name.to_str()).unwrap_or_default() {
                name if name.starts_with("catalogue.db") => "catalogue",
                name if name.ends_with(".parquet") => "segments",
                _ => "other",
            };
            *kinds.entry(kind).or_default() += file.len();
            usage.on_disk += file.blocks() * 512;
        })?;
        let of = |kind| kinds.get(kind).copied().unwrap_or(0);
        usage.files = vec![
            ("segments", live),
            ("superseded segments", of("segments").saturating_sub(live)),
            ("catalogue", of("catalogue")),
            ("other", of("other")),
        ];
        usage.tables = self
            .with("count the catalogue's pages", |db| {
                db.prepare("SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE ORDER BY pgsize DESC")?
                    .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.max(0) as u64)))?
                    .collect()
            })
            .unwrap_or_default();
        Ok(usage)
    }
}

/// Calls `each` with every file below a folder.
fn walk(folder: &Path, each: &mut dyn FnMut(&Path, &std::fs::Metadata)) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(folder).map_err(|e| StoreError::io(folder, e))? {
        let path = entry.map_err(|e| StoreError::io(folder, e))?.path();
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => walk(&path, each)?,
            Ok(found) => each(&path, &found),
            // A file that was superseded, and went meanwhile.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(StoreError::io(&path, e)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Ticks;
    use crate::event::{Feed, Source};
    use crate::store::{Page, Writer};

    #[test]
    fn every_byte_of_a_segment_is_a_columns_or_the_footers() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        let items = (0..500).map(|n| format!(r#"{{"uuid":"E{n}","action":"a"}}"#).into()).collect();
        let page = Page::new("A".into(), Feed::AuditEvents, Source::Live, Ticks(1_000), items);
        writer.handle().commit_blocking(page).unwrap();
        writer.handle().seal(0).blocking_recv().unwrap().unwrap();
        writer.close();
        let reader = Reader::open(dir.path()).unwrap();
        let usage = reader.usage().unwrap();
        assert_eq!((usage.events, usage.sealed), (500, 500));
        let columns: u64 = usage.columns.iter().map(|c| c.values + c.filters).sum();
        let of = |kind| usage.files.iter().find(|(name, _)| *name == kind).unwrap().1;
        assert_eq!(columns + usage.footers, of("segments"));
        assert_eq!(of("segments"), reader.status().unwrap().segment_bytes);
        let column = |name| usage.columns.iter().find(|c| c.name == name).unwrap();
        assert!(column("uuid_s").filters > 0 && column("raw").filters == 0 && column("raw").values > 0);
        assert!(usage.tables.iter().any(|(name, size)| name == "batch" && *size > 0), "{:?}", usage.tables);
        assert!(usage.on_disk >= of("segments"));
    }
}
