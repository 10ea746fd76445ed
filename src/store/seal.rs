//! Sealing: the oldest fresh pages become a Parquet segment.
//!
//! The file is written by a thread of its own, under a name that nobody reads, synced, renamed, and its folder synced. Only then does ONE
//! transaction on the writer's thread add the segment and take the pages away. A crash before it leaves the pages and a file that nobody
//! knows; a crash after it leaves the segment. Commits go on meanwhile.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use rusqlite::{Connection, TransactionBehavior, params};

use super::counts::{self, Hours};
use super::filter::{Filter, identity};
use super::intake::{Intake, Sealed};
use super::records::add_hours;
use super::segment::Segment;
use super::{Layout, StoreError, catalogue, fresh, modes};
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::event::columns::text_at;
use crate::event::schema::{self, Physical, STORED};

/// The version of the segment format: the columns of `event::schema::STORED`.
const SEGMENT_VERSION: i64 = 1;
/// Rows of a row group: one a segment as sealed, several in a merged one.
const ROW_GROUP: usize = 131_072;
/// Pages of raw text are this large, so that zstd sees many events at once.
const RAW_PAGE: usize = 1 << 20;
/// Columns looked up by one value: their bloom filters rule out a segment whole.
const BLOOMS: [(&str, u64); 6] = [
    ("uuid_s", 65_536),
    ("session.uuid", 16_384),
    ("user.email", 2_048),
    ("client.ip_address", 2_048),
    ("item_uuid", 4_096),
    ("object_uuid", 4_096),
];

/// Which pages become a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub first_seq: i64,
    pub last_seq: i64,
    pub rows: u64,
}

/// A written file that the catalogue does not know yet.
#[derive(Debug)]
pub(super) struct Written {
    plan: Plan,
    file: String,
    rows: u64,
    timestamps: Option<(i64, i64)>,
    generated: (i64, i64),
    bytes: u64,
    raw_bytes: u64,
    hours: Hours,
    filter: Filter,
}

/// The oldest pages up to the one that makes `rows` events, of those that are not among the newest `keep`. Pages are sealed whole.
pub(super) fn plan(db: &Connection, rows: u64, keep: u64) -> Result<Option<Plan>, StoreError> {
    let pages: Vec<(i64, i64, i64)> = db
        .prepare_cached("SELECT first_seq, last_seq, rows FROM page ORDER BY first_seq")
        .and_then(|mut s| s.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect())
        .map_err(StoreError::sqlite("plan a sealing"))?;
    let mut left = pages.iter().map(|p| p.2 as u64).sum::<u64>();
    let mut plan: Option<Plan> = None;
    for (first_seq, last_seq, n) in pages {
        let so_far = plan.unwrap_or(Plan { first_seq, last_seq, rows: 0 });
        if so_far.rows >= rows || left < keep + n as u64 {
            break;
        }
        left -= n as u64;
        plan = Some(Plan { last_seq, rows: so_far.rows + n as u64, ..so_far });
    }
    Ok(plan)
}

/// Writes the file of a plan, from a connection of its own.
pub(super) fn write(layout: &Layout, plan: Plan) -> Result<Written, StoreError> {
    let failed = StoreError::sqlite;
    let db = catalogue::open_reader(&layout.catalogue())?;
    let dir = layout.segments();
    let name = format!("{:012}-{:012}.v{SEGMENT_VERSION}.parquet", plan.first_seq, plan.last_seq);
    let temporary = dir.join(format!("{name}.tmp"));
    let done = dir.join(&name);

    let file = modes::open(OpenOptions::new().write(true).create(true).truncate(true), &temporary, modes::SHARED)?;
    let pq = |e| parquet_error(&temporary, e);
    let mut writer = ArrowWriter::try_new(file, schema::arrow(), Some(properties())).map_err(pq)?;
    let mut content = Content::default();
    // Page by page, each in a short transaction: one over all of them would keep the log from being cut.
    let pages: Vec<i64> = db
        .prepare("SELECT id FROM page WHERE first_seq BETWEEN ? AND ? ORDER BY first_seq")
        .and_then(|mut s| s.query_map([plan.first_seq, plan.last_seq], |row| row.get(0))?.collect())
        .map_err(failed("list pages to seal"))?;
    for page in pages {
        let blob: Vec<u8> = db
            .prepare_cached("SELECT data FROM page WHERE id = ?")
            .and_then(|mut s| s.query_row([page], |row| row.get(0)))
            .map_err(failed("read a page to seal"))?;
        let batch = fresh::decode(&blob)?;
        content.add(&batch);
        writer.write(&batch).map_err(pq)?;
    }
    if content.keys.len() as i64 != plan.last_seq - plan.first_seq + 1 {
        return Err(StoreError::damaged(format!("the fresh pages of events {} to {}", plan.first_seq, plan.last_seq)));
    }
    let file = writer.into_inner().map_err(pq)?;
    file.sync_all().map_err(|e| StoreError::io(&temporary, e))?;
    let bytes = file.metadata().map_err(|e| StoreError::io(&temporary, e))?.len();
    std::fs::rename(&temporary, &done).map_err(|e| StoreError::io(&done, e))?;
    sync_dir(&dir)?;
    Ok(Written {
        plan,
        file: name,
        rows: content.keys.len() as u64,
        timestamps: content.timestamps,
        generated: content.generated.unwrap_or_default(),
        bytes,
        raw_bytes: content.raw_bytes,
        hours: content.hours,
        filter: Filter::build(content.keys),
    })
}

fn parquet_error(path: &Path, e: ParquetError) -> StoreError {
    // A full disk hides inside a general error.
    match e {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => StoreError::io(path, *io),
            Err(inner) => StoreError::Parquet { path: path.into(), source: ParquetError::External(inner) },
        },
        source => StoreError::Parquet { path: path.into(), source },
    }
}

/// Syncs a folder, so that a rename in it outlives a loss of power.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| StoreError::io(dir, e))
}

/// What the catalogue will say of the file.
#[derive(Default)]
struct Content {
    keys: Vec<u64>,
    hours: Hours,
    timestamps: Option<(i64, i64)>,
    generated: Option<(i64, i64)>,
    raw_bytes: u64,
}

impl Content {
    fn add(&mut self, batch: &RecordBatch) {
        let column = |name| batch.column_by_name(name);
        let (Some(accounts), Some(feeds), Some(uuids), Some(raws)) =
            (column("account"), column("feed"), column("uuid_s"), column("raw"))
        else {
            return;
        };
        for row in 0..batch.num_rows() {
            let feed = text_at(feeds, row).and_then(Feed::from_name);
            let (account, uuid) = (text_at(accounts, row).unwrap_or_default(), text_at(uuids, row).unwrap_or_default());
            self.keys.extend(feed.map(|feed| identity(account, feed, uuid)));
            self.raw_bytes += text_at(raws, row).map_or(0, str::len) as u64;
        }
        widen(&mut self.timestamps, column("timestamp"));
        widen(&mut self.generated, column("TimeGenerated"));
        counts::count(batch, &mut self.hours);
    }
}

fn widen(range: &mut Option<(i64, i64)>, column: Option<&Arc<dyn Array>>) {
    let Some(column) = column.and_then(|c| c.as_primitive_opt::<Int64Type>()) else { return };
    if let Some((low, high)) = min(column).zip(max(column)) {
        *range = Some(range.map_or((low, high), |(a, b)| (a.min(low), b.max(high))));
    }
}

fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let mut p = WriterProperties::builder()
        .set_created_by(format!("vaultscope {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(vec![KeyValue::new("vaultscope.segment".into(), SEGMENT_VERSION.to_string())]));
    for column in STORED {
        let path = ColumnPath::from(vec![column.name.to_owned()]);
        p = match column.physical {
            // Places repeat as their names do.
            Physical::Dictionary | Physical::Float64 => p.set_column_dictionary_enabled(path, true),
            // Counters and clocks: the differences are small.
            Physical::Int64 if column.name != "tag" && column.name != "aux_id" => {
                p.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
            }
            // Random text orders nothing; its statistics would be read for every scan and prune none.
            Physical::Text if column.name == "raw" => p
                .set_column_data_page_size_limit(path.clone(), RAW_PAGE)
                .set_column_statistics_enabled(path, EnabledStatistics::None),
            Physical::Text => p.set_column_statistics_enabled(path, EnabledStatistics::Chunk),
            _ => p,
        };
    }
    for (name, distinct) in BLOOMS {
        let path = ColumnPath::from(vec![name.to_owned()]);
        p = p
            .set_column_bloom_filter_enabled(path.clone(), true)
            // A power of two of bytes: 0.03 is just what 64 KiB give 65,536 values.
            .set_column_bloom_filter_fpp(path.clone(), 0.03)
            .set_column_bloom_filter_max_ndv(path, distinct);
    }
    p.build()
}

impl Intake {
    /// Enters a written segment in the catalogue and takes its pages away: one transaction.
    pub(super) fn adopt(&mut self, written: Written) -> Result<(), StoreError> {
        let failed = StoreError::sqlite;
        let Written { plan, file, rows, timestamps, generated, bytes, raw_bytes, hours, filter } = written;
        let tx =
            self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("begin a sealing"))?;
        let (first, last) = timestamps.unzip();
        tx.execute(
            "INSERT INTO segment (file, version, rows, first_seq, last_seq, first_timestamp, last_timestamp, \
             first_generated, last_generated, bytes, raw_bytes, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                file,
                SEGMENT_VERSION,
                rows as i64,
                plan.first_seq,
                plan.last_seq,
                first,
                last,
                generated.0,
                generated.1,
                bytes as i64,
                raw_bytes as i64,
                Ticks::now().0
            ],
        )
        .map_err(failed("add a segment"))?;
        let id = tx.last_insert_rowid();
        tx.execute("INSERT INTO filter VALUES (?, ?)", params![id, filter.to_bytes()])
            .map_err(failed("add a segment's filter"))?;
        add_hours(&tx, id, &hours)?;
        add_hours(&tx, 0, &hours.into_iter().map(|(key, events)| (key, -events)).collect())?;
        tx.execute("DELETE FROM hour WHERE segment = 0 AND events = 0", []).map_err(failed("move counts"))?;
        let range = [plan.first_seq, plan.last_seq];
        tx.execute("DELETE FROM page WHERE first_seq BETWEEN ? AND ?", range).map_err(failed("remove sealed pages"))?;
        tx.execute("DELETE FROM fresh WHERE seq BETWEEN ? AND ?", range).map_err(failed("remove sealed identities"))?;
        let segment = tx
            .query_row(&format!("SELECT {} FROM segment WHERE id = ?", Segment::COLUMNS), [id], |row| {
                Segment::from_row(row, &self.layout.segments())
            })
            .map_err(failed("read a segment"))?;
        tx.commit().map_err(failed("commit a sealing"))?;
        self.fresh_rows = self.fresh_rows.saturating_sub(rows);
        self.sealed.push(Sealed { segment: Arc::new(segment), filter });
        self.announce();
        Ok(())
    }
}
