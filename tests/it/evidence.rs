//! Evidence for tests that break the store: events that can be told apart, and what must be true of a store whatever befell it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use tempfile::TempDir;
use vaultscope::base::time::{DAY, HOUR, Ticks};
use vaultscope::event::{Feed, Source, schema};
use vaultscope::store::retain::Policy;
use vaultscope::store::retain::run::Request;
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

/// Events happen every hour, these many a day.
const A_DAY: u64 = 20;

/// When the n-th event happened.
pub fn time(n: u64) -> Ticks {
    let first = Ticks::parse_rfc3339("2020-01-01T00:00:00Z").unwrap();
    Ticks(first.0 + (n / A_DAY) as i64 * DAY + (n % A_DAY) as i64 * HOUR)
}

/// The n-th event's text.
pub fn item(n: u64) -> String {
    format!(r#"{{"uuid":"EVENT{n:08}", "timestamp":"{}","action":"export","n":{n}.0}}"#, time(n))
}

/// A run of retention just after the n-th event.
pub fn retention(n: u64, days: u32) -> Request {
    Request::new(Policy::new(Some(days), [], false), None, "a test", time(n))
}

/// The first event that it keeps.
pub fn first_kept(n: u64, days: u32) -> u64 {
    (n / A_DAY).saturating_sub(u64::from(days)) * A_DAY
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

    /// The store holds the events up to its cursor, each once, byte for byte under its number, and nothing else; but for those that signed
    /// tombstones say went, of which none is younger than any policy here lets go.
    #[track_caller]
    pub fn holds(self, dir: &Path) -> Held {
        let reader = Reader::open(dir).unwrap();
        let pages = Self::pages(&reader);
        let all = pages * self.size;
        let held = everything(&reader);
        for (seq, raw) in &held {
            assert_eq!(raw, &item(*seq as u64 - 1), "event {seq}");
        }
        let gone: Vec<u64> = (0..all).filter(|n| !held.contains_key(&(*n as i64 + 1))).collect();
        assert_eq!(held.len() + gone.len(), all as usize, "the cursor is not where the events are");
        let newest = gone.last().copied();
        assert!(
            newest < Some(first_kept(all.saturating_sub(1), 0)) || newest.is_none(),
            "event {newest:?} is not there"
        );
        let stones = reader.tombstones().unwrap();
        assert!(stones.iter().all(|stone| stone.signed), "{stones:?}");
        let signed_for: u64 = stones.iter().flat_map(|stone| stone.events).sum();
        assert_eq!(gone.len() as u64, signed_for, "of {all} events");
        let status = reader.status().unwrap();
        assert_eq!(status.events(), held.len() as u64, "{status:?}");
        let counted: u64 = status.feeds.iter().map(|feed| feed.events).sum();
        assert_eq!(counted, held.len() as u64, "{status:?}");
        Held { pages, gone: signed_for, first: held.keys().next().map_or(all, |seq| *seq as u64 - 1) }
    }
}

/// What a store holds of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub pages: u64,
    /// Events that retention let go.
    pub gone: u64,
    /// The first event that is there.
    pub first: u64,
}

/// The texts of a batch.
pub fn texts(batch: &RecordBatch) -> Vec<String> {
    let column = batch.column_by_name("raw").unwrap();
    let column = arrow::compute::cast(column, &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|text| text.unwrap().to_owned()).collect()
}

/// Every event by sequence number, read the way a query reads, with every column.
#[track_caller]
pub fn everything(reader: &Reader) -> BTreeMap<i64, String> {
    let every_column: Vec<usize> = (0..schema::STORED.len()).collect();
    read(reader, &every_column)
}

/// The same, with nothing read but the texts.
#[track_caller]
pub fn every_text(reader: &Reader) -> Vec<String> {
    read(reader, &[0, schema::position("raw").unwrap()]).into_values().collect()
}

#[track_caller]
fn read(reader: &Reader, columns: &[usize]) -> BTreeMap<i64, String> {
    let snapshot = reader.snapshot().unwrap();
    let mut all = BTreeMap::new();
    let mut take = |batch: &RecordBatch| {
        let seqs = batch.column(0).as_primitive::<Int64Type>();
        for (seq, raw) in seqs.values().iter().zip(texts(batch)) {
            assert_eq!(all.insert(*seq, raw), None, "event {seq} is there twice");
        }
    };
    for segment in &snapshot.segments {
        segment.read(columns, |all| all).unwrap().for_each(|batch| take(&batch.unwrap()));
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
