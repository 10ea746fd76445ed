//! Evidence for tests that break the store: events that can be told apart, and what must be true of a store whatever befell it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use tempfile::TempDir;
use vaultscope::base::time::Ticks;
use vaultscope::event::{Feed, Source, schema};
use vaultscope::store::{Cursor, CursorUpdate, Page, PollRecord, Reader};

pub const ACCOUNT: &str = "ACCOUNT";
pub const FEED: Feed = Feed::AuditEvents;

/// How much more than in CI the loops do: `VAULTSCOPE_SOAK`.
pub fn soak() -> u64 {
    std::env::var("VAULTSCOPE_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// A loop's first seed: `VAULTSCOPE_SEED`, or always the same.
pub fn seed() -> u64 {
    std::env::var("VAULTSCOPE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// A folder that ends with the test; in memory where there is a file system for that, for nothing here is proved by waiting for a disk.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// The n-th event's text.
pub fn item(n: u64) -> String {
    format!(
        r#"{{"uuid":"EVENT{n:08}", "timestamp":"2026-01-01T00:{:02}:{:02}Z","action":"export","n":{n}.0}}"#,
        n / 60 % 60,
        n % 60
    )
}

/// A feed of events that never changes, in pages of `size`: the cursor after a page is the number of the next.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub size: u64,
}

impl Stream {
    pub fn page(self, number: u64) -> Page {
        let items = (number * self.size..(number + 1) * self.size).map(|n| Bytes::from(item(n))).collect();
        let mut page = Page::new(ACCOUNT.into(), FEED, Source::Live, Ticks(1), items);
        let cursor = Cursor::new(&(number + 1).to_string());
        page.cursor = Some(CursorUpdate::Advance { version: 2, cursor, reading: Source::Live });
        page.poll = Some(PollRecord { started: Ticks(1), millis: 1, status: 200, bytes: 1, error: None });
        page
    }

    /// How many pages the store's cursor says that there are.
    pub fn pages(reader: &Reader) -> u64 {
        let row = reader.cursor(ACCOUNT, FEED, 2).unwrap();
        row.and_then(|row| row.cursor).map_or(0, |cursor| cursor.expose().parse().unwrap())
    }

    /// The store holds the events up to its cursor, each once, in order, byte for byte, and nothing else. Answers the pages.
    #[track_caller]
    pub fn holds(self, dir: &Path) -> u64 {
        let reader = Reader::open(dir).unwrap();
        let pages = Self::pages(&reader);
        let held = everything(&reader);
        assert_eq!(held.len() as u64, pages * self.size, "the cursor is not where the events are");
        for (n, (seq, raw)) in held.iter().enumerate() {
            assert_eq!((*seq, raw.as_str()), (n as i64 + 1, item(n as u64).as_str()));
        }
        let status = reader.status().unwrap();
        assert_eq!(status.events(), pages * self.size, "{status:?}");
        let counted: u64 = status.feeds.iter().map(|feed| feed.events).sum();
        assert_eq!(counted, pages * self.size, "{status:?}");
        pages
    }
}

/// The texts of a batch.
pub fn texts(batch: &RecordBatch) -> Vec<String> {
    let column = batch.column(schema::position("raw").unwrap());
    let column = arrow::compute::cast(column, &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|text| text.unwrap().to_owned()).collect()
}

/// Every event by sequence number, read the way a query reads.
#[track_caller]
pub fn everything(reader: &Reader) -> BTreeMap<i64, String> {
    let snapshot = reader.snapshot().unwrap();
    let mut all = BTreeMap::new();
    let mut take = |batch: &RecordBatch| {
        let seqs = batch.column(0).as_primitive::<Int64Type>();
        for (seq, raw) in seqs.values().iter().zip(texts(batch)) {
            assert_eq!(all.insert(*seq, raw), None, "event {seq} is there twice");
        }
    };
    for segment in &snapshot.segments {
        let every_column: Vec<usize> = (0..schema::STORED.len()).collect();
        segment.read(&every_column, |all| all).unwrap().for_each(|batch| take(&batch.unwrap()));
    }
    snapshot.fresh.iter().for_each(|batch| take(batch));
    all
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(path, target).unwrap();
    }
}

/// The files below a folder, in order.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root.to_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}
