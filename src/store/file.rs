//! A segment file under way: written under a name that nobody reads, synced, renamed, and its folder synced.
//!
//! Until a catalogue transaction names the file, nobody knows it: a crash leaves a file that the next opening removes.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use rusqlite::{Connection, params};

use super::checkpoint::{Notary, file_digest};
use super::counts::{self, Hours};
use super::filter::{Filter, identities};
use super::records::add_hours;
use super::segment::{self, Segment, cut};
use super::{Layout, Root, StoreError, fresh, modes};
use crate::base::fault;
use crate::base::time::Ticks;
use crate::event::columns::text_at;
use crate::event::schema::{self, Physical, STORED};

/// Rows of a row group: one a segment as sealed, several in a merged one.
const ROW_GROUP: usize = 131_072;
/// Columns looked up by one value: their bloom filters rule out a segment whole.
const BLOOMS: [(&str, u64); 6] = [
    ("uuid_s", 65_536),
    ("session.uuid", 16_384),
    ("user.email", 2_048),
    ("client.ip_address", 2_048),
    ("item_uuid", 4_096),
    ("object_uuid", 4_096),
];

/// How much work a file is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Intake waits for it: zstd 3, raw text in pages of 1 MiB.
    Sealing,
    /// Written once, at leisure, and kept for years: zstd 9, raw text in pages of 2 MiB, so that zstd sees twice as many events at once.
    /// An event's text takes a sixth less so, and a reader that wants one event unpacks 2 MiB, some two milliseconds.
    Keeping,
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct SegmentFile {
    dir: PathBuf,
    name: String,
    temporary: PathBuf,
    writer: ArrowWriter<File>,
    content: Content,
}

/// A written file that the catalogue does not know yet.
#[derive(Debug)]
pub(super) struct Written {
    pub file: String,
    pub rows: u64,
    /// The first and the last sequence number.
    pub seqs: (i64, i64),
    pub filter: Filter,
    pub hours: Hours,
    timestamps: Option<(i64, i64)>,
    generated: (i64, i64),
    bytes: u64,
    raw_bytes: u64,
    /// SHA-256 of the file.
    digest: Root,
}

impl SegmentFile {
    /// Begins a file in the store's folder of segments.
    pub(super) fn create(layout: &Layout, name: String, effort: Effort) -> Result<Self, StoreError> {
        let dir = layout.segments();
        let temporary = dir.join(format!("{name}.tmp"));
        fault::before("segment.create", &temporary).map_err(|e| StoreError::io(&temporary, e))?;
        let file = modes::open(OpenOptions::new().write(true).create(true).truncate(true), &temporary, modes::SHARED)?;
        let writer = ArrowWriter::try_new(file, schema::arrow(), Some(properties(effort)))
            .map_err(|e| parquet_error(&temporary, e))?;
        Ok(Self { dir, name, temporary, writer, content: Content::default() })
    }

    /// Adds rows, which follow those before in sequence.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        fault::before("segment.write", &self.temporary).map_err(|e| StoreError::io(&self.temporary, e))?;
        self.content.add(batch);
        let rows = cut::cut(batch).map_err(StoreError::arrow("write a segment"))?;
        self.writer.write(&rows).map_err(|e| parquet_error(&self.temporary, e))
    }

    pub(super) fn rows(&self) -> u64 {
        self.content.keys.len() as u64
    }

    /// Makes the file durable under its name.
    pub(super) fn finish(self) -> Result<Written, StoreError> {
        let Self { dir, name, temporary, writer, content } = self;
        let io = |e| StoreError::io(&temporary, e);
        let file = writer.into_inner().map_err(|e| parquet_error(&temporary, e))?;
        fault::before("segment.sync", &temporary).and_then(|()| file.sync_all()).map_err(io)?;
        fault::after("segment.sync", &temporary);
        let bytes = file.metadata().map_err(io)?.len();
        let digest = file_digest(&temporary)?;
        let done = dir.join(&name);
        fault::before("segment.rename", &done)
            .and_then(|()| std::fs::rename(&temporary, &done))
            .map_err(|e| StoreError::io(&done, e))?;
        fault::after("segment.rename", &done);
        sync_dir(&dir)?;
        Ok(Written {
            file: name,
            rows: content.keys.len() as u64,
            seqs: content.seqs.unwrap_or_default(),
            timestamps: content.timestamps,
            generated: content.generated.unwrap_or_default(),
            bytes,
            raw_bytes: content.raw_bytes,
            digest,
            hours: content.hours,
            filter: Filter::build(content.keys),
        })
    }

    /// Gives the file up.
    pub(super) fn discard(self) {
        let _ = std::fs::remove_file(&self.temporary);
    }
}

impl Written {
    /// Enters the file in the catalogue: the segment, its filter, its counts by hour, and its digest, signed.
    pub(super) fn enter(&self, tx: &Connection, layout: &Layout, notary: &Notary) -> Result<Segment, StoreError> {
        let failed = StoreError::sqlite;
        let (first, last) = self.timestamps.unzip();
        tx.execute(
            "INSERT INTO segment (file, version, rows, first_seq, last_seq, first_timestamp, last_timestamp, \
             first_generated, last_generated, bytes, raw_bytes, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.file,
                segment::VERSION,
                self.rows as i64,
                self.seqs.0,
                self.seqs.1,
                first,
                last,
                self.generated.0,
                self.generated.1,
                self.bytes as i64,
                self.raw_bytes as i64,
                Ticks::now().0
            ],
        )
        .map_err(failed("add a segment"))?;
        let id = tx.last_insert_rowid();
        tx.execute("INSERT INTO filter VALUES (?, ?)", params![id, self.filter.to_bytes()])
            .map_err(failed("add a segment's filter"))?;
        notary.attest(tx, id, &self.file, &self.digest)?;
        add_hours(tx, id, &self.hours)?;
        tx.query_row(&format!("SELECT {} FROM segment WHERE id = ?", Segment::COLUMNS), [id], |row| {
            Segment::from_row(row, &layout.segments())
        })
        .map_err(failed("read a segment"))
    }
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
    let synced = fault::before("folder.sync", dir).and_then(|()| File::open(dir)?.sync_all());
    synced.map_err(|e| StoreError::io(dir, e))?;
    fault::after("folder.sync", dir);
    Ok(())
}

/// What the catalogue will say of the file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Of the filter.
    pub keys: Vec<u64>,
    pub hours: Hours,
    seqs: Option<(i64, i64)>,
    timestamps: Option<(i64, i64)>,
    generated: Option<(i64, i64)>,
    raw_bytes: u64,
}

impl Content {
    pub(super) fn add(&mut self, batch: &RecordBatch) {
        let column = |name| batch.column_by_name(name);
        let Some(raws) = column("raw") else { return };
        self.keys.extend(identities(batch));
        self.raw_bytes += (0..batch.num_rows()).map(|row| text_at(raws, row).map_or(0, str::len) as u64).sum::<u64>();
        if let [first, .., last] | [first @ last] = fresh::seqs(batch) {
            self.seqs = Some((self.seqs.map_or(*first, |(known, _)| known), *last));
        }
        widen(&mut self.timestamps, column("timestamp"));
        widen(&mut self.generated, column("TimeGenerated"));
        counts::count(batch, &mut self.hours);
    }
}

fn widen(range: &mut Option<(i64, i64)>, column: Option<&Arc<dyn Array>>) {
    use arrow::array::AsArray;
    let Some(column) = column.and_then(|c| c.as_primitive_opt::<Int64Type>()) else { return };
    if let Some((low, high)) = min(column).zip(max(column)) {
        *range = Some(range.map_or((low, high), |(a, b)| (a.min(low), b.max(high))));
    }
}

fn properties(effort: Effort) -> WriterProperties {
    let zstd = |level| Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default());
    let (level, raw_level, raw_page) = match effort {
        Effort::Sealing => (3, 3, 1 << 20),
        Effort::Keeping => (6, 9, 2 << 20),
    };
    let mut p = WriterProperties::builder()
        .set_created_by(format!("vaultscope {}", env!("CARGO_PKG_VERSION")))
        .set_compression(zstd(level))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(vec![KeyValue::new(segment::VERSION_KEY.into(), segment::VERSION.to_string())]));
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
                .set_column_compression(path.clone(), zstd(raw_level))
                .set_column_data_page_size_limit(path.clone(), raw_page)
                .set_column_statistics_enabled(path, EnabledStatistics::None),
            Physical::Text => p.set_column_statistics_enabled(path, EnabledStatistics::Chunk),
            _ => p,
        };
    }
    for (name, distinct) in BLOOMS {
        let path = ColumnPath::from(vec![name.to_owned()]);
        // A row group of a merged segment holds two of a sealed one's.
        let distinct = if effort == Effort::Keeping { 2 * distinct } else { distinct };
        p = p
            .set_column_bloom_filter_enabled(path.clone(), true)
            // A power of two of bytes: 0.03 is just what 64 KiB give 65,536 values.
            .set_column_bloom_filter_fpp(path.clone(), 0.03)
            .set_column_bloom_filter_max_ndv(path, distinct);
    }
    p.build()
}
